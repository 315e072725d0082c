import { type EndpointSlice, endpointSlices, services } from '#api'
import type { UserInfo } from '#client'
import { objectKey } from '#meta'
import type { WatchCache } from '../watch-cache/watch-cache.ts'
import type { Verdict } from './conditions.ts'
import { fetchRemote } from './fetch.ts'
import type { RemoteDependencies, RemoteService } from './remote.ts'

/** As whom the aggregation layer asks whether a server is there. */
export const AGGREGATOR: UserInfo = { username: 'system:kube-aggregator', groups: ['system:masters'] }

const DISCOVERY_TIMEOUT_MS = 5_000

/** The reason of a verdict on a server that is where it should be and does not answer as it should. */
export const NO_ANSWER = 'FailedDiscoveryCheck'

/** Looks at the Service behind an APIService, its endpoints, and whether the server itself answers for its group-version. */
export async function checkAvailability(
  service: RemoteService,
  dependencies: RemoteDependencies,
  signal: AbortSignal,
): Promise<{ readonly verdict: Verdict; readonly resources?: unknown }> {
  const behind = checkService(service, dependencies.cache)
  if (behind !== undefined) return { verdict: behind }
  const { group, version, service: reference } = service.spec
  const path = `/apis/${group}/${version}`
  const url = `https://${reference.name}.${reference.namespace}.svc:${reference.port ?? 443}${path}`
  try {
    const { status, body } = await fetchRemote(service, AGGREGATOR, path, dependencies, {
      signal,
      timeoutMs: DISCOVERY_TIMEOUT_MS,
    })
    if (status < 200 || status >= 300) throw new Error(`bad status from ${url}: ${status}`)
    return { verdict: { status: 'True', reason: 'Passed', message: 'all checks passed' }, resources: JSON.parse(body) as unknown }
  } catch (error) {
    const message = `failing or missing response from ${url}: ${(error as Error).message}`
    return { verdict: { status: 'False', reason: NO_ANSWER, message } }
  }
}

function checkService({ spec }: RemoteService, cache: WatchCache): Verdict | undefined {
  const { namespace, name, port = 443 } = spec.service
  const shown = `service/${name} in ${JSON.stringify(namespace)}`
  const no = (reason: string, message: string): Verdict => ({ status: 'False', reason, message })
  const found = cache.of(services).get(objectKey(namespace, name))?.object as
    | { spec?: { type?: string; ports?: { port: number; name?: string }[] } }
    | undefined
  if (found === undefined) return no('ServiceNotFound', `${shown} is not present`)
  if (found.spec?.type === 'ExternalName') return undefined
  const chosen = found.spec?.ports?.find((each) => each.port === port)
  if (chosen === undefined) return no('ServicePortError', `${shown} is not listening on port ${port}`)
  const slices = cache
    .of(endpointSlices)
    .list(namespace)
    .map(({ object }) => object as EndpointSlice)
    .filter(({ metadata }) => metadata?.labels?.['kubernetes.io/service-name'] === name)
  if (slices.length === 0) return no('EndpointsNotFound', `cannot find endpointslices for ${shown}`)
  const isReady = ({ ports, endpoints }: EndpointSlice): boolean =>
    (ports ?? []).some((each) => (each.name ?? '') === (chosen.name ?? '')) &&
    (endpoints ?? []).some(({ conditions }) => conditions?.ready !== false)
  if (slices.some(isReady)) return undefined
  return no(
    'MissingEndpoints',
    `endpointslices for ${shown} have no addresses with port name ${JSON.stringify(chosen.name ?? '')}`,
  )
}
