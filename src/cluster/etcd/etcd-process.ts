import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { chmodSync, closeSync, mkdirSync, openSync } from 'node:fs'
import { dirname } from 'node:path'
import { type Clock, type Log, type Random, TaskGroup } from '#base'

export interface EtcdProcessOptions {
  /** Words that start the member, program first. */
  readonly command: readonly string[]
  readonly dataDirectory: string
  readonly logFile: string
  /** Whether starting it again is of no use, because the cluster has removed it; asked when it has ended. */
  isRemoved(): Promise<boolean>
  onRemoved(): void
  readonly clock: Clock
  readonly random: Random
  readonly log: Log
}

/** A member that ended starts again after as long, and each time that does not help after twice as long. */
const RESTART_MS_MIN = 500
const RESTART_MS_MAX = 30_000
/** Who ran for as long starts again at once. */
const STEADY_MS = 60_000
/** A member hands its leadership on before it ends. */
const STOP_MS_MAX = 10_000

/** A process of etcd that is started again when it ends, until it is disposed of. It never outlives this process. */
export class EtcdProcess implements AsyncDisposable {
  readonly #options: EtcdProcessOptions
  readonly #tasks: TaskGroup
  #child: ChildProcess | undefined

  constructor(options: EtcdProcessOptions) {
    this.#options = options
    this.#tasks = new TaskGroup({ onError: (error) => options.log.error('etcd is not watched over any more', { error }) })
  }

  start(): void {
    mkdirSync(this.#options.dataDirectory, { recursive: true, mode: 0o700 })
    chmodSync(this.#options.dataDirectory, 0o700)
    this.#tasks.spawn((signal) => this.#keep(signal))
  }

  /** Undefined while it does not run. */
  get pid(): number | undefined {
    return this.#child?.pid
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#tasks[Symbol.asyncDispose]()
  }

  async #keep(signal: AbortSignal): Promise<void> {
    const { clock, random, log, isRemoved, onRemoved } = this.#options
    let pauseMs = RESTART_MS_MIN
    while (!signal.aborted) {
      const startedMs = clock.monotonic()
      const ended = await this.#run(signal)
      if (signal.aborted) return
      if (await isRemoved()) {
        onRemoved()
        return
      }
      if (clock.monotonic() - startedMs > STEADY_MS) pauseMs = RESTART_MS_MIN
      log.warn('etcd ended and is started again', { ended, inMs: pauseMs, see: this.#options.logFile })
      await clock.sleep(pauseMs * (1 + random.float() / 4), { signal })
      pauseMs = Math.min(2 * pauseMs, RESTART_MS_MAX)
    }
  }

  /** Runs it once; resolves with how it ended. */
  async #run(signal: AbortSignal): Promise<string> {
    const { command, logFile, clock } = this.#options
    mkdirSync(dirname(logFile), { recursive: true, mode: 0o700 })
    const out = openSync(logFile, 'a', 0o600)
    const [program, ...words] = command
    const child = spawn(program!, words, { stdio: ['ignore', out, out], cwd: '/', env: environment() })
    closeSync(out)
    this.#child = child
    const stop = (): void => {
      child.kill('SIGTERM')
      const late = clock.after(STOP_MS_MAX, () => child.kill('SIGKILL'))
      child.once('exit', () => late[Symbol.dispose]())
    }
    signal.addEventListener('abort', stop, { once: true })
    try {
      const [code, by] = (await once(child, 'exit')) as [number | null, string | null]
      return by ?? `exit code ${code}`
    } catch (error) {
      return (error as Error).message
    } finally {
      this.#child = undefined
      signal.removeEventListener('abort', stop)
    }
  }
}

/** etcd takes settings from `ETCD_…` variables too, which may be there for another; and wants to be told on some machines that it may run there. */
function environment(): NodeJS.ProcessEnv {
  const own = Object.entries(process.env).filter(([name]) => !name.startsWith('ETCD_'))
  return { ...Object.fromEntries(own), ETCD_UNSUPPORTED_ARCH: process.arch }
}
