import type { Clock } from '#base'
import { LoggedStore } from '../logged-store.ts'
import type { Store } from '../store.ts'

/** A store that forgets everything with its process; for tests and clusters that live in one. */
export function openMemoryStore({ clock }: { readonly clock: Clock }): Store {
  const log = { async append() {}, async compact() {}, async [Symbol.asyncDispose]() {} }
  return new LoggedStore(log, { compacted: 0, revision: 0, records: [] }, clock)
}
