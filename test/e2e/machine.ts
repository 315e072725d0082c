import { execFile, execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { callControl } from '../../src/cluster/control-socket.ts'

const run = promisify(execFile)
const ROOT = join(import.meta.dirname, '../..')
const TIMEOUT_MS = 120_000

/** A network namespace of the test's own with an address, and a cluster in it. Nothing of it outlives `dispose`. */
export class Machine implements AsyncDisposable {
  readonly directory: string
  readonly data: string
  /** Of its network. */
  readonly namespace: string

  constructor(name: string, { address = '10.89.0.1', gateway = '10.89.0.254' } = {}) {
    // Short: sockets below it have a limit of 107 bytes.
    this.directory = mkdtempSync('/tmp/t8s-')
    this.data = join(this.directory, 'd')
    this.namespace = `t8s-${name}-${process.pid}`
    const ip = (...words: string[]): void => void execFileSync('ip', words)
    const inside = (...words: string[]): void => ip('-n', this.namespace, ...words)
    ip('netns', 'add', this.namespace)
    inside('link', 'set', 'lo', 'up')
    inside('link', 'add', 'up0', 'type', 'veth', 'peer', 'name', 'up1')
    inside('addr', 'add', `${address}/24`, 'dev', 'up0')
    for (const link of ['up0', 'up1']) inside('link', 'set', link, 'up')
    inside('route', 'add', 'default', 'via', gateway, 'dev', 'up0')
  }

  /** Runs a program inside; resolves with its standard output, rejects with what it printed. */
  exec(program: string, ...words: readonly string[]): Promise<string> {
    return this.feed('', program, ...words)
  }

  /** As `exec`, with standard input. */
  async feed(input: string, program: string, ...words: readonly string[]): Promise<string> {
    const running = run('nsenter', [`--net=/run/netns/${this.namespace}`, program, ...words], {
      timeout: TIMEOUT_MS,
      maxBuffer: 1 << 26,
      env: this.#environment,
      cwd: ROOT,
    })
    running.child.stdin!.on('error', () => undefined).end(input)
    return (await running).stdout
  }

  get #environment(): NodeJS.ProcessEnv {
    return { ...process.env, HOME: this.directory, KUBECONFIG: join(this.data, 'kubeconfig') }
  }

  t8s(...words: readonly string[]): Promise<string> {
    return this.exec(join(ROOT, 't8s'), ...words, '--data-dir', this.data)
  }

  kubectl(...words: readonly string[]): Promise<string> {
    return this.exec('kubectl', ...words)
  }

  /** Follows `kubectl get --watch` until a line is `wanted`. */
  async watchUntil(wanted: string, ...words: readonly string[]): Promise<void> {
    const child = spawn('nsenter', [`--net=/run/netns/${this.namespace}`, 'kubectl', 'get', '--watch', ...words], {
      stdio: ['ignore', 'pipe', 'inherit'],
      env: this.#environment,
      timeout: TIMEOUT_MS,
    })
    let text = ''
    for await (const chunk of child.stdout) {
      text += chunk
      if (text.split('\n').includes(wanted)) break
    }
    child.kill()
    if (!text.split('\n').includes(wanted)) throw new Error(`${words.join(' ')} never was ${wanted}: ${text}`)
  }

  /** A program that serves while the test uses it, from the moment it has printed `sign`. */
  async serving(
    sign: string,
    program: string,
    ...words: readonly string[]
  ): Promise<AsyncDisposable & { readonly ended: Promise<unknown> }> {
    let text = ''
    let heard = (): void => {}
    const running = this.talking(
      (chunk) => {
        text += chunk
        heard()
      },
      program,
      ...words,
    )
    let ended = false
    void running.ended.then(() => {
      ended = true
      heard()
    })
    while (!text.includes(sign)) {
      if (ended) throw new Error(`${words.join(' ')} never said ${JSON.stringify(sign)}: ${text}`)
      await new Promise<void>((resolve) => (heard = resolve))
    }
    return running
  }

  /** A program that runs beside the test and is heard all the time. */
  talking(
    hear: (text: string) => void,
    program: string,
    ...words: readonly string[]
  ): AsyncDisposable & { readonly ended: Promise<unknown> } {
    const child = spawn('nsenter', [`--net=/run/netns/${this.namespace}`, program, ...words], {
      stdio: ['ignore', 'pipe', 'inherit'],
      env: this.#environment,
      cwd: ROOT,
    })
    const ended = once(child, 'exit')
    child.stdout.setEncoding('utf8').on('data', hear)
    return {
      ended,
      [Symbol.asyncDispose]: async () => {
        child.kill()
        await ended
      },
    }
  }

  /** A program that runs beside the test; its output comes when it is stopped or ends. */
  start(program: string, ...words: readonly string[]): { readonly output: Promise<string> } {
    const child = spawn('nsenter', [`--net=/run/netns/${this.namespace}`, program, ...words], {
      stdio: ['ignore', 'pipe', 'inherit'],
    })
    const output = (async (): Promise<string> => {
      let text = ''
      for await (const chunk of child.stdout) text += chunk
      return text
    })()
    return { output }
  }

  /** Of a process of the cluster: `server`, or a node. */
  async pidOf(name: string): Promise<number> {
    return ((await callControl(join(this.data, 'run', `${name}.sock`), 'status')) as { pid: number }).pid
  }

  /** Ends a process of the cluster without warning. */
  async kill9(name: string): Promise<void> {
    process.kill(await this.pidOf(name), 'SIGKILL')
  }

  /** What is left in the kernel of this cluster. */
  leftovers(): string[] {
    const mounts = readFileSync('/proc/self/mounts', 'utf8')
      .split('\n')
      .filter((line) => line.includes(this.directory))
    const processes = readdirSync('/proc').filter((pid) => /^\d+$/.test(pid) && commandOf(pid).includes(this.directory))
    const links = execFileSync('ip', ['-n', this.namespace, '-o', 'link'], { encoding: 'utf8' })
      .split('\n')
      .filter((line) => /t8[scnv]-|cali|veth/.test(line))
    return [...mounts, ...processes.map((pid) => `process ${pid} ${commandOf(pid)}`), ...links]
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (existsSync(this.data)) await this.t8s('reset', '--yes')
    execFileSync('ip', ['netns', 'del', this.namespace])
    rmSync(this.directory, { recursive: true, force: true })
  }
}

function commandOf(pid: string): string {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ')
  } catch {
    return ''
  }
}
