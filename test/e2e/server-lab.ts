import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { readdirSync, readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { Machine } from './machine.ts'
import { Switch } from './switch.ts'

const ROOT = join(import.meta.dirname, '../..')
/** How long a server that is asked to end says so before; a load balancer that looks five times a second sees it. */
const END = ['--shutdown-delay-duration', '1s']

/** A machine with a server on it, which runs while it is not killed. */
export interface ServerMachine {
  readonly name: string
  readonly address: string
  readonly url: string
  readonly machine: Machine
  process: ChildProcess | undefined
}

/** Machines on one switch, each in a network namespace of its own, with a server and an etcd member on each. Nothing of them outlives it. */
export class ServerLab implements AsyncDisposable {
  readonly servers: readonly ServerMachine[]
  /** On the same network, with no server: where clients are. */
  readonly outside: Machine
  readonly #switch: Switch
  readonly #stack: AsyncDisposableStack

  private constructor(count: number, stack: AsyncDisposableStack) {
    this.#stack = stack
    this.#switch = stack.use(new Switch())
    this.outside = stack.use(new Machine('client', { address: '10.89.0.99' }))
    this.#switch.connect(this.outside)
    this.servers = Array.from({ length: count }, (_, index) => {
      const address = `10.89.0.${index + 1}`
      const machine = stack.use(new Machine(`s${index + 1}`, { address }))
      this.#switch.connect(machine)
      return { name: `s${index + 1}`, address, url: `https://${address}:6443`, machine, process: undefined }
    })
  }

  /** The first begins the cluster, the others join it one after the other. */
  static async start(count: number): Promise<ServerLab> {
    await using stack = new AsyncDisposableStack()
    const lab = new ServerLab(count, stack)
    const [first, ...others] = lab.servers
    // Before the machines are taken away: a server without the others would take its time to end.
    stack.defer(async () => {
      await Promise.all(lab.servers.map((server) => lab.kill(server)))
      // A killed server leaves nothing but files; `reset` would look for the others first.
      for (const { machine } of lab.servers) rmSync(machine.data, { recursive: true, force: true })
    })
    await lab.run(first!, '--cluster-init', '--name', first!.name)
    for (const server of others) await lab.run(server, ...(await lab.joinWords()), '--name', server.name)
    const owned = stack.move()
    lab[Symbol.asyncDispose] = () => owned.disposeAsync()
    return lab
  }

  /** The words that `token create` prints, without the program. */
  async joinWords(): Promise<string[]> {
    const line = await this.servers[0]!.machine.t8s('token', 'create', '--control-plane', '--print-join-command')
    return line.trim().split(' ').slice(2)
  }

  /** Runs a server until it serves. A machine that has been one needs no words. */
  async run({ machine, name }: ServerMachine, ...words: readonly string[]): Promise<void> {
    const server = this.servers.find((each) => each.name === name)!
    const child = inside(machine, join(ROOT, 't8s'), 'server', ...words, ...END, '--data-dir', machine.data, '--no-install')
    server.process = child
    let errors = ''
    child.stderr!.setEncoding('utf8').on('data', (text: string) => {
      errors = (errors + text).slice(-4000)
    })
    for await (const line of createInterface({ input: child.stdout! })) if (line.startsWith('The server runs')) return
    throw new Error(`server ${name} ended: ${errors.trim().split('\n').at(-1)}`)
  }

  /** Pulls the machine's plug: the server and its etcd are gone at once. */
  async kill(server: ServerMachine): Promise<void> {
    const child = server.process
    server.process = undefined
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return
    const ended = once(child, 'exit')
    // `t8s` is a script that becomes node, so that this is the server itself.
    child.kill('SIGKILL')
    await ended
  }

  /** Asks a server to end, and waits until it has. Throws when it does not end well. */
  async stop(server: ServerMachine): Promise<void> {
    const child = server.process!
    server.process = undefined
    const ended = once(child, 'exit')
    child.kill('SIGTERM')
    const [code, signal] = (await ended) as [number | null, string | null]
    if (code !== 0) throw new Error(`server ${server.name} ended with ${signal ?? code}`)
  }

  /** Pulls the machine's network cable, or plugs it in again. */
  cable({ machine }: ServerMachine, state: 'up' | 'down'): void {
    execFileSync('ip', ['-n', machine.namespace, 'link', 'set', 'up0', state])
    if (state === 'up') execFileSync('ip', ['-n', machine.namespace, 'route', 'replace', 'default', 'via', '10.89.0.254'])
  }

  /** The process of a machine's etcd, which its command line tells by the data directory. */
  etcdPid({ machine }: ServerMachine): number | undefined {
    return readdirSync('/proc')
      .filter((pid) => /^\d+$/.test(pid))
      .map(Number)
      .find((pid) => /^\S*etcd --name/.test(commandOf(pid)) && commandOf(pid).includes(`--data-dir=${machine.data}/`))
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#stack.disposeAsync()
  }
}

/** Starts a program in a machine's network; it ends with the caller who kills it. */
export function inside(machine: Machine, program: string, ...words: readonly string[]): ChildProcess {
  return spawn('nsenter', [`--net=/run/netns/${machine.namespace}`, program, ...words], {
    stdio: ['pipe', 'pipe', 'pipe'],
    env: { ...process.env, HOME: machine.directory, KUBECONFIG: join(machine.data, 'kubeconfig') },
    cwd: ROOT,
  })
}

export const memberFile = ({ machine }: ServerMachine): { readonly phase: string; readonly others: readonly string[] } =>
  JSON.parse(readFileSync(join(machine.data, 'etcd/member.json'), 'utf8'))

function commandOf(pid: number): string {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ')
  } catch {
    return ''
  }
}
