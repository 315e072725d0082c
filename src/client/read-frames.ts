import type { WatchFrame } from './transport.ts'

/** Bytes of one watch frame; a server that sends more is not believed. */
const FRAME_BYTES_MAX = 16 * 1024 * 1024

/** One JSON object per line, as API servers send them. An aborted watch ends; a broken connection throws. */
export async function* readFrames(stream: AsyncIterable<Uint8Array>, signal: AbortSignal | undefined): AsyncIterable<WatchFrame> {
  let pending: Buffer[] = []
  let length = 0
  try {
    for await (const chunk of stream) {
      let rest = Buffer.from(chunk)
      for (let at = rest.indexOf(10); at !== -1; at = rest.indexOf(10)) {
        const line = Buffer.concat([...pending, rest.subarray(0, at)])
        pending = []
        length = 0
        rest = rest.subarray(at + 1)
        if (line.length > 0) yield frameOf(line)
      }
      if (rest.length > 0) pending.push(rest)
      length += rest.length
      if (length > FRAME_BYTES_MAX) throw new Error(`a watch event is larger than ${FRAME_BYTES_MAX} bytes`)
    }
  } catch (error) {
    if (!signal?.aborted) throw error
  }
  if (length > 0 && !signal?.aborted) throw new Error('the watch ended in the middle of an event')
}

function frameOf(line: Buffer): WatchFrame {
  const { type, object } = JSON.parse(line.toString()) as { type: WatchFrame['type']; object: unknown }
  return { type, object, bytes: () => Buffer.concat([line, Buffer.from('\n')]) }
}
