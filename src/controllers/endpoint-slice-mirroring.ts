import { isIP } from 'node:net'
import { type Endpoint, type EndpointSlice, type Endpoints, endpointSlices, endpoints, services } from '#api'
import { deepEqual } from '#base'
import { isNotFound, keyOf, objectKey } from '#meta'
import { controllerReference, defineController, done, type ReconcileContext, watch } from './framework/index.ts'

const MANAGED_BY = 'endpointslice.kubernetes.io/managed-by'
const OWN_NAME = 'endpointslicemirroring-controller.k8s.io'
const SERVICE_NAME = 'kubernetes.io/service-name'
const SKIP_MIRROR = 'endpointslice.kubernetes.io/skip-mirror'
/** Endpoints that only hold a lock of an old leader election. */
const LEADER = 'control-plane.alpha.kubernetes.io/leader'
/** Notes about the Endpoints themselves, which say nothing of a slice. */
const OWN_ANNOTATIONS = new Set([
  'endpoints.kubernetes.io/last-change-trigger-time',
  'kubectl.kubernetes.io/last-applied-configuration',
])
/** Upstream's `--mirroring-max-endpoints-per-subset`; a slice takes as many. */
const ENDPOINTS_MAX = 1000

type Subset = NonNullable<Endpoints['subsets']>[number]
type Address = NonNullable<Subset['addresses']>[number]
type Port = NonNullable<EndpointSlice['ports']>[number]

/**
 * Copies Endpoints that somebody wrote by hand into slices, which is what the rest of a cluster reads. Where a Service has a selector, its slices
 * come from its pods instead ([mirroring](https://kubernetes.io/docs/concepts/services-networking/service/#endpointslice-mirroring)).
 */
export const endpointSliceMirroringController = defineController<Endpoints>({
  name: 'endpointslicemirroring-controller',
  flag: 'endpointslice-mirroring-controller',
  for: endpoints,
  watches: [
    watch(services, (service) => [keyOf(service)]),
    watch(endpointSlices, ({ metadata }) =>
      metadata?.labels?.[MANAGED_BY] === OWN_NAME ? [objectKey(metadata.namespace, metadata.labels[SERVICE_NAME] ?? '')] : [],
    ),
  ],
  async reconcile(context) {
    const { key, cache, client } = context
    const [namespace = '', name = ''] = key.split('/')
    const existing = cache(endpointSlices)
      .list({ namespace })
      .filter(({ metadata }) => metadata?.labels?.[SERVICE_NAME] === name && metadata.labels[MANAGED_BY] === OWN_NAME)
    const original = cache(endpoints).get(key)
    const service = cache(services).get(key)
    const isMirrored = original !== undefined && service !== undefined && mayBeMirrored(original)
    if (!isMirrored || Object.keys(service.spec?.selector ?? {}).length > 0) {
      for (const slice of existing) await remove(client, slice)
      return done
    }
    await reconcileSlices(context, original, existing)
    return done
  },
})

const mayBeMirrored = ({ metadata }: Endpoints): boolean =>
  metadata?.labels?.[SKIP_MIRROR] !== 'true' && metadata?.annotations?.[LEADER] === undefined

/** One slice: what has the same kind of address and the same ports. */
interface Wanted {
  readonly addressType: 'IPv4' | 'IPv6'
  readonly ports: readonly Port[]
  readonly endpoints: Endpoint[]
}

/** Keeps a slice for ports that it has already; any other of the same kind of address is used again before one is made or deleted. */
async function reconcileSlices(
  context: ReconcileContext,
  original: Endpoints,
  existing: readonly EndpointSlice[],
): Promise<void> {
  const { client } = context
  const unused = new Set(existing)
  const find = (matches: (slice: EndpointSlice) => boolean): EndpointSlice | undefined => {
    const slice = [...unused].find(matches)
    if (slice !== undefined) unused.delete(slice)
    return slice
  }
  const pairs = desired(context, original).map((wanted) => ({
    wanted,
    slice: find(({ addressType, ports }) => addressType === wanted.addressType && deepEqual(ports ?? [], wanted.ports)),
  }))
  const metadata = metadataOf(original)
  for (const { wanted, slice: same } of pairs) {
    const slice = same ?? find(({ addressType }) => addressType === wanted.addressType)
    const content = { ports: [...wanted.ports], endpoints: wanted.endpoints }
    if (slice === undefined) {
      const { namespace = '', name = '' } = original.metadata ?? {}
      const ownerReferences = [controllerReference(original, endpoints as never)]
      await client.create(endpointSlices, {
        apiVersion: 'discovery.k8s.io/v1',
        kind: 'EndpointSlice',
        metadata: { generateName: `${name}-`, namespace, ownerReferences, ...metadata },
        addressType: wanted.addressType,
        ...content,
      })
    } else if (!isSame(slice, { metadata, ...content })) {
      await client.update(endpointSlices, { ...slice, metadata: { ...slice.metadata, ...metadata }, ...content })
    }
  }
  for (const slice of unused) await remove(client, slice)
}

