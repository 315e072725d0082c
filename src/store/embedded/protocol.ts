import type { LogRecord } from '../history.ts'
import type { Recovered } from '../logged-store.ts'
import type { Revision } from '../store.ts'

/** Of the database file; a newer one is refused. */
export const FORMAT_VERSION = 1

export type ToWorker =
  | { readonly type: 'append'; readonly record: LogRecord }
  | { readonly type: 'compact'; readonly revision: Revision; readonly dropped: readonly Revision[] }
  | { readonly type: 'snapshot'; readonly file: string }
  | { readonly type: 'close' }

export type FromWorker =
  | { readonly type: 'recovered'; readonly recovered: Recovered }
  /** Every record up to `revision` is on disk. */
  | { readonly type: 'committed'; readonly revision: Revision }
  | { readonly type: 'compacted'; readonly revision: Revision }
  /** The copy is whole, or why there is none. */
  | { readonly type: 'snapshotted'; readonly file: string; readonly problem?: string }
  | { readonly type: 'closed' }
  | { readonly type: 'failed'; readonly message: string }
