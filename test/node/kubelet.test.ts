import { after, before, describe } from 'node:test'
import { buildTestImages } from '../images/build.ts'
import { alone } from './alone.ts'
import { claimTests } from './kubelet/claims.ts'
import { containerTests } from './kubelet/containers.ts'
import { lifecycleTests } from './kubelet/lifecycle.ts'
import { resizeTests } from './kubelet/resize.ts'
import { staticPodTests } from './kubelet/static.ts'
import { statsTests } from './kubelet/stats.ts'
import { restartTests, streamTests } from './kubelet/streams.ts'
import { volumeTests } from './kubelet/volumes.ts'
import { RealNode } from './real-node.ts'

const place = alone(import.meta.filename)

/** Many wait for a clock (probes, back-off, grace), few for the processor. */
const AT_ONCE = 8

describe('a kubelet on containerd', () => {
  let node: RealNode
  before(async () => {
    node = await RealNode.start(place, buildTestImages)
  })
  after(() => node[Symbol.asyncDispose]())

  describe('side by side', { concurrency: AT_ONCE }, () => {
    for (const tests of [
      lifecycleTests,
      containerTests,
      volumeTests,
      streamTests,
      resizeTests,
      staticPodTests,
      claimTests,
      statsTests,
    ])
      tests(() => node)
  })
  describe('one after another', () => {
    for (const tests of [restartTests]) tests(() => node)
  })
})
