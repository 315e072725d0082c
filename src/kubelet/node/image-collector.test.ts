import assert from 'node:assert/strict'
import test from 'node:test'
import type { Node } from '#api'
import { nullLog, VirtualClock } from '#base'
import type { EventSink } from '#client'
import type { Container, Image } from '../runtimes/runtime.ts'
import { ImageCollector } from './image-collector.ts'

const MINUTE_MS = 60_000
const image = (name: string, sizeBytes: number, pinned = false): Image => ({
  id: `sha256:${name}`,
  repoTags: [`${name}:1`],
  repoDigests: [],
  sizeBytes,
  pinned,
})

function given(images: Image[]) {
  const clock = new VirtualClock()
  const disk = { capacity: 1000, available: 500 }
  const used = new Set<string>()
  const events: string[] = []
  const recorder = {
    event: (_object: unknown, type: string, reason: string, message: string) => events.push(`${type} ${reason} ${message}`),
  }
  const collector = new ImageCollector({
    clock,
    log: nullLog,
    recorder: recorder as unknown as EventSink,
    node: () => ({ metadata: { name: 'node-1' } }) as Node,
    sandboxImage: 'pause:1',
    disk: () => disk,
    runtime: {
      listImages: async () => [...images],
      listContainers: async () =>
        [...used].map((name) => ({ image: name, imageId: `sha256:${name.split(':')[0]}` }) as Container),
      removeImage: async (id) => {
        const index = images.findIndex((each) => each.id === id)
        disk.available += images[index]!.sizeBytes
        images.splice(index, 1)
      },
      imageFilesystem: async () => ({ mountpoint: '/images', usedBytes: 0, inodesUsed: 0 }),
    },
  })
  const left = (): string[] => images.map(({ repoTags }) => repoTags[0]!)
  return { clock, disk, used, events, collector, left, images }
}

test('below 85 % nothing goes; above it images go, the longest unused first, until 80 % are left', async () => {
  const all = [image('a', 30), image('b', 30), image('c', 30), image('used', 100), image('pause', 1), image('pinned', 100, true)]
  const { clock, disk, used, collector, left } = given(all)
  used.add('used:1')
  used.add('a:1')
  await collector.collect()
  await clock.advance(5 * MINUTE_MS)
  used.delete('a:1')
  await collector.collect()
  assert.equal(left().length, 6)
  disk.available = 160
  await clock.advance(5 * MINUTE_MS)
  await collector.collect()
  assert.equal(left().length, 6, '84 % full')
  disk.available = 150
  // 50 bytes are wanted: b and c, which were never used, go before a, which was.
  await collector.collect()
  assert.deepEqual(left(), ['a:1', 'used:1', 'pause:1', 'pinned:1'])
})

test('an image stays for its first two minutes, and a disk that stays too full is told of on the node', async () => {
  const { clock, disk, events, collector, left, images } = given([image('old', 10)])
  await collector.collect()
  await clock.advance(3 * MINUTE_MS)
  images.push(image('young', 500))
  disk.available = 100
  const stop = new AbortController()
  const running = collector.run(stop.signal)
  await clock.advance(0)
  assert.deepEqual(left(), ['young:1'])
  assert.deepEqual(events, [
    'Warning ImageGCFailed Failed to garbage collect required amount of images. Attempted to free 100 bytes, but only found 10 bytes eligible to free.',
  ])
  await clock.advance(5 * MINUTE_MS)
  assert.deepEqual(left(), [])
  stop.abort()
  await running
})
