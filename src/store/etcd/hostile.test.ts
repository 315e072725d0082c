import assert from 'node:assert/strict'
import test from 'node:test'
import * as grpc from '@grpc/grpc-js'
import { nextTurn, settle, systemClock, systemRandom, VirtualClock } from '#base'
import { type Change, type Progress, type Store, StoreFailure, WatchOverflow } from '../store.ts'
import { openEtcdAdmin, openEtcdStore } from './index.ts'
import { etcdCodec } from './messages.ts'

/** What a member answers: a message, bytes that are none, or an error. */
type Reply = { readonly message: object } | { readonly bytes: Uint8Array } | { readonly error: Partial<grpc.StatusObject> }
type Unary = 'Range' | 'Txn' | 'Compact' | 'MemberList' | 'MemberRemove'

const CLUSTER = 7
const STEP_MS = 100
/** For watches, whose opening is timed by the virtual clock: so slow that what is under way on the connection comes in time. */
const slowly = (): Promise<void> => systemClock.sleep(2)
const KEY = '/registry/a'
const bytes = (text: string): Uint8Array => Buffer.from(text)
const header = (revision: number, clusterId = CLUSTER): object => ({ header: { clusterId, revision } })

/** An etcd that says whatever it is told to. */
class Hostile implements AsyncDisposable {
  readonly #server = new grpc.Server()
  /** By method; without one it is at revision 5 and has nothing. */
  readonly replies = new Map<Unary, (request: Uint8Array) => Reply>()
  /** Called for every watch that is opened. */
  watch: (stream: WatchStream, count: number) => void = (stream) => stream.tell({ ...header(5), created: true })
  #watches = 0
  url = ''

  static async start(): Promise<Hostile> {
    const hostile = new Hostile()
    for (const name of ['Range', 'Txn', 'Compact'] as const) hostile.#unary('KV', name, () => hostile.replies.get(name))
    for (const name of ['MemberList', 'MemberRemove'] as const)
      hostile.#unary('Cluster', name, () => hostile.replies.get(name), 'MembersResponse')
    hostile.#unary('Maintenance', 'Alarm', () => undefined)
    hostile.#unary('Maintenance', 'Status', () => () => ({ message: { ...header(5), version: '3.4.23' } }))
    hostile.#server.register(
      '/etcdserverpb.Watch/Watch',
      ((call: grpc.ServerDuplexStream<Buffer, Buffer>) => {
        call.on('error', () => undefined)
        call.once('data', () => hostile.watch(new WatchStream(call), hostile.#watches++))
      }) as grpc.UntypedHandleCall,
      (value) => value as Buffer,
      (value) => value,
      'bidi',
    )
    const port = await new Promise<number>((resolve, reject) => {
      hostile.#server.bindAsync('127.0.0.1:0', grpc.ServerCredentials.createInsecure(), (error, bound) =>
        error === null ? resolve(bound) : reject(error),
      )
    })
    hostile.url = `http://127.0.0.1:${port}`
    return hostile
  }

  get watches(): number {
    return this.#watches
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.forceShutdown()
  }

  #unary(
    service: string,
    name: string,
    replyOf: () => ((request: Uint8Array) => Reply) | undefined,
    message = `${name}Response`,
  ): void {
    const handle = ({ request }: { request: Buffer }, done: grpc.sendUnaryData<Buffer>): void => {
      const reply = replyOf()?.(request) ?? { message: header(5) }
      if ('error' in reply) done(reply.error)
      else done(null, 'bytes' in reply ? Buffer.from(reply.bytes) : etcdCodec.encode(message, reply.message))
    }
    this.#server.register(
      `/etcdserverpb.${service}/${name}`,
      handle as grpc.UntypedHandleCall,
      (value) => value as Buffer,
      (value) => value,
      'unary',
    )
  }
}

class WatchStream {
  readonly #call: grpc.ServerDuplexStream<Buffer, Buffer>

  constructor(call: grpc.ServerDuplexStream<Buffer, Buffer>) {
    this.#call = call
  }

  tell(message: object): void {
    this.#call.write(etcdCodec.encode('WatchResponse', message))
  }

  raw(value: Uint8Array): void {
    this.#call.write(Buffer.from(value))
  }

