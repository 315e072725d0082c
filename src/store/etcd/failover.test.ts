import assert from 'node:assert/strict'
import test from 'node:test'
import {
  type Metadata,
  Server,
  ServerCredentials,
  type ServerDuplexStream,
  type ServerUnaryCall,
  status,
  type UntypedHandleCall,
} from '@grpc/grpc-js'
import { systemClock, systemRandom, VirtualClock } from '#base'
import { ChangingEndpoints } from './endpoint.ts'
import { openEtcdStore } from './index.ts'
import { etcdCodec } from './messages.ts'
import { WATCH_STALENESS_MS_MAX } from './watch-check.ts'

const STEP_MS = 100
const VERSION = '3.4.23'
const CLUSTER = 7

type State = 'well' | 'gone' | 'silent' | 'without leader'

/** A member of an etcd that has nothing, or what its watches tell. */
class Member implements AsyncDisposable {
  readonly #server = new Server()
  state: State = 'well'
  /** As it answers to reads. */
  revision = 5
  /** Watches are opened, and told of this. */
  tells: readonly object[] = []
  watches = 0
  /** Reads that reached it. */
  reads = 0
  /** Questions for alarms that reached it. */
  alarms = 0
  asked: Metadata | undefined
  url = ''

  static async start(): Promise<Member> {
    const member = new Member()
    member.#answer('KV', 'Range', () => {
      member.reads++
      return { header: member.#header }
    })
    member.#server.register(
      '/etcdserverpb.Watch/Watch',
      ((call: ServerDuplexStream<Buffer, Buffer>) => {
        member.watches++
        const tell = (message: object): void =>
          void call.write(etcdCodec.encode('WatchResponse', { header: member.#header, ...message }))
        call.on('error', () => undefined)
        call.once('data', () => {
          tell({ created: true })
          if (member.tells.length > 0) tell({ events: member.tells })
        })
      }) as UntypedHandleCall,
      (bytes: Buffer) => bytes,
      (bytes: Buffer) => bytes,
      'bidi',
    )
    member.#answer('Maintenance', 'Status', () => ({
      header: { clusterId: BigInt(CLUSTER), memberId: 1n },
      version: VERSION,
      leader: member.state === 'without leader' ? 0n : 1n,
    }))
    // As etcd 3.4 does it: without a header.
    member.#answer('Maintenance', 'Alarm', () => {
      member.alarms++
      return {}
    })
    const port = await new Promise<number>((resolve, reject) =>
      member.#server.bindAsync('127.0.0.1:0', ServerCredentials.createInsecure(), (error, bound) =>
        error === null ? resolve(bound) : reject(error),
      ),
    )
    member.url = `http://127.0.0.1:${port}`
    return member
  }

  get #header(): object {
    return { clusterId: CLUSTER, revision: this.revision }
  }

  #answer(service: string, name: string, answerOf: () => object): void {
    const handle = (call: ServerUnaryCall<Buffer, object>, done: (error: object | null, answer?: object) => void): void => {
      if (name === 'Range') this.asked = call.metadata
      if (this.state === 'gone') done({ code: status.UNAVAILABLE, details: 'gone' })
      else if (this.state !== 'silent') done(null, answerOf())
    }
    this.#server.register(
      `/etcdserverpb.${service}/${name}`,
      handle as never,
      (answer: object) => etcdCodec.encode(`${name}Response`, answer),
      (bytes: Buffer) => bytes,
      'unary',
    )
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.forceShutdown()
  }
}

for (const state of ['silent', 'without leader'] as const)
  test(`when a member fails, one that is ${state} is passed over for one that knows a leader`, async () => {
    await using stack = new AsyncDisposableStack()
    const members: Member[] = []
    for (let count = 0; count < 3; count++) members.push(stack.use(await Member.start()))
    const [first, next, last] = members as [Member, Member, Member]
    const servers = new ChangingEndpoints({ servers: members.map(({ url }) => url) })
    const store = stack.use(await openEtcdStore({ servers, clock: systemClock, random: systemRandom }))
    first.state = 'gone'
    next.state = state
    const before = [next.reads, last.reads]
    // One that came first, and one that comes while it is found out.
    assert.deepEqual(await Promise.all([store.latest(), store.get('/registry/a')]), [5, undefined])
    assert.equal(next.reads, before[0], 'it was asked for nothing')
    assert.ok(last.reads > before[1]!)
  })

