import assert from 'node:assert/strict'
import { readdirSync, statSync } from 'node:fs'
import { join } from 'node:path'
import test from 'node:test'
import { buildTestImages } from '../images/build.ts'
import { Machine } from './machine.ts'
import { Switch } from './switch.ts'

const ROOT = join(import.meta.dirname, '../..')
const SERVER = 'https://10.89.0.1:6443'

/** One machine with the control plane and a node, and another that joins it; apart by a router if their gateways differ. */
async function twoMachines(second: { readonly address: string; readonly gateway: string }) {
  await using stack = new AsyncDisposableStack()
  const network = stack.use(new Switch())
  const [a, b] = [stack.use(new Machine('a')), stack.use(new Machine('b', second))]
  network.connect(a)
  network.connect(b, second.gateway)
  await a.t8s('up')
  const owned = stack.move()
  return { a, b, [Symbol.asyncDispose]: () => owned.disposeAsync() }
}

/** The command that `token create` prints, as words. */
async function joinCommand(a: Machine, ...more: string[]): Promise<string[]> {
  const [program, ...words] = (await a.t8s('token', 'create', '--print-join-command', ...more)).trim().split(' ')
  assert.equal(program, 't8s')
  return words
}

function agent(b: Machine, words: readonly string[]) {
  return b.serving('The node runs', join(ROOT, 't8s'), ...words, '--node-name', 'b', '--data-dir', b.data)
}

/** Fetches a name from inside a pod. */
const fetchFrom = (a: Machine, pod: string, url: string): Promise<string> =>
  a.kubectl('exec', pod, '--', 'timeout', '10', 'wget', '-qO-', url)

async function podsByNode(a: Machine): Promise<Map<string, { readonly name: string; readonly ip: string }>> {
  const format = '{range .items[*]}{.spec.nodeName} {.metadata.name} {.status.podIP}{"\\n"}{end}'
  const text = await a.kubectl('get', 'pods', '-l', 'app=everywhere', '-o', `jsonpath=${format}`)
  const rows = text
    .trim()
    .split('\n')
    .map((line) => line.split(' '))
  return new Map(rows.map(([node, name, ip]) => [node!, { name: name!, ip: ip! }]))
}