  break(): void {
    this.#call.emit('error', { code: grpc.status.UNAVAILABLE, details: 'gone' })
  }
}

const put = (revision: number, key = KEY, previous?: number): object => ({
  kv: {
    key,
    value: bytes(`v${revision}`),
    modRevision: revision,
    createRevision: previous ?? revision,
    version: previous ? 2 : 1,
  },
  ...(previous !== undefined && { prevKv: { key, value: bytes(`v${previous}`), modRevision: previous } }),
})

interface Lab {
  readonly hostile: Hostile
  readonly store: Store
  readonly clock: VirtualClock
  /** Waits while time passes. */
  eventually<T>(work: Promise<T>): Promise<T>
}

/** A store on an etcd that was well when it was opened. Retries and pauses are virtual. */
async function lab(body: (lab: Lab) => Promise<void>, pace = settle): Promise<void> {
  await using hostile = await Hostile.start()
  const clock = new VirtualClock(undefined, pace)
  await using store = await openEtcdStore({ servers: [hostile.url], clock, random: systemRandom })
  await body({ hostile, store, clock, eventually: (work) => eventually(clock, work) })
}

async function eventually<T>(clock: VirtualClock, work: Promise<T>): Promise<T> {
  let running = true
  const ended = work.finally(() => {
    running = false
  })
  ended.catch(() => undefined)
  while (running) await clock.advance(STEP_MS)
  return ended
}

const fails = (reason: string, said: RegExp) => (error: unknown) =>
  error instanceof StoreFailure && error.reason === reason && said.test(error.message)

/** What is told until `count` changes came, or until the watch failed. */
async function told(store: Store, since: number, count: number): Promise<(Change | Progress)[]> {
  const stop = new AbortController()
  const all: (Change | Progress)[] = []
  for await (const each of store.watch('/registry/', since, stop.signal)) {
    all.push(each)
    if (all.filter(({ type }) => type !== 'progress').length === count) stop.abort()
  }
  return all
}

/** What is told by the first watch that does not fail, of those that are taken one after the other. */
async function toldAtLast(store: Store): Promise<(Change | Progress)[]> {
  for (;;) {
    try {
      return await told(store, 5, 1)
    } catch (error) {
      if (!(error instanceof StoreFailure)) throw error
    }
  }
}

const READS: Readonly<Record<string, readonly [reply: Reply, reason: string, said: RegExp]>> = {
  'bytes that are no message': [{ bytes: bytes('\xff\xff\xff garbage') }, 'Unavailable', /parsing error/],
  'a message that ends in the middle': [{ bytes: Uint8Array.of(0x0a, 0x7f, 0x01) }, 'Unavailable', /unexpected EOF/],
  'nothing at all': [{ bytes: new Uint8Array(0) }, 'Unavailable', /went back from revision 5 to 0/],
  'an older revision': [{ message: header(3) }, 'Unavailable', /went back from revision 5 to 3/],
  'the words of another cluster': [{ message: header(9, 8) }, 'Unavailable', /belongs to another cluster/],
  'a code that there is not': [{ error: { code: 42 as grpc.status, details: 'what' } }, 'Refused', /^(etcd failed: )?what$/],
  'that it is something else': [
    { error: { code: grpc.status.UNIMPLEMENTED, details: 'unknown service' } },
    'Refused',
    /unknown service/,
  ],
}

for (const [title, [reply, reason, said]] of Object.entries(READS)) {
  test(`etcd answers with ${title}: refused with a clear error, and readiness says it`, async () => {
    await lab(async ({ hostile, store, eventually }) => {
      hostile.replies.set('Range', () => reply)
      hostile.replies.set('Txn', () => reply)
      await assert.rejects(eventually(store.get(KEY)), fails(reason, said))
      await assert.rejects(eventually(store.list('/registry/')), fails(reason, said))
      await assert.rejects(eventually(store.put(KEY, bytes('1'), { expected: 4 })), fails(reason, said))
      assert.match(store.problem() ?? '', said)
      hostile.replies.clear()
      assert.equal(await eventually(store.get(KEY)), undefined, 'it is well again')
      assert.equal(store.problem(), undefined)
    })
  })
}

