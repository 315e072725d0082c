import { spawnSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { systemClock, systemRandom } from '#base'
import { createAuthority } from '#cluster'
import { Etcd } from './etcd.ts'
import { Connection, type Identity } from './load.ts'
import { findNginx, Nginx } from './nginx.ts'
import { podName } from './pod.ts'
import { ServerProcess, type Target } from './process.ts'

/** Of one server. */
export interface TlsFiles {
  readonly ca: string
  readonly certificate: string
  readonly key: string
}

export const PODS_PATH = '/api/v1/namespaces/default/pods'
export const ONE = `${PODS_PATH}/${podName(1)}`
export const PROTOBUF = { accept: 'application/vnd.kubernetes.protobuf' }

interface BarePorts {
  readonly port: number
  readonly rawPort: number
}

/** All servers that are compared, each in a process of its own, with the same certificates, and what is asked of them. */
export class Lab implements AsyncDisposable {
  readonly identity: Identity
  /** What nginx and etcd are compared with is left out where they are missing. */
  readonly nginx: Nginx | undefined
  readonly etcd: Etcd | undefined
  readonly #stack: AsyncDisposableStack
  readonly #bare: ServerProcess<BarePorts>
  readonly #parameters: readonly string[]
  #ours: ServerProcess<{ readonly port: number }>

  private constructor(
    identity: Identity,
    servers: Pick<Lab, 'nginx' | 'etcd'>,
    bare: ServerProcess<BarePorts>,
    ours: ServerProcess<{ readonly port: number }>,
    parameters: readonly string[],
    stack: AsyncDisposableStack,
  ) {
    this.identity = identity
    this.nginx = servers.nginx
    this.etcd = servers.etcd
    this.#bare = bare
    this.#ours = ours
    this.#parameters = parameters
    this.#stack = stack
  }

  static async start(): Promise<Lab> {
    await using stack = new AsyncDisposableStack()
    const directory = mkdtempSync(join(tmpdir(), 't8s-bench-'))
    stack.defer(() => rmSync(directory, { recursive: true, force: true }))
    const options = { clock: systemClock, random: systemRandom }
    const authority = await createAuthority('bench-authority', options)
    const serving = await authority.issue({ commonName: 'kube-apiserver', hosts: ['127.0.0.1'], usages: ['server', 'client'] })
    const identity = { ca: authority.certificate, own: await authority.issue({ commonName: 'bench', usages: ['client'] }) }
    const file = (name: string, text: string): string => {
      writeFileSync(join(directory, name), text, { mode: 0o600 })
      return join(directory, name)
    }
    const tls: TlsFiles = {
      ca: file('ca.pem', authority.certificate),
      certificate: file('serving.pem', serving.certificate),
      key: file('serving.key', serving.key),
    }
    const files = [tls.certificate, tls.key, tls.ca]
    const bare = stack.use(await ServerProcess.start<BarePorts>('bare.ts', files))
    const parameters = [...files, join(directory, 'store')]
    const ours = await ServerProcess.start<{ readonly port: number }>('server.ts', parameters)
    const program = findNginx()
    if (program === undefined)
      process.stdout.write('nginx is missing: apt-get install nginx-light; nothing is compared with it\n')
    const own = join(directory, 'nginx')
    mkdirSync(own)
    const nginx = program === undefined ? undefined : stack.use(await Nginx.start(program, own, tls))
    const hasEtcd = spawnSync('etcd', ['--version']).status === 0
    if (!hasEtcd) process.stdout.write('etcd is missing: apt-get install etcd-server; nothing is compared with it\n')
    const etcd = hasEtcd ? stack.use(await Etcd.start(tls, identity)) : undefined
    return new Lab(identity, { nginx, etcd }, bare, ours, parameters, stack.move())
  }

  get ours(): Target {
    return { name: 't8s', pid: this.#ours.pid, port: this.#ours.up.port }
  }

  get bare(): Target {
    return { name: 'bare Node', pid: this.#bare.pid, port: this.#bare.up.port }
  }

  /** TLS without HTTP. */
  get raw(): Target {
    return { ...this.bare, name: 'bare TLS', port: this.#bare.up.rawPort }
  }

  /** Creates pods, and then starts the server anew on what it has stored: it holds no more than one that never did anything. etcd gets as much. */
  async fill(count: number): Promise<void> {
    await this.#ours.ask({ kind: 'fill', count })
    await this.#ours[Symbol.asyncDispose]()
    this.#ours = await ServerProcess.start('server.ts', this.#parameters)
    if (this.etcd === undefined) return
    using reader = this.openOne(this.ours)
    using writer = this.openOne(this.etcd)
    const value = await reader.send({ path: ONE })
    const AT_ONCE = 100
    for (let from = 0; from < count; from += AT_ONCE) {
      const names = Array.from({ length: Math.min(AT_ONCE, count - from) }, (_, at) => podName(from + at))
      await Promise.all(names.map((name) => writer.count(this.etcd!.put(name, value))))
    }
  }

  /** What bare Node and nginx answer from now on. */
  async answer(bytes: Buffer): Promise<void> {
    await this.#bare.ask({ kind: 'answer', bytes: bytes.toString('base64') })
    this.nginx?.serve(bytes)
  }

  /** Bare Node writes its answer to all who follow. */
  async push(): Promise<void> {
    await this.#bare.ask({ kind: 'push' })
  }

  open(target: Target, count: number): Connection[] {
    return Array.from({ length: count }, () => this.openOne(target))
  }

  openOne({ port }: Target): Connection {
    return new Connection(port, this.identity)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#ours[Symbol.asyncDispose]()
    await this.#stack.disposeAsync()
  }
}
