import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { systemClock, systemRandom } from '#base'
import { createAuthority } from '#cluster'
import { freePorts } from '../node/etcd-cluster.ts'
import { upstreamProgram } from './peer.ts'

/** Upstream's generic API server behind ours: it authenticates and authorises by what it finds and asks there, with `kubeconfig`. */
export interface ExtensionServer extends AsyncDisposable {
  readonly port: number
  /** Of its own certificate, for `host`. */
  readonly ca: string
  /** All that it logged. */
  log(): string
  stop(): Promise<void>
}

/** Resolves at once; whoever waits for it sees it become available. */
export async function startExtensionServer(host: string, kubeconfig: string): Promise<ExtensionServer> {
  await using stack = new AsyncDisposableStack()
  const directory = mkdtempSync(join(tmpdir(), 't8s-extension-'))
  stack.defer(() => rmSync(directory, { recursive: true, force: true }))
  const file = (name: string, text: string): string => {
    writeFileSync(join(directory, name), text, { mode: 0o600 })
    return join(directory, name)
  }
  const authority = await createAuthority('extension', { clock: systemClock, random: systemRandom })
  const serving = await authority.issue({ commonName: host, hosts: [host, '127.0.0.1'], usages: ['server'] })
  const [etcdPort, peerPort, port] = await freePorts(3)
  const [etcd, peer] = [`http://127.0.0.1:${etcdPort}`, `http://127.0.0.1:${peerPort}`]
  stack.use(
    run('etcd', join(directory, 'etcd.log'), {
      'data-dir': join(directory, 'etcd'),
      'listen-client-urls': etcd,
      'advertise-client-urls': etcd,
      'listen-peer-urls': peer,
      'initial-advertise-peer-urls': peer,
      'initial-cluster': `default=${peer}`,
      'log-level': 'error',
      'unsafe-no-fsync': 'true',
    }),
  )
  const log = join(directory, 'apiserver.log')
  const known = file('kubeconfig', kubeconfig)
  const server = stack.use(
    run(upstreamProgram('apiextensions-apiserver'), log, {
      'etcd-servers': etcd,
      'bind-address': '127.0.0.1',
      'secure-port': String(port),
      'tls-cert-file': file('serving.crt', serving.certificate),
      'tls-private-key-file': file('serving.key', serving.key),
      kubeconfig: known,
      'authentication-kubeconfig': known,
      'authorization-kubeconfig': known,
    }),
  )
  const owned = stack.move()
  return {
    port: port!,
    ca: authority.certificate,
    log: () => readFileSync(log, 'utf8'),
    stop: async () => server[Symbol.asyncDispose](),
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  }
}

function run(program: string, log: string, flags: Readonly<Record<string, string>>): AsyncDisposable {
  const words = Object.entries(flags).map(([flag, value]) => `--${flag}=${value}`)
  const child: ChildProcess = spawn('/bin/sh', ['-c', 'log=$1; shift; exec "$@" >"$log" 2>&1', 'sh', log, program, ...words], {
    stdio: 'ignore',
  })
  return {
    async [Symbol.asyncDispose]() {
      if (child.exitCode !== null || child.signalCode !== null) return
      const gone = once(child, 'exit')
      child.kill('SIGKILL')
      await gone
    },
  }
}
