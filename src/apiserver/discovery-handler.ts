import { encodeProtobuf } from '#api'
import type { TransportRequest, TransportResponse } from '#client'
import { DocumentCache, replyDocument } from './cached-document.ts'
import type { ResourceCatalog } from './catalog.ts'
import { aggregatedDiscovery, apiGroup, groupList, legacyVersions, resourceList } from './discovery.ts'
import { encoded } from './presentation/body.ts'
import { plainFormOf } from './presentation/form-of.ts'
import { type Encoding, encodingsOf, MEDIA_TYPES, parseAccept } from './presentation/negotiate.ts'
import { LabelledNumbers } from './prometheus.ts'
import { replyObject } from './response.ts'
import { isBuiltIn, methodRefused } from './routes.ts'

interface Aggregated {
  readonly version: 'v2' | 'v2beta1'
  readonly encoding: Encoding
}

/** `/api`, `/apis` and what lies below them: which groups, versions and resources there are. */
export class DiscoveryHandler {
  readonly #catalog: ResourceCatalog
  readonly #documents = new DocumentCache()
  readonly #aggregations = new LabelledNumbers(
    'aggregator_discovery_aggregation_count_total',
    'counter',
    'Counter of number of times discovery was aggregated',
  )

  constructor(catalog: ResourceCatalog) {
    this.#catalog = catalog
    this.#aggregations.add({}, 0)
  }

  /** What was counted, in Prometheus' format. */
  text(): string {
    return this.#aggregations.text()
  }

  async serve(path: string, request: TransportRequest): Promise<TransportResponse | undefined> {
    const [, root, group, version, ...more] = path.replace(/\/$/, '').split('/')
    if ((root !== 'api' && root !== 'apis') || group === '' || version === '' || more.length > 0) return undefined
    const wanted = group === undefined ? aggregatedOf(request.headers?.['accept']) : undefined
    if (wanted !== undefined) return this.#aggregated(root === 'api', wanted, request)
    const document = this.#document(root === 'api', group, version)
    if (document === undefined) return undefined
    // Of built-in kinds' versions, and of the core group, upstream's router is asked; whatever asks for the others is shown them.
    const isRouted = root === 'api' || (version !== undefined && isBuiltIn(group!, this.#catalog))
    if (isRouted && request.method !== 'GET') throw methodRefused()
    const vary: Record<string, string> = group === undefined ? { vary: 'Accept' } : {}
    return encoded(replyObject(200, document, vary), plainFormOf(request.headers, request.query, 'document'))
  }

  #document(legacy: boolean, group: string | undefined, version: string | undefined): unknown {
    if (group === undefined) return legacy ? legacyVersions('') : groupList(this.#catalog)
    // The core group has no name: what follows /api is its version.
    if (legacy) return version === undefined ? resourceList(this.#catalog, '', group) : undefined
    return version === undefined ? apiGroup(this.#catalog, group) : resourceList(this.#catalog, group, version)
  }

  #aggregated(legacy: boolean, { version, encoding }: Aggregated, request: TransportRequest): TransportResponse {
    const document = this.#documents.of(`${legacy} ${version} ${encoding}`)
    const bytes = document.bytes(this.#catalog.all, () => {
      this.#aggregations.add({})
      const object = aggregatedDiscovery(this.#catalog, legacy, version)
      return encoding === 'protobuf' ? encodeProtobuf(object) : Buffer.from(JSON.stringify(object))
    })
    return replyDocument(request, bytes, document.hash, {
      'content-type': `${MEDIA_TYPES[encoding]};g=apidiscovery.k8s.io;v=${version};as=APIGroupDiscoveryList`,
      vary: 'Accept',
      'cache-control': 'public',
    })
  }
}

/** The aggregated form that a client prefers to the lists; undefined when it prefers those. */
function aggregatedOf(accept: string | undefined): Aggregated | undefined {
  for (const clause of parseAccept(accept ?? '')) {
    const { parameters } = clause
    const encoding = encodingsOf(clause).find((each) => each !== 'yaml')
    if (encoding === undefined) continue
    const as = parameters.get('as') ?? ''
    if (as === '') return undefined
    if (as !== 'APIGroupDiscoveryList' || parameters.get('g') !== 'apidiscovery.k8s.io') continue
    const version = parameters.get('v')
    // The beta has no message in the tables.
    if (version === 'v2' || (version === 'v2beta1' && encoding === 'json')) return { version, encoding }
  }
  return undefined
}
