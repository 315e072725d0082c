import type { TransportRequest } from '#client'
import {
  exponentialBounds,
  familyText,
  type Histogram,
  histogramText,
  LabelledHistograms,
  LabelledNumbers,
  type Labels,
  type Sample,
} from './prometheus.ts'
import type { RequestInfo } from './request-info.ts'

type ResourceInfo = Extract<RequestInfo, { kind: 'resource' }>

/** In seconds, upstream's. */
const DURATION_BOUNDS = [0.005, 0.025, 0.05, 0.1, 0.2, 0.4, 0.6, 0.8, 1, 1.25, 1.5, 2, 3, 4, 5, 6, 8, 10, 15, 20, 30, 45, 60]
const SLI_BOUNDS = DURATION_BOUNDS.slice(2)
/** In bytes. */
const SIZE_BOUNDS = exponentialBounds(1000, 10, 7)

const WHAT = 'for each verb, dry run value, group, version, resource, subresource, scope and component.'
const OWN_TIME =
  'Response latency distribution (not counting webhook duration and priority & fairness queue wait times) in seconds for each verb, group, version, resource, subresource, scope and component.'
/** Of the API server itself. */
const OWN_USER = 'system:apiserver'
const LABELS = 'verb, group, version, resource, scope and component'

/** What is counted of one kind of request. */
interface Route {
  readonly labels: Labels & { readonly dry_run: string }
  readonly codes: Map<number, number>
  readonly duration: Histogram
  readonly indicator: Histogram | undefined
  /** Of what is read. */
  readonly sizes: Histogram | undefined
}

function count(route: Route, code: number, ms: number, ownMs: number): void {
  route.codes.set(code, (route.codes.get(code) ?? 0) + 1)
  route.duration.observe(ms / 1000)
  route.indicator?.observe(ownMs / 1000)
}

/** What is told of a page about the server. */
export interface Page {
  readonly group: string
  readonly version: string
  readonly resource: string
  readonly subresource: string
  readonly component: string
}

/** What else is to be known of a request. */
export interface Asking {
  readonly user: { readonly username: string }
  readonly resource: { readonly deprecation?: string | undefined }
}

/**
 * What dashboards and alerts on upstream's API server read, by upstream's names and labels. Told of each request that a handler of a resource has answered:
 * there are as many routes as resources, their parts and verbs.
 */
export class RequestMetrics {
  readonly #durations = new LabelledHistograms(
    'apiserver_request_duration_seconds',
    `Response latency distribution in seconds ${WHAT}`,
    DURATION_BOUNDS,
    'STABLE',
  )
  readonly #indicators = new LabelledHistograms('apiserver_request_sli_duration_seconds', OWN_TIME, SLI_BOUNDS)
  readonly #sizes = new LabelledHistograms(
    'apiserver_response_sizes',
    'Response size distribution in bytes for each group, version, verb, resource, subresource, scope and component.',
    SIZE_BOUNDS,
    'STABLE',
  )
  readonly #own = new LabelledNumbers(
    'apiserver_selfrequest_total',
    'counter',
    'Counter of apiserver self-requests broken out for each verb, API resource and subresource.',
  )
  readonly #deprecated = new LabelledNumbers(
    'apiserver_requested_deprecated_apis',
    'gauge',
    'Gauge of deprecated APIs that have been requested, broken out by API group, version, resource, subresource, and removed_release.',
    'STABLE',
  )
  readonly #terminations = new LabelledNumbers(
    'apiserver_request_terminations_total',
    'counter',
    'Number of requests which apiserver terminated in self-defense.',
  )
  readonly #longRunning = new LabelledNumbers(
    'apiserver_longrunning_requests',
    'gauge',
    `Gauge of all active long-running apiserver requests broken out by ${LABELS}. Not all requests are tracked this way.`,
    'STABLE',
  )
  readonly #routes = new Map<string, Route>()
  readonly #inFlight = { mutating: 0, readOnly: 0 }

  /** A request that waits for its turn, or has it, until what is returned is called. */
  begins(info: RequestInfo): () => void {
    const kind = isReadOnly(info) ? 'readOnly' : 'mutating'
    this.#inFlight[kind]++
    return () => void this.#inFlight[kind]--
  }

  /** `ms` since it came; `ownMs` without what it waited for its turn and for webhooks. The size of the answer, if it goes out in bytes, is for what is returned. */
  answered(
    request: TransportRequest,
    info: RequestInfo,
    code: number,
    { ms, ownMs }: { readonly ms: number; readonly ownMs: number },
    asking?: Asking,
  ): Histogram | undefined {
    const route = this.#routeOf(request, info)
    count(route, code, ms, ownMs)
    if (asking !== undefined) this.#note(route.labels, asking)
    return route.sizes
  }

  /** A page of the server's own, which takes no turn of its own. */
  pageAnswered(page: Page, code: number, ms: number, isDeprecated = false): Histogram | undefined {
    const { component, ...place } = page
    const route = this.#route(`page ${place.subresource} ${place.resource} ${place.version}`, {
      verb: 'GET',
      dry_run: '',
      ...place,
      scope: '',
      component,
    })
    count(route, code, ms, ms)
    const { group, version, resource, subresource } = place
    if (isDeprecated) this.#deprecated.set({ group, version, resource, subresource, removed_release: '' }, 1)
    return route.sizes
  }

  #note(labels: Labels, { user, resource: { deprecation } }: Asking): void {
    const { verb = '', group = '', version = '', resource = '', subresource = '' } = labels
    if (user.username === OWN_USER) this.#own.add({ verb, group, resource, subresource })
    // None of them says when it goes.
    if (deprecation !== undefined) this.#deprecated.set({ group, version, resource, subresource, removed_release: '' }, 1)
  }

  /** One that lasts, until what is returned is called. */
  lasts(request: TransportRequest, info: RequestInfo): () => void {
    const { dry_run: _, ...labels } = this.#routeOf(request, info).labels
    this.#longRunning.add(labels)
    return () => this.#longRunning.add(labels, -1)
  }

  /** One that the server gave up, for its own sake. */
  terminated(request: TransportRequest, info: RequestInfo, code: number): void {
    const { dry_run: _, ...labels } = labelsOf(request, info)
    this.#terminations.add({ ...labels, code: String(code) })
  }

  text(): string {
    const counts = [...this.#routes.values()].flatMap(({ labels, codes }) =>
      [...codes].map(([code, count]): Sample => [{ ...labels, code: String(code) }, count]),
    )
    return [
      familyText(
        'apiserver_request_total',
        'counter',
        'Counter of apiserver requests broken out for each verb, dry run value, group, version, resource, scope, component, and HTTP response code.',
        counts,
        'STABLE',
      ),
      this.#durations.text(),
      this.#indicators.text(),
      histogramText('apiserver_request_slo_duration_seconds', OWN_TIME, this.#indicators.seen),
      this.#sizes.text(),
      this.#own.text(),
      this.#deprecated.text(),
      this.#longRunning.text(),
      familyText(
        'apiserver_current_inflight_requests',
        'gauge',
        'Maximal number of currently used inflight request limit of this apiserver per request kind in last second.',
        Object.entries(this.#inFlight).map(([request_kind, count]): Sample => [{ request_kind }, count]),
        'STABLE',
      ),
      this.#terminations.text(),
    ].join('')
  }

  /** Looked up by as few words as tell routes apart, since every request does it. */
  #routeOf(request: TransportRequest, info: RequestInfo): Route {
    const key = info.kind === 'path' ? `${request.method} ${info.path}` : keyOf(request, info)
    return this.#routes.get(key) ?? this.#route(key, labelsOf(request, info))
  }

  #route(key: string, labels: Route['labels']): Route {
    let route = this.#routes.get(key)
    if (route === undefined) {
      const { dry_run, ...indicated } = labels
      route = {
        labels,
        codes: new Map(),
        duration: this.#durations.of(labels),
        indicator: dry_run === '' && !LASTING.includes(labels['verb'] ?? '') ? this.#indicators.of(indicated) : undefined,
        sizes: READ_ONLY_VERBS.includes(labels['verb'] ?? '') ? this.#sizes.of(indicated) : undefined,
      }
      this.#routes.set(key, route)
    }
    return route
  }
}

