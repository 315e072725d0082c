import { type EndpointSlice, endpointSlices, ipFamilyOf, type Service, services } from '#api'
import type { Random } from '#base'
import { failure, type KubernetesObject, objectKey } from '#meta'
import type { WatchCache } from './watch-cache/watch-cache.ts'

export interface ServiceEndpoint {
  readonly host: string
  readonly port: number
}

export interface EndpointDependencies {
  readonly cache: WatchCache
  readonly random: Random
}

/**
 * A ready endpoint of the named or numbered port of a Service; of its first port when none is named. One of its primary family, in which this server reaches
 * the cluster, as long as there is one. Throws 503 when there is none.
 */
export function endpointOf(service: Service, wanted: string, { cache, random }: EndpointDependencies): ServiceEndpoint {
  const { name = '', namespace = '' } = service.metadata ?? {}
  const ports = service.spec?.ports ?? []
  const wantedPort = wanted === '' ? ports[0] : ports.find((port) => port.name === wanted || String(port.port) === wanted)
  if (wantedPort === undefined)
    throw failure(
      503,
      'ServiceUnavailable',
      `no service port ${JSON.stringify(wanted)} found for service ${JSON.stringify(name)}`,
    )
  const slices = cache
    .of(endpointSlices)
    .list(namespace)
    .map(({ object }: { object: KubernetesObject }) => object as EndpointSlice)
  const candidates = slices
    // A name could lead anywhere, loopback included, whatever it led to when it was written.
    .filter(({ metadata, addressType }) => addressType !== 'FQDN' && metadata?.labels?.['kubernetes.io/service-name'] === name)
    .flatMap((slice) => {
      const port = slice.ports?.find((each) => (each.name ?? '') === (wantedPort.name ?? ''))?.port
      const ready = (slice.endpoints ?? []).filter(({ conditions }) => conditions?.ready !== false)
      return port === undefined ? [] : ready.flatMap(({ addresses }) => addresses.map((host) => ({ host, port })))
    })
  if (candidates.length === 0)
    throw failure(503, 'ServiceUnavailable', `no endpoints available for service ${JSON.stringify(name)}`)
  const primary = candidates.filter(({ host }) => ipFamilyOf(host) === service.spec?.ipFamilies?.[0])
  const chosen = primary.length > 0 ? primary : candidates
  return chosen[random.int(chosen.length)]!
}

/** The Service of that name; 404 with upstream's words when there is none. */
export function findService(cache: WatchCache, namespace: string, name: string): Service {
  const found = cache.of(services).get(objectKey(namespace, name))?.object
  if (found === undefined) throw failure(404, 'NotFound', `service ${JSON.stringify(name)} not found`, { name, kind: 'services' })
  return found as Service
}
