import assert from 'node:assert/strict'
import test from 'node:test'
import { faultsOf } from './check.ts'
import { type Action, type Answer, Journal, Recorder, type Seen, type Told } from './history.ts'

/** A history told one thing after the other; what is asked with `from` and `until` lasts so long. */
class Tale {
  readonly journal = new Journal()
  readonly recorder = new Recorder(this.journal.add)
  readonly #watchers = new Map<string, (told: Told) => void>()

  async ask(action: Action, answer: Answer): Promise<this> {
    await this.recorder.ask(0, action, async () => answer)
    return this
  }

  /** Asks now; the answer comes when what is returned is called. */
  begin(action: Action, answer: Answer): () => Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>()
    const asked = this.recorder.ask(1, action, async () => {
      await promise
      return answer
    })
    return async () => {
      resolve()
      await asked
    }
  }

  put(value: string, revision: number, from?: Seen, key = '/k'): Promise<this> {
    return this.ask({ type: 'put', key, value, from }, { type: 'done', revision })
  }

  remove(from: Seen, revision: number): Promise<this> {
    return this.ask({ type: 'delete', key: from.key, from }, { type: 'done', revision })
  }

  get(seen: Seen | undefined, key = '/k'): Promise<this> {
    return this.ask({ type: 'get', key, freshness: 'latest' }, { type: 'read', entries: seen ? [seen] : [], revision: undefined })
  }

  list(revision: number, entries: readonly Seen[], freshness: 'latest' | 'any' | number = 'latest'): Promise<this> {
    return this.ask({ type: 'list', prefix: '/', freshness }, { type: 'read', entries, revision })
  }

  tell(told: Told, watcher = 'w'): this {
    let tell = this.#watchers.get(watcher)
    if (tell === undefined) {
      tell = this.recorder.watcher(watcher, '/', 0)
      this.#watchers.set(watcher, tell)
    }
    tell(told)
    return this
  }

  get faults(): string[] {
    return faultsOf(this.journal, { gaplessAfter: 0 })
  }
}

const seen = (value: string, revision: number, key = '/k'): Seen => ({ key, value, revision })
const put = (value: string, revision: number, previous: Seen | null = null, key = '/k'): Told => ({
  type: 'put',
  key,
  value,
  revision,
  previous,
})
const gone = (previous: Seen, revision: number): Told => ({
  type: 'delete',
  key: previous.key,
  value: previous.value,
  revision,
  previous,
})
const progress = (revision: number): Told => ({ type: 'progress', revision })

/** Both judges, or the one that can see it, find what is wrong, and say it. */
function finds({ faults }: Tale, ...expected: readonly RegExp[]): void {
  assert.notDeepEqual(faults, [])
  for (const each of expected)
    assert.ok(
      faults.some((fault) => each.test(fault)),
      `${each} in ${JSON.stringify(faults, null, 1)}`,
    )
}

const NO_ORDER = /no order of the operations on \/k/

/** Created, changed, removed and made again, with a watcher who was told of all. */
async function sound(): Promise<Tale> {
  const tale = new Tale()
  await tale.put('1', 1)
  await tale.put('2', 2, seen('1', 1))
  await tale.get(seen('2', 2))
  await tale.put('x', 3, undefined, '/other')
  await tale.remove(seen('2', 2), 4)
  await tale.get(undefined)
  await tale.put('3', 5)
  await tale.list(5, [seen('3', 5), seen('x', 3, '/other')])
  await tale.ask({ type: 'put', key: '/k', value: 'no', from: seen('2', 2) }, { type: 'refused', current: seen('3', 5) })
  tale
    .tell(put('1', 1))
    .tell(put('2', 2, seen('1', 1)))
    .tell(progress(2))
    .tell(put('x', 3, null, '/other'))
  return tale
    .tell(gone(seen('2', 2), 4))
    .tell(put('3', 5))
    .tell(progress(5))
}

test('a sound history has no fault', async () => {
  assert.deepEqual((await sound()).faults, [])
})

test('a write that was acknowledged and is gone is found by reads and by who watches', async () => {
  const tale = await sound()
  await tale.put('4', 6, seen('3', 5))
  await tale.get(seen('3', 5))
  tale.tell(progress(6))
  finds(tale, NO_ORDER, /^stale: a get of \/k \(latest\) shows 3@5/, /^w was told of progress to 6 without put \/k=4@6/)
})