const READ_ONLY: readonly string[] = ['get', 'list', 'watch']
/** Of which upstream keeps no account of what they waited for. */
const LASTING: readonly string[] = ['WATCH', 'CONNECT']
const READ_ONLY_VERBS: readonly string[] = ['GET', 'LIST', 'WATCH']

const isReadOnly = ({ verb }: RequestInfo): boolean => READ_ONLY.includes(verb)

function keyOf(request: TransportRequest, info: ResourceInfo): string {
  const { group, version, resource, subresource } = info
  return `${verbOf(request, info)} ${scopeOf(info)} ${dryRunOf(request.query)} ${group} ${version} ${resource} ${subresource}`
}

function labelsOf(request: TransportRequest, info: RequestInfo): Route['labels'] {
  const [verb, dry_run] = [verbOf(request, info), dryRunOf(request.query)]
  if (info.kind === 'path')
    return { verb, dry_run, group: '', version: '', resource: '', subresource: info.path, scope: '', component: 'apiserver' }
  const { group, version, resource, subresource } = info
  return { verb, dry_run, group, version, resource, subresource, scope: scopeOf(info), component: 'apiserver' }
}

const CONNECTS: readonly string[] = ['attach', 'exec', 'log', 'portforward', 'proxy']
const METHODS: readonly string[] = ['GET', 'POST', 'PUT', 'PATCH', 'DELETE']

/** The method, but for what methods do not tell apart. */
function verbOf({ method, headers }: TransportRequest, info: RequestInfo): string {
  // Whoever comes by a socket may say anything.
  const read: string = (method as string) === 'HEAD' ? 'GET' : method
  if (info.kind === 'path') return METHODS.includes(read) ? read : 'other'
  if (CONNECTS.includes(info.subresource)) return 'CONNECT'
  if (info.verb === 'watch' || info.verb === 'list')
    return info.name === '' || info.verb === 'watch' ? info.verb.toUpperCase() : 'GET'
  if (info.verb === 'patch') return headers?.['content-type'] === 'application/apply-patch+yaml' ? 'APPLY' : 'PATCH'
  return METHODS.includes(read) ? read : 'other'
}

export function scopeOf({ name, verb, namespace }: ResourceInfo): string {
  if (name !== '' || verb === 'create') return 'resource'
  return namespace === '' ? 'cluster' : 'namespace'
}

function dryRunOf(query: URLSearchParams | undefined): string {
  if (!query?.has('dryRun')) return ''
  return query.getAll('dryRun').every((value) => value === 'All') ? 'All' : 'invalid'
}
