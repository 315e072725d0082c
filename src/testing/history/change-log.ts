import type { Revision } from '#store'
import { type History, isWrite, type Operation, type Seen, type Told, type Write } from './history.ts'

export interface LoggedChange {
  readonly type: 'put' | 'delete'
  readonly key: string
  /** Of a put. */
  readonly value: string | undefined
  readonly revision: Revision
  /** What was there before, by the log. */
  previous: Seen | undefined
}

/** An operation that writes. */
export type WriteOperation = Operation & { readonly action: Write }

export const isWriteOperation = (operation: Operation): operation is WriteOperation => isWrite(operation.action)

/**
 * What happened, in order of revision: all that writers were told they had done and all that watchers were told of, put together. Where two say different
 * things of one revision, `faults` says so.
 */
export class ChangeLog {
  readonly faults: string[] = []
  readonly #byRevision = new Map<Revision, LoggedChange>()
  readonly #byKey = new Map<string, LoggedChange[]>()
  readonly changes: readonly LoggedChange[]

  constructor({ operations, watches }: History) {
    for (const { action, answer } of operations) {
      if (!isWrite(action) || answer.type !== 'done' || answer.revision === undefined) continue
      const value = action.type === 'put' ? action.value : undefined
      this.#add({ type: action.type, key: action.key, value, revision: answer.revision, previous: undefined }, 'a writer')
    }
    for (const { told, name } of watches) for (const each of told) if (each.type !== 'progress') this.#add(changeOf(each), name)
    this.changes = [...this.#byRevision.values()].sort((a, b) => a.revision - b.revision)
    for (const change of this.changes) {
      const ofKey = this.#byKey.get(change.key)
      const before = ofKey?.at(-1)
      change.previous = before && seenOf(before)
      if (ofKey === undefined) this.#byKey.set(change.key, [change])
      else ofKey.push(change)
      if (change.type === 'delete' && change.previous === undefined) this.faults.push(`nothing was there: ${sayChange(change)}`)
    }
  }

  get keys(): Iterable<string> {
    return this.#byKey.keys()
  }

  get last(): Revision {
    return this.changes.at(-1)?.revision ?? 0
  }

  at(revision: Revision): LoggedChange | undefined {
    return this.#byRevision.get(revision)
  }

  /** Of one key, oldest first. */
  of(key: string): readonly LoggedChange[] {
    return this.#byKey.get(key) ?? []
  }

  /** What was there once `revision` was reached. */
  stateOf(key: string, revision: Revision): Seen | undefined {
    const last = this.of(key).findLast((change) => change.revision <= revision)
    return last && seenOf(last)
  }

  /** Whether `seen` was there at some revision from `lowest` on. */
  wasThereSince(key: string, seen: Seen | undefined, lowest: Revision): boolean {
    if (isSame(this.stateOf(key, lowest), seen)) return true
    return this.of(key).some((change) => change.revision > lowest && isSame(seenOf(change), seen))
  }

  #add(change: LoggedChange, source: string): void {
    const known = this.#byRevision.get(change.revision)
    if (known === undefined) this.#byRevision.set(change.revision, change)
    else if (known.type !== change.type || known.key !== change.key || known.value !== change.value)
      this.faults.push(`two changes at one revision: ${sayChange(known)}, by ${source} ${sayChange(change)}`)
  }
}

export const isSame = (a: Seen | undefined | null, b: Seen | undefined | null): boolean =>
  a?.revision === b?.revision && a?.value === b?.value

export const saySeen = (seen: Seen | undefined | null): string => (seen ? `${seen.value}@${seen.revision}` : 'nothing')

export const sayChange = ({ type, key, value, revision }: Pick<LoggedChange, 'type' | 'key' | 'value' | 'revision'>): string =>
  `${type} ${key}${type === 'put' ? `=${value}` : ''}@${revision}`

const seenOf = ({ key, value, revision }: LoggedChange): Seen | undefined =>
  value === undefined ? undefined : { key, value, revision }

const changeOf = ({ type, key, value, revision }: Exclude<Told, { type: 'progress' }>): LoggedChange => ({
  type,
  key,
  value: type === 'put' ? value : undefined,
  revision,
  previous: undefined,
})
