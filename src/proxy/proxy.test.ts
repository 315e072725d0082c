import assert from 'node:assert/strict'
import test from 'node:test'
import { type EndpointSlice, endpointSlices, type Node, nodes, type Service, services } from '#api'
import { memoryLog, systemClock, VirtualClock } from '#base'
import { Shelves } from '#testing'
import { MemoryBackend } from './backends/memory/memory-backend.ts'
import { type ProxyOptions, startProxy } from './proxy.ts'
import type { ServiceRules } from './rules.ts'

const node = (addresses: readonly string[]): Node => ({
  metadata: { name: 'node-1' },
  status: { addresses: addresses.map((address) => ({ type: 'InternalIP', address })) },
})

function service(name: string, spec: Partial<NonNullable<Service['spec']>> = {}): Service {
  return {
    metadata: { namespace: 'default', name },
    spec: { type: 'NodePort', clusterIP: '10.96.0.20', ports: [{ port: 80, nodePort: 30080, protocol: 'TCP' }], ...spec },
  }
}

function slice(name: string, ...addresses: string[]): EndpointSlice {
  return {
    metadata: { namespace: 'default', name, labels: { 'kubernetes.io/service-name': name } },
    addressType: 'IPv4',
    ports: [{ name: '', port: 8080, protocol: 'TCP' }],
    endpoints: addresses.map((address) => ({ addresses: [address], nodeName: 'node-1', conditions: { ready: true } })),
  }
}

async function start(options: Partial<ProxyOptions> = {}) {
  const shelves = new Shelves()
  const [nodeShelf, serviceShelf, sliceShelf] = [shelves.for(nodes), shelves.for(services), shelves.for(endpointSlices)]
  nodeShelf.set(node(['192.168.0.1']))
  serviceShelf.set(service('web'))
  sliceShelf.set(slice('web', '10.71.1.5'))
  const [backend, clock, log] = [new MemoryBackend(), new VirtualClock(), memoryLog()]
  const proxy = await startProxy({ sources: shelves, nodeName: 'node-1', backend, clock, log, ...options })
  const dispose = async (): Promise<void> => {
    await proxy[Symbol.asyncDispose]()
    assert.equal(clock.pendingTimers, 0, 'no timer is left')
  }
  return {
    nodes: nodeShelf,
    services: serviceShelf,
    slices: sliceShelf,
    backend,
    clock,
    log,
    proxy,
    [Symbol.asyncDispose]: dispose,
  }
}

const frontends = (rules: ServiceRules | undefined): string[] =>
  (rules?.frontends ?? []).map(({ address, port }) => `${address}:${port}`)

test('all Services are loaded at once at the start, and one by one as they change', async () => {
  await using lab = await start()
  assert.deepEqual(lab.backend.calls, ['replace'])
  assert.deepEqual(frontends(lab.backend.rules.get('default/web')), ['10.96.0.20:80', '192.168.0.1:30080'])
  lab.services.set(service('other', { clusterIP: '10.96.0.21', type: 'ClusterIP', ports: [{ port: 80, protocol: 'TCP' }] }))
  await lab.clock.advance(1_000)
  lab.services.delete('default/web')
  await lab.clock.advance(1_000)
  assert.deepEqual(lab.backend.calls, ['replace', 'apply', 'apply'])
  assert.deepEqual([...lab.backend.rules.keys()], ['default/other'])
})

test('a burst of changes is carried out in few loads, and what changes nothing in none', async () => {
  await using lab = await start()
  for (let at = 0; at < 50; at++) {
    lab.slices.set(slice('web', '10.71.1.5', `10.71.2.${at}`))
    await lab.clock.advance(1)
  }
  await lab.clock.advance(1_000)
  const { length } = lab.backend.calls
  assert.ok(length <= 3, String(length))
  lab.services.set({ ...service('web'), metadata: { namespace: 'default', name: 'web', annotations: { a: 'b' } } })
  await lab.clock.advance(1_000)
  assert.equal(lab.backend.calls.length, length)
})

