import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { systemClock } from '#base'
import { openEtcdStore } from '#store'

export interface EtcdTlsFiles {
  readonly ca: string
  readonly certificate: string
  readonly key: string
}

/** Numbers of 64 bits: two that differ in JSON also differ as read, all but surely. */
interface EndpointStatus {
  readonly leader: number
  readonly header: { readonly member_id: number }
}

interface Member {
  readonly name: string
  readonly clientURL: string
  readonly peerURL: string
  process: ChildProcess | undefined
}

/** Debian's etcd on loopback: one member or more, each of which can be killed, stopped and started again with what it kept. */
export class EtcdCluster implements AsyncDisposable {
  readonly #directory = mkdtempSync(join(tmpdir(), 't8s-etcd-'))
  readonly #members: readonly Member[]
  readonly #tls: EtcdTlsFiles | undefined
  readonly #arguments: readonly string[]

  private constructor(members: readonly Member[], tls: EtcdTlsFiles | undefined, more: readonly string[]) {
    this.#members = members
    this.#tls = tls
    this.#arguments = more
  }

  static async start(
    count: number,
    { tls, more = [] }: { readonly tls?: EtcdTlsFiles; readonly more?: readonly string[] } = {},
  ): Promise<EtcdCluster> {
    const ports = await freePorts(2 * count)
    const scheme = tls === undefined ? 'http' : 'https'
    const members = Array.from({ length: count }, (_, index) => ({
      name: `m${index}`,
      clientURL: `${scheme}://127.0.0.1:${ports[2 * index]}`,
      peerURL: `http://127.0.0.1:${ports[2 * index + 1]}`,
      process: undefined,
    }))
    const cluster = new EtcdCluster(members, tls, more)
    try {
      for (const index of members.keys()) cluster.startMember(index)
      // It is there when it answers.
      if (tls === undefined) {
        await using _store = await openEtcdStore({ servers: cluster.servers, clock: systemClock })
      }
      return cluster
    } catch (error) {
      await cluster[Symbol.asyncDispose]()
      throw error
    }
  }

  get servers(): string[] {
    return this.#members.map(({ clientURL }) => clientURL)
  }

  get size(): number {
    return this.#members.length
  }

  /** The index of the member that leads, as etcdctl says. */
  leader(): number {
    for (const [index, { clientURL }] of this.#members.entries()) {
      const answer = spawnSync('etcdctl', ['--endpoints', clientURL, 'endpoint', 'status', '--write-out', 'json'], {
        encoding: 'utf8',
        env: { ...process.env, ETCDCTL_API: '3' },
      })
      const [status] = answer.status === 0 ? (JSON.parse(answer.stdout) as { Status: EndpointStatus }[]) : []
      if (status !== undefined && status.Status.leader === status.Status.header.member_id) return index
    }
    throw new Error('no member leads')
  }

  startMember(index: number): void {
    const { name, clientURL, peerURL } = this.#members[index]!
    const tls = this.#tls
    const secured =
      tls === undefined
        ? []
        : ['--cert-file', tls.certificate, '--key-file', tls.key, '--trusted-ca-file', tls.ca, '--client-cert-auth']
    const flags = {
      name,
      'data-dir': join(this.#directory, name),
      'listen-client-urls': clientURL,
      'advertise-client-urls': clientURL,
      'listen-peer-urls': peerURL,
      'initial-advertise-peer-urls': peerURL,
      'initial-cluster': this.#members.map((each) => `${each.name}=${each.peerURL}`).join(','),
      'initial-cluster-token': this.#directory,
      'log-level': 'error',
    }
    this.#members[index]!.process = spawn(
      'etcd',
      [...Object.entries(flags).flatMap(([flag, value]) => [`--${flag}`, value]), ...secured, ...this.#arguments],
      { stdio: 'ignore', env: { PATH: process.env['PATH'], ETCD_UNSUPPORTED_ARCH: process.arch } },
    )
  }

  /** `SIGKILL` resolves once the member is gone. */
  async signal(index: number, signal: 'SIGKILL' | 'SIGSTOP' | 'SIGCONT'): Promise<void> {
    const member = this.#members[index]!
    const running = member.process
    if (running === undefined) return
    const ended = signal === 'SIGKILL' ? once(running, 'exit') : undefined
    if (ended !== undefined) member.process = undefined
    running.kill(signal)
    await ended
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.#members.keys().map((index) => this.signal(index, 'SIGKILL')))
    rmSync(this.#directory, { recursive: true, force: true })
  }
}

/** Ports that nobody listened on a moment ago. */
async function freePorts(count: number): Promise<number[]> {
  const servers = Array.from({ length: count }, () => createServer().listen(0, '127.0.0.1'))
  await Promise.all(servers.map((server) => once(server, 'listening')))
  const ports = servers.map((server) => (server.address() as { port: number }).port)
  await Promise.all(servers.map((server) => once(server.close(), 'close')))
  return ports
}
