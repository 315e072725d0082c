import { chmodSync, closeSync, existsSync, fstatSync, mkdirSync, openSync, readSync, renameSync, writeSync } from 'node:fs'
import { readdir, rename, rm } from 'node:fs/promises'
import { basename, dirname, extname, join } from 'node:path'
import { type Clock, type Log, TaskGroup } from '#base'

export interface RotatingFileOptions {
  readonly path: string
  /** Of the file before another takes its place. */
  readonly maxBytes: number
  /** How many old files are kept; 0: all. */
  readonly maxBackups: number
  /** How long old files are kept by the time in their names; 0: for ever. */
  readonly maxAgeDays: number
  /** Whether old files are compressed. */
  readonly compress: boolean
  readonly clock: Clock
  readonly log: Log
}

const DAY_MS = 24 * 3_600_000
const COMPRESSED = '.gz'

/**
 * Appends to a file (0600) until it is full; then it is renamed to `NAME-TIME.EXT`, as upstream's library does, and a new one begun. What is handed over at once is
 * written by one call, so that a process that is killed leaves whole lines; the kernel may still cut a long one that is being written, and what is written next begins behind it.
 */
export class RotatingFile implements AsyncDisposable {
  readonly #options: RotatingFileOptions
  readonly #tasks: TaskGroup
  #file: number | undefined
  #size = 0
  #isOver = false
  #tidying = false
  #untidy = false

  constructor(options: RotatingFileOptions) {
    this.#options = options
    const onError = (error: unknown): void => options.log.warn('Old audit logs could not be tidied up', { error })
    this.#tasks = new TaskGroup({ onError })
  }

  /** Throws when it can't be written. */
  write(bytes: Uint8Array): void {
    const { maxBytes, path } = this.#options
    if (this.#isOver) throw new Error('the log is closed')
    if (bytes.length > maxBytes) throw new Error(`write length ${bytes.length} exceeds maximum file size ${maxBytes}`)
    this.#file ??= this.#open()
    if (this.#size > 0 && this.#size + bytes.length > maxBytes) this.#rotate()
    let written = 0
    while (written < bytes.length) written += writeSync(this.#file, bytes, written)
    this.#size += bytes.length
    // A file that was renamed or removed under us would take everything and show nothing.
    if (!existsSync(path)) this.#close()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#isOver = true
    this.#close()
    await this.#tasks[Symbol.asyncDispose]()
  }

  #open(): number {
    const { path } = this.#options
    mkdirSync(dirname(path), { recursive: true, mode: 0o755 })
    const file = openSync(path, 'a+', 0o600)
    this.#size = fstatSync(file).size
    if (this.#size === 0) chmodSync(path, 0o600)
    else if (!endsLine(file, this.#size)) this.#size += writeSync(file, '\n')
    return file
  }

  #close(): void {
    if (this.#file !== undefined) closeSync(this.#file)
    this.#file = undefined
  }

  #rotate(): void {
    this.#close()
    renameSync(this.#options.path, this.#backupPath())
    this.#file = this.#open()
    this.#tidyLater()
  }

  #backupPath(): string {
    const { path, clock } = this.#options
    const extension = extname(path)
    const stem = join(dirname(path), basename(path, extension))
    for (let ms = clock.now(); ; ms++) {
      const backup = `${stem}-${stampOf(ms)}${extension}`
      if (!existsSync(backup) && !existsSync(backup + COMPRESSED)) return backup
    }
  }

  #tidyLater(): void {
    this.#untidy = true
    if (this.#tidying) return
    this.#tidying = true
    this.#tasks.spawn(async () => {
      try {
        while (this.#untidy) {
          this.#untidy = false
          await this.#tidy()
        }
      } finally {
        this.#tidying = false
      }
    })
  }

  async #tidy(): Promise<void> {
    const { path, maxBackups, maxAgeDays, compress, clock } = this.#options
    const backups = (await readdir(dirname(path)))
      .map((name) => ({ file: join(dirname(path), name), atMs: timeOf(name, path) }))
      .filter((each): each is { file: string; atMs: number } => each.atMs !== undefined)
      .sort((a, b) => b.atMs - a.atMs)
    const oldestMs = maxAgeDays === 0 ? Number.NEGATIVE_INFINITY : clock.now() - maxAgeDays * DAY_MS
    for (const [index, { file, atMs }] of backups.entries()) {
      const isTooMany = maxBackups > 0 && index >= maxBackups
      if (isTooMany || atMs < oldestMs) await rm(file, { force: true })
      else if (compress && !file.endsWith(COMPRESSED)) await compressFile(file)
    }
  }
}

const NEWLINE = 0x0a

/** Whether what a file of some length ends with is whole. */
function endsLine(file: number, size: number): boolean {
  const last = Buffer.alloc(1)
  readSync(file, last, 0, 1, size - 1)
  return last[0] === NEWLINE
}

/** `2026-11-27T08-15-30.123`, in UTC. */
const stampOf = (ms: number): string => new Date(ms).toISOString().slice(0, 23).replaceAll(':', '-')

/** When a file of that name was put aside; undefined for another's. */
function timeOf(name: string, path: string): number | undefined {
  const extension = extname(path)
  const stem = `${basename(path, extension)}-`
  const plain = name.endsWith(COMPRESSED) ? name.slice(0, -COMPRESSED.length) : name
  if (!plain.startsWith(stem) || !plain.endsWith(extension)) return undefined
  const stamp = plain.slice(stem.length, plain.length - extension.length)
  const match = /^(\d{4}-\d\d-\d\dT\d\d)-(\d\d)-(\d\d\.\d{3})$/.exec(stamp)
  const ms = match === null ? Number.NaN : Date.parse(`${match[1]}:${match[2]}:${match[3]}Z`)
  return Number.isNaN(ms) ? undefined : ms
}

async function compressFile(file: string): Promise<void> {
  const [{ createReadStream, createWriteStream }, { createGzip }, { pipeline }] = await Promise.all([
    import('node:fs'),
    import('node:zlib'),
    import('node:stream/promises'),
  ])
  const unfinished = `${file}${COMPRESSED}.new`
  await pipeline(createReadStream(file), createGzip(), createWriteStream(unfinished, { mode: 0o600 }))
  await rename(unfinished, file + COMPRESSED)
  await rm(file, { force: true })
}
