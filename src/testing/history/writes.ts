import {
  type ChangeLog,
  isSame,
  isWriteOperation,
  type LoggedChange,
  sayChange,
  saySeen,
  type WriteOperation,
} from './change-log.ts'
import type { History } from './history.ts'

/**
 * Every acknowledged write is in the log once, on what its writer had seen; a refused one is not there; of one without an answer there is all or
 * nothing; and nothing is there that nobody wrote. Writes that do not overlap have revisions in their order.
 */
export function* checkWrites(
  { operations }: History,
  log: ChangeLog,
  isForeign: (key: string) => boolean = () => false,
): Generator<string> {
  const writes = operations.filter(isWriteOperation)
  const changes = new Map<WriteOperation, LoggedChange[]>(writes.map((write) => [write, []]))
  const find = writersOf(writes)
  for (const change of log.changes) {
    if (isForeign(change.key)) continue
    const write = find(change)
    if (write === undefined) yield `nobody wrote it: ${sayChange(change)}`
    else changes.get(write)!.push(change)
  }
  for (const [write, found] of changes) {
    const [change] = found
    if (found.length > 1) yield `done twice: ${found.map(sayChange).join(', ')}`
    if (change === undefined) {
      if (write.answer.type === 'done') yield `lost: ${say(write)} was acknowledged, and nobody has seen it`
      continue
    }
    if (write.answer.type !== 'done' && write.answer.type !== 'unknown') yield `refused, and done: ${sayChange(change)}`
    if (!isSame(change.previous, write.action.from))
      yield `written over what its writer had not seen: ${sayChange(change)} from ${saySeen(write.action.from)}, over ${saySeen(change.previous)}`
  }
  yield* checkOrder(writes, changes)
  yield* checkRefusals(writes, log)
}

/** Finds who made a change: puts by their value, deletes by what they removed. */
function writersOf(writes: readonly WriteOperation[]): (change: LoggedChange) => WriteOperation | undefined {
  const puts = new Map<string, WriteOperation>()
  const deletes = new Map<string, WriteOperation[]>()
  for (const write of writes) {
    const { action } = write
    if (action.type === 'put') puts.set(`${action.key}\0${action.value}`, write)
    else {
      const id = `${action.key}\0${action.from.revision}`
      deletes.set(id, [...(deletes.get(id) ?? []), write])
    }
  }
  return ({ type, key, value, revision, previous }) => {
    if (type === 'put') return puts.get(`${key}\0${value}`)
    // Several may have asked for the same; of those whose answer is not known, one is as good as another.
    const candidates = deletes.get(`${key}\0${previous?.revision}`) ?? []
    return (
      candidates.find(({ answer }) => answer.type === 'done' && (answer.revision ?? revision) === revision) ??
      candidates.find(({ answer }) => answer.type === 'unknown') ??
      candidates[0]
    )
  }
}

/** What was answered before another was asked has the smaller revision. */
function* checkOrder(
  writes: readonly WriteOperation[],
  changes: ReadonlyMap<WriteOperation, readonly LoggedChange[]>,
): Generator<string> {
  const done = writes.flatMap((write) => {
    const change = changes.get(write)?.[0]
    return change === undefined ? [] : [{ write, change }]
  })
  const asked = done.toSorted((a, b) => a.write.askedAt - b.write.askedAt)
  const answered = done.toSorted((a, b) => a.write.answeredAt - b.write.answeredAt)
  let newest: LoggedChange | undefined
  let at = 0
  for (const { write, change } of asked) {
    for (; at < answered.length && answered[at]!.write.answeredAt < write.askedAt; at++) {
      const earlier = answered[at]!.change
      if (newest === undefined || earlier.revision > newest.revision) newest = earlier
    }
    if (newest !== undefined && newest.revision > change.revision)
      yield `out of order: ${sayChange(change)} was asked for after ${sayChange(newest)} had been answered`
  }
}

/** Who is told what stands in the way is told what was there at some time. */
function* checkRefusals(writes: readonly WriteOperation[], log: ChangeLog): Generator<string> {
  for (const { action, answer } of writes) {
    if (answer.type !== 'refused' || answer.current === undefined) continue
    if (isSame(answer.current, action.from))
      yield `refused for nothing: ${action.key} is at ${saySeen(answer.current)} as expected`
    if (!log.wasThereSince(action.key, answer.current ?? undefined, 0))
      yield `never there: ${action.key} was said to be at ${saySeen(answer.current)}`
  }
}

const say = ({ action, answer }: WriteOperation): string => {
  const at = answer.type === 'done' && answer.revision !== undefined ? `@${answer.revision}` : ''
  return action.type === 'put' ? `put ${action.key}=${action.value}${at}` : `delete ${action.key} of ${saySeen(action.from)}${at}`
}
