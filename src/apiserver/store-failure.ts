import { failure, internalError } from '#meta'
import { StoreFailure } from '#store'
import type { RequestInfo } from './request-info.ts'

const RETRY_AFTER_SECONDS = 2
const INSUFFICIENT_STORAGE = 507

/** What a client is told when the store failed: to come again when that helps, and what is wrong when it does not. Other errors stay what they are. */
export function storeFailureStatus(error: unknown, info: RequestInfo): unknown {
  if (!(error instanceof StoreFailure)) return error
  switch (error.reason) {
    case 'Unavailable': {
      const [verb, what] = info.kind === 'path' ? [info.verb, info.path] : [info.verb, info.resource]
      const message = `The ${verb} operation against ${what} could not be completed at this time, please try again.`
      return failure(500, 'ServerTimeout', message, { kind: what, retryAfterSeconds: RETRY_AFTER_SECONDS }, error)
    }
    case 'NoSpace':
      return failure(INSUFFICIENT_STORAGE, '', error.message, undefined, error)
    case 'Unauthenticated':
    case 'Refused':
      return internalError(error)
  }
}
