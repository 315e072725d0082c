import { existsSync, readdirSync, readFileSync, statSync, watch } from 'node:fs'
import { open } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import { type LogLine, parseLogLine } from './log-format.ts'

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

const CHUNK_BYTES = 64 * 1024

/** The text of a container's log as `kubectl logs` prints it, over rotated files, and as it grows when followed. */
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
  const old = rotated(path).flatMap((file) => readLines(file))
  const current = existsSync(path) ? readLines(path) : []
  const offset = existsSync(path) ? completeBytes(path) : 0
  let lines = [...old, ...current].filter((line) => wanted(line, options))
  if (options.tailLines !== undefined) lines = options.tailLines === 0 ? [] : lastLines(lines, options.tailLines)
  yield* lines
  if (options.follow) for await (const line of followFrom(path, offset, options)) if (wanted(line, options)) yield line
}

function wanted({ stream, time }: LogLine, { stream: which, sinceMs }: LogOptions): boolean {
  if (which !== 'All' && which.toLowerCase() !== stream) return false
  return sinceMs === undefined || Date.parse(time) >= sinceMs
}

/** The last whole lines; pieces of one long line count once. */
function lastLines(lines: readonly LogLine[], count: number): LogLine[] {
  let seen = 0
  let start = lines.length
  for (let index = lines.length - 1; index >= 0; index--) {
    const endsLine = lines[index]!.text.endsWith('\n') || index === lines.length - 1
    if (endsLine && ++seen > count) break
    start = index
  }
  return lines.slice(start)
}

function readLines(file: string): LogLine[] {
  return readFileSync(file, 'utf8')
    .split('\n')
    .slice(0, -1)
    .map(parseLogLine)
    .filter((line) => line !== undefined)
}

const completeBytes = (path: string): number => readFileSync(path).lastIndexOf(10) + 1

/** `0.log.20260101-000000`, oldest first; compressed ones are beyond what is shown. */
function rotated(path: string): string[] {
  const name = basename(path)
  try {
    return readdirSync(dirname(path))
      .filter((file) => file.startsWith(`${name}.`) && !file.endsWith('.gz'))
      .sort()
      .map((file) => join(dirname(path), file))
  } catch {
    return []
  }
}

/** New lines as they are written. The directory is watched, so rotation to a fresh file is seen as well. */
async function* followFrom(path: string, start: number, { signal, ended }: LogOptions): AsyncIterable<LogLine> {
  let wake: (() => void) | undefined
  let changed = true
  let over = false
  const poke = (): void => {
    changed = true
    wake?.()
  }
  const watcher = watch(dirname(path), poke)
  watcher.on('error', poke)
  signal.addEventListener('abort', poke)
  void ended.then(() => {
    over = true
    poke()
  })
  let offset = start
  let inode = existsSync(path) ? statSync(path).ino : 0
  let rest = ''
  try {
    while (!signal.aborted) {
      if (!changed) await new Promise<void>((resolve) => (wake = resolve))
      changed = false
      const last = over
      if (existsSync(path)) {
        const now = statSync(path).ino
        if (now !== inode) [inode, offset, rest] = [now, 0, '']
        for await (const text of readFrom(path, offset)) {
          offset += Buffer.byteLength(text)
          const lines = (rest + text).split('\n')
          rest = lines.pop()!
          for (const line of lines) {
            const parsed = parseLogLine(line)
            if (parsed !== undefined) yield parsed
          }
        }
      }
      // What was written before the end has been read in this round.
      if (last) return
    }
  } finally {
    watcher.close()
    signal.removeEventListener('abort', poke)
  }
}

async function* readFrom(path: string, offset: number): AsyncIterable<string> {
  await using file = await open(path)
  const decoder = new TextDecoder()
  for (let at = offset; ; ) {
    const { bytesRead, buffer } = await file.read(Buffer.alloc(CHUNK_BYTES), 0, CHUNK_BYTES, at)
    if (bytesRead === 0) return
    at += bytesRead
    yield decoder.decode(buffer.subarray(0, bytesRead), { stream: true })
  }
}