function isSame(slice: EndpointSlice, wanted: Pick<EndpointSlice, 'metadata' | 'ports' | 'endpoints'>): boolean {
  return (
    deepEqual(slice.ports ?? [], wanted.ports) &&
    deepEqual(slice.endpoints ?? [], wanted.endpoints) &&
    deepEqual(slice.metadata?.labels, wanted.metadata?.labels) &&
    deepEqual(slice.metadata?.annotations ?? {}, wanted.metadata?.annotations)
  )
}

function metadataOf({ metadata }: Endpoints): {
  readonly labels: Record<string, string>
  readonly annotations: Record<string, string>
} {
  const annotations = Object.entries(metadata?.annotations ?? {}).filter(([key]) => !OWN_ANNOTATIONS.has(key))
  return {
    labels: { ...metadata?.labels, [SERVICE_NAME]: metadata?.name ?? '', [MANAGED_BY]: OWN_NAME },
    annotations: Object.fromEntries(annotations),
  }
}

function desired({ recorder }: ReconcileContext, original: Endpoints): Wanted[] {
  const groups = new Map<string, Wanted>()
  let [invalid, skipped] = [0, 0]
  for (const subset of original.subsets ?? []) {
    const all = [
      ...(subset.addresses ?? []).map((address) => ({ address, ready: true })),
      ...(subset.notReadyAddresses ?? []).map((address) => ({ address, ready: false })),
    ]
    const known = all.filter(({ address }) => isIP(address.ip) !== 0)
    invalid += all.length - known.length
    skipped += Math.max(0, known.length - ENDPOINTS_MAX)
    for (const { address, ready } of known.slice(0, ENDPOINTS_MAX)) {
      const wanted = groupFor(groups, isIP(address.ip) === 6 ? 'IPv6' : 'IPv4', portsOf(subset))
      wanted.endpoints.push(endpointFor(address, ready))
    }
  }
  if (invalid > 0) {
    const message = `Skipped ${invalid} invalid IP addresses when mirroring to EndpointSlices`
    recorder.event(original, 'Warning', 'InvalidIPAddress', message)
  }
  if (skipped > 0) {
    const message = `A max of ${ENDPOINTS_MAX} addresses can be mirrored to EndpointSlices per Endpoints subset. ${skipped} addresses were skipped`
    recorder.event(original, 'Warning', 'TooManyAddressesToMirror', message)
  }
  return [...groups.values()]
}

/** The slice that has room for one more; a full one gives its place to the next of its kind. */
function groupFor(groups: Map<string, Wanted>, addressType: Wanted['addressType'], ports: readonly Port[]): Wanted {
  const id = JSON.stringify([addressType, ports])
  let group = groups.get(id)
  if (group !== undefined && group.endpoints.length === ENDPOINTS_MAX) groups.set(`${id} ${groups.size}`, group)
  if (group === undefined || group.endpoints.length === ENDPOINTS_MAX) group = { addressType, ports, endpoints: [] }
  groups.set(id, group)
  return group
}

const portsOf = ({ ports = [] }: Subset): Port[] =>
  ports.map(({ name = '', port, protocol = 'TCP', appProtocol }) => ({
    name,
    port,
    protocol,
    ...(appProtocol && { appProtocol }),
  }))

const endpointFor = ({ ip, hostname, nodeName, targetRef }: Address, ready: boolean): Endpoint => ({
  addresses: [ip],
  conditions: { ready },
  ...(hostname && { hostname }),
  ...(nodeName && { nodeName }),
  ...(targetRef && { targetRef }),
})

async function remove(client: ReconcileContext['client'], slice: EndpointSlice): Promise<void> {
  try {
    await client.delete(endpointSlices, keyOf(slice))
  } catch (error) {
    if (!isNotFound(error)) throw error
  }
}