const everywhere = {
  apiVersion: 'apps/v1',
  kind: 'DaemonSet',
  metadata: { name: 'everywhere' },
  spec: {
    selector: { matchLabels: { app: 'everywhere' } },
    template: {
      metadata: { labels: { app: 'everywhere' } },
      spec: {
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
}

/** Pods on both nodes reach each other by address, by Service and by name, and kubectl reaches them. */
async function checkTraffic(a: Machine, b: Machine): Promise<void> {
  const images = await buildTestImages(a.directory)
  await Promise.all([a.t8s('image', 'load', ...images), b.t8s('image', 'load', ...images)])
  await a.feed(JSON.stringify(everywhere), 'kubectl', 'apply', '-f', '-')
  await a.kubectl('rollout', 'status', 'daemonset/everywhere', '--timeout=60s')
  await a
    .kubectl('expose', 'daemonset/everywhere', '--port=80', '--target-port=8080', '--type=NodePort')
    .catch(() => a.kubectl('create', 'service', 'nodeport', 'everywhere', '--tcp=80:8080'))
  const pods = await podsByNode(a)
  const [one, other] = [pods.get('node-1')!, pods.get('b')!]
  assert.equal(await fetchFrom(a, one.name, `http://${other.ip}:8080/hostname`), `${other.name}\n`)
  assert.equal(await fetchFrom(a, other.name, `http://${one.ip}:8080/hostname`), `${one.name}\n`)
  for (const from of [one, other]) {
    const seen = new Set<string>()
    for (let count = 0; count < 30 && seen.size < 2; count++)
      seen.add(await fetchFrom(a, from.name, 'http://everywhere.default.svc.cluster.local/hostname'))
    assert.deepEqual([...seen].sort(), [`${one.name}\n`, `${other.name}\n`].sort())
  }
  const port = await a.kubectl('get', 'service', 'everywhere', '-o', 'jsonpath={.spec.ports[0].nodePort}')
  for (const machine of [a, b])
    assert.match(await machine.exec('curl', '-sf', '-m', '10', `http://10.89.0.1:${port}/hostname`), /^everywhere-/)
  assert.equal(await a.kubectl('logs', other.name), 'listening on 8080\n')
  await assert.rejects(a.kubectl('exec', other.name, '--', 'sh', '-c', 'exit 7'), { code: 7 })
}

test('a node joins with a server and a token, and is a node like any other', { timeout: 300_000 }, async (context) => {
  await using machines = await twoMachines({ address: '10.89.0.2', gateway: '10.89.0.254' })
  const { a, b } = machines
  const words = await joinCommand(a)
  const first = await agent(b, words)
  await a.kubectl('wait', '--for=condition=Ready', '--timeout=60s', 'node/b')

  await context.test('traffic, logs and exec work across the nodes', () => checkTraffic(a, b))

  await context.test('the route to the other node is straight, for they share a network', async () => {
    assert.match(await b.exec('ip', 'route', 'show', 'proto', '118'), /^10\.\d+\.0\.0\/24 via 10\.89\.0\.1 dev up0/)
  })

  await context.test('its certificates are those of its own requests, and nobody else may read its files', async () => {
    const requests = await a.kubectl(
      'get',
      'csr',
      '-o',
      'jsonpath={range .items[*]}{.spec.username} {.spec.signerName}{"\\n"}{end}',
    )
    assert.deepEqual(requests.trim().split('\n').sort(), [
      `system:bootstrap:${words[words.indexOf('--token') + 1]!.slice(0, 6)} kubernetes.io/kube-apiserver-client-kubelet`,
      'system:node:b kubernetes.io/kube-apiserver-client',
      'system:node:b kubernetes.io/kube-apiserver-client',
      'system:node:b kubernetes.io/kubelet-serving',
    ])
    const pki = join(b.data, 'nodes/b/pki')
    for (const file of readdirSync(pki)) assert.equal(statSync(join(pki, file)).mode & 0o777, 0o600, file)
    const text = await b.exec('openssl', 'verify', '-CAfile', join(pki, 'ca.crt'), join(pki, 'kubelet-server.pem'))
    assert.match(text, /: OK/)
  })

  await context.test('all certificates are renewed at once, without a restart', async () => {
    const served = async (machine: Machine, address: string): Promise<string> => {
      const text = await machine.feed(
        '',
        'openssl',
        's_client',
        '-connect',
        address,
        '-CAfile',
        join(b.data, 'nodes/b/pki/ca.crt'),
      )
      assert.match(text, /Verify return code: 0 \(ok\)/)
      return /-----BEGIN CERTIFICATE-----[^-]+/.exec(text)![0]
    }
    const before = [await served(b, '10.89.0.1:6443'), await served(a, '10.89.0.2:10250')]
    const pids = [await a.pidOf('server'), await b.pidOf('b')]
    const onServer = await a.t8s('certs', 'renew')
    assert.deepEqual(onServer.trim().split('\n'), [
      'renewed apiserver',
      'renewed apiserver-kubelet-client',
      'renewed front-proxy-client',
      'renewed admin',
      ...['kubelet', 'kubelet-server', 'proxy', 'dns'].map((name) => `renewed node-1/${name}`),
    ])
    await b.t8s('certs', 'renew')
    const after = [await served(b, '10.89.0.1:6443'), await served(a, '10.89.0.2:10250')]
    assert.notEqual(after[0], before[0])
    assert.notEqual(after[1], before[1])
    assert.deepEqual([await a.pidOf('server'), await b.pidOf('b')], pids)
    const pods = await podsByNode(a)
    for (const { name } of pods.values()) assert.equal(await a.kubectl('logs', name), 'listening on 8080\n')
    await a.kubectl('rollout', 'restart', 'daemonset/everywhere')
    await a.kubectl('rollout', 'status', 'daemonset/everywhere', '--timeout=60s')
    const listed = JSON.parse(await b.t8s('certs', 'check', '-o', 'json')) as { name: string; authority: string }[]
    assert.deepEqual(
      listed.map(({ name, authority }) => `${name} ${authority}`),
      [
        'b/dns kubernetes-client-ca',
        'b/kubelet kubernetes-client-ca',
        'b/kubelet-server kubernetes-server-ca',
        'b/proxy kubernetes-client-ca',
      ],
    )
  })

  await context.test('after kill -9 it comes back without the token, and no container was restarted', async () => {
    const before = await a.kubectl('get', 'pods', '-o', 'jsonpath={.items[*].status.containerStatuses[*].containerID}')
    await a.t8s('token', 'delete', words[words.indexOf('--token') + 1]!)
    await b.kill9('b')
    await first.ended
    const second = await agent(b, ['agent'])
    await a.kubectl('wait', '--for=jsonpath={.status.numberReady}=2', 'daemonset/everywhere', '--timeout=60s')
    const pods = await podsByNode(a)
    assert.equal(await a.kubectl('logs', pods.get('b')!.name), 'listening on 8080\n')
    assert.equal(await a.kubectl('get', 'pods', '-o', 'jsonpath={.items[*].status.containerStatuses[*].containerID}'), before)
    await b.t8s('down')
    await second.ended
  })

  await context.test('down and reset leave nothing on the machine that joined', async () => {
    await b.t8s('reset', '--yes')
    assert.deepEqual(b.leftovers(), [])
    assert.equal(await b.exec('ip', 'route', 'show', 'proto', '118'), '')
  })
})

test('a node behind a router is reached through a tunnel', { timeout: 300_000 }, async () => {
  await using machines = await twoMachines({ address: '10.90.0.2', gateway: '10.90.0.254' })
  const { a, b } = machines
  const running = await agent(b, await joinCommand(a))
  await a.kubectl('wait', '--for=condition=Ready', '--timeout=60s', 'node/b')
  await checkTraffic(a, b)
  assert.match(await b.exec('ip', 'route', 'show', 'proto', '118'), /^10\.\d+\.0\.0\/24 via 10\.\d+\.0\.0 dev t8v-\w+ onlink/)
  await b.t8s('down')
  await running.ended
  assert.equal(await b.exec('ip', 'route', 'show', 'proto', '118'), '')
  assert.deepEqual(b.leftovers(), [])
})

test('who can not join is told why in one sentence', { timeout: 120_000 }, async (context) => {
  await using machines = await twoMachines({ address: '10.89.0.2', gateway: '10.89.0.254' })
  const { a, b } = machines
  const [id, secret] = (await a.t8s('token', 'create')).trim().split('.')
  const hash = (await joinCommand(a)).at(-1)!
  const cases: readonly (readonly [what: string, words: string[], sentence: RegExp])[] = [
    ['no token', ['--server', SERVER], /there is no node here yet; give --server and --token/],
    ['a malformed token', ['--server', SERVER, '--token', 'x'], /--token takes a token of the form/],
    [
      'an unknown token',
      ['--server', SERVER, '--token', 'aaaaaa.0123456789abcdef'],
      /knows no token with the id aaaaaa, or it has expired; make a new one/,
    ],
    ['a wrong secret', ['--server', SERVER, '--token', `${id}.0123456789abcdef`], /does not know the secret half of the token/],
    [
      'another authority',
      ['--server', SERVER, '--token', `${id}.${secret}`, '--ca-cert-hash', `sha256:${'0'.repeat(64)}`],
      /the authority of https:\/\/10\.89\.0\.1:6443 is not the one that --ca-cert-hash names/,
    ],
    [
      'a closed port',
      ['--server', 'https://10.89.0.1:6444', '--token', `${id}.${secret}`],
      /nothing listens at https:\/\/10\.89\.0\.1:6444; check --server/,
    ],
    [
      'a name that is taken',
      ['--server', SERVER, '--token', `${id}.${secret}`, '--ca-cert-hash', hash, '--node-name', 'node-1'],
      /a node node-1 is in the cluster already and is Ready; choose another name with --node-name/,
    ],
  ]
  for (const [what, words, sentence] of cases) {
    await context.test(what, async () => {
      const named = words.includes('--node-name') ? words : [...words, '--node-name', 'b']
      await assert.rejects(b.t8s('agent', ...named), (error: Error & { code: number; stderr: string }) => {
        const lines = error.stderr.trim().split('\n')
        assert.match(lines.at(-1)!, sentence)
        return error.code === 1
      })
    })
  }
})
