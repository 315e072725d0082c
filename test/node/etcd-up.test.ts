import assert from 'node:assert/strict'
import { execFile, execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { copyFileSync, cpSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import test from 'node:test'
import { promisify } from 'node:util'
import { callControl } from '../../src/cluster/control-socket.ts'
import { alone } from './alone.ts'
import { EtcdCluster } from './etcd-cluster.ts'

const place = alone(import.meta.filename)
const run = promisify(execFile)
const ROOT = join(import.meta.dirname, '../..')
const PORT = 7443

test('t8s up keeps a cluster in etcd, and finds it there again', async () => {
  execFileSync('ip', ['link', 'set', 'lo', 'up'])
  mkdirSync(place.directory, { recursive: true })
  await using etcd = await EtcdCluster.start(3)
  const data = join(place.directory, 'd')
  const env = { ...process.env, HOME: place.directory, KUBECONFIG: join(data, 'kubeconfig') }
  const t8s = async (...words: readonly string[]): Promise<string> =>
    (await run(join(ROOT, 't8s'), [...words, '--data-dir', data], { env, cwd: ROOT })).stdout
  const kubectl = async (...words: readonly string[]): Promise<string> => (await run('kubectl', words, { env })).stdout
  const store = `etcd=${etcd.servers.join(',')}`

  await assert.rejects(t8s('up', '--runtime', 'simulated', '--store', 'etcd=nonsense'), /"nonsense" is no URL of an etcd member/)
  await assert.rejects(t8s('up', '--runtime', 'simulated', '--store', store, '--etcd-certfile', 'c.pem'), /belong together/)
  assert.match(await t8s('up', '--runtime', 'simulated', '--nodes', '2', '--store', store), /2 nodes are Ready/)
  try {
    await kubectl('create', 'configmap', 'kept', '--from-literal', 'key=value')
    await etcd.signal(await etcd.leader(), 'SIGKILL')
    await t8s('down')
    await t8s('up')
    assert.equal(await kubectl('get', 'configmap', 'kept', '-o', 'jsonpath={.data.key}'), 'value')
    assert.match(await kubectl('get', 'nodes'), /node-1 +Ready.*node-2 +Ready/s)
    await besideIt({ data, env, servers: etcd.servers })
    await assert.rejects(t8s('up', '--store', 'embedded'), /was made with store etcd=/)
    await t8s('down')
    writeFileSync(join(data, 'store/etcd-cluster-id'), 'abc\n')
    await assert.rejects(t8s('up'), /is cluster [0-9a-f]+, and this server belongs to cluster abc; check the URLs, or delete/)
  } finally {
    await t8s('down')
  }
})

test('of two servers over one etcd the second goes on when the first is killed', async (context) => {
  await using etcd = await EtcdCluster.start(3)
  const [first, second] = ['1', '2'].map((name) => join(place.directory, name)) as [string, string]
  const env = { ...process.env, HOME: place.directory }
  const t8s = async (data: string, ...words: readonly string[]): Promise<string> =>
    (await run(join(ROOT, 't8s'), [...words, '--data-dir', data], { env, cwd: ROOT })).stdout
  const kubectl = async (data: string, ...words: readonly string[]): Promise<string> =>
    (await run('kubectl', ['--kubeconfig', join(data, 'kubeconfig'), ...words], { env })).stdout
  await t8s(first, 'up', '--runtime', 'simulated', '--store', `etcd=${etcd.servers.join(',')}`)
  // The second is a copy of the first at another port: its authorities are the same.
  mkdirSync(second)
  cpSync(join(first, 'pki'), join(second, 'pki'), { recursive: true })
  const config = JSON.parse(readFileSync(join(first, 'cluster.json'), 'utf8')) as object
  writeFileSync(join(second, 'cluster.json'), JSON.stringify({ ...config, apiPort: PORT + 1 }))
  try {
    await t8s(second, 'up')
    await kubectl(first, 'create', 'deployment', 'before', '--image', 'web:1')
    await kubectl(second, 'rollout', 'status', 'deployment/before', '--timeout', '60s')
    const { pid } = (await callControl(join(first, 'run', 'server.sock'), 'status')) as { pid: number }
    const startedMs = performance.now()
    process.kill(pid, 'SIGKILL')
    await kubectl(second, 'create', 'deployment', 'after', '--image', 'web:1')
    await kubectl(second, 'rollout', 'status', 'deployment/after', '--timeout', '60s')
    context.diagnostic(`a Deployment ran ${Math.round(performance.now() - startedMs)} ms after the first server was killed`)
    assert.match(await kubectl(second, 'get', 'pods', '--no-headers'), /^(?:\S+ +1\/1 +Running.*\n){2}$/)
  } finally {
    await t8s(second, 'down')
  }
})

/** `t8s apiserver` alone serves what the cluster keeps, and with another prefix nothing of it. */
async function besideIt({
  data,
  env,
  servers,
}: {
  data: string
  env: NodeJS.ProcessEnv
  servers: readonly string[]
}): Promise<void> {
  const pki = join(data, 'pki')
  for (const [prefix, found] of [
    ['/registry', 'value'],
    ['/elsewhere', ''],
  ] as const) {
    const words = [
      'apiserver',
      '--secure-port',
      String(PORT),
      '--advertise-address',
      '10.7.7.7',
      '--etcd-servers',
      servers.join(','),
    ]
    const keys = ['--service-account-signing-key-file', join(pki, 'sa.key'), '--client-ca-file', join(pki, 'client-ca.crt')]
    const issuer = ['--service-account-issuer', 'https://kubernetes.default.svc', '--data-dir', join(data, 'beside')]
    const server = spawn(join(ROOT, 't8s'), [...words, ...keys, ...issuer, '--etcd-prefix', prefix], {
      env,
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    const ended = once(server, 'exit')
    try {
      for await (const line of server.stderr) if (/serves/.test(String(line))) break
      const kubeconfig = join(data, 'beside.kubeconfig')
      copyFileSync(join(data, 'kubeconfig'), kubeconfig)
      const kubectl = (...more: readonly string[]) => run('kubectl', ['--kubeconfig', kubeconfig, ...more], { env })
      await kubectl('config', 'set-cluster', 't8s', `--server=https://127.0.0.1:${PORT}`, '--insecure-skip-tls-verify=true')
      const { stdout } = await kubectl('get', 'configmap', 'kept', '--ignore-not-found', '-o', 'jsonpath={.data.key}')
      assert.equal(stdout, found, prefix)
      await kubectl('get', 'namespace', 'kube-system')
    } finally {
      server.kill()
      await ended
    }
  }
}
