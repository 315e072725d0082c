/**
 * How many watch events a second reach 1,000 watchers of one kind, and what does an idle watcher cost? In process and over HTTP/2 with TLS on the loopback, clients and
 * server sharing this process. Beside it a bare fan-out: one buffer pushed to as many queues. `--full`: 10,000 watchers. Counts encodings: one an event.
 * usage: node --conditions=source --expose-gc bench/watch.ts [--full]
 */
import assert from 'node:assert/strict'
import { type ClientHttp2Session, connect } from 'node:http2'
import { configMaps } from '#api'
import { AsyncQueue, systemClock } from '#base'
import { askWatch, certificatesFor, startTestApiServer, TEST_ADMIN } from '#testing'

const WATCHERS = process.argv.includes('--full') ? 10_000 : 1_000
const EVENTS = 100
/** Fewer, since each goes through TLS twice in this process. */
const NETWORK_EVENTS = 20
const STREAMS_PER_CONNECTION = 1_000
const PATH = '/api/v1/namespaces/default/configmaps'
/** About a pod's. */
const FILLER = 'x'.repeat(3_000)

await using api = await startTestApiServer({ clock: systemClock })
await api.client.create(configMaps, {
  apiVersion: 'v1',
  kind: 'ConfigMap',
  metadata: { name: 'a', namespace: 'default' },
  data: { filler: FILLER },
})

/** A watch of what happens from now on. */
const fromNow = async (): Promise<string> => {
  const { metadata } = await api.client.list(configMaps, { namespace: 'default' })
  return `${PATH}?watch=true&resourceVersion=${metadata.resourceVersion}`
}

const heap = (): number => {
  globalThis.gc?.()
  return process.memoryUsage().heapUsed + process.memoryUsage().external
}

async function write(events: number): Promise<void> {
  for (let at = 0; at < events; at++)
    await api.client.patch(configMaps, 'default/a', { data: { at: `${at} ${performance.now()}` } }, { type: 'merge' })
}

const report = (what: string, deliveries: number, ms: number, bare: number): number => {
  const perSecond = (deliveries / ms) * 1000
  const ratio = bare === 0 ? '' : `   ${(perSecond / bare).toFixed(2)} × bare`
  process.stdout.write(`${what.padEnd(34)} ${Math.round(perSecond).toLocaleString('en').padStart(12)} deliveries/s${ratio}\n`)
  return perSecond
}

async function bareFanOut(): Promise<number> {
  const queues = Array.from({ length: WATCHERS }, () => new AsyncQueue<Uint8Array>(EVENTS))
  let seen = 0
  const reading = queues.map(async (queue) => {
    for await (const bytes of queue) seen += bytes.length > 0 ? 1 : 0
  })
  const started = performance.now()
  for (let at = 0; at < EVENTS; at++) {
    const bytes = Buffer.from(`${FILLER}${at}`)
    for (const queue of queues) queue.push(bytes)
    await Promise.resolve()
  }
  for (const queue of queues) queue.close()
  await Promise.all(reading)
  return report('bare fan-out', seen, performance.now() - started, 0)
}

async function inProcess(bare: number): Promise<void> {
  const from = await fromNow()
  const before = heap()
  const watches = await Promise.all(Array.from({ length: WATCHERS }, () => askWatch(api, `GET ${from}`)))
  const reading = new Set<Uint8Array>()
  let seen = 0
  const readers = watches.map(async (watch) => {
    for (let at = 0; at < EVENTS; at++) {
      const frame = await watch.next()
      reading.add(frame!.bytes())
      seen++
    }
  })
  process.stdout.write(`${'an idle watcher in process'.padEnd(34)} ${Math.round((heap() - before) / WATCHERS)} bytes\n`)
  const started = performance.now()
  await write(EVENTS)
  await Promise.all(readers)
  report(`${WATCHERS} watchers in process`, seen, performance.now() - started, bare)
  process.stdout.write(`${'encodings an event'.padEnd(34)} ${reading.size / EVENTS}\n`)
  assert.equal(reading.size, EVENTS, 'every event is encoded once')
  for (const watch of watches) await watch[Symbol.asyncDispose]()
}

async function overHttp2(bare: number): Promise<void> {
  const { tls, client } = await certificatesFor(TEST_ADMIN)
  await using listener = await api.server.listen({ host: '127.0.0.1', port: 0, tls })
  const options = { ca: client.ca, cert: client.certificate, key: client.key }
  const from = await fromNow()
  const before = heap()
  const sessions: ClientHttp2Session[] = []
  let seen = 0
  const all = Promise.withResolvers<void>()
  for (let at = 0; at < WATCHERS; at++) {
    if (at % STREAMS_PER_CONNECTION === 0) sessions.push(connect(`https://127.0.0.1:${listener.port}`, options))
    const stream = sessions.at(-1)!.request({ ':path': from })
    stream.on('data', (chunk: Buffer) => {
      for (let end = chunk.indexOf(NEWLINE); end !== -1; end = chunk.indexOf(NEWLINE, end + 1)) seen++
      if (seen === WATCHERS * NETWORK_EVENTS) all.resolve()
    })
    await new Promise((resolve) => stream.once('response', resolve))
  }
  const idle = Math.round((heap() - before) / WATCHERS)
  process.stdout.write(`${'an idle watcher over HTTP/2'.padEnd(34)} ${idle} bytes, of client and server together\n`)
  const started = performance.now()
  await write(NETWORK_EVENTS)
  await all.promise
  report(`${WATCHERS} watchers over HTTP/2`, seen, performance.now() - started, bare)
  for (const session of sessions) session.destroy()
}

const NEWLINE = 0x0a

const bare = await bareFanOut()
await inProcess(bare)
await overHttp2(bare)
