import assert from 'node:assert/strict'
import type { Revision } from '#store'
import { ChangeLog } from './change-log.ts'
import { type History, isWrite, type Operation } from './history.ts'
import { isLinearizable } from './linearizable.ts'
import { checkReads, stalenessOf } from './reads.ts'
import { checkWatches, reachedBy } from './watches.ts'
import { checkWrites } from './writes.ts'

/** Faults said of one history: the first say what is wrong, more only how much. */
const FAULTS_MAX = 20

export interface CheckOptions {
  /** The first revision of the history; every one after it up to the last is a change that the history knows: no other writer is at the store. */
  readonly gaplessAfter?: Revision | undefined
  /** Keys that others write, too. */
  readonly isForeign?: ((key: string) => boolean) | undefined
}

/**
 * What is wrong with a history, in sentences; none when all is well. Two independent judges: one takes the store's revisions at their word and checks all against the log
 * that they give, one looks for any order of each key's operations at all. Some watcher has to have followed all of it.
 */
export function faultsOf(history: History, { gaplessAfter, isForeign = () => false }: CheckOptions = {}): string[] {
  const log = new ChangeLog(history)
  const faults = [
    ...log.faults,
    ...checkWrites(history, log, isForeign),
    ...checkReads(history, log),
    ...checkWatches(history, log),
  ]
  for (const [key, operations] of operationsByKey(history, log)) {
    if (!isLinearizable(key, operations)) faults.push(`no order of the operations on ${key} explains their answers`)
  }
  const reached = Math.max(0, ...history.watches.map(reachedBy))
  if (reached < log.last) faults.push(`no watcher was told of all: ${log.last} was written, ${reached} seen`)
  if (gaplessAfter !== undefined) {
    const gap = log.changes.findIndex(({ revision }, index) => revision !== gaplessAfter + 1 + index)
    if (gap !== -1) faults.push(`the revision ${gaplessAfter + 1 + gap} is of no change`)
  }
  return faults
}

/** What says something of a key, in the order of asking. */
function* operationsByKey({ operations }: History, log: ChangeLog): Generator<readonly [string, readonly Operation[]]> {
  const ofKey = Map.groupBy(operations, ({ action }) => (action.type === 'list' ? undefined : action.key))
  const lists = Map.groupBy(ofKey.get(undefined) ?? [], ({ action }) => (action.type === 'list' ? action.prefix : ''))
  for (const key of new Set([...log.keys, ...ofKey.keys()])) {
    if (key === undefined) continue
    const listed = [...lists].flatMap(([prefix, each]) => (key.startsWith(prefix) ? each : []))
    yield [key, [...(ofKey.get(key) ?? []), ...listed].toSorted((a, b) => a.askedAt - b.askedAt)]
  }
}

/** Throws with what is wrong. Returns what was checked, in one line. */
export function checkHistory(history: History, options?: CheckOptions): string {
  const faults = faultsOf(history, options)
  const more = faults.length > FAULTS_MAX ? [`and ${faults.length - FAULTS_MAX} more`] : []
  assert.deepEqual([...faults.slice(0, FAULTS_MAX), ...more], [])
  return summaryOf(history)
}

export function summaryOf(history: History): string {
  const writes = history.operations.filter(({ action }) => isWrite(action))
  const count = (type: string): number => writes.filter(({ answer }) => answer.type === type).length
  const told = history.watches.reduce((sum, watch) => sum + watch.told.filter(({ type }) => type !== 'progress').length, 0)
  const { reads, behindMax, behindSum } = stalenessOf(history)
  const stale =
    reads === 0
      ? ''
      : `, ${reads} reads that may be old were ${behindMax} revisions behind at most, ${(behindSum / reads).toFixed(1)} on average`
  return `${count('done')} writes acknowledged, ${count('refused')} refused, ${count('unknown')} without an answer, ${history.operations.length - writes.length} reads, ${told} events to ${history.watches.length} watchers: lost 0, doubled 0, gaps 0${stale}`
}
