import { statfsSync } from 'node:fs'
import type { Node } from '#api'
import type { Clock, Log } from '#base'
import type { EventSink } from '#client'
import type { Image, Runtime } from '../runtimes/runtime.ts'

/** Upstream's `imageGCHighThresholdPercent`, `imageGCLowThresholdPercent` and `imageMinimumGCAge`. */
const HIGH_PERCENT = 85
const LOW_PERCENT = 80
const MINIMUM_AGE_MS = 2 * 60_000
/** How full a disk is comes with no event. */
const LOOK_PERIOD_MS = 5 * 60_000

export interface ImageCollectorOptions {
  readonly runtime: Pick<Runtime, 'listImages' | 'listContainers' | 'removeImage' | 'imageFilesystem'>
  readonly clock: Clock
  readonly log: Log
  readonly recorder: EventSink
  readonly node: () => Node | undefined
  /** What sandboxes run: no container ever names it. */
  readonly sandboxImage: string | undefined
  /** Bytes of the file system that images are on. */
  readonly disk?: (mountpoint: string) => { readonly capacity: number; readonly available: number }
}

interface ImageRecord {
  readonly firstSeenMs: number
  lastUsedMs: number
}

/**
 * Removes images that no container uses, the longest unused first, once their disk is too full
 * (https://kubernetes.io/docs/concepts/architecture/garbage-collection/#container-image-lifecycle).
 */
export class ImageCollector {
  readonly #options: ImageCollectorOptions
  readonly #records = new Map<string, ImageRecord>()

  constructor(options: ImageCollectorOptions) {
    this.#options = options
  }

  async run(signal: AbortSignal): Promise<void> {
    const { clock, log, recorder } = this.#options
    while (!signal.aborted) {
      try {
        await this.collect()
      } catch (error) {
        log.warn('Images could not be collected', { error })
        const node = this.#options.node()
        if (node !== undefined) recorder.event(node, 'Warning', 'ImageGCFailed', (error as Error).message)
      }
      try {
        await clock.sleep(LOOK_PERIOD_MS, { signal })
      } catch {
        return
      }
    }
  }

  /** Looks once; frees down to the low mark when the high one is passed. */
  async collect(): Promise<void> {
    const { runtime, clock } = this.#options
    const startMs = clock.now()
    const images = await this.#detect(startMs)
    const { mountpoint } = await runtime.imageFilesystem()
    const { capacity, available } = (this.#options.disk ?? diskOf)(mountpoint)
    if (capacity === 0) throw new Error('invalid capacity 0 on image filesystem')
    const usedPercent = 100 - Math.floor((available * 100) / capacity)
    if (usedPercent < HIGH_PERCENT) return
    const wantedBytes = Math.floor((capacity * (100 - LOW_PERCENT)) / 100) - available
    const freedBytes = await this.#free(images, wantedBytes, startMs)
    if (freedBytes >= wantedBytes) return
    throw new Error(
      `Failed to garbage collect required amount of images. Attempted to free ${wantedBytes} bytes, but only found ${freedBytes} bytes eligible to free.`,
    )
  }

  /** Removes every image that nothing uses, for a disk that is nearly full. */
  async freeAll(): Promise<void> {
    const nowMs = this.#options.clock.now()
    await this.#free(await this.#detect(nowMs), Number.POSITIVE_INFINITY, nowMs)
  }

  /** Notes what is used now; resolves with the images that nothing uses. */
  async #detect(nowMs: number): Promise<readonly Image[]> {
    const { runtime, sandboxImage } = this.#options
    const [images, containers] = await Promise.all([runtime.listImages(), runtime.listContainers()])
    const named = new Set(containers.flatMap(({ image, imageId }) => [image, imageId]))
    if (sandboxImage !== undefined) named.add(sandboxImage)
    const unused: Image[] = []
    for (const image of images) {
      const record = this.#records.get(image.id) ?? { firstSeenMs: nowMs, lastUsedMs: 0 }
      this.#records.set(image.id, record)
      const isUsed = [image.id, ...image.repoTags, ...image.repoDigests].some((name) => named.has(name))
      if (isUsed) record.lastUsedMs = nowMs
      else if (!image.pinned) unused.push(image)
    }
    const present = new Set(images.map(({ id }) => id))
    for (const id of this.#records.keys()) if (!present.has(id)) this.#records.delete(id)
    return unused
  }

  async #free(unused: readonly Image[], wantedBytes: number, nowMs: number): Promise<number> {
    const { runtime, log } = this.#options
    const record = ({ id }: Image): ImageRecord => this.#records.get(id)!
    const oldestFirst = [...unused].sort(
      (a, b) => record(a).lastUsedMs - record(b).lastUsedMs || record(a).firstSeenMs - record(b).firstSeenMs,
    )
    let freedBytes = 0
    for (const image of oldestFirst) {
      if (freedBytes >= wantedBytes) break
      // Whoever pulled it may be about to use it.
      if (nowMs - record(image).firstSeenMs < MINIMUM_AGE_MS) continue
      await runtime.removeImage(image.id)
      this.#records.delete(image.id)
      freedBytes += image.sizeBytes
      log.info('Removed an image to free disk space', { image: image.repoTags[0] ?? image.id, bytes: image.sizeBytes })
    }
    return freedBytes
  }
}

function diskOf(mountpoint: string): { capacity: number; available: number } {
  const { blocks, bavail, bsize } = statfsSync(mountpoint)
  return { capacity: blocks * bsize, available: bavail * bsize }
}
