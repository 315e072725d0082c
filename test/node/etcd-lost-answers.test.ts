import assert from 'node:assert/strict'
import { once } from 'node:events'
import { connect, createServer, type Server, type Socket } from 'node:net'
import { after, before, describe, it } from 'node:test'
import { systemClock, systemRandom } from '#base'
import { Compacted, openEtcdStore, RevisionConflict, type Store } from '#store'
import { EtcdCluster } from './etcd-cluster.ts'

const KEY = '/registry/a'
const bytes = (text: string): Uint8Array => Buffer.from(text)

/** The way to a member: open, without answers, with what is sent held back, or without anything. */
class Way implements AsyncDisposable {
  state: 'open' | 'mute' | 'held' | 'cut' = 'open'
  #held: { readonly far: Socket; readonly data: Buffer }[] = []
  readonly #server: Server
  readonly #sockets = new Set<Socket>()

  constructor(target: URL) {
    this.#server = createServer((near) => {
      const far = connect(Number(target.port), target.hostname)
      for (const socket of [near, far]) {
        this.#sockets.add(socket)
        socket.on('error', () => undefined).on('close', () => this.#sockets.delete(socket))
      }
      near.on('data', (data) => {
        if (this.state === 'held') this.#held.push({ far, data })
        else if (this.state !== 'cut') far.write(data)
      })
      far.on('data', (data) => this.state === 'open' && near.write(data))
    })
  }

  async open(): Promise<string> {
    this.#server.listen(0, '127.0.0.1')
    await once(this.#server, 'listening')
    return `http://127.0.0.1:${(this.#server.address() as { port: number }).port}`
  }

  /** Brings what was held back, and waits for the member's answer to it. */
  async deliver(): Promise<void> {
    const { far } = this.#held[0]!
    const answered = once(far, 'data')
    for (const { data } of this.#held) far.write(data)
    await answered
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const socket of this.#sockets) socket.destroy()
    this.#server.close()
    await once(this.#server, 'close')
  }
}

describe('a write that nobody answered', () => {
  let cluster: EtcdCluster
  let other: Store
  before(async () => {
    cluster = await EtcdCluster.start(1)
    other = await openEtcdStore({ servers: cluster.servers, clock: systemClock })
  })
  after(async () => {
    await other[Symbol.asyncDispose]()
    await cluster[Symbol.asyncDispose]()
  })

  /** A store whose first member is behind `way`; its second is the same one, reached directly. */
  async function lab(body: (store: Store, way: Way) => Promise<void>): Promise<void> {
    const [direct = ''] = cluster.servers
    await using way = new Way(new URL(direct))
    const servers = [await way.open(), direct]
    await using store = await openEtcdStore({ servers, clock: systemClock, random: { ...systemRandom, int: () => 0 } })
    await body(store, way)
    const left = await other.get(KEY)
    if (left !== undefined) await other.delete(KEY, left.revision)
  }

  it('but was done is found: a create, an update and a delete', async () => {
    await lab(async (store, way) => {
      const before = await other.latest()
      way.state = 'mute'
      const created = await store.put(KEY, bytes('1'), { expected: 0 })
      assert.equal(created, before + 1)
      assert.equal((await other.get(KEY))?.revision, created, 'it was done once')
    })
    await lab(async (store, way) => {
      const created = await store.put(KEY, bytes('1'), { expected: 0 })
      way.state = 'mute'
      assert.equal(await store.put(KEY, bytes('2'), { expected: created }), created + 1)
      assert.equal(await other.latest(), created + 1)
    })
    await lab(async (store, way) => {
      const created = await store.put(KEY, bytes('1'), { expected: 0 })
      way.state = 'mute'
      assert.equal(await store.delete(KEY, created), created + 1)
      assert.equal(await other.latest(), created + 1)
    })
  })

  it('and did not arrive is sent again', async () => {
    await lab(async (store, way) => {
      const before = await other.latest()
      way.state = 'cut'
      const created = await store.put(KEY, bytes('1'), { expected: 0 })
      // The fence against the first copy came before.
      assert.equal(created, before + 2)
      assert.equal((await other.get(KEY))?.revision, created)
    })
  })

  it('is found although others have written after it', async () => {
    await lab(async (store, way) => {
      const created = await store.put(KEY, bytes('1'), { expected: 0 })
      way.state = 'mute'
      const writing = store.put(KEY, bytes('2'), { expected: created })
      const second = await untilChanged(other, created)
      const third = await other.put(KEY, bytes('3'), { expected: second })
      await other.delete(KEY, third)
      assert.equal(await writing, second)
    })
  })

  it('is found although another has undone it, and not done again', async () => {
    await lab(async (store, way) => {
      const before = await other.latest()
      way.state = 'mute'
      const writing = store.put(KEY, bytes('1'), { expected: 0 })
      const created = await untilChanged(other, before)
      await other.delete(KEY, created)
      assert.equal(await writing, created)
      assert.equal(await other.get(KEY), undefined)
    })
  })

  it('and comes very late has no effect any more', async () => {
    await lab(async (store, way) => {
      way.state = 'held'
      const writing = store.put(KEY, bytes('1'), { expected: 0 })
      // What gives the call up is not to reach the member together with it.
      await systemClock.sleep(500)
      way.state = 'cut'
      await other.delete(KEY, await writing)
      await way.deliver()
      assert.equal(await other.get(KEY), undefined)
    })
  })

  it('a compaction that was done without an answer is done', async () => {
    await lab(async (store, way) => {
      const revision = await store.put(KEY, bytes('1'), { expected: 0 })
      way.state = 'mute'
      await store.compact(revision)
      await assert.rejects(other.get(KEY, revision - 1), (error) => error instanceof Compacted && error.oldest === revision)
    })
  })

  it('and came too late is refused: what another wrote is not taken for it', async () => {
    await lab(async (store, way) => {
      const created = await store.put(KEY, bytes('1'), { expected: 0 })
      way.state = 'cut'
      const writing = store.put(KEY, bytes('2'), { expected: created })
      writing.catch(() => undefined)
      const theirs = await other.put(KEY, bytes('3'), { expected: created })
      const last = await other.put(KEY, bytes('2'), { expected: theirs })
      await assert.rejects(writing, (error) => error instanceof RevisionConflict && error.current?.revision === last)
    })
    await lab(async (store, way) => {
      way.state = 'cut'
      const writing = store.put(KEY, bytes('mine'), { expected: 0 })
      writing.catch(() => undefined)
      await other.put(KEY, bytes('theirs'), { expected: 0 })
      await assert.rejects(writing, RevisionConflict)
    })
  })

  it('and came after another had deleted the same is refused: of two who delete a revision one did', async () => {
    await lab(async (store, way) => {
      const created = await store.put(KEY, bytes('1'), { expected: 0 })
      way.state = 'cut'
      const deleting = store.delete(KEY, created)
      deleting.catch(() => undefined)
      await other.delete(KEY, created)
      await assert.rejects(deleting, (error) => error instanceof RevisionConflict && error.current === undefined)
    })
  })

  it('a watch behind a member that fell silent goes on with the next, and misses nothing', async () => {
    await lab(async (store, way) => {
      const stop = new AbortController()
      const before = await other.latest()
      const seen: number[] = []
      const following = (async () => {
        for await (const change of store.watch('/registry/', before, stop.signal)) {
          if (change.type === 'progress') continue
          seen.push(change.revision)
          if (seen.length === 3) stop.abort()
        }
      })()
      const first = await store.put(KEY, bytes('1'), { expected: 0 })
      way.state = 'mute'
      const second = await other.put(KEY, bytes('2'), { expected: first })
      // What fails takes the watch along.
      await store.put(KEY, bytes('3'), { expected: second })
      await following
      assert.deepEqual(seen, [before + 1, before + 2, before + 3])
    })
  })
})

/** Nobody is told when a write arrives that is not answered, but a watch. */
async function untilChanged(store: Store, since: number): Promise<number> {
  const stop = new AbortController()
  for await (const change of store.watch(KEY, since, stop.signal)) {
    if (change.type === 'progress') continue
    stop.abort()
    return change.revision
  }
  throw new Error('the watch goes on')
}
