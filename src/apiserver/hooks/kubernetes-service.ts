import {
  type EndpointSlice,
  type Endpoints,
  endpointSlices,
  endpoints,
  type Service,
  type ServiceCIDR,
  serviceCIDRs,
  services,
} from '#api'
import { deepClone, deepEqual } from '#base'
import type { Client } from '#client'
import { formatTime, isAlreadyExists, isConflict } from '#meta'
import { addressAt, parseRange } from './ipv4.ts'

/** Where an API server is reached. */
export interface Advertised {
  readonly address: string
  readonly port: number
}

const NAME = 'kubernetes'
const PORT = 443

/** Publishes the API server inside the cluster: the default ServiceCIDR, and the `kubernetes` Service on its first address. */
export async function publishKubernetesService(
  client: Client,
  options: {
    readonly nowMs: number
    readonly serviceClusterIPRange: string
  },
): Promise<void> {
  await ensure(() => client.create(serviceCIDRs, defaultServiceCIDR(options.serviceClusterIPRange)))
  await setReady(client, options)
  await ensure(() => client.create(services, kubernetesService(addressAt(parseRange(options.serviceClusterIPRange), 1))))
}

/** Says where that Service leads, which has no selector: to `addresses`, in order. */
export async function publishEndpoints(client: Client, addresses: readonly string[], port: number): Promise<void> {
  await reconcileEndpoints(client, addresses, port)
  await reconcileSlice(client, addresses, port)
}

async function ensure(create: () => Promise<unknown>): Promise<void> {
  try {
    await create()
  } catch (error) {
    if (!isAlreadyExists(error)) throw error
  }
}

const defaultServiceCIDR = (cidr: string): ServiceCIDR => ({
  apiVersion: 'networking.k8s.io/v1',
  kind: 'ServiceCIDR',
  metadata: { name: NAME },
  spec: { cidrs: [cidr] },
})

/** Says once that the default range may be used; whoever says anything about it later is left alone. */
async function setReady(
  client: Client,
  { serviceClusterIPRange, nowMs }: { readonly serviceClusterIPRange: string; readonly nowMs: number },
): Promise<void> {
  const { metadata, spec, status } = await client.get(serviceCIDRs, NAME)
  const isSaid = status?.conditions?.some(({ type }) => type === 'Ready') ?? false
  if (isSaid || metadata?.deletionTimestamp !== undefined || !deepEqual(spec?.cidrs, [serviceClusterIPRange])) return
  const ready = {
    type: 'Ready',
    status: 'True',
    reason: '',
    message: 'Kubernetes default Service CIDR is ready',
    lastTransitionTime: formatTime(nowMs),
  }
  const applied = { ...defaultServiceCIDR(serviceClusterIPRange), spec: undefined, status: { conditions: [ready] } }
  const fieldManager = 'kubernetes-service-cidr-controller'
  await client.patch(serviceCIDRs, NAME, applied, { type: 'apply', fieldManager, force: true, subresource: 'status' })
}

const kubernetesService = (clusterIP: string): Service => ({
  apiVersion: 'v1',
  kind: 'Service',
  metadata: { name: NAME, namespace: 'default', labels: { component: 'apiserver', provider: 'kubernetes' } },
  spec: {
    type: 'ClusterIP',
    clusterIP,
    clusterIPs: [clusterIP],
    ipFamilies: ['IPv4'],
    ipFamilyPolicy: 'SingleStack',
    sessionAffinity: 'None',
    ports: [{ name: 'https', port: PORT, protocol: 'TCP', targetPort: 6443 }],
  },
})

async function reconcileEndpoints(client: Client, addresses: readonly string[], port: number): Promise<void> {
  const wanted: Endpoints = {
    apiVersion: 'v1',
    kind: 'Endpoints',
    metadata: { name: NAME, namespace: 'default', labels: { 'endpointslice.kubernetes.io/skip-mirror': 'true' } },
    subsets: [{ addresses: addresses.map((ip) => ({ ip })), ports: [{ name: 'https', port, protocol: 'TCP' }] }],
  }
  const current = await client.find(endpoints, `default/${NAME}`)
  if (current === undefined) return ensure(() => client.create(endpoints, wanted))
  if (deepEqual(current.subsets, wanted.subsets)) return
  await unlessRaced(() => client.update(endpoints, { ...deepClone(current), subsets: wanted.subsets! }))
}

async function reconcileSlice(client: Client, addresses: readonly string[], port: number): Promise<void> {
  const wanted: EndpointSlice = {
    apiVersion: 'discovery.k8s.io/v1',
    kind: 'EndpointSlice',
    metadata: { name: NAME, namespace: 'default', labels: { 'kubernetes.io/service-name': NAME } },
    addressType: 'IPv4',
    endpoints: addresses.map((address) => ({ addresses: [address], conditions: { ready: true } })),
    ports: [{ name: 'https', port, protocol: 'TCP' }],
  }
  const current = await client.find(endpointSlices, `default/${NAME}`)
  if (current === undefined) return ensure(() => client.create(endpointSlices, wanted))
  const before = current.endpoints?.flatMap((each) => each.addresses)
  if (deepEqual(before, [...addresses]) && current.ports?.[0]?.port === port) return
  await unlessRaced(() =>
    client.update(endpointSlices, { ...deepClone(current), endpoints: wanted.endpoints, ports: wanted.ports! }),
  )
}

/** Another API server wrote first: what it wrote is as good. */
async function unlessRaced(write: () => Promise<unknown>): Promise<void> {
  try {
    await write()
  } catch (error) {
    if (!isConflict(error)) throw error
  }
}
