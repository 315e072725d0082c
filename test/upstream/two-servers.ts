import { spawn } from 'node:child_process'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { type AddressInfo, createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout } from 'node:timers/promises'
import { readKubeconfig } from '#client'
import { startCluster } from '#cluster'
import { upstreamProgram } from './peer.ts'

const READY_ATTEMPTS = 600
const READY_WAIT_MS = 100

export interface ServerAnswer {
  readonly code: number
  readonly warnings: readonly string[]
  readonly contentType: string
  readonly text: string
}

export interface AskOptions {
  /** JSON, unless it is a text. */
  readonly body?: unknown
  readonly headers?: Readonly<Record<string, string>>
}

export type Ask = (line: string, options?: AskOptions) => Promise<ServerAnswer>

/** Our API server, and upstream's generic one with CustomResourceDefinitions over an etcd of its own, which takes Namespaces from ours. */
export interface TwoServers extends AsyncDisposable {
  readonly ours: Ask
  readonly theirs: Ask
  /** Sends one request to both. */
  both(line: string, options?: AskOptions): Promise<{ readonly ours: ServerAnswer; readonly theirs: ServerAnswer }>
}

export async function startTwoServers(): Promise<TwoServers> {
  await using stack = new AsyncDisposableStack()
  const folder = await mkdtemp(join(tmpdir(), 't8s-two-servers-'))
  stack.defer(() => rm(folder, { recursive: true, force: true }))
  const cluster = stack.use(await startCluster({ nodes: 0 }))
  const kubeconfig = join(folder, 'kubeconfig')
  await writeFile(kubeconfig, cluster.kubeconfig)
  const credentials = await certificateOf(kubeconfig)
  const [client, peer, port] = [await freePort(), await freePort(), await freePort()]
  const etcd = `http://127.0.0.1:${client}`
  const member = `http://127.0.0.1:${peer}`
  stack.use(
    run('etcd', [
      ...['--data-dir', join(folder, 'etcd'), '--listen-client-urls', etcd, '--advertise-client-urls', etcd],
      ...['--listen-peer-urls', member, '--initial-advertise-peer-urls', member, '--initial-cluster', `default=${member}`],
      ...['--unsafe-no-fsync', '--log-level', 'error'],
    ]),
  )
  stack.use(
    run(upstreamProgram('apiextensions-apiserver'), [
      ...[
        '--etcd-servers',
        etcd,
        '--bind-address',
        '127.0.0.1',
        '--secure-port',
        String(port),
        '--cert-dir',
        join(folder, 'certs'),
      ],
      ...['--kubeconfig', kubeconfig, '--authentication-kubeconfig', kubeconfig, '--authorization-kubeconfig', kubeconfig],
    ]),
  )
  const { Agent, request } = await import('undici')
  const askerOf = (origin: string): Ask => {
    const agent = new Agent({ allowH2: false, connect: { ...credentials, rejectUnauthorized: false } })
    stack.defer(() => agent.destroy())
    return async (line, { body, headers } = {}) => {
      const [method = '', path = ''] = line.split(' ')
      const answer = await request(`${origin}${path}`, {
        dispatcher: agent,
        method,
        headers: { accept: 'application/json', 'content-type': 'application/json', ...headers },
        ...(body !== undefined && { body: typeof body === 'string' ? body : JSON.stringify(body) }),
      })
      const text = await answer.body.text()
      const { warning, 'content-type': contentType } = answer.headers
      return { code: answer.statusCode, warnings: [warning ?? []].flat(), contentType: String(contentType), text }
    }
  }
  const ours = askerOf(cluster.url)
  const theirs = askerOf(`https://127.0.0.1:${port}`)
  await untilReady(theirs)
  const owned = stack.move()
  return {
    ours,
    theirs,
    async both(line, options) {
      const [one, other] = await Promise.all([ours(line, options), theirs(line, options)])
      return { ours: one, theirs: other }
    },
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  }
}

/** What the administrator shows. */
async function certificateOf(file: string): Promise<{ readonly cert: string; readonly key: string }> {
  const { users } = await readKubeconfig(file)
  const { 'client-certificate-data': cert = '', 'client-key-data': key = '' } = users![0]!.user
  const text = (base64: string): string => Buffer.from(base64, 'base64').toString()
  return { cert: text(cert), key: text(key) }
}

async function freePort(): Promise<number> {
  const server = createServer()
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  await new Promise((resolve) => server.close(resolve))
  return port
}

function run(program: string, parameters: readonly string[]): AsyncDisposable {
  const log = process.env.T8S_UPSTREAM_LOG ? 'inherit' : 'ignore'
  const child = spawn(program, [...parameters], { stdio: ['ignore', log, log] })
  const gone = new Promise<void>((resolve) => child.once('exit', () => resolve()).once('error', () => resolve()))
  return {
    async [Symbol.asyncDispose]() {
      child.kill('SIGKILL')
      await gone
    },
  }
}

async function untilReady(ask: Ask): Promise<void> {
  for (let attempt = 0; attempt < READY_ATTEMPTS; attempt++) {
    const answer = await ask('GET /readyz').catch(() => undefined)
    if (answer?.code === 200) return
    await setTimeout(READY_WAIT_MS)
  }
  throw new Error('upstream did not become ready')
}
