import type * as Grpc from '@grpc/grpc-js'
import { StoreFailure } from '../store.ts'

/** A call that failed: what etcd said of it, and what is known of its effect. */
export class EtcdError extends Error {
  override readonly name = 'EtcdError'
  readonly kind: EtcdErrorKind
  /** Another member may do better. */
  readonly isMembersFault: boolean

  constructor(kind: EtcdErrorKind, message: string, isMembersFault: boolean, options?: ErrorOptions) {
    super(message, options)
    this.kind = kind
    this.isMembersFault = isMembersFault
  }
}

/** `transient`: worth another attempt; whether a write had an effect is unknown. `unknown`: and can't be found out any more. */
export type EtcdErrorKind =
  | 'transient'
  | 'unknown'
  | 'compacted'
  | 'future'
  | 'no-space'
  | 'unauthenticated'
  | 'lease-not-found'
  | 'refused'

/** Messages that etcd gives with several codes (api/v3rpc/rpctypes); the code alone decides of the others. */
const BY_MESSAGE: readonly (readonly [message: string, kind: EtcdErrorKind])[] = [
  ['mvcc: required revision has been compacted', 'compacted'],
  ['mvcc: required revision is a future revision', 'future'],
  ['mvcc: database space exceeded', 'no-space'],
  ['requested lease not found', 'lease-not-found'],
  ['user name is empty', 'unauthenticated'],
  ['invalid auth token', 'unauthenticated'],
  ['too many requests', 'transient'],
]

/** What a member says of a moment that it will get over where it is. */
const PASSING = /leader changed|too many requests/

export function etcdErrorOf(grpc: typeof Grpc, error: unknown): EtcdError {
  const { code, details, message } = error as Partial<Grpc.ServiceError>
  const text = details || message || 'etcd failed'
  const options = { cause: error }
  const known = BY_MESSAGE.find(([part]) => text.includes(part))
  if (known !== undefined) return new EtcdError(known[1], text, false, options)
  const { status } = grpc
  switch (code) {
    case status.UNAVAILABLE:
    case status.DEADLINE_EXCEEDED:
    case status.CANCELLED:
    case status.INTERNAL:
    case status.UNKNOWN:
      return new EtcdError('transient', text, !PASSING.test(text), options)
    case status.UNAUTHENTICATED:
    case status.PERMISSION_DENIED:
      return new EtcdError('unauthenticated', text, false, options)
    case status.INVALID_ARGUMENT:
    case status.NOT_FOUND:
    case status.ALREADY_EXISTS:
    case status.FAILED_PRECONDITION:
    case status.OUT_OF_RANGE:
    case status.RESOURCE_EXHAUSTED:
      return new EtcdError('refused', text, false, options)
    // What no request of ours deserves.
    default:
      return new EtcdError('refused', text, true, options)
  }
}

/** The error that leaves the store. */
export function failureOf(error: unknown): unknown {
  if (!(error instanceof EtcdError)) return error
  const { kind, message } = error
  if (kind === 'no-space') return new StoreFailure('NoSpace', message, { cause: error })
  if (kind === 'unauthenticated') return new StoreFailure('Unauthenticated', message, { cause: error })
  return new StoreFailure(kind === 'transient' || kind === 'unknown' ? 'Unavailable' : 'Refused', message, { cause: error })
}
