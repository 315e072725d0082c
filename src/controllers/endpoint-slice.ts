import {
  type Endpoint,
  type EndpointSlice,
  endpointSlices,
  type IPFamily,
  ipFamilyOf,
  isIPFamily,
  isPodReady,
  isPodTerminal,
  type Node,
  nodes,
  type Pod,
  pods,
  type Service,
  services,
} from '#api'
import { deepEqual } from '#base'
import { isNotFound, keyOf, matches, objectKey } from '#meta'
import { controllerReference, defineController, done, type ReconcileContext, watch } from './framework/index.ts'
import { type Trigger, triggerOf, withTrigger } from './trigger-time.ts'

const MANAGED_BY = 'endpointslice.kubernetes.io/managed-by'
const OWN_NAME = 'endpointslice-controller.k8s.io'
const SERVICE_NAME = 'kubernetes.io/service-name'
const HEADLESS = 'service.kubernetes.io/headless'
const ENDPOINTS_MAX = 100

type Port = NonNullable<EndpointSlice['ports']>[number]

/** Writes down where a Service's traffic may go: the addresses of the pods it selects, in slices of a hundred, each of one family. */
export const endpointSliceController = defineController<Service>({
  name: 'endpointslice-controller',
  for: services,
  watches: [
    watch(pods, function* (pod, { cache }) {
      for (const service of cache(services).list({ namespace: pod.metadata?.namespace }))
        if (selectsPod(service, pod)) yield keyOf(service)
    }),
    watch(endpointSlices, ({ metadata }) =>
      metadata?.labels?.[MANAGED_BY] === OWN_NAME ? [objectKey(metadata.namespace, metadata.labels[SERVICE_NAME] ?? '')] : [],
    ),
  ],
  reads: [nodes as never],
  async reconcile(context) {
    const { key, cache, client } = context
    const service = cache(services).get(key)
    const [namespace = '', name = ''] = key.split('/')
    const existing = cache(endpointSlices)
      .list({ namespace })
      .filter(({ metadata }) => metadata?.labels?.[SERVICE_NAME] === name && metadata.labels[MANAGED_BY] === OWN_NAME)
    if (service === undefined || service.metadata?.deletionTimestamp !== undefined) return done
    if (service.spec?.type === 'ExternalName' || !hasSelector(service)) {
      for (const slice of existing) await remove(client, slice)
      return done
    }
    const candidates = cache(pods).list({ namespace })
    const chosen = candidates.filter((pod) => selectsPod(service, pod))
    const trigger = triggerOf(context.memory, service, chosen)
    await reconcileSlices({ client, service, existing, trigger }, desired(context, service, chosen))
    trigger.seen(existing.flatMap(({ endpoints }) => endpoints?.map(({ targetRef }) => targetRef?.uid) ?? []))
    return done
  },
})

const hasSelector = ({ spec }: Service): boolean => Object.keys(spec?.selector ?? {}).length > 0

function selectsPod(service: Service, pod: Pod): boolean {
  if (!hasSelector(service)) return false
  const requirements = Object.entries(service.spec!.selector!).map(([key, value]) => ({
    key,
    operator: '=' as const,
    values: [value],
  }))
  return matches(requirements, pod.metadata?.labels)
}

interface Wanted {
  readonly addressType: IPFamily
  readonly ports: readonly Port[]
  readonly endpoints: Endpoint[]
}

/** Endpoints by their family and the ports they share: a named port can be another number on another pod. */
function desired(context: ReconcileContext, service: Service, chosen: readonly Pod[]): Wanted[] {
  const alive = chosen.filter((pod) => !isPodTerminal(pod))
  return familiesOf(service).flatMap((family) => desiredOf(family, context, service, alive))
}

function desiredOf(family: IPFamily, { cache }: ReconcileContext, service: Service, chosen: readonly Pod[]): Wanted[] {
  const groups = new Map<string, Wanted>()
  for (const pod of chosen) {
    const addresses = addressesOf(pod, family)
    if (addresses.length === 0) continue
    const ports = portsFor(service, pod)
    const id = JSON.stringify(ports)
    const group = groups.get(id) ?? { addressType: family, ports, endpoints: [] }
    const node = pod.spec?.nodeName === undefined ? undefined : cache(nodes).get(pod.spec.nodeName)
    group.endpoints.push({ addresses, ...endpointFor(service, pod, node) })
    groups.set(id, group)
  }
  const found = [...groups.values()]
  return found.length > 0 ? found : [{ addressType: family, ports: [], endpoints: [] }]
}

/** The families of a Service, its primary one first. Where an API server does not say them, its address does; without one it may have both. */
export function familiesOf({ spec }: Service): IPFamily[] {
  const { ipFamilies = [], clusterIP = '' } = spec ?? {}
  const known = ipFamilies.filter(isIPFamily)
  if (known.length > 0) return known
  return clusterIP === '' || clusterIP === 'None' ? ['IPv4', 'IPv6'] : [ipFamilyOf(clusterIP)]
}

/** Where a pod is reached in one family. */
export function addressesOf({ status }: Pod, family: IPFamily): string[] {
  const { podIP, podIPs = podIP ? [{ ip: podIP }] : [] } = status ?? {}
  return podIPs.map(({ ip }) => ip).filter((ip) => ip && ipFamilyOf(ip) === family)
}