test('a list that never comes to its end, or shows what was not asked for, is refused', async () => {
  const entry = (key: string): object => ({ key, value: bytes('x'), modRevision: 3, createRevision: 3, version: 1 })
  for (const [keys, said] of [
    [['/registry/a'], /did not get on|again/],
    [['/registry/b', '/registry/a'], /again/],
    [['/elsewhere/a'], /\/elsewhere\/a/],
  ] as const) {
    await lab(async ({ hostile, store, eventually }) => {
      hostile.replies.set('Range', () => ({ message: { ...header(5), count: 1_000_000, kvs: keys.map(entry) } }))
      await assert.rejects(eventually(store.list('/registry/')), fails('Refused', said))
    })
  }
})

test('a read of a compacted revision ends although the watch that tells the oldest says nothing', async () => {
  await lab(async ({ hostile, store, eventually }) => {
    hostile.replies.set('Range', () => ({
      error: { code: grpc.status.OUT_OF_RANGE, details: 'etcdserver: mvcc: required revision has been compacted' },
    }))
    await assert.rejects(eventually(store.get(KEY, 2)), fails('Unavailable', /did not say which revision is its oldest/))
  })
})

test('a large answer comes whole', async () => {
  await lab(async ({ hostile, store, eventually }) => {
    const value = new Uint8Array(20 << 20).fill(7)
    hostile.replies.set('Range', () => ({
      message: { ...header(5), count: 1, kvs: [{ key: KEY, value, modRevision: 3, createRevision: 3, version: 1 }] },
    }))
    assert.equal((await eventually(store.get(KEY)))?.value.length, value.length)
  })
})

test('half of a revision whose watch breaks is not told; its other half comes with it from the next watch', async () => {
  await lab(async ({ hostile, store, eventually }) => {
    hostile.watch = (stream, count) => {
      stream.tell({ ...header(5), created: true })
      if (count === 0) {
        stream.tell({ ...header(6), events: [put(6, '/registry/a')], fragment: true })
        stream.break()
      } else stream.tell({ ...header(6), events: [put(6, '/registry/a'), put(6, '/registry/b')] })
    }
    const all = await eventually(told(store, 5, 2))
    const changes = all.flatMap((each) => (each.type === 'progress' ? [] : [[each.key, each.more ?? false]]))
    assert.deepEqual(changes, [
      ['/registry/a', true],
      ['/registry/b', false],
    ])
  }, slowly)
})

