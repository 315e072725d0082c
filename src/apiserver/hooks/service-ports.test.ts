import assert from 'node:assert/strict'
import test from 'node:test'
import { type Service, type ServicePort, type ServiceSpec, services } from '#api'
import type { Client } from '#client'
import { startTestApiServer } from '#testing'

const ports = (...all: readonly Partial<ServicePort>[]): ServicePort[] =>
  all.map((port, index) => ({ name: `p${index}`, port: 80 + index, ...port }))

const service = (spec: ServiceSpec, name = 's'): Service => ({
  metadata: { name, namespace: 'default' },
  spec: { type: 'NodePort', ports: ports({}), ...spec },
})

const nodePortsOf = ({ spec }: Service): (number | undefined)[] => (spec?.ports ?? []).map(({ nodePort }) => nodePort)

const patch = (client: Client, spec: object): Promise<Service> => client.patch(services, 'default/s', { spec }, { type: 'merge' })

/** Whether a port is nobody's: another Service gets it. */
async function isFree(client: Client, nodePort: number): Promise<boolean> {
  try {
    await client.create(services, service({ ports: ports({ nodePort }) }, 'probe'))
    await client.delete(services, 'default/probe')
    return true
  } catch (error) {
    assert.match((error as Error).message, /provided port is already allocated/)
    return false
  }
}

const BALANCER = { type: 'LoadBalancer', externalTrafficPolicy: 'Local' }

test('protocols of one port share a node port; one of them may name it, or have its own', async () => {
  await using api = await startTestApiServer()
  const create = async (name: string, ...all: Partial<ServicePort>[]): Promise<(number | undefined)[]> =>
    nodePortsOf(await api.client.create(services, service({ ports: ports(...all) }, name)))
  const [tcp, udp, other] = await create('dns', { port: 53 }, { port: 53, protocol: 'UDP' }, { port: 80 })
  assert.ok(tcp !== undefined && tcp === udp && tcp !== other)
  const named = await create('named', { port: 53 }, { port: 53, protocol: 'UDP', nodePort: 30_053 })
  assert.deepEqual(named, [30_053, 30_053])
  const own = await create('own', { port: 53, nodePort: 30_054 }, { port: 53, protocol: 'UDP', nodePort: 30_055 })
  assert.deepEqual(own, [30_054, 30_055])
})

test('an update knows ports by their names, and gives back what is left out', async () => {
  await using api = await startTestApiServer()
  const { client } = api
  const made = await client.create(services, service({ ports: ports({}, {}) }))
  const [first, second] = nodePortsOf(made)
  const renumbered = await patch(client, { ports: ports({ port: 8080 }, { port: 8081 }) })
  assert.deepEqual(nodePortsOf(renumbered), [first, second])
  const renamed = await patch(client, { ports: ports({ name: 'new' }, {}) })
  assert.equal(nodePortsOf(renamed)[1], second)
  assert.notEqual(nodePortsOf(renamed)[0], first)
  assert.equal(await isFree(client, first!), true)
  const moved = await patch(client, {
    ports: [
      { name: 'p1', port: 81 },
      { name: 'taker', port: 82, nodePort: second },
    ],
  })
  assert.equal(nodePortsOf(moved)[1], second, 'who names it has it')
  assert.notEqual(nodePortsOf(moved)[0], second)
})

test('a load balancer that gives no node ports has those that are named, and keeps what it had', async () => {
  await using api = await startTestApiServer()
  const { client } = api
  const spec = { type: 'LoadBalancer', allocateLoadBalancerNodePorts: false, ports: ports({ nodePort: 30_080 }, {}) }
  assert.deepEqual(nodePortsOf(await client.create(services, service(spec))), [30_080, undefined])
  assert.equal(await isFree(client, 30_080), false)
  const given = nodePortsOf(await patch(client, { allocateLoadBalancerNodePorts: true }))
  assert.deepEqual(nodePortsOf(await patch(client, { allocateLoadBalancerNodePorts: false })), given)
  const bare = await patch(client, { type: 'ClusterIP' })
  assert.deepEqual([nodePortsOf(bare), bare.spec?.allocateLoadBalancerNodePorts], [[undefined, undefined], undefined])
  for (const port of given) assert.equal(await isFree(client, port!), true)
})

test('the port that a balancer asks for health is allocated, chosen or not, and stays', async () => {
  await using api = await startTestApiServer()
  const { client } = api
  await client.create(services, service({ ...BALANCER, healthCheckNodePort: 30_090 }))
  assert.equal(await isFree(client, 30_090), false)
  await assert.rejects(client.create(services, service({ ...BALANCER, healthCheckNodePort: 30_090 }, 'other')), {
    code: 500,
    message:
      'Internal error occurred: failed to allocate requested HealthCheck NodePort 30090: provided port is already allocated',
  })
  await assert.rejects(patch(client, { healthCheckNodePort: 30_091 }), /spec\.healthCheckNodePort: Forbidden: field is immutable/)
  assert.equal(await isFree(client, 30_091), true)
  const cluster = await patch(client, { externalTrafficPolicy: 'Cluster' })
  assert.equal(cluster.spec?.healthCheckNodePort, undefined)
  assert.equal(await isFree(client, 30_090), true)
  const local = await patch(client, { externalTrafficPolicy: 'Local' })
  assert.equal(await isFree(client, local.spec!.healthCheckNodePort!), false)
  await client.delete(services, 'default/s')
  assert.equal(await isFree(client, local.spec!.healthCheckNodePort!), true)
})

test('what was of a balancer goes when the Service becomes a mere name', async () => {
  await using api = await startTestApiServer()
  const { client } = api
  await client.create(services, service({ ...BALANCER, loadBalancerClass: 'example.com/x' }))
  const ingress = [{ ip: '192.0.2.1' }]
  await client.patch(services, 'default/s', { status: { loadBalancer: { ingress } } }, { type: 'merge', subresource: 'status' })
  const { spec, status } = await patch(client, { type: 'ExternalName', externalName: 'example.com' })
  assert.deepEqual(
    [spec?.externalTrafficPolicy, spec?.healthCheckNodePort, spec?.loadBalancerClass, spec?.clusterIP, status?.loadBalancer],
    [undefined, undefined, undefined, undefined, {}],
  )
})

test('a port that can not be had is told where it is named, and leaves nothing behind', async () => {
  await using api = await startTestApiServer()
  const { client } = api
  await client.create(services, service({ ports: ports({ nodePort: 30_001 }) }))
  const wanted = ports({ nodePort: 30_002 }, {}, { nodePort: 30_001 })
  await assert.rejects(
    client.create(services, service({ ports: wanted }, 'other')),
    /spec\.ports\[2\]\.nodePort: Invalid value: 30001: provided port is already allocated$/,
  )
  assert.equal(await isFree(client, 30_002), true)
  await assert.rejects(
    client.create(services, service({ ports: ports({ nodePort: 80 }) }, 'other')),
    /spec\.ports\[0\]\.nodePort: Invalid value: 80: provided port is not in the valid range\. The range of valid ports is 30000-32767$/,
  )
})
