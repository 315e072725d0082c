import type { Revision } from '#store'
import { type ChangeLog, isSame, type LoggedChange, sayChange, saySeen } from './change-log.ts'
import { type History, isWrite, type Moment, type WatchRecord } from './history.ts'

/** Every watcher was told of every change once, in order, with what had been there before, and of none before somebody asked for it. */
export function* checkWatches({ operations, watches }: History, log: ChangeLog): Generator<string> {
  const askedAt = new Map<string, Moment>()
  for (const { action, askedAt: at } of operations) {
    if (isWrite(action) && action.type === 'put') askedAt.set(`${action.key}\0${action.value}`, at)
  }
  for (const watch of watches) {
    yield* checkOne(watch, log)
    for (const each of watch.told) {
      if (each.type === 'put' && each.at < (askedAt.get(`${each.key}\0${each.value}`) ?? 0))
        yield `${watch.name} was told of ${sayChange(each)} before anyone asked for it`
    }
  }
}

/** How far a watcher has come. */
export const reachedBy = ({ told, since }: WatchRecord): Revision =>
  told.reduce((reached, { revision }) => Math.max(reached, revision), since)

function* checkOne(watch: WatchRecord, log: ChangeLog): Generator<string> {
  const { name, prefix, since, told } = watch
  const expected = log.changes.filter(({ key, revision }) => key.startsWith(prefix) && revision > since)
  const seen = new Set<Revision>()
  let next = 0
  let reached = since
  for (const each of told) {
    if (each.type === 'progress') {
      // A mark may come late, but then what it speaks of has come before it.
      for (; next < expected.length && expected[next]!.revision <= each.revision; next++)
        yield missed(name, expected[next]!, `progress to ${each.revision}`)
      reached = Math.max(reached, each.revision)
      continue
    }
    if (seen.has(each.revision)) {
      yield `${name} was told twice of ${sayChange(each)}`
      continue
    }
    seen.add(each.revision)
    if (each.revision <= since) yield `${name} was told of ${sayChange(each)}, which came before its start at ${since}`
    else if (each.revision <= reached) yield `${name} was told of ${sayChange(each)} after revision ${reached}`
    if (!each.key.startsWith(prefix)) yield `${name} was told of ${sayChange(each)}, which is not below ${prefix}`
    for (; next < expected.length && expected[next]!.revision < each.revision; next++)
      if (!seen.has(expected[next]!.revision)) yield missed(name, expected[next]!, sayChange(each))
    if (expected[next]?.revision === each.revision) next++
    reached = Math.max(reached, each.revision)
    yield* checkContent(name, each, log.at(each.revision))
  }
}

function* checkContent(
  name: string,
  told: Exclude<WatchRecord['told'][number], { type: 'progress' }>,
  change: LoggedChange | undefined,
): Generator<string> {
  if (change === undefined) return
  const { previous } = change
  if (told.previous !== undefined && !isSame(told.previous, previous))
    yield `${name} was told that ${saySeen(told.previous)} was there before ${sayChange(told)}, where ${saySeen(previous)} was`
  if (told.type === 'delete' && told.value !== previous?.value)
    yield `${name} was told that ${told.value} went with ${sayChange(told)}, where ${saySeen(previous)} was`
}

const missed = (name: string, change: LoggedChange, later: string): string =>
  `${name} was told of ${later} without ${sayChange(change)}`
