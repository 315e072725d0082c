import type { Clock } from '#base'
import { History } from '../history.ts'
import { LoggedStore, memoryLog } from '../logged-store.ts'
import type { Store } from '../store.ts'

/** A store that forgets everything with its process; for tests and clusters that live in one. */
export function openMemoryStore({ clock }: { readonly clock: Clock }): Store {
  return new LoggedStore(memoryLog, new History(), clock)
}
