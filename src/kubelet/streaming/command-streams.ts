import type { Readable, Writable } from 'node:stream'
import type { Status } from '#meta'

/** The ends of an exec or attach on the client's side, whatever carries them. */
export interface CommandStreams extends AsyncDisposable {
  readonly stdin: Readable | undefined
  readonly stdout: Writable | undefined
  readonly stderr: Writable | undefined
  /** Calls back with each size the client's terminal takes, the first too. */
  onResize(handler: (width: number, height: number) => void): void
  /** Says how it ended; the last thing that is sent. */
  finish(status: Status): Promise<void>
  /** Resolves when the client is gone. */
  readonly closed: Promise<void>
}

export interface StreamOptions {
  readonly stdin: boolean
  readonly stdout: boolean
  readonly stderr: boolean
  readonly tty: boolean
}

export interface TerminalSize {
  readonly width: number
  readonly height: number
}

const SIZE_MAX = 65_535

/** What clients send on their resize stream: `{"Width":80,"Height":24}`. Anything else is no size. */
export function parseSize(text: string): TerminalSize | undefined {
  try {
    const { Width: width, Height: height } = JSON.parse(text) as { readonly Width?: unknown; readonly Height?: unknown }
    const fine = (value: unknown): value is number =>
      Number.isInteger(value) && (value as number) > 0 && (value as number) <= SIZE_MAX
    return fine(width) && fine(height) ? { width, height } : undefined
  } catch {
    return undefined
  }
}
