import { endpointSlices, services } from '#api'
import type { TestApiServer } from './test-api-server.ts'

export interface LoopbackService {
  readonly name: string
  readonly namespace?: string
  /** Of the Service. */
  readonly port: number
  readonly portName?: string
  /** Where on 127.0.0.1 it leads. */
  readonly targetPort: number
}

/** A Service of a server of this test. The API refuses loopback addresses, so that one goes past it. */
export async function createLoopbackService(
  { client, store }: Pick<TestApiServer, 'client' | 'store'>,
  { name, namespace = 'default', port, portName = '', targetPort }: LoopbackService,
): Promise<void> {
  const spec = { ports: [{ port, ...(portName !== '' && { name: portName }) }] }
  await client.create(services, { apiVersion: 'v1', kind: 'Service', metadata: { name, namespace }, spec })
  await client.create(endpointSlices, {
    apiVersion: 'discovery.k8s.io/v1',
    kind: 'EndpointSlice',
    metadata: { name: `${name}-1`, namespace, labels: { 'kubernetes.io/service-name': name } },
    addressType: 'IPv4',
    endpoints: [],
    ports: [{ name: portName, port: targetPort, protocol: 'TCP' }],
  })
  const key = `/registry/endpointslices/${namespace}/${name}-1`
  const entry = (await store.get(key))!
  const slice = JSON.parse(Buffer.from(entry.value).toString()) as { endpoints: object[] }
  slice.endpoints = [{ addresses: ['127.0.0.1'], conditions: { ready: true } }]
  await store.put(key, Buffer.from(JSON.stringify(slice)), { expected: entry.revision })
}
