import type { PushedWatch, WatchFrame, WatchFrames } from '#client'
import type { Sink } from './sink.ts'

/** Writes frames as they come, no faster than the client reads. Ends with the frames, or quietly when the client goes. */
export function writeWatch(sink: Sink, frames: WatchFrames): Promise<void> {
  sink.beginFrames()
  return frames.pushTo === undefined ? writeEach(sink, frames) : writePushed(sink, frames as WatchFrames & Required<WatchFrames>)
}

/** What came in one turn of the event loop is one write to the connection. */
function writePushed(sink: Sink, frames: Required<WatchFrames>): Promise<void> {
  const { stream } = sink
  return new Promise((resolve, reject) => {
    let watch: PushedWatch | undefined
    const close = (): void => {
      watch?.stop()
      resolve()
    }
    watch = frames.pushTo({
      take(some) {
        if (some.length === 1) stream.write(sink.frameBytes(some[0]!))
        else {
          stream.cork()
          for (const frame of some) stream.write(sink.frameBytes(frame))
          stream.uncork()
        }
        return !stream.writableNeedDrain
      },
      end(error) {
        if (error !== undefined) reject(error)
        else {
          sink.endFrames()
          resolve()
        }
      },
    })
    stream.on('drain', () => watch.resume())
    if (stream.destroyed) close()
    else stream.once('close', close)
  })
}

async function writeEach(sink: Sink, frames: AsyncIterable<WatchFrame>): Promise<void> {
  const { stream } = sink
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
    if (!stream.write(sink.frameBytes(next.value)) && !closed) {
      await new Promise<void>((resolve) => {
        resume = resolve
      })
      resume = undefined
    }
  }
  sink.endFrames()
}