test('an answer about alarms that does not say whose it is, as of etcd 3.4, is taken from the member that was asked', async () => {
  await using stack = new AsyncDisposableStack()
  const members = [stack.use(await Member.start()), stack.use(await Member.start())] as const
  const clock = new VirtualClock(undefined, () => systemClock.sleep(2))
  const servers = new ChangingEndpoints({ servers: members.map(({ url }) => url) })
  const store = stack.use(await openEtcdStore({ servers, clock, random: systemRandom }))
  for (let count = 1; count <= 3; count++) {
    while (members[0].alarms < count) {
      assert.equal(store.problem(), undefined)
      await clock.advance(STEP_MS)
    }
  }
  await store.latest()
  assert.deepEqual([members[1].alarms, members[1].reads], [0, 0], 'it stays with the first')
})

test('members are asked to say it when they know no leader, instead of keeping silent', async () => {
  await using member = await Member.start()
  await using store = await openEtcdStore({ servers: [member.url], clock: systemClock, random: systemRandom })
  await store.latest()
  assert.deepEqual(member.asked?.get('hasleader'), ['true'])
})

const event = (revision: number): object => ({
  kv: { key: '/registry/a', value: Buffer.from('x'), modRevision: revision, createRevision: revision, version: 1 },
})

/** A store whose watch is at the first of two members. Resolves to the virtual time that passes, once `fault` befell that, until the watch tells of revision 6. */
async function untilToldOf(fault: (first: Member) => void): Promise<number> {
  await using stack = new AsyncDisposableStack()
  const [first, second] = [stack.use(await Member.start()), stack.use(await Member.start())]
  second.revision = 6
  second.tells = [event(6)]
  // Slow enough for what is under way on the connections.
  const clock = new VirtualClock(undefined, () => systemClock.sleep(2))
  const servers = new ChangingEndpoints({ servers: [first.url, second.url] })
  const store = stack.use(await openEtcdStore({ servers, clock, random: systemRandom }))
  const stop = new AbortController()
  let told = false
  const watching = (async () => {
    for await (const { type, revision } of store.watch('/registry/', 5, stop.signal)) {
      if (type === 'progress' || revision !== 6) continue
      told = true
      stop.abort()
    }
  })()
  while (first.watches === 0) await clock.advance(0)
  fault(first)
  const startedMs = clock.now()
  while (!told) await clock.advance(STEP_MS)
  await watching
  return clock.now() - startedMs
}

for (const [title, fault] of Object.entries({
  'that answers no more': (first: Member) => {
    first.state = 'gone'
  },
  'whose watch stays behind what it answers': (first: Member) => {
    first.revision = 6
  },
}))
  test(`a quiet watch at a member ${title} goes on at another in time, though nobody asks anything`, async () => {
    const tookMs = await untilToldOf(fault)
    assert.ok(tookMs <= WATCH_STALENESS_MS_MAX, `${tookMs} ms`)
  })

test('a watch that has told of everything stays where it is, however long nothing happens', async () => {
  await using stack = new AsyncDisposableStack()
  const members = [stack.use(await Member.start()), stack.use(await Member.start())] as const
  for (const member of members) {
    member.revision = 6
    member.tells = [event(6)]
  }
  const clock = new VirtualClock(undefined, () => systemClock.sleep(2))
  const servers = new ChangingEndpoints({ servers: members.map(({ url }) => url) })
  const store = stack.use(await openEtcdStore({ servers, clock, random: systemRandom }))
  const stop = new AbortController()
  const watching = (async () => {
    for await (const _ of store.watch('/registry/', 5, stop.signal)) {
      // Told of, and forgotten.
    }
  })()
  const before = members[0].reads
  while (members[0].reads < before + 10) await clock.advance(STEP_MS)
  stop.abort()
  await watching
  assert.deepEqual(
    members.map(({ watches }) => watches),
    [1, 0],
  )
})

test('that etcd was restored under a server is noticed though nobody asks anything', async () => {
  await using stack = new AsyncDisposableStack()
  const member = stack.use(await Member.start())
  const clock = new VirtualClock(undefined, () => systemClock.sleep(2))
  const said: string[] = []
  const onReplaced = ({ message }: Error): void => void said.push(message)
  const store = stack.use(await openEtcdStore({ servers: [member.url], clock, random: systemRandom, onReplaced }))
  const stop = new AbortController()
  const watching = (async () => {
    for await (const _ of store.watch('/registry/', 5, stop.signal)) {
      // Nothing comes.
    }
  })().catch(() => undefined)
  while (member.watches === 0) await clock.advance(0)
  member.revision = 3
  const restoredMs = clock.now()
  while (said.length === 0) await clock.advance(STEP_MS)
  assert.match(
    said[0]!,
    /^etcd was restored or replaced while this server used it \(.* went back from revision 5 to 3: .*Start it again$/,
  )
  assert.ok(clock.now() - restoredMs <= 12_000, `${clock.now() - restoredMs} ms`)
  stop.abort()
  await watching
})
