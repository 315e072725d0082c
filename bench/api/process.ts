import { type ChildProcess, fork } from 'node:child_process'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

/** What a parent may ask of a server process of ours. */
export type Message =
  | { readonly kind: 'fill'; readonly count: number }
  | { readonly kind: 'answer'; readonly bytes: string }
  | { readonly kind: 'push' }

/** A server, whoever wrote it: where it listens with TLS, and which process is to be charged. */
export interface Target {
  readonly name: string
  readonly pid: number
  readonly port: number
}

/** A server of ours in a process of its own, and how to ask it. */
export class ServerProcess<T> implements AsyncDisposable {
  readonly #child: ChildProcess
  readonly #waiting = new Map<number, (value: unknown) => void>()
  #nextId = 0
  /** What it said when it was up. */
  readonly up: T

  private constructor(child: ChildProcess, up: T) {
    this.#child = child
    this.up = up
    child.on('message', ({ id, value }: { id: number; value: unknown }) => this.#waiting.get(id)?.(value))
  }

  static async start<T>(file: string, parameters: readonly string[]): Promise<ServerProcess<T>> {
    const child = fork(join(import.meta.dirname, file), [...parameters], {
      execArgv: ['--conditions=source'],
      stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
    })
    const up = await new Promise<T>((resolve, reject) => {
      child.once('message', (message) => resolve(message as T))
      child.once('exit', (code) => reject(new Error(`${file} ended with ${code}`)))
    })
    return new ServerProcess(child, up)
  }

  get pid(): number {
    return this.#child.pid!
  }

  ask(message: Message): Promise<unknown> {
    const id = this.#nextId++
    return new Promise((resolve) => {
      this.#waiting.set(id, resolve)
      this.#child.send({ id, message })
    })
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const gone = new Promise((resolve) => this.#child.once('exit', resolve))
    this.#child.disconnect()
    await gone
  }
}

/** In the child: answers each message of the parent, and ends with it. */
export function answerParent(up: unknown, handle: (message: Message) => Promise<unknown>): void {
  process.on('message', async ({ id, message }: { id: number; message: Message }) => {
    process.send?.({ id, value: await handle(message) })
  })
  process.on('disconnect', () => process.exit(0))
  process.send?.(up)
}

/** A hundredth of a second, which is what Linux counts in wherever it runs. */
const TICK_MS = 10
/** Of /proc/PID/stat, behind the name in brackets: user and system time. */
const [USER_TIME, SYSTEM_TIME] = [11, 12]

/** What a process has used so far, in user and system mode, all its threads together. */
export function cpuMsOf(pid: number): number {
  const stat = readFileSync(`/proc/${pid}/stat`, 'utf8')
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
  return (Number(fields[USER_TIME]) + Number(fields[SYSTEM_TIME])) * TICK_MS
}

const memoryOf = (pid: number, field: 'VmRSS' | 'VmHWM'): number =>
  Number(new RegExp(`^${field}:\\s+(\\d+) kB`, 'm').exec(readFileSync(`/proc/${pid}/status`, 'utf8'))![1]) * 1024

/** By how many bytes a process grows at most while `work` runs, as the kernel keeps its peak. */
export async function growthDuring(pid: number, work: () => Promise<void>): Promise<number> {
  const RESET_PEAK = '5'
  writeFileSync(`/proc/${pid}/clear_refs`, RESET_PEAK)
  const before = memoryOf(pid, 'VmRSS')
  await work()
  return Math.max(0, memoryOf(pid, 'VmHWM') - before)
}