test('after a failure everything is loaded again, later each time', async () => {
  await using lab = await start()
  lab.backend.failNext = new Error('no memory')
  lab.slices.set(slice('web', '10.71.1.6'))
  await lab.clock.advance(0)
  assert.deepEqual(lab.backend.calls, ['replace', 'apply'])
  lab.backend.failNext = new Error('no memory')
  await lab.clock.advance(100)
  await lab.clock.advance(199)
  assert.deepEqual(lab.backend.calls, ['replace', 'apply', 'replace'])
  await lab.clock.advance(1)
  assert.deepEqual(lab.backend.calls, ['replace', 'apply', 'replace', 'replace'])
  assert.match(JSON.stringify(lab.backend.rules.get('default/web')), /10\.71\.1\.6/)
  assert.equal(lab.log.lines.filter(({ level }) => level === 'warn').length, 2)
})

test('a first load that fails is an error of the start', async () => {
  const backend = new MemoryBackend()
  backend.failNext = new Error('nft is not installed')
  await assert.rejects(start({ backend }), /nft is not installed/)
})

test('NodePorts follow the node’s address', async () => {
  await using lab = await start()
  lab.nodes.set(node(['192.168.0.2', '192.168.0.3']))
  await lab.clock.advance(1_000)
  assert.deepEqual(frontends(lab.backend.rules.get('default/web')), ['10.96.0.20:80', '192.168.0.2:30080'])
  lab.nodes.delete('node-1')
  await lab.clock.advance(1_000)
  assert.equal(frontends(lab.backend.rules.get('default/web')).length, 2)
})

test('/healthz tells of rules that wait too long and of a node on its way out', async () => {
  await using lab = await start({ healthz: { host: '127.0.0.1', port: 0 } })
  const get = async (path: string): Promise<number> => (await fetch(`http://127.0.0.1:${lab.proxy.healthzPort}${path}`)).status
  assert.deepEqual([await get('/healthz'), await get('/livez'), await get('/x')], [200, 200, 404])
  lab.nodes.set({ ...node([]), spec: { taints: [{ key: 'ToBeDeletedByClusterAutoscaler', effect: 'NoSchedule' }] } })
  assert.deepEqual([await get('/healthz'), await get('/livez')], [503, 200])
  lab.nodes.set(node([]))
  const fail = async (): Promise<never> => {
    throw new Error('no memory')
  }
  Object.assign(lab.backend, { apply: fail, replace: fail })
  lab.slices.set(slice('web', '10.71.1.9'))
  await lab.clock.advance(61_000)
  assert.deepEqual([await get('/healthz'), await get('/livez')], [503, 503])
})

test('a load balancer can ask whether this node has endpoints', async () => {
  // A port of the system's choice, free again by the time it is asked for.
  const { createServer } = await import('node:net')
  const probe = createServer().listen(0, '127.0.0.1')
  await new Promise((resolve) => probe.once('listening', resolve))
  const { port } = probe.address() as { port: number }
  await new Promise((resolve) => probe.close(resolve))
  await using lab = await start({ healthCheckHost: '127.0.0.1' })
  lab.services.set(service('web', { type: 'LoadBalancer', externalTrafficPolicy: 'Local', healthCheckNodePort: port }))
  await lab.clock.advance(1_000)
  const url = `http://127.0.0.1:${port}/`
  const response = await until(url)
  assert.equal(response.headers.get('x-load-balancing-endpoint-weight'), '1')
  assert.deepEqual(await response.json(), {
    service: { namespace: 'default', name: 'web' },
    localEndpoints: 1,
    serviceProxyHealthy: true,
  })
  lab.slices.set(slice('web'))
  await lab.clock.advance(1_000)
  assert.equal((await fetch(url)).status, 503)
})

/** The port opens in its own time. */
async function until(url: string): Promise<Response> {
  for (let tries = 50; ; tries--) {
    try {
      return await fetch(url)
    } catch (error) {
      if (tries === 0) throw error
      await systemClock.sleep(10)
    }
  }
}