test('an acknowledged delete without a revision that never was is found', async () => {
  const tale = await sound()
  await tale.ask({ type: 'delete', key: '/k', from: seen('3', 5) }, { type: 'done', revision: undefined })
  await tale.get(seen('3', 5))
  finds(tale, NO_ORDER, /^lost: delete \/k of 3@5 was acknowledged/)
})

test('a stale read is found, and the same read is well where it may be old', async () => {
  const tale = await sound()
  await tale.list(4, [seen('x', 3, '/other')])
  finds(tale, NO_ORDER, /^stale: a list of \/ \(latest\) shows revision 4, although 5 had been seen/)
  const old = await sound()
  await old.list(4, [seen('x', 3, '/other')], 'any')
  await old.list(4, [seen('x', 3, '/other')], 4)
  assert.deepEqual(old.faults, [])
  await old.list(3, [seen('2', 2), seen('x', 3, '/other')], 4)
  finds(old, /^stale: a list of \/ \(4\) shows revision 3, although 4/)
})

test('a read that overlaps a write may show either, and after it showed the new the old is stale', async () => {
  const tale = await sound()
  const answer = tale.begin({ type: 'put', key: '/k', value: '4', from: seen('3', 5) }, { type: 'done', revision: 6 })
  await tale.get(seen('3', 5))
  await tale.get(seen('4', 6))
  tale.tell(put('4', 6, seen('3', 5)))
  await answer()
  assert.deepEqual(tale.faults, [])
  await tale.get(seen('3', 5))
  finds(tale, NO_ORDER, /^stale/)
})

test('a list that shows half of what was there at its revision is found', async () => {
  const tale = await sound()
  await tale.list(5, [seen('3', 5)])
  finds(tale, /^wrong: a list of \/ \(latest\) at revision 5 shows nothing of \/other, where x@3 was/)
})

test('a write over what its writer had not seen is found', async () => {
  const tale = await sound()
  await tale.put('4', 6, seen('3', 5))
  await tale.put('5', 7, seen('3', 5))
  tale.tell(put('4', 6, seen('3', 5))).tell(put('5', 7, seen('4', 6)))
  finds(tale, NO_ORDER, /^written over what its writer had not seen: put \/k=5@7 from 3@5, over 4@6/)
})

test('a write that was refused and done is found', async () => {
  const tale = await sound()
  tale.tell(put('no', 6, seen('3', 5)))
  finds(tale, /^refused, and done: put \/k=no@6/)
  await tale.get(seen('no', 6))
  finds(tale, NO_ORDER)
})

test('who is refused although all was as expected is found', async () => {
  const tale = await sound()
  const current = seen('3', 5)
  await tale.ask({ type: 'put', key: '/k', value: '4', from: current }, { type: 'refused', current })
  finds(tale, NO_ORDER, /^refused for nothing: \/k is at 3@5/)
  const other = await sound()
  await other.ask({ type: 'put', key: '/k', value: '4', from: current }, { type: 'refused', current: seen('what', 9) })
  finds(other, NO_ORDER, /^never there: \/k was said to be at what@9/)
})

test('a write without an answer is done or not, and never half', async () => {
  const unknown: Action = { type: 'put', key: '/k', value: '4', from: seen('3', 5) }
  const not = await (await sound()).ask(unknown, { type: 'unknown' })
  await not.get(seen('3', 5))
  assert.deepEqual(not.faults, [])
  const done = await (await sound()).ask(unknown, { type: 'unknown' })
  await done.get(seen('3', 5))
  await done.get(seen('4', 6))
  done.tell(put('4', 6, seen('3', 5)))
  assert.deepEqual(done.faults, [])
  const half = await (await sound()).ask(unknown, { type: 'unknown' })
  await half.get(seen('4', 6))
  half.tell(progress(6))
  finds(half, /^never there: a get of \/k \(latest\) shows 4@6/)
  await half.get(seen('3', 5))
  finds(half, NO_ORDER)
  const one = await (await sound()).ask(unknown, { type: 'unknown' })
  one.tell(put('4', 6, seen('3', 5)), 'v').tell(progress(6), 'w')
  finds(one, /^w was told of progress to 6 without put \/k=4@6/)
})

