import type { LogRecord } from '../history.ts'
import type { Recovered } from '../logged-store.ts'
import type { Revision } from '../store.ts'

/** Of the database file; a newer one is refused. */
export const FORMAT_VERSION = 1

export type ToWorker =
  | { readonly type: 'append'; readonly record: LogRecord }
  | { readonly type: 'compact'; readonly revision: Revision; readonly dropped: readonly Revision[] }
  | { readonly type: 'close' }

export type FromWorker =
  | { readonly type: 'recovered'; readonly recovered: Recovered }
  /** Every record up to `revision` is on disk. */
  | { readonly type: 'committed'; readonly revision: Revision }
  | { readonly type: 'compacted'; readonly revision: Revision }
  | { readonly type: 'closed' }
  | { readonly type: 'failed'; readonly message: string }