test('an etcd that stays another one was replaced, of which the process is told once; one odd answer is none of it', async () => {
  await using hostile = await Hostile.start()
  const clock = new VirtualClock()
  const said: string[] = []
  const onReplaced = ({ message }: Error): void => void said.push(message)
  await using store = await openEtcdStore({ servers: [hostile.url], clock, random: systemRandom, onReplaced })
  const odd = (reply: object): Promise<unknown> => {
    hostile.replies.set('Range', () => ({ message: reply }))
    return eventually(clock, store.get(KEY)).catch(() => undefined)
  }
  hostile.replies.set('Range', () => ({ message: header(9) }))
  assert.equal(await store.get(KEY), undefined)
  let count = 0
  hostile.replies.set('Range', () => ({ message: count++ === 0 ? header(3) : header(9) }))
  assert.equal(await eventually(clock, store.get(KEY)), undefined)
  await clock.advance(60_000)
  assert.deepEqual(said, [])
  await odd(header(4))
  assert.equal(said.length, 1)
  assert.match(
    said[0]!,
    /^etcd was restored or replaced while this server used it \(.* went back from revision 9 to 4: .*Start it again$/,
  )
  await odd(header(10, 8))
  assert.equal(said.length, 1)
  // No time passes: what ends must not wait for answers that can not come.
  const isOver = fails('Refused', /^etcd was restored or replaced/)
  await assert.rejects(store.get(KEY), isOver)
  await assert.rejects(store.put(KEY, bytes('1'), { expected: 4 }), isOver)
})

/** So often it is taken again in vain. */
const WATCHES_MIN = 5
const PAUSES_MS_MIN = 300

const WATCHES: Readonly<Record<string, readonly [tell: (stream: WatchStream) => void, said: RegExp]>> = {
  'bytes that are no message': [(stream) => stream.raw(bytes('\xff\xff\xff')), /pars/],
  'revisions backwards': [
    (stream) => stream.tell({ ...header(9), events: [put(9), put(8)] }),
    /told of revision 8 after 9 in one watch/,
  ],
  'the changes of another cluster': [
    (stream) => stream.tell({ ...header(6, 8), events: [put(6)] }),
    /belongs to another cluster/,
  ],
  'an end at once': [(stream) => stream.break(), /gone|UNAVAILABLE|reset|CANCELLED|INTERNAL/i],
}

for (const [title, [tell, said]] of Object.entries(WATCHES)) {
  test(`a watch that brings ${title} is taken again, more slowly each time, tells nothing of it, and readiness says it`, async () => {
    await lab(async ({ hostile, store, clock, eventually }) => {
      const beganMs = clock.now()
      let isHostile = true
      hostile.watch = (stream) => {
        stream.tell({ ...header(5), created: true })
        if (isHostile) tell(stream)
        else stream.tell({ ...header(6), events: [put(6)] })
      }
      const watching = toldAtLast(store)
      await eventually(
        (async () => {
          while (hostile.watches < WATCHES_MIN || !said.test(store.problem() ?? '')) await nextTurn()
        })(),
      )
      assert.ok(clock.now() - beganMs >= PAUSES_MS_MIN, `${hostile.watches} watches in ${clock.now() - beganMs} ms`)
      isHostile = false
      const changes = (await eventually(watching)).filter(({ type }) => type !== 'progress')
      assert.deepEqual(
        changes.map(({ revision }) => revision),
        [6],
      )
      assert.equal(store.problem(), undefined)
    }, slowly)
  })
}

test('fragments without an end are cut off', async () => {
  await lab(async ({ hostile, store, eventually }) => {
    hostile.watch = (stream) => {
      stream.tell({ ...header(5), created: true })
      const events = Array.from({ length: 5_000 }, (_, index) => put(6, `/registry/${index}`))
      for (let count = 0; count < 25; count++) stream.tell({ ...header(6), events, fragment: true })
    }
    await assert.rejects(eventually(told(store, 5, 1)), WatchOverflow)
  }, slowly)
})

/** What is answered to removals one after the other, whether the member is then gone, how often it was tried, and what is said in the end. */
const REMOVALS: Readonly<Record<string, readonly [answers: readonly Reply[], goneAfter: number, tries: number, said?: RegExp]>> =
  {
    'that was done though nobody said so': [
      [{ error: { code: grpc.status.UNAVAILABLE, details: 'etcdserver: request timed out' } }],
      1,
      1,
    ],
    'that the next leader takes': [
      [{ error: { code: grpc.status.UNAVAILABLE, details: 'etcdserver: no leader' } }, { message: {} }],
      2,
      2,
    ],
    'that came to its end between two attempts': [
      [
        { error: { code: grpc.status.UNAVAILABLE, details: 'etcdserver: request timed out' } },
        { error: { code: grpc.status.NOT_FOUND, details: 'etcdserver: member not found' } },
      ],
      2,
      2,
    ],
    'that nobody ever answers': [[{ error: { code: grpc.status.UNAVAILABLE, details: 'no leader' } }], 99, 3, /no leader/],
    'of somebody who is no member': [
      [{ error: { code: grpc.status.NOT_FOUND, details: 'member not found' } }],
      0,
      1,
      /member not found/,
    ],
  }

for (const [title, [answers, goneAfter, tries, said]] of Object.entries(REMOVALS)) {
  test(`the removal of a member ${title}`, async () => {
    await using hostile = await Hostile.start()
    let tried = 0
    hostile.replies.set('MemberRemove', () => answers[Math.min(tried++, answers.length - 1)]!)
    hostile.replies.set('MemberList', () => ({
      message: { ...header(5), members: tried >= goneAfter ? [] : [{ id: 3n, name: 'c' }] },
    }))
    const clock = new VirtualClock()
    using admin = await openEtcdAdmin({ servers: [hostile.url], clock, random: systemRandom })
    const removed = eventually(clock, admin.remove(3n))
    if (said === undefined) await removed
    else await assert.rejects(removed, said)
    assert.equal(tried, tries)
  })
}