/** The numbers that a Service's ports have on one pod. */
export function portsFor(service: Service, pod: Pod): Port[] {
  const headlessWithoutPorts = service.spec?.clusterIP === 'None' && !service.spec.ports?.length
  if (headlessWithoutPorts) return []
  return (service.spec?.ports ?? []).flatMap(({ name, protocol = 'TCP', port, targetPort, appProtocol }) => {
    const number = resolve(targetPort ?? port, protocol, pod)
    return number === undefined ? [] : [{ name: name ?? '', port: number, protocol, ...(appProtocol && { appProtocol }) }]
  })
}

function resolve(target: number | string, protocol: string, pod: Pod): number | undefined {
  if (typeof target === 'number') return target
  const containers = [
    ...(pod.spec?.containers ?? []),
    ...(pod.spec?.initContainers ?? []).filter(({ restartPolicy }) => restartPolicy === 'Always'),
  ]
  return containers
    .flatMap(({ ports }) => ports ?? [])
    .find((port) => port.name === target && (port.protocol ?? 'TCP') === protocol)?.containerPort
}

function endpointFor(service: Service, pod: Pod, node: Node | undefined): Omit<Endpoint, 'addresses'> {
  const terminating = pod.metadata?.deletionTimestamp !== undefined
  const serving = isPodReady(pod)
  const { namespace, name, uid } = pod.metadata ?? {}
  const zone = node?.metadata?.labels?.['topology.kubernetes.io/zone']
  const hostname = pod.spec?.hostname && pod.spec.subdomain === service.metadata?.name ? pod.spec.hostname : undefined
  return {
    conditions: { ready: service.spec?.publishNotReadyAddresses === true || (serving && !terminating), serving, terminating },
    ...(hostname !== undefined && { hostname }),
    ...(pod.spec?.nodeName && { nodeName: pod.spec.nodeName }),
    ...(zone !== undefined && { zone }),
    targetRef: { kind: 'Pod', namespace: namespace ?? '', name: name ?? '', uid: uid ?? '' },
  }
}

interface Slices {
  readonly client: ReconcileContext['client']
  readonly service: Service
  readonly existing: readonly EndpointSlice[]
  readonly trigger: Trigger
}

/** Keeps slices as they are where they can stay: an endpoint remains in its slice, a change touches as few slices as it must. */
async function reconcileSlices({ client, service, existing, trigger }: Slices, wanted: readonly Wanted[]): Promise<void> {
  const unused = new Set(existing)
  for (const { addressType, ports, endpoints } of wanted) {
    const mine = existing.filter(
      (slice) => unused.has(slice) && slice.addressType === addressType && deepEqual(slice.ports ?? [], ports),
    )
    for (const slice of mine) unused.delete(slice)
    const open = new Map(endpoints.map((endpoint) => [idOf(endpoint), endpoint]))
    const plans = mine.map((slice) => ({
      slice,
      kept: slice.endpoints?.flatMap((endpoint) => take(open, idOf(endpoint))) ?? [],
    }))
    for (const plan of plans)
      while (plan.kept.length < ENDPOINTS_MAX && open.size > 0) plan.kept.push(...take(open, open.keys().next().value!))
    for (const { slice, kept } of plans) {
      if (kept.length === 0 && plans.length > 1) await remove(client, slice)
      else if (!deepEqual(slice.endpoints ?? [], kept) || !deepEqual(slice.metadata?.labels, labelsOf(service))) {
        await client.update(endpointSlices, {
          ...slice,
          metadata: {
            ...slice.metadata,
            labels: labelsOf(service),
            annotations: withTrigger(slice.metadata?.annotations, trigger),
          },
          endpoints: kept,
        })
      }
    }
    const rest = [...open.values()]
    if (mine.length === 0 && rest.length === 0)
      await client.create(endpointSlices, newSlice(service, { addressType, ports, endpoints: [] }, trigger))
    for (let at = 0; at < rest.length; at += ENDPOINTS_MAX)
      await client.create(
        endpointSlices,
        newSlice(service, { addressType, ports, endpoints: rest.slice(at, at + ENDPOINTS_MAX) }, trigger),
      )
  }
  for (const slice of unused) await remove(client, slice)
}

const idOf = ({ targetRef, addresses }: Endpoint): string => `${targetRef?.uid} ${addresses[0]}`

function take(open: Map<string, Endpoint>, id: string): Endpoint[] {
  const endpoint = open.get(id)
  open.delete(id)
  return endpoint === undefined ? [] : [endpoint]
}

function labelsOf(service: Service): Record<string, string> {
  const own = Object.fromEntries(
    Object.entries(service.metadata?.labels ?? {}).filter(
      ([key]) => key !== SERVICE_NAME && key !== MANAGED_BY && key !== HEADLESS,
    ),
  )
  return {
    ...own,
    [SERVICE_NAME]: service.metadata?.name ?? '',
    [MANAGED_BY]: OWN_NAME,
    ...(service.spec?.clusterIP === 'None' && { [HEADLESS]: '' }),
  }
}

function newSlice(service: Service, { addressType, ports, endpoints }: Wanted, trigger: Trigger): EndpointSlice {
  const { name = '', namespace = '' } = service.metadata ?? {}
  return {
    apiVersion: 'discovery.k8s.io/v1',
    kind: 'EndpointSlice',
    metadata: {
      generateName: `${name}-`,
      namespace,
      labels: labelsOf(service),
      annotations: withTrigger({}, trigger),
      ownerReferences: [controllerReference(service, services as never)],
    },
    addressType,
    ports: [...ports],
    endpoints,
  }
}

async function remove(client: ReconcileContext['client'], slice: EndpointSlice): Promise<void> {
  try {
    await client.delete(endpointSlices, keyOf(slice))
  } catch (error) {
    if (!isNotFound(error)) throw error
  }
}
