import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import test from 'node:test'
import type { ClusterStatus } from '#cluster'
import { buildTestImages } from '../images/build.ts'
import { Machine } from './machine.ts'

const web = (kind: 'DaemonSet' | 'Deployment', name: string, spec: object) => ({
  apiVersion: 'apps/v1',
  kind,
  metadata: { name },
  spec: {
    ...spec,
    selector: { matchLabels: { app: name } },
    template: {
      metadata: { labels: { app: name } },
      spec: {
        topologySpreadConstraints: [
          {
            maxSkew: 1,
            topologyKey: 'kubernetes.io/hostname',
            whenUnsatisfiable: kind === 'DaemonSet' ? 'ScheduleAnyway' : 'DoNotSchedule',
            nodeTaintsPolicy: 'Honor',
            labelSelector: { matchLabels: { app: name } },
          },
        ],
        terminationGracePeriodSeconds: 2,
        containers: [
          {
            name: 'web',
            image: 't8s.local/web:1',
            args: ['--port=8080', '--directory=/tmp'],
            readinessProbe: { httpGet: { path: '/healthz', port: 8080 }, periodSeconds: 1 },
          },
        ],
      },
    },
  },
})

const service = (name: string) => ({
  apiVersion: 'v1',
  kind: 'Service',
  metadata: { name },
  spec: { type: 'NodePort', selector: { app: name }, ports: [{ port: 80, targetPort: 8080, nodePort: 30_090 }] },
})

interface PodView {
  readonly node: string
  readonly name: string
  readonly ip: string
}

async function podsOf(machine: Machine, app: string): Promise<PodView[]> {
  const format = '{range .items[*]}{.spec.nodeName} {.metadata.name} {.status.podIP}{"\\n"}{end}'
  const text = await machine.kubectl('get', 'pods', '-l', `app=${app}`, '-o', `jsonpath=${format}`)
  return text
    .trim()
    .split('\n')
    .map((line) => line.split(' '))
    .map(([node, name, ip]) => ({ node: node!, name: name!, ip: ip! }))
    .sort((a, b) => a.node.localeCompare(b.node))
}

const fetchFrom = (machine: Machine, { name }: PodView, url: string): Promise<string> =>
  machine.kubectl('exec', name, '--', 'timeout', '10', 'wget', '-qO-', url)

