import { approval } from './approval.ts'
import { bindingSubresource } from './binding.ts'
import { eviction } from './eviction.ts'
import { finalize } from './finalize.ts'
import { log } from './log.ts'
import { ephemeralContainers, resize } from './pod-parts.ts'
import { proxy } from './proxy.ts'
import { scale } from './scale.ts'
import { attach, exec, portForward } from './streams.ts'
import { token } from './token.ts'
import type { Subresource } from './types.ts'

export const subresources: readonly Subresource[] = [
  approval,
  attach,
  bindingSubresource,
  ephemeralContainers,
  eviction,
  exec,
  finalize,
  log,
  portForward,
  proxy,
  resize,
  scale,
  token,
]
