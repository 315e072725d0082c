import { createReadStream, createWriteStream } from 'node:fs'
import { readdir, rename, rm, stat } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import { pipeline } from 'node:stream/promises'
import { createGzip } from 'node:zlib'
import type { Clock, Log } from '#base'
import type { Runtime } from '../runtimes/runtime.ts'

/** Upstream's `containerLogMaxSize`, `containerLogMaxFiles` and `containerLogMonitorInterval`. */
export const LOG_BYTES_MAX = 10 * 1024 * 1024
export const LOG_FILES_MAX = 5
const LOOK_PERIOD_MS = 10_000

export interface RotatedContainer {
  readonly id: string
  readonly logPath: string
}

export interface LogRotationOptions {
  readonly runtime: Pick<Runtime, 'reopenContainerLog'>
  readonly clock: Clock
  readonly log: Log
  readonly running: () => Iterable<RotatedContainer>
  readonly bytesMax?: number | undefined
  readonly filesMax?: number | undefined
}

/**
 * Keeps the logs of running containers within bounds (https://kubernetes.io/docs/concepts/cluster-administration/logging/#log-rotation).
 * It looks at sizes every ten seconds, as documented: told of writes instead, it would wake at every line of every container.
 */
export class LogRotation {
  readonly #options: LogRotationOptions
  readonly #bytesMax: number
  readonly #filesMax: number

  constructor(options: LogRotationOptions) {
    this.#options = options
    this.#bytesMax = options.bytesMax ?? LOG_BYTES_MAX
    this.#filesMax = options.filesMax ?? LOG_FILES_MAX
  }

  async run(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      try {
        await this.#options.clock.sleep(LOOK_PERIOD_MS, { signal })
      } catch {
        return
      }
      await this.rotate()
    }
  }

  /** Looks once at every running container. */
  async rotate(): Promise<void> {
    for (const container of this.#options.running()) {
      try {
        if ((await sizeOf(container.logPath)) > this.#bytesMax) await this.#rotateOne(container)
      } catch (error) {
        this.#options.log.warn('A log was not rotated', { path: container.logPath, error })
      }
    }
  }

  async #rotateOne({ id, logPath }: RotatedContainer): Promise<void> {
    const { runtime, clock } = this.#options
    await this.#tidy(logPath)
    const stamp = new Date(clock.now())
      .toISOString()
      .replace(/[-:]|\..*/g, '')
      .replace('T', '-')
    const rotated = `${logPath}.${stamp}`
    await rename(logPath, rotated)
    try {
      await runtime.reopenContainerLog(id)
    } catch (error) {
      // The container still writes to it: under its old name it is found again.
      await rename(rotated, logPath)
      throw error
    }
  }

  /** Makes room for one more file, and compresses those that are there: nobody follows them any more. */
  async #tidy(logPath: string): Promise<void> {
    const directory = dirname(logPath)
    const prefix = `${basename(logPath)}.`
    const names = (await readdir(directory)).filter((name) => name.startsWith(prefix)).sort()
    const isLeftOver = (name: string): boolean => name.endsWith('.tmp') || names.includes(`${name}.gz`)
    for (const name of names.filter(isLeftOver)) await rm(join(directory, name), { force: true })
    const whole = names.filter((name) => !isLeftOver(name))
    // Of the most files, one is the current log and one is about to be added.
    const excess = whole.splice(0, Math.max(0, whole.length - (this.#filesMax - 2)))
    for (const name of excess) await rm(join(directory, name), { force: true })
    for (const name of whole.filter((each) => !each.endsWith('.gz'))) await compress(join(directory, name))
  }
}

async function compress(path: string): Promise<void> {
  const unfinished = `${path}.tmp`
  await pipeline(createReadStream(path), createGzip(), createWriteStream(unfinished, { mode: 0o640 }))
  await rename(unfinished, `${path}.gz`)
  await rm(path, { force: true })
}

async function sizeOf(path: string): Promise<number> {
  try {
    return (await stat(path)).size
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return 0
    throw error
  }
}
