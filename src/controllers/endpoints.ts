import { type Endpoints, endpoints, isPodReady, isPodTerminal, type Pod, pods, type Service, services } from '#api'
import { deepEqual } from '#base'
import type { Client } from '#client'
import { isAlreadyExists, isNotFound, keyOf, matches } from '#meta'
import { addressesOf, familiesOf, portsFor } from './endpoint-slice.ts'
import { defineController, done, watch } from './framework/index.ts'
import { type Trigger, triggerOf, withTrigger } from './trigger-time.ts'

type Subset = NonNullable<Endpoints['subsets']>[number]
type Address = NonNullable<Subset['addresses']>[number]

const HEADLESS = 'service.kubernetes.io/headless'
/** Upstream's bound; what is over it is left out, and the object says so. */
const ADDRESSES_MAX = 1000
const OVER_CAPACITY = 'endpoints.kubernetes.io/over-capacity'

/**
 * The older form of endpoint slices, for clients that still read it: of a Service's primary family alone. Services without a selector keep the Endpoints
 * their owner writes.
 */
export const endpointsController = defineController<Service>({
  name: 'endpoint-controller',
  flag: 'endpoints-controller',
  for: services,
  watches: [
    watch(pods, function* (pod, { cache }) {
      for (const service of cache(services).list({ namespace: pod.metadata?.namespace }))
        if (selectsPod(service, pod)) yield keyOf(service)
    }),
    watch(endpoints, (object) => [keyOf(object)]),
  ],
  async reconcile({ key, cache, client, memory }) {
    const service = cache(services).get(key)
    const current = cache(endpoints).get(key)
    if (service === undefined) {
      // The Service took its Endpoints along, unless somebody else wrote them.
      if (current !== undefined && current.metadata?.labels?.['endpoints.kubernetes.io/managed-by'] === 'endpoint-controller')
        await ignoreGone(client.delete(endpoints, key))
      return done
    }
    if (service.spec?.type === 'ExternalName' || Object.keys(service.spec?.selector ?? {}).length === 0) return done
    const chosen = cache(pods)
      .list({ namespace: service.metadata?.namespace })
      .filter((pod) => selectsPod(service, pod))
    const wanted = desired(service, chosen)
    const trigger = triggerOf(memory, service, chosen)
    await write(client, current, wanted, trigger)
    trigger.seen(targetsOf(current))
    return done
  },
})

async function write(client: Client, current: Endpoints | undefined, wanted: Endpoints, trigger: Trigger): Promise<void> {
  if (current === undefined) {
    try {
      const annotations = withTrigger(wanted.metadata!.annotations, trigger)
      await client.create(endpoints, { ...wanted, metadata: { ...wanted.metadata, annotations } })
    } catch (error) {
      if (!isAlreadyExists(error)) throw error
    }
    return
  }
  const same =
    deepEqual(current.subsets ?? [], wanted.subsets ?? []) && deepEqual(current.metadata?.labels, wanted.metadata?.labels)
  if (same) return
  const annotations = withTrigger(current.metadata?.annotations, trigger)
  const metadata = { ...current.metadata, labels: wanted.metadata!.labels!, annotations }
  await client.update(endpoints, { ...current, metadata, subsets: wanted.subsets ?? [] })
}

const targetsOf = (object: Endpoints | undefined): (string | undefined)[] =>
  (object?.subsets ?? [])
    .flatMap(({ addresses = [], notReadyAddresses = [] }) => [...addresses, ...notReadyAddresses])
    .map(({ targetRef }) => targetRef?.uid)

function selectsPod(service: Service, pod: Pod): boolean {
  const selector = Object.entries(service.spec?.selector ?? {})
  return (
    selector.length > 0 &&
    matches(
      selector.map(([key, value]) => ({ key, operator: '=' as const, values: [value] })),
      pod.metadata?.labels,
    )
  )
}

function desired(service: Service, candidates: readonly Pod[]): Endpoints {
  const { name = '', namespace = '', labels = {} } = service.metadata ?? {}
  const groups = new Map<string, { ports: NonNullable<Subset['ports']>; ready: Address[]; notReady: Address[] }>()
  const chosen = candidates.flatMap((pod) => {
    const isIn = !isPodTerminal(pod) && pod.metadata?.deletionTimestamp === undefined
    const ip = isIn ? addressOf(service, pod) : undefined
    return ip === undefined ? [] : [{ pod, ip }]
  })
  for (const { pod, ip } of chosen.slice(0, ADDRESSES_MAX)) {
    const ports = portsFor(service, pod)
    const id = JSON.stringify(ports)
    const group = groups.get(id) ?? { ports: ports.map(withoutEmptyName), ready: [], notReady: [] }
    groups.set(id, group)
    const usable = isPodReady(pod) || service.spec?.publishNotReadyAddresses
    ;(usable ? group.ready : group.notReady).push(endpointFor(service, pod, ip))
  }
  const byIP = (a: Address, b: Address): number => (a.ip < b.ip ? -1 : 1)
  const subsets = [...groups.values()].map(
    ({ ports, ready, notReady }): Subset => ({
      ...(ready.length > 0 && { addresses: ready.sort(byIP) }),
      ...(notReady.length > 0 && { notReadyAddresses: notReady.sort(byIP) }),
      ...(ports.length > 0 && { ports }),
    }),
  )
  return {
    apiVersion: 'v1',
    kind: 'Endpoints',
    metadata: {
      name,
      namespace,
      labels: {
        ...labels,
        'endpoints.kubernetes.io/managed-by': 'endpoint-controller',
        ...(service.spec?.clusterIP === 'None' && { [HEADLESS]: '' }),
      },
      ...(chosen.length > ADDRESSES_MAX && { annotations: { [OVER_CAPACITY]: 'truncated' } }),
    },
    subsets,
  }
}

/** What has no name says none here, in contrast to a slice; else it would never be what is stored. */
const withoutEmptyName = ({ name, ...port }: ReturnType<typeof portsFor>[number]): NonNullable<Subset['ports']>[number] =>
  ({ ...(name && { name }), ...port }) as NonNullable<Subset['ports']>[number]

/** In the Service's primary family; in any, where an API server says none of a headless one. */
function addressOf(service: Service, pod: Pod): string | undefined {
  const families = familiesOf(service)
  const wanted = service.spec?.ipFamilies?.length ? families.slice(0, 1) : families
  return wanted.flatMap((family) => addressesOf(pod, family))[0]
}

function endpointFor(service: Service, pod: Pod, ip: string): Address {
  const { name = '', namespace = '', uid = '' } = pod.metadata ?? {}
  const hostname = pod.spec?.hostname && pod.spec.subdomain === service.metadata?.name ? pod.spec.hostname : undefined
  return {
    ip,
    ...(hostname !== undefined && { hostname }),
    ...(pod.spec?.nodeName && { nodeName: pod.spec.nodeName }),
    targetRef: { kind: 'Pod', namespace, name, uid },
  }
}

async function ignoreGone(call: Promise<unknown>): Promise<void> {
  try {
    await call
  } catch (error) {
    if (!isNotFound(error)) throw error
  }
}
