import {
  addressAt,
  type EndpointSlice,
  type Endpoints,
  endpointSlices,
  endpoints,
  ipFamilyOf,
  parseRange,
  type Service,
  services,
} from '#api'
import { assert, deepClone, deepEqual } from '#base'
import type { Client } from '#client'
import { isAlreadyExists, isConflict } from '#meta'

/** Where an API server is reached. */
export interface Advertised {
  readonly address: string
  readonly port: number
}

const NAME = 'kubernetes'
const PORT = 443

/** Publishes the API server inside the cluster: the `kubernetes` Service, which has the first address of the default family, in a cluster of two families, too. */
export async function publishKubernetesService(client: Client, ranges: readonly string[]): Promise<void> {
  const range = parseRange(ranges[0] ?? '')
  assert(range !== undefined, 'the ranges of Services were checked before')
  await ensure(() => client.create(services, kubernetesService(addressAt(range, 1n))))
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

const kubernetesService = (clusterIP: string): Service => ({
  apiVersion: 'v1',
  kind: 'Service',
  metadata: { name: NAME, namespace: 'default', labels: { component: 'apiserver', provider: 'kubernetes' } },
  spec: {
    type: 'ClusterIP',
    clusterIP,
    clusterIPs: [clusterIP],
    ipFamilies: [ipFamilyOf(clusterIP)],
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
    // All servers of a cluster advertise themselves in one family.
    addressType: ipFamilyOf(addresses[0] ?? ''),
    endpoints: addresses.map((address) => ({ addresses: [address], conditions: { ready: true } })),
    ports: [{ name: 'https', port, protocol: 'TCP' }],
  }
  const current = await client.find(endpointSlices, `default/${NAME}`)
  if (current === undefined) return ensure(() => client.create(endpointSlices, wanted))
  if (current.addressType !== wanted.addressType) {
    await client.delete(endpointSlices, `default/${NAME}`)
    return ensure(() => client.create(endpointSlices, wanted))
  }
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