test('a write that is done twice is found', async () => {
  const tale = await (await sound()).ask({ type: 'put', key: '/new', value: '4', from: undefined }, { type: 'unknown' })
  const first = seen('4', 6, '/new')
  await tale.ask({ type: 'get', key: '/new', freshness: 'latest' }, { type: 'read', entries: [first], revision: undefined })
  await tale.remove(first, 7)
  tale
    .tell(put('4', 6, null, '/new'))
    .tell(gone(first, 7))
    .tell(put('4', 8, null, '/new'))
  finds(tale, /^done twice: put \/new=4@6, put \/new=4@8/)
})

test('a deleted key that comes back by itself is found', async () => {
  const tale = await sound()
  await tale.remove(seen('3', 5), 6)
  tale.tell(gone(seen('3', 5), 6)).tell(progress(6))
  assert.deepEqual(tale.faults, [])
  await tale.get(seen('3', 5))
  finds(tale, NO_ORDER, /^stale: a get of \/k \(latest\) shows 3@5/)
  tale.tell(put('3', 7))
  finds(tale, /^done twice: put \/k=3@5, put \/k=3@7/)
})

test('writes whose revisions are not in their order are found', async () => {
  const tale = await sound()
  await tale.put('7', 7, undefined, '/p')
  await tale.put('6', 6, undefined, '/q')
  tale.tell(put('6', 6, null, '/q')).tell(put('7', 7, null, '/p'))
  finds(tale, /^out of order: put \/q=6@6 was asked for after put \/p=7@7/)
})

test('two changes at one revision, a change by nobody and a missing revision are found', async () => {
  const tale = await sound()
  await tale.put('6', 6, undefined, '/p')
  tale.tell(put('6', 6, null, '/q'))
  finds(tale, /^two changes at one revision: put \/p=6@6, by w put \/q=6@6/)
  const nobody = (await sound()).tell(put('7', 7, null, '/q'))
  finds(nobody, /^nobody wrote it: put \/q=7@7/, /^the revision 6 is of no change/)
})

/** Five changes, and a watcher who is told of them in this form. */
async function watched(tell: (tale: Tale, events: readonly Told[]) => void): Promise<Tale> {
  const tale = new Tale()
  const events: Told[] = []
  for (const revision of [1, 2, 3, 4, 5]) {
    const from = revision === 1 ? undefined : seen(`${revision - 1}`, revision - 1)
    await tale.put(`${revision}`, revision, from)
    events.push(put(`${revision}`, revision, from ?? null))
  }
  tell(tale, events)
  return tale
}

const told =
  (...order: readonly number[]) =>
  (tale: Tale, events: readonly Told[]) => {
    for (const each of order) tale.tell(each < 0 ? progress(-each) : events[each - 1]!)
  }

test('an event that comes twice, late, early or not at all is found', async () => {
  assert.deepEqual((await watched(told(1, 2, -2, 3, 4, -4, -4, 5))).faults, [])
  finds(await watched(told(1, 2, 2, 3, 4, 5)), /^w was told twice of put \/k=2@2/)
  finds(
    await watched(told(1, 3, 2, 4, 5)),
    /^w was told of put \/k=2@2 after revision 3/,
    /^w was told of put \/k=3@3 without put \/k=2@2/,
  )
  finds(await watched(told(1, 2, 4, 5)), /^w was told of put \/k=4@4 without put \/k=3@3/)
  finds(
    await watched(told(1, 2, -3, 3, 4, 5)),
    /^w was told of progress to 3 without put \/k=3@3/,
    /^w was told of put \/k=3@3 after revision 3/,
  )
  finds(await watched(told(1, 2, 3, 4)), /^no watcher was told of all: 5 was written, 4 seen/)
})

test('an event with the wrong past, or before its write, is found', async () => {
  const past = await watched((tale, events) => {
    told(1, 2, 3, 4)(tale, events)
    tale.tell(put('5', 5, seen('3', 3)))
  })
  finds(past, /^w was told that 3@3 was there before put \/k=5@5, where 4@4 was/)
  const early = new Tale().tell(put('1', 1))
  await early.put('1', 1)
  finds(early, /^w was told of put \/k=1@1 before anyone asked for it/)
  const last = await sound()
  await last.remove(seen('3', 5), 6)
  last.tell({ type: 'delete', key: '/k', value: '2', revision: 6, previous: seen('3', 5) })
  finds(last, /^w was told that 2 went with delete \/k@6, where 3@5 was/)
})
