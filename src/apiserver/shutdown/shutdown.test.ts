import assert from 'node:assert/strict'
import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import test from 'node:test'
import { endpoints } from '#api'
import { settle, VirtualClock } from '#base'
import { openMemoryStore, type PutOptions, type Revision, type Store } from '#store'
import {
  ask,
  askWatch,
  certificatesFor,
  FaultyStore,
  HTTP_VERSIONS,
  type HttpConnection,
  SharedStore,
  startTestApiServer,
  TEST_ADMIN,
  type TestApiServer,
} from '#testing'
import type { ShutdownOptions } from './options.ts'

const MAPS = '/api/v1/namespaces/default/configmaps'
const DRAIN_MS = 60_000

/** A server behind a port, which takes its time for objects named `slow`. */
interface Lab extends AsyncDisposable {
  readonly api: TestApiServer
  readonly clock: VirtualClock
  readonly port: number
  open(version: string): HttpConnection
  /** Resolves when a slow request has come. */
  readonly slow: Promise<void>
  /** Lets it be answered. */
  hurry(): void
  /** The server's end, begun at the first call. */
  stop(): Promise<void>
}

class SlowStore extends FaultyStore {
  readonly #came: () => void
  readonly #gate: Promise<void>

  constructor(store: Store, came: () => void, gate: Promise<void>) {
    super(store)
    this.#came = came
    this.#gate = gate
  }

  override async put(key: string, value: Uint8Array, options: PutOptions): Promise<Revision> {
    if (key.endsWith('/slow')) {
      this.#came()
      await this.#gate
    }
    return super.put(key, value, options)
  }
}

async function start(shutdown: ShutdownOptions): Promise<Lab> {
  const clock = new VirtualClock()
  const came = Promise.withResolvers<void>()
  const gate = Promise.withResolvers<void>()
  const store = new SlowStore(openMemoryStore({ clock }), came.resolve, gate.promise)
  const api = await startTestApiServer({ clock, shutdown, store })
  const { tls, client } = await certificatesFor(TEST_ADMIN)
  const { port } = await api.server.listen({ host: '127.0.0.1', port: 0, tls })
  const own = { ca: client.ca, cert: client.certificate, key: client.key }
  await using stack = new AsyncDisposableStack()
  stack.defer(async () => {
    const ended = api[Symbol.asyncDispose]()
    await clock.advance(2 * DRAIN_MS)
    await ended
  })
  stack.defer(() => gate.resolve())
  const owned = stack.move()
  return {
    api,
    clock,
    port,
    open: (version) => owned.use(HTTP_VERSIONS[version]!(port, own)),
    slow: came.promise,
    hurry: () => gate.resolve(),
    stop: async () => api.server[Symbol.asyncDispose](),
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  }
}

const map = (name: string) => ({ metadata: { name }, data: { a: 'b'.repeat(100) } })

/** Whether something has happened by now. */
async function hasCome(promise: Promise<unknown>): Promise<boolean> {
  await settle()
  return Promise.race([promise.then(() => true), settle().then(() => false)])
}

async function refused(port: number): Promise<void> {
  const socket = connect(port, '127.0.0.1')
  const [error] = (await once(socket, 'error')) as [NodeJS.ErrnoException]
  assert.equal(error.code, 'ECONNREFUSED')
}

