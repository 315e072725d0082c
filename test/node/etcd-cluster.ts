import { type ChildProcess, execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { systemClock } from '#base'
import { openEtcdStore } from '#store'

const run = promisify(execFile)
const ELECTION_LOOK_MS = 100

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

/** Where a member lives: its address, and the words that start a program there. */
export interface MemberPlace {
  readonly address: string
  readonly through: readonly string[]
}

interface Member {
  readonly name: string
  readonly through: readonly string[]
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
    {
      tls,
      more = [],
      placeOf = () => ({ address: '127.0.0.1', through: [] }),
    }: {
      readonly tls?: EtcdTlsFiles
      readonly more?: readonly string[]
      readonly placeOf?: (index: number) => MemberPlace
    } = {},
  ): Promise<EtcdCluster> {
    const ports = await freePorts(2 * count)
    const scheme = tls === undefined ? 'http' : 'https'
    const members = Array.from({ length: count }, (_, index) => {
      const { address, through } = placeOf(index)
      return {
        name: `m${index}`,
        through,
        clientURL: `${scheme}://${address}:${ports[2 * index]}`,
        peerURL: `http://${address}:${ports[2 * index + 1]}`,
        process: undefined,
      }
    })
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

  /** Process ids of the members that run. */
  get pids(): number[] {
    return this.#members.flatMap((member) => member.process?.pid ?? [])
  }

  /** The index of the member that leads, as etcdctl says; waits for an election. */
  async leader(): Promise<number> {
    for (;;) {
      for (const [index, member] of this.#members.entries()) {
        if (member.process === undefined) continue
        const answer = await this.#etcdctl(index, 'endpoint', 'status', '--write-out', 'json')
        const [status] = answer === undefined ? [] : (JSON.parse(answer) as { Status: EndpointStatus }[])
        if (status !== undefined && status.Status.leader === status.Status.header.member_id) return index
      }
      // Nobody is told of its end.
      await systemClock.sleep(ELECTION_LOOK_MS)
    }
  }

  /** Makes the next member lead. */
  async moveLeader(): Promise<void> {
    const leader = await this.leader()
    const members = (await this.#etcdctl(leader, 'member', 'list')) ?? ''
    const next = members.split('\n').find((line) => line.includes(this.#members[(leader + 1) % this.size]!.clientURL))
    await this.#etcdctl(leader, 'move-leader', next?.split(',')[0] ?? '')
  }

  /** What it prints; undefined when it failed. */
  async #etcdctl(index: number, ...words: readonly string[]): Promise<string | undefined> {
    const env = { ...process.env, ETCDCTL_API: '3' }
    try {
      return (await run('etcdctl', ['--endpoints', this.#members[index]!.clientURL, ...words], { env })).stdout
    } catch {
      return undefined
    }
  }

  /** `through`: words before the program's, after those of the member's place. */
  startMember(index: number, through: readonly string[] = []): void {
    const { name, clientURL, peerURL, through: place } = this.#members[index]!
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
    const words = Object.entries(flags).flatMap(([flag, value]) => [`--${flag}`, value])
    const [program = '', ...rest] = [...place, ...through, 'etcd', ...words, ...secured, ...this.#arguments]
    this.#members[index]!.process = spawn(program, rest, {
      stdio: 'ignore',
      env: { PATH: process.env['PATH'], ETCD_UNSUPPORTED_ARCH: process.arch },
    })
  }

  /** What the members have, in a file, as operators save it. */
  async saveSnapshot(file: string): Promise<void> {
    await run('etcdctl', ['--endpoints', this.servers[0]!, 'snapshot', 'save', file], {
      env: { ...process.env, ETCDCTL_API: '3' },
    })
  }

  /** Kills a member and gives it what a snapshot has, as operators do: under its name, at its URLs. */
  async restoreMember(index: number, file: string): Promise<void> {
    await this.signal(index, 'SIGKILL')
    const { name, peerURL } = this.#members[index]!
    const directory = join(this.#directory, name)
    rmSync(directory, { recursive: true })
    const words = [
      ['--data-dir', directory],
      ['--name', name],
      ['--initial-cluster', this.#members.map((each) => `${each.name}=${each.peerURL}`).join(',')],
      ['--initial-cluster-token', this.#directory],
      ['--initial-advertise-peer-urls', peerURL],
    ].flat()
    await run('etcdctl', ['snapshot', 'restore', file, ...words], { env: { ...process.env, ETCDCTL_API: '3' } })
    this.startMember(index)
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
export async function freePorts(count: number): Promise<number[]> {
  const servers = Array.from({ length: count }, () => createServer().listen(0, '127.0.0.1'))
  await Promise.all(servers.map((server) => once(server, 'listening')))
  const ports = servers.map((server) => (server.address() as { port: number }).port)
  await Promise.all(servers.map((server) => once(server.close(), 'close')))
  return ports
}
