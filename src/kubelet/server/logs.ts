import { watch } from 'node:fs'
import { dirname } from 'node:path'
import { LogFile } from './log-file.ts'
import type { LogLine } from './log-format.ts'

export interface LogOptions {
  readonly follow: boolean
  readonly tailLines?: number | undefined
  /** Lines older than this are left out; milliseconds since the epoch. */
  readonly sinceMs?: number | undefined
  readonly limitBytes?: number | undefined
  readonly timestamps: boolean
  readonly stream: 'All' | 'Stdout' | 'Stderr'
  readonly signal: AbortSignal
  /** Resolves when the container has ended, so that following ends with it. */
  readonly ended: Promise<void>
}

/**
 * The text of a container's log as `kubectl logs` prints it, and as it grows when followed, across rotations. Only the newest file is
 * read (https://kubernetes.io/docs/concepts/cluster-administration/logging/#log-rotation).
 */
export async function* readLog(path: string, options: LogOptions): AsyncIterable<Uint8Array> {
  let budget = options.limitBytes ?? Number.POSITIVE_INFINITY
  for await (const line of linesOf(path, options)) {
    const bytes = Buffer.from(options.timestamps ? `${line.time} ${line.text}` : line.text)
    if (bytes.length >= budget) {
      yield bytes.subarray(0, budget)
      return
    }
    budget -= bytes.length
    yield bytes
  }
}

async function* linesOf(path: string, options: LogOptions): AsyncIterable<LogLine> {
  // First, so that nothing that is written after the reading goes unnoticed.
  using changes = options.follow ? new Changes(path, options) : undefined
  let file = await LogFile.open(path)
  try {
    if (options.tailLines !== undefined) await file?.seekToTail(options.tailLines, (line) => wanted(line, options))
    for (;;) {
      const isOver = changes?.isOver ?? true
      // In this order: what is written to the old file once it is replaced is what its writer wrote before it heard of that.
      const isReplaced = (await file?.isReplaced(path)) ?? true
      if (file !== undefined) for await (const line of file.lines()) if (wanted(line, options)) yield line
      if (isReplaced) {
        await file?.[Symbol.asyncDispose]()
        file = await LogFile.open(path)
        if (file !== undefined) continue
      }
      // What was written before the end has been read in this round.
      if (isOver || options.signal.aborted) return
      await changes?.next()
    }
  } finally {
    await file?.[Symbol.asyncDispose]()
  }
}

function wanted({ stream, time }: LogLine, { stream: which, sinceMs }: LogOptions): boolean {
  if (which !== 'All' && which.toLowerCase() !== stream) return false
  return sinceMs === undefined || Date.parse(time) >= sinceMs
}

/** Tells of writes to the directory of a log, which sees rotations as well, and of the container's end. */
class Changes implements Disposable {
  readonly #watcher: ReturnType<typeof watch>
  readonly #signal: AbortSignal
  readonly #poke = (): void => {
    this.#changed = true
    this.#wake?.()
  }
  #wake: (() => void) | undefined
  #changed = false
  isOver = false

  constructor(path: string, { signal, ended }: LogOptions) {
    this.#watcher = watch(dirname(path), this.#poke)
    this.#watcher.on('error', this.#poke)
    this.#signal = signal
    signal.addEventListener('abort', this.#poke)
    void ended.then(() => {
      this.isOver = true
      this.#poke()
    })
  }

  /** Resolves when something happened since the last call. */
  async next(): Promise<void> {
    if (!this.#changed) await new Promise<void>((resolve) => (this.#wake = resolve))
    this.#changed = false
  }

  [Symbol.dispose](): void {
    this.#watcher.close()
    this.#signal.removeEventListener('abort', this.#poke)
  }
}
