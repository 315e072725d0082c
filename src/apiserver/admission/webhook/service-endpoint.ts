import { type EndpointSlice, endpointSlices, type Service, services, type WebhookClientConfig } from '#api'
import { objectKey } from '#meta'
import type { AdmissionContext } from '../types.ts'

type ServiceReference = NonNullable<WebhookClientConfig['service']>

const HTTPS_PORT = 443

/** `https://NAME.NAMESPACE.svc:PORT/PATH`, the name that the webhook's certificate must bear. */
export const urlOfService = ({ name, namespace, path = '', port = HTTPS_PORT }: ServiceReference): string =>
  `https://${name}.${namespace}.svc:${port}${path.startsWith('/') || path === '' ? path : `/${path}`}`

/**
 * Where a Service's port answers: one of its ready endpoints, as with upstream's aggregator routing, so that no proxy must run beside the API
 * server; the external name of one that has no endpoints of its own.
 */
export async function endpointOfService(
  { name = '', namespace = '', port = HTTPS_PORT }: ServiceReference,
  { cache, random }: AdmissionContext,
): Promise<{ readonly host: string; readonly port: number }> {
  const service = cache.of(services).get(objectKey(namespace, name))?.object as Service | undefined
  if (service === undefined) throw new Error(`service ${JSON.stringify(name)} not found`)
  if (service.spec?.type === 'ExternalName') return { host: service.spec.externalName ?? '', port }
  const named = service.spec?.ports?.find((each) => each.port === port)
  if (named === undefined) throw new Error(`no service port ${port} found for service ${JSON.stringify(name)}`)
  const slices = cache
    .of(endpointSlices)
    .list(namespace)
    .map(({ object }) => object as EndpointSlice)
  const candidates = slices
    .filter(({ metadata }) => metadata?.labels?.['kubernetes.io/service-name'] === name)
    .flatMap((slice) => {
      const target = slice.ports?.find((each) => (each.name ?? '') === (named.name ?? ''))?.port
      const ready = (slice.endpoints ?? []).filter(({ conditions }) => conditions?.ready !== false)
      return target === undefined ? [] : ready.flatMap(({ addresses }) => addresses.map((host) => ({ host, port: target })))
    })
  if (candidates.length === 0) throw new Error(`no endpoints available for service ${JSON.stringify(name)}`)
  return candidates[random.int(candidates.length)]!
}