for (const version of Object.keys(HTTP_VERSIONS)) {
  test(`${version}: readyz fails first, while everything is served; then nobody can connect, and what is in flight is answered whole`, async () => {
    await using lab = await start({ delayMs: 10_000, drainMs: DRAIN_MS })
    const [slow, idle, monitor] = [lab.open(version), lab.open(version), lab.open(version)]
    assert.equal((await idle.ask('GET', MAPS)).status, 200)
    const answer = slow.ask('POST', MAPS, map('slow'))
    await lab.slow

    const stopped = lab.stop()
    const health = async (path: string) => {
      const { status, body } = await monitor.ask('GET', path)
      return [status, await body] as const
    }
    const [status, text] = await health('/readyz')
    assert.equal(status, 500)
    assert.match(text, /^\[\+\]ping ok\n.*\[-\]shutdown failed: reason withheld\nreadyz check failed\n$/s)
    assert.deepEqual(await health('/readyz/shutdown'), [500, 'internal server error: process is shutting down\n'])
    assert.deepEqual(await health('/livez'), [200, 'ok'])
    await lab.clock.advance(9_999)
    const created = await idle.ask('POST', MAPS, map('in-the-delay'))
    assert.deepEqual([created.status, created.headers['connection'] ?? 'keep-alive'], [201, 'keep-alive'])
    assert.equal((await lab.open(version).ask('GET', '/version')).status, 200, 'connections are accepted')

    await lab.clock.advance(1)
    await refused(lab.port)
    await idle.closed
    await lab.clock.advance(DRAIN_MS / 2)
    assert.equal(await hasCome(stopped), false)
    lab.hurry()
    const { status: code, body } = await answer
    assert.equal(code, 201)
    assert.equal(JSON.parse(await body).data.a.length, 100)
    await slow.retired
    await stopped
    await slow.closed
  })

  test(`${version}: a watch is told all that happened and ends as watches do`, async () => {
    await using lab = await start({ drainMs: DRAIN_MS })
    const { status, body } = await lab.open(version).ask('GET', `${MAPS}?watch=1`)
    assert.equal(status, 200)
    await ask(lab.api, `POST ${MAPS}`, { body: map('last') })
    await lab.stop()
    const events = (await body).trim().split('\n')
    assert.deepEqual(
      events.map((line) => JSON.parse(line).object.metadata.name),
      ['kube-root-ca.crt', 'last'].slice(-events.length),
    )
  })

  test(`${version}: a request on a connection that is still there is sent to another server`, async () => {
    await using lab = await start({ drainMs: DRAIN_MS })
    const late = lab.open(version)
    const slow = lab.open(version)
    const answer = slow.ask('POST', MAPS, map('slow'))
    await Promise.all([lab.slow, late.connected])
    const stopped = lab.stop()
    await settle()
    const { status, headers, body } = await late.ask('POST', MAPS, map('late'))
    assert.deepEqual([status, headers['retry-after'], headers['x-content-type-options']], [503, '1', 'nosniff'])
    const { message, reason } = JSON.parse(await body)
    assert.deepEqual([reason, message], ['ServiceUnavailable', 'apiserver is shutting down'])
    await late.closed
    lab.hurry()
    assert.equal((await answer).status, 201)
    await stopped
  })

  test(`${version}: with --shutdown-send-retry-after the port stays open, and requests are to come again later`, async () => {
    await using lab = await start({ sendRetryAfter: true, drainMs: DRAIN_MS })
    const answer = lab.open(version).ask('POST', MAPS, map('slow'))
    await lab.slow
    const stopped = lab.stop()
    await settle()
    const fresh = lab.open(version)
    const { status, headers, body } = await fresh.ask('GET', MAPS)
    assert.deepEqual([status, headers['retry-after']], [429, '5'])
    assert.equal(await body, 'The apiserver is shutting down, please try again later.\n')
    await fresh.retired
    assert.equal((await lab.open(version).ask('GET', '/readyz')).status, 500, 'who looks whether it is there is answered')
    lab.hurry()
    assert.equal((await answer).status, 201)
    await stopped
    await refused(lab.port)
  })

  test(`${version}: a request that takes longer than requests may is cut off`, async () => {
    const drainMs = 5_000
    await using lab = await start({ drainMs })
    const slow = lab.open(version)
    const answer = assert.rejects(slow.ask('POST', MAPS, map('slow')))
    await lab.slow
    const stopped = lab.stop()
    await lab.clock.advance(drainMs)
    assert.equal(await hasCome(stopped), false)
    await lab.clock.advance(2_000)
    await stopped
    await answer
  })

  test(`${version}: without a word about it, a server in this process is gone at once, whoever is connected`, async () => {
    await using lab = await start({})
    const [slow, watching] = [lab.open(version), lab.open(version)]
    assert.equal((await watching.ask('GET', `${MAPS}?watch=1`)).status, 200)
    const answer = assert.rejects(slow.ask('POST', MAPS, map('slow')))
    await lab.slow
    const ended = lab.stop()
    assert.equal(lab.stop() instanceof Promise, true)
    // No time passes.
    await ended
    await lab.stop()
    await refused(lab.port)
    await answer
  })
}

