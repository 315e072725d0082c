import type { Revision } from '#store'
import { type ChangeLog, isSame, saySeen } from './change-log.ts'
import { type History, isWrite, type Moment, type Operation, type Read, type Seen } from './history.ts'

type ReadOperation = Operation & { readonly action: Read; readonly answer: { readonly type: 'read' } & Operation['answer'] }

/** How many revisions an answer that may be old was behind what someone had been told before it was asked for. */
export interface Staleness {
  readonly reads: number
  readonly behindMax: Revision
  readonly behindSum: Revision
}

/**
 * Every read shows what was there at one revision, and one that is recent enough: whoever asks for the latest sees all that anyone had been told of
 * before, whoever names a revision sees at least that one.
 */
export function* checkReads(history: History, log: ChangeLog): Generator<string> {
  const knownBefore = knowledgeOf(history)
  const keysBelow = new Map<string, readonly string[]>()
  const below = (prefix: string): readonly string[] => {
    const keys = keysBelow.get(prefix) ?? [...log.keys].filter((key) => key.startsWith(prefix))
    keysBelow.set(prefix, keys)
    return keys
  }
  for (const read of history.operations.filter(isRead)) {
    const lowest = lowestOf(read, knownBefore)
    const { action, answer } = read
    const shown = new Map(answer.entries.map((entry) => [entry.key, entry]))
    if (shown.size !== answer.entries.length) yield `${say(action)} shows a key twice`
    const keys = action.type === 'get' ? [action.key] : below(action.prefix)
    for (const { key } of answer.entries)
      if (!keys.includes(key)) yield `never there: ${say(action)} shows ${saySeen(shown.get(key))}`
    if (answer.revision === undefined) {
      for (const key of keys) yield* checkOne(read, log, shown.get(key), key, lowest)
      continue
    }
    if (answer.revision < lowest)
      yield `stale: ${say(action)} shows revision ${answer.revision}, although ${lowest} had been seen before`
    for (const key of keys) {
      const was = log.stateOf(key, answer.revision)
      if (!isSame(was, shown.get(key)))
        yield `wrong: ${say(action)} at revision ${answer.revision} shows ${saySeen(shown.get(key))} of ${key}, where ${saySeen(was)} was`
    }
  }
}

export function stalenessOf(history: History): Staleness {
  const knownBefore = knowledgeOf(history)
  const behind = history.operations
    .filter(isRead)
    .filter(({ action, answer }) => action.freshness === 'any' && answer.revision !== undefined)
    .map(({ askedAt, answer }) => Math.max(0, knownBefore(askedAt) - answer.revision!))
  return { reads: behind.length, behindMax: Math.max(0, ...behind), behindSum: behind.reduce((sum, each) => sum + each, 0) }
}

function* checkOne(
  { action }: ReadOperation,
  log: ChangeLog,
  seen: Seen | undefined,
  key: string,
  lowest: Revision,
): Generator<string> {
  if (log.wasThereSince(key, seen, lowest)) return
  const isOld = log.wasThereSince(key, seen, 0)
  yield isOld
    ? `stale: ${say(action)} shows ${saySeen(seen)}, which was gone at revision ${lowest}, and that had been seen before`
    : `never there: ${say(action)} shows ${saySeen(seen)}`
}

const isRead = (operation: Operation): operation is ReadOperation =>
  !isWrite(operation.action) && operation.answer.type === 'read'

const lowestOf = ({ action, askedAt }: ReadOperation, knownBefore: (at: Moment) => Revision): Revision =>
  action.freshness === 'latest' ? knownBefore(askedAt) : action.freshness === 'any' ? 0 : action.freshness

/** The newest revision that anyone had been told of before a moment, for moments that grow. */
function knowledgeOf({ operations, watches }: History): (at: Moment) => Revision {
  const told: { readonly at: Moment; readonly revision: Revision }[] = []
  for (const { answer, answeredAt } of operations) {
    if (answer.type === 'done' || answer.type === 'read') told.push({ at: answeredAt, revision: answer.revision ?? 0 })
    if (answer.type === 'read') for (const { revision } of answer.entries) told.push({ at: answeredAt, revision })
    if (answer.type === 'refused') told.push({ at: answeredAt, revision: answer.current?.revision ?? 0 })
  }
  for (const watch of watches) for (const { at, revision } of watch.told) told.push({ at, revision })
  told.sort((a, b) => a.at - b.at)
  const newest: Revision[] = []
  for (const { revision } of told) newest.push(Math.max(newest.at(-1) ?? 0, revision))
  return (at) => {
    let low = 0
    let high = told.length
    while (low < high) {
      const middle = (low + high) >> 1
      if (told[middle]!.at < at) low = middle + 1
      else high = middle
    }
    return newest[low - 1] ?? 0
  }
}

const say = (action: Read): string =>
  `a ${action.type} of ${action.type === 'get' ? action.key : action.prefix} (${action.freshness})`
