import type { Writable } from 'node:stream'
import type { WatchFrame } from '#client'

/** Writes frames as they come, no faster than the client reads. Ends with the frames, or quietly when the client goes. */
export async function writeWatch(stream: Writable, frames: AsyncIterable<WatchFrame>): Promise<void> {
  const iterator = frames[Symbol.asyncIterator]()
  // One listener and no promise per frame: a watch may last for days and see millions.
  let resume: (() => void) | undefined
  const go = (): void => resume?.()
  let closed = false
  stream.on('drain', go)
  stream.once('close', () => {
    closed = true
    // Not awaited: a frame that is being waited for comes to its end by the abort that the close causes.
    void iterator.return?.()
    go()
  })
  while (!closed) {
    const next = await iterator.next()
    if (next.done || closed) break
    if (!stream.write(next.value.bytes()) && !closed) {
      await new Promise<void>((resolve) => {
        resume = resolve
      })
      resume = undefined
    }
  }
  stream.end()
}
