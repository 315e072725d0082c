import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { connect, createServer, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { systemClock, systemRandom } from '#base'
import { createAuthority } from '#cluster'
import type { Store } from '#store'
import { startTestApiServer } from '#testing'
import { freePorts } from '../node/etcd-cluster.ts'
import { upstreamProgram } from './peer.ts'

/** What one asks with: a certificate of the administrator, of a user who may do nothing, or none. */
export type Who = 'admin' | 'nobody' | 'anonymous'

export interface Side {
  readonly name: 'ours' | 'theirs'
  readonly port: number
}

/** Our API server and upstream's generic one, of the same clients, namespaces, flow schemas and rights: both ask ours for these. */
export interface Servers extends AsyncDisposable {
  readonly ours: Side
  readonly theirs: Side
  readonly ca: string
  readonly identities: Readonly<Record<Who, { readonly cert?: string; readonly key?: string }>>
  /** Of upstream's etcd, for etcdctl. */
  readonly etcd: string
  /** Of ours. */
  readonly store: Store
}

/** How long upstream's server may take to be ready, in milliseconds. */
const READY_WITHIN_MS = 60_000

/** Both on loopback, in a temporary folder, with Debian's etcd (package etcd-server) for upstream's; nothing is left of them once they are disposed of. */
export async function startServers(): Promise<Servers> {
  await using stack = new AsyncDisposableStack()
  const directory = mkdtempSync(join(tmpdir(), 't8s-upstream-'))
  stack.defer(() => rmSync(directory, { recursive: true, force: true }))
  const authority = await createAuthority('both', { clock: systemClock, random: systemRandom })
  const serving = await authority.issue({ commonName: 'localhost', hosts: ['127.0.0.1', 'localhost'], usages: ['server'] })
  const admin = await authority.issue({ commonName: 'admin', organizations: ['system:masters'], usages: ['client'] })
  const nobody = await authority.issue({ commonName: 'nobody', usages: ['client'] })
  const [etcdPort, peerPort, port] = await freePorts(3)

  const api = stack.use(await startTestApiServer({ clock: systemClock }))
  const tls = { ...serving, clientCA: authority.certificate }
  const listener = stack.use(await api.server.listen({ host: '127.0.0.1', port: 0, tls }))

  const file = (name: string, text: string): string => {
    writeFileSync(join(directory, name), text, { mode: 0o600 })
    return join(directory, name)
  }
  const own = `http://127.0.0.1:${etcdPort}`
  const peer = `http://127.0.0.1:${peerPort}`
  const etcdFlags = {
    'data-dir': join(directory, 'etcd'),
    'listen-client-urls': own,
    'advertise-client-urls': own,
    'listen-peer-urls': peer,
    'initial-advertise-peer-urls': peer,
    'initial-cluster': `default=${peer}`,
    'log-level': 'error',
    'unsafe-no-fsync': 'true',
  }
  start(stack, 'etcd', etcdFlags, join(directory, 'etcd.log'))
  const etcd = await renewed(stack, etcdPort!)
  const kubeconfig = file('kubeconfig', kubeconfigOf(listener.port, authority.certificate, admin))
  const log = join(directory, 'apiserver.log')
  const server = start(
    stack,
    upstreamProgram('apiextensions-apiserver'),
    {
      'etcd-servers': etcd,
      'bind-address': '127.0.0.1',
      'secure-port': String(port),
      'tls-cert-file': file('serving.crt', serving.certificate),
      'tls-private-key-file': file('serving.key', serving.key),
      'client-ca-file': file('ca.crt', authority.certificate),
      kubeconfig,
      'authentication-kubeconfig': kubeconfig,
      'authorization-kubeconfig': kubeconfig,
      'authentication-skip-lookup': 'true',
      // As kube-apiserver, which every one may ask for its health and nothing else by default.
      'authorization-always-allow-paths': '/healthz,/livez,/readyz',
    },
    log,
  )
  const identities = {
    admin: { cert: admin.certificate, key: admin.key },
    nobody: { cert: nobody.certificate, key: nobody.key },
    anonymous: {},
  }
  const servers = { ours: { name: 'ours', port: listener.port }, theirs: { name: 'theirs', port: port! } } as const
  await untilReady(server, log, port!)
  const owned = stack.move()
  return {
    ...servers,
    ca: authority.certificate,
    identities,
    etcd,
    store: api.store,
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  }
}

/**
 * Debian's etcd, 3.4.23, says that it is 3.4.31: upstream's server denies bookmarks to whoever is older. What the later ones mended is a race between marks and events
 * of a watch that is far behind.
 */
async function renewed(stack: AsyncDisposableStack, etcdPort: number): Promise<string> {
  const sockets = new Set<Socket>()
  const proxy = createServer((near) => {
    const far = connect(etcdPort, '127.0.0.1')
    for (const socket of [near, far]) {
      sockets.add(socket)
      socket.on('error', () => undefined).once('close', () => sockets.delete(socket))
    }
    near.pipe(far)
    far.on('data', (bytes) => near.write(Buffer.from(bytes.toString('latin1').replaceAll('3.4.23', '3.4.31'), 'latin1')))
    near.once('close', () => far.destroy())
    far.once('close', () => near.destroy())
  }).listen(0, '127.0.0.1')
  await once(proxy, 'listening')
  stack.defer(async () => {
    for (const socket of sockets) socket.destroy()
    await once(proxy.close(), 'close')
  })
  return `http://127.0.0.1:${(proxy.address() as { port: number }).port}`
}

function start(
  stack: AsyncDisposableStack,
  program: string,
  flags: Readonly<Record<string, string>>,
  logFile: string,
): ChildProcess {
  const words = Object.entries(flags).map(([flag, value]) => `--${flag}=${value}`)
  // It goes when this process goes, however that ends.
  const script = 'log=$1; shift; exec setpriv --pdeathsig KILL "$@" >"$log" 2>&1'
  const child = spawn('/bin/sh', ['-c', script, 'sh', logFile, program, ...words], { stdio: 'ignore' })
  stack.defer(async () => {
    if (child.exitCode !== null || child.signalCode !== null) return
    const gone = once(child, 'exit')
    child.kill('SIGKILL')
    await gone
  })
  return child
}

async function untilReady(server: ChildProcess, log: string, port: number): Promise<void> {
  const { request } = await import('node:https')
  const until = systemClock.now() + READY_WITHIN_MS
  const isReady = (): Promise<boolean> =>
    new Promise((resolve) => {
      const asked = request({ host: '127.0.0.1', port, path: '/readyz', rejectUnauthorized: false, agent: false }, (response) => {
        response.resume()
        resolve(response.statusCode === 200)
      })
      asked.once('error', () => resolve(false)).end()
    })
  while (!(await isReady())) {
    if (server.exitCode !== null || systemClock.now() > until)
      throw new Error(`upstream's API server did not get ready:\n${readFileSync(log, 'utf8')}`)
    // Nobody is told when a program of somebody else is ready.
    await systemClock.sleep(200)
  }
}

function kubeconfigOf(
  port: number,
  ca: string,
  { certificate, key }: { readonly certificate: string; readonly key: string },
): string {
  const base64 = (text: string): string => Buffer.from(text).toString('base64')
  const cluster = { server: `https://127.0.0.1:${port}`, 'certificate-authority-data': base64(ca) }
  const user = { 'client-certificate-data': base64(certificate), 'client-key-data': base64(key) }
  return JSON.stringify({
    apiVersion: 'v1',
    kind: 'Config',
    clusters: [{ name: 'ours', cluster }],
    users: [{ name: 'admin', user }],
    contexts: [{ name: 'ours', context: { cluster: 'ours', user: 'admin' } }],
    'current-context': 'ours',
  })
}