test('a client that has connected and says nothing is not waited for beyond its time', async () => {
  await using lab = await start({ drainMs: DRAIN_MS })
  const silent: Socket = connect(lab.port, '127.0.0.1')
  await once(silent, 'connect')
  await ask(lab.api, 'GET /livez')
  await settle()
  const gone = once(silent.resume(), 'close')
  silent.on('error', () => undefined)
  const stopped = lab.stop()
  await lab.clock.advance(1_999)
  assert.equal(await hasCome(stopped), false, 'its handshake may be on the way')
  await lab.clock.advance(1)
  await stopped
  await gone
})

test('watches end one after the other over their grace, at 200 a second at least', async () => {
  const clock = new VirtualClock()
  const count = 400
  await using api = await startTestApiServer({ clock, shutdown: { drainMs: DRAIN_MS, watchGraceMs: 10_000 } })
  const { port } = await api.server.listen({ host: '127.0.0.1', port: 0, tls: (await certificatesFor(TEST_ADMIN)).tls })
  assert.ok(port > 0)
  let ended = 0
  const watches = await Promise.all(Array.from({ length: count }, () => askWatch(api, `GET ${MAPS}?watch=1`)))
  for (const watch of watches) void watch.next().then((frame) => (ended += frame === undefined ? 1 : 0))
  const stopped = api.server[Symbol.asyncDispose]()
  await clock.advance(0)
  // The server's own watches go first.
  const atOnce = ended
  assert.ok(atOnce <= 10, `${atOnce}`)
  await clock.advance(999)
  assert.equal(ended - atOnce, 190)
  const late = await askWatch(api, `GET ${MAPS}?watch=1`).then(
    () => 'begun',
    (error: Error) => error.message,
  )
  assert.match(late, /apiserver is shutting down|503/)
  await clock.advance(1_100)
  assert.equal(ended, count)
  await stopped
  for (const watch of watches) await watch[Symbol.asyncDispose]()
})

test('the kubernetes Service leads elsewhere as soon as a server is told to end, while it still serves', async () => {
  const clock = new VirtualClock()
  await using store = openMemoryStore({ clock })
  const begin = (address: string) =>
    startTestApiServer({
      clock,
      store: new SharedStore(store),
      shutdown: { delayMs: 10_000, drainMs: DRAIN_MS },
      advertise: { address, port: 6443 },
    })
  await using other = await begin('10.0.0.2')
  await using ending = await begin('10.0.0.1')
  const { tls } = await certificatesFor(TEST_ADMIN)
  await ending.server.listen({ host: '127.0.0.1', port: 0, tls })
  const led = async (): Promise<unknown> => {
    const { subsets } = await other.client.get(endpoints, 'default/kubernetes')
    return subsets?.flatMap(({ addresses = [] }) => addresses.map(({ ip }) => ip))
  }
  assert.deepEqual(await led(), ['10.0.0.1', '10.0.0.2'])
  ending.server.initiateShutdown()
  ending.server.initiateShutdown()
  await settle()
  assert.deepEqual(await led(), ['10.0.0.2'])
  assert.equal((await ask(ending, 'GET /api/v1/namespaces/default')).code, 200)
  await clock.advance(60_000)
  assert.deepEqual(await led(), ['10.0.0.2'], 'it does not come back')
})