test('two nodes with containers share one machine, each with a network of its own', { timeout: 400_000 }, async (context) => {
  await using machine = new Machine('nodes')
  const startedMs = performance.now()
  await machine.t8s('up', '--nodes', '2')
  context.diagnostic(`up took ${((performance.now() - startedMs) / 1000).toFixed(1)} s`)
  await machine.t8s('image', 'load', ...(await buildTestImages(machine.directory)))
  const objects = [web('DaemonSet', 'agent', {}), web('Deployment', 'web', { replicas: 4 }), service('web')]
  for (const object of objects) await machine.feed(JSON.stringify(object), 'kubectl', 'apply', '-f', '-')
  await machine.kubectl('rollout', 'status', 'daemonset/agent', '--timeout=60s')
  await machine.kubectl('rollout', 'status', 'deployment/web', '--timeout=60s')
  const agents = await podsOf(machine, 'agent')

  await context.test('a daemon set runs on both and a deployment is spread over both', async () => {
    assert.deepEqual(
      agents.map(({ node }) => node),
      ['node-1', 'node-2'],
    )
    assert.deepEqual(
      (await podsOf(machine, 'web')).map(({ node }) => node),
      ['node-1', 'node-1', 'node-2', 'node-2'],
    )
  })

  await context.test('status tells of every component of every node', async () => {
    const { components, nodes } = JSON.parse(await machine.t8s('status', '-o', 'json')) as ClusterStatus
    const parts = components.flatMap(({ name, state, parts: inside }) =>
      inside.map((part) => `${name} ${state} ${part.name} ${part.state}`),
    )
    const onNode = (node: string): string[] =>
      ['containerd', 'kubelet', 'kube-proxy', 'dns'].map((part) => `${node} running ${part} running`)
    assert.deepEqual(parts, [
      ...['kube-apiserver', 'kube-controller-manager', 'kube-scheduler'].map((part) => `server running ${part} running`),
      ...onNode('node-1'),
      ...onNode('node-2'),
    ])
    assert.deepEqual(nodes, [
      { name: 'node-1', ready: true },
      { name: 'node-2', ready: true },
    ])
  })

  await context.test('pods of all nodes reach each other and the API server', async () => {
    for (const [from, to] of [agents, agents.toReversed()] as [PodView, PodView][])
      assert.equal(await fetchFrom(machine, from, `http://${to.ip}:8080/hostname`), `${to.name}\n`)
    for (const from of agents)
      assert.match(await machine.kubectl('exec', from.name, '--', 'nslookup', 'kubernetes.default.svc.cluster.local'), /10\./)
  })

  await context.test('a Service answers from every node, by all of its pods', async () => {
    const names = (await podsOf(machine, 'web')).map(({ name }) => `${name}\n`).sort()
    for (const from of agents) {
      const seen = new Set<string>()
      for (let count = 0; count < 60 && seen.size < names.length; count++)
        seen.add(await fetchFrom(machine, from, 'http://web.default.svc.cluster.local/hostname'))
      assert.deepEqual([...seen].sort(), names)
    }
    const addresses = await machine.kubectl('get', 'nodes', '-o', 'jsonpath={.items[*].status.addresses[0].address}')
    for (const address of [...addresses.split(' '), '10.89.0.1'])
      assert.match(await machine.exec('curl', '-sf', '-m', '5', `http://${address}:30090/hostname`), /^web-/)
  })

  await context.test('logs and exec work on both', async () => {
    for (const { name } of agents) {
      assert.equal(await machine.kubectl('logs', name), 'listening on 8080\n')
      assert.equal(await machine.kubectl('exec', name, '--', 'hostname'), `${name}\n`)
    }
  })

  await context.test('a drained node gives its pods to the other, and takes some again', async () => {
    await machine.kubectl('drain', 'node-2', '--ignore-daemonsets', '--timeout=60s')
    await machine.kubectl('rollout', 'status', 'deployment/web', '--timeout=60s')
    assert.deepEqual([...new Set((await podsOf(machine, 'web')).map(({ node }) => node))], ['node-1'])
    assert.match(await fetchFrom(machine, agents[1]!, 'http://web.default.svc.cluster.local/hostname'), /^web-/)
    await machine.kubectl('uncordon', 'node-2')
    await machine.kubectl('scale', 'deployment/web', '--replicas=6')
    await machine.kubectl('rollout', 'status', 'deployment/web', '--timeout=60s')
    assert.equal((await podsOf(machine, 'web')).filter(({ node }) => node === 'node-2').length, 2)
  })

  await context.test('kill -9 of the second node restarts none of its containers', async () => {
    const ids = ['get', 'pods', '-l', 'app=agent', '-o', 'jsonpath={.items[*].status.containerStatuses[*].containerID}']
    const before = await machine.kubectl(...ids)
    await machine.kill9('node-2')
    await machine.t8s('up')
    await machine.kubectl('rollout', 'status', 'daemonset/agent', '--timeout=60s')
    assert.equal(await machine.kubectl(...ids), before)
    assert.equal(await fetchFrom(machine, agents[0]!, `http://${agents[1]!.ip}:8080/hostname`), `${agents[1]!.name}\n`)
  })

  await context.test('down and up again, and reset leaves nothing behind, not even of a node whose agent died', async () => {
    const { id } = JSON.parse(readFileSync(join(machine.data, 'cluster.json'), 'utf8')) as { id: string }
    await machine.t8s('down')
    // The control plane has let go of everything, and may still be on its way out.
    assert.deepEqual(
      leftoversOf(machine, id).filter((line) => !line.startsWith('process ')),
      [],
    )
    await machine.t8s('up')
    await machine.kubectl('rollout', 'status', 'daemonset/agent', '--timeout=60s')
    await machine.kill9('node-2')
    await machine.t8s('reset', '--yes')
    assert.deepEqual(leftoversOf(machine, id), [])
  })
})

/** Also what lives beside the machine's own network. */
function leftoversOf(machine: Machine, id: string): string[] {
  const namespaces = execFileSync('ip', ['netns', 'list'], { encoding: 'utf8' }).split('\n')
  return [...machine.leftovers(), ...namespaces.filter((line) => line.includes(id))]
}
