import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import type { ServerResponse } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import test from 'node:test'
import { gunzipSync } from 'node:zlib'
import { nullLog, settle, VirtualClock } from '#base'
import { ask, eventually, startHttpsServer, startTestApiServer, type TestHttpsServer } from '#testing'
import { AuditMetrics } from '../../audit-metrics.ts'
import type { AuditSettings } from '../audit.ts'
import { type AuditEvent, legacyLine } from '../event.ts'
import type { AuditBackend } from './backend.ts'
import { BatchBackend, type BatchSettings } from './batch.ts'
import { RotatingFile, type RotatingFileOptions } from './rotating-file.ts'
import { TruncateBackend } from './truncate.ts'

const event = (auditID: string, more: Partial<AuditEvent> = {}): AuditEvent => ({
  kind: 'Event',
  apiVersion: 'audit.k8s.io/v1',
  level: 'Metadata',
  auditID,
  stage: 'ResponseComplete',
  requestURI: '/version',
  verb: 'get',
  user: { username: 'ann' },
  requestReceivedTimestamp: '2026-11-27T00:00:00.000000Z',
  stageTimestamp: '2026-11-27T00:00:00.000000Z',
  ...more,
})

/** Only what the test itself asks: the path of the version. */
const POLICY: AuditSettings['policy'] = { rules: [{ level: 'Metadata', nonResourceURLs: ['/version'] }] }

function temporary(): Disposable & { readonly directory: string; readonly path: string } {
  const directory = mkdtempSync(join(tmpdir(), 't8s-audit-'))
  return { directory, path: join(directory, 'audit.log'), [Symbol.dispose]: () => rmSync(directory, { recursive: true }) }
}

function rotating(path: string, clock: VirtualClock, more: Partial<RotatingFileOptions> = {}): RotatingFile {
  return new RotatingFile({ path, maxBytes: 100, maxBackups: 0, maxAgeDays: 0, compress: false, clock, log: nullLog, ...more })
}

const line = (text: string): Uint8Array => Buffer.from(`${text.padEnd(39, '.')}\n`)

test('a log is a line for each event, in a file that its owner alone can read', async () => {
  using place = temporary()
  {
    await using api = await startTestApiServer({ audit: { policy: POLICY, log: { path: place.path } } })
    await ask(api, 'GET /version')
  }
  const lines = readFileSync(place.path, 'utf8').trimEnd().split('\n')
  const events = lines.map((each) => JSON.parse(each) as AuditEvent)
  assert.deepEqual(
    events.map(({ stage, requestURI }) => [stage, requestURI]),
    [
      ['RequestReceived', '/version'],
      ['ResponseComplete', '/version'],
    ],
  )
  assert.equal(statSync(place.path).mode & 0o777, 0o600)
})

test('the legacy format is one line of words', () => {
  assert.equal(
    legacyLine(event('7', { user: { username: 'ann', groups: ['a', 'b'] }, sourceIPs: ['10.0.0.1'] })),
    String.raw`2026-11-27T00:00:00.000000Z AUDIT: id="7" stage="ResponseComplete" ip="10.0.0.1" method="get" user="ann" groups="\"a\",\"b\"" as="<self>" asgroups="<lookup>" user-agent="" namespace="<none>" uri="/version" response="<deferred>"`,
  )
})

test('a full log is put aside under the time, and lines are never divided', async () => {
  using place = temporary()
  const clock = new VirtualClock()
  {
    await using file = rotating(place.path, clock)
    for (const name of ['a', 'b', 'c', 'd', 'e']) file.write(line(name))
  }
  const names = readdirSync(place.directory).sort()
  assert.equal(names.length, 3)
  for (const name of names.slice(0, 2)) assert.match(name, /^audit-\d{4}-\d\d-\d\dT\d\d-\d\d-\d\d\.\d{3}\.log$/)
  const content = names.map((name) => readFileSync(join(place.directory, name), 'utf8'))
  assert.deepEqual(
    content.map((text) => [...text].filter((each) => /[a-e]/.test(each)).join('')),
    ['ab', 'cd', 'e'],
  )
})

test('a log that is there is continued, and what is larger than a file is refused', async () => {
  using place = temporary()
  writeFileSync(place.path, line('old'))
  await using file = rotating(place.path, new VirtualClock())
  file.write(line('new'))
  assert.equal(statSync(place.path).size, 80)
  assert.throws(() => file.write(Buffer.alloc(101)), /write length 101 exceeds maximum file size 100/)
})

test('of old logs only so many, and none too old, are kept; others may be compressed', async () => {
  using place = temporary()
  const clock = new VirtualClock()
  const stamp = (ms: number): string => `audit-${new Date(ms).toISOString().slice(0, 23).replaceAll(':', '-')}.log`
  const day = 24 * 3_600_000
  const [old, recent] = [stamp(clock.now() - 3 * day), stamp(clock.now() - day)]
  for (const name of [old, recent, 'audit-mine.log', 'other.log']) writeFileSync(join(place.directory, name), name)
  const names = (): string[] => readdirSync(place.directory).sort()
  {
    await using file = rotating(place.path, clock, { maxAgeDays: 2, compress: true })
    for (const name of ['a', 'b', 'c']) file.write(line(name))
  }
  assert.ok(!names().includes(old) && names().includes('audit-mine.log') && names().includes('other.log'))
  assert.equal(gunzipSync(readFileSync(join(place.directory, `${recent}.gz`))).toString(), recent)
  {
    await using file = rotating(place.path, clock, { maxBackups: 1 })
    for (const name of ['d', 'e', 'f']) file.write(line(name))
  }
  assert.equal(names().filter((name) => /^audit-\d/.test(name)).length, 1)
})

test('what was cut in the middle of a line takes nothing of what is written next', async () => {
  using place = temporary()
  writeFileSync(place.path, 'cut')
  {
    await using file = rotating(place.path, new VirtualClock())
    file.write(line('new'))
  }
  assert.equal(readFileSync(place.path, 'utf8'), `cut\n${line('new')}`)
})

test('a server that is killed leaves whole lines, but for the one that it was writing', async () => {
  using place = temporary()
  const writer = join(import.meta.dirname, 'kill-writer.ts')
  const child = spawn(process.execPath, ['--conditions=source', writer, place.path], { stdio: ['ignore', 'pipe', 'inherit'] })
  await once(child.stdout, 'data')
  child.kill('SIGKILL')
  await once(child, 'exit')
  // The one that is written to comes last.
  const names = readdirSync(place.directory).sort()
  const files = names.map((name) => readFileSync(join(place.directory, name), 'utf8').split('\n'))
  // A file that was put aside is whole.
  assert.ok(files.slice(0, -1).every((lines) => lines.at(-1) === ''))
  const lines = files.flatMap((each) => each.slice(0, -1))
  assert.ok(lines.length > 100)
  for (const each of lines) assert.equal((JSON.parse(each) as AuditEvent).kind, 'Event')
})

test('a request is refused when its beginning must be kept and can not be', async () => {
  using place = temporary()
  mkdirSync(place.path)
  const codes = async (mode: 'blocking' | 'blocking-strict'): Promise<number> => {
    await using api = await startTestApiServer({ audit: { policy: POLICY, log: { path: place.path, mode } } })
    const { code, object } = await ask(api, 'GET /version')
    if (mode === 'blocking-strict') assert.equal(object.message, 'Internal error occurred: failed to store audit event')
    const { text } = await ask(api, 'GET /metrics')
    assert.match(text, /apiserver_audit_error_total\{plugin="log"\} [12]\n/)
    return code
  }
  assert.deepEqual([await codes('blocking'), await codes('blocking-strict')], [200, 500])
})

/** Keeps batches until the test lets them go. */
class Gate implements AuditBackend {
  readonly batches: string[][] = []
  hold: Promise<void> = Promise.resolve()

  async process(events: readonly AuditEvent[]): Promise<boolean> {
    this.batches.push(events.map(({ auditID }) => auditID))
    await this.hold
    return true
  }

  async [Symbol.asyncDispose](): Promise<void> {}
}

function batching(settings: Partial<BatchSettings>) {
  const [gate, clock, metrics] = [new Gate(), new VirtualClock(), new AuditMetrics()]
  const usual = { bufferSize: 100, maxSize: 3, maxWaitMs: 30_000, inFlightMax: 10 }
  const backend = new BatchBackend(gate, { ...usual, ...settings }, { clock, log: nullLog, metrics })
  const give = (...ids: number[]): void => void backend.process(ids.map((id) => event(String(id))))
  return { gate, clock, metrics, backend, give }
}

test('events go in batches: when there are enough, or when the first has waited long enough', async () => {
  const { gate, clock, backend, give } = batching({})
  give(1, 2)
  await settle()
  assert.deepEqual(gate.batches, [])
  give(3, 4)
  await settle()
  assert.deepEqual(gate.batches, [['1', '2', '3']])
  await clock.advance(30_000)
  assert.deepEqual(gate.batches, [['1', '2', '3'], ['4']])
  give(5)
  await backend[Symbol.asyncDispose]()
  assert.deepEqual(gate.batches.at(-1), ['5'])
})

test('a buffer that is full drops what comes, and counts it', async () => {
  const { gate, metrics, backend, give } = batching({ bufferSize: 4, inFlightMax: 1 })
  const { promise, resolve } = Promise.withResolvers<void>()
  gate.hold = promise
  give(1, 2, 3)
  await settle()
  give(4, 5, 6, 7, 8, 9)
  await settle()
  assert.deepEqual(gate.batches, [['1', '2', '3']])
  assert.match(metrics.text(), /apiserver_audit_error_total\{plugin="buffered"\} 2\n/)
  resolve()
  await backend[Symbol.asyncDispose]()
  assert.deepEqual(gate.batches, [['1', '2', '3'], ['4', '5', '6'], ['7']])
})

test('batches are throttled to a rate, after a burst', async () => {
  const { gate, clock, backend, give } = batching({ maxSize: 1, throttle: { qps: 2, burst: 3 } })
  give(1, 2, 3, 4, 5)
  await settle()
  assert.equal(gate.batches.length, 3)
  await clock.advance(500)
  assert.equal(gate.batches.length, 4)
  await clock.advance(500)
  assert.equal(gate.batches.length, 5)
  await backend[Symbol.asyncDispose]()
})

test('events that are too large lose their objects, or are dropped; batches are divided', async () => {
  const [gate, metrics] = [new Gate(), new AuditMetrics()]
  const seen: AuditEvent[] = []
  const delegate: AuditBackend = {
    process(events) {
      seen.push(...events)
      return gate.process(events)
    },
    [Symbol.asyncDispose]: () => gate[Symbol.asyncDispose](),
  }
  const backend = new TruncateBackend(delegate, { maxEventBytes: 600, maxBatchBytes: 700 }, { metrics, log: nullLog })
  const large = { requestObject: 'x'.repeat(1000) }
  await backend.process([
    event('1'),
    event('2', { level: 'Request', ...large }),
    event('3', { level: 'Metadata', userAgent: 'x'.repeat(1000) }),
    event('4'),
  ])
  assert.deepEqual(gate.batches, [['1', '2'], ['4']])
  assert.deepEqual([seen[1]!.requestObject, seen[1]!.annotations], [undefined, { 'audit.k8s.io/truncated': 'true' }])
  assert.match(metrics.text(), /apiserver_audit_error_total\{plugin="truncate"\} 1\n/)
})

/** A kubeconfig for a webhook at `/events`. */
function webhookConfig(directory: string, { port, caBundle }: TestHttpsServer): string {
  const file = join(directory, 'webhook.kubeconfig')
  const config = {
    apiVersion: 'v1',
    kind: 'Config',
    clusters: [{ name: 'w', cluster: { server: `https://127.0.0.1:${port}/events`, 'certificate-authority-data': caBundle } }],
    users: [{ name: 'w', user: { token: 'secret' } }],
    contexts: [{ name: 'w', context: { cluster: 'w', user: 'w' } }],
    'current-context': 'w',
  }
  writeFileSync(file, JSON.stringify(config))
  return file
}

test('a webhook gets lists of events, again when it fails', async () => {
  using place = temporary()
  const clock = new VirtualClock()
  let failures = 2
  await using hook = await startHttpsServer(['127.0.0.1'], (_request, response) => {
    if (failures-- > 0) response.writeHead(503).end()
    else return {}
    return undefined
  })
  const webhook = { configFile: webhookConfig(place.directory, hook), batch: { maxSize: 2 }, initialBackoffMs: 1_000 }
  await using api = await startTestApiServer({ clock, audit: { policy: POLICY, webhook } })
  await ask(api, 'GET /version')
  for (const count of [1, 2, 3]) {
    await eventually(() => hook.requests.length === count)
    // What failed is tried again after a second, then after a second and a half, and a part that chance adds.
    await eventually(async () => {
      await clock.advance(100)
      return hook.requests.length > count || count === 3
    })
  }
  const [first, , third] = hook.requests
  assert.deepEqual([third!.path, third!.method, third!.headers['authorization']], ['/events', 'POST', 'Bearer secret'])
  assert.equal(third!.body, first!.body)
  const { kind, items } = JSON.parse(third!.body) as { kind: string; items: AuditEvent[] }
  assert.deepEqual([kind, items.map(({ stage }) => stage)], ['EventList', ['RequestReceived', 'ResponseComplete']])
  assert.equal((await ask(api, 'GET /metrics')).text.includes('apiserver_audit_error_total{'), false)
})

test('a webhook that hangs delays no request, and what does not fit is counted', async () => {
  using place = temporary()
  const clock = new VirtualClock()
  const released = Promise.withResolvers<void>()
  await using hook = await startHttpsServer(['127.0.0.1'], async () => {
    await released.promise
    return {}
  })
  const batch = { bufferSize: 10, maxSize: 1 }
  const webhook = { configFile: webhookConfig(place.directory, hook), batch }
  await using api = await startTestApiServer({ clock, audit: { policy: POLICY, webhook } })
  for (let count = 0; count < 100; count++) assert.equal((await ask(api, 'GET /version')).code, 200)
  await eventually(() => hook.requests.length > 0)
  const { text } = await ask(api, 'GET /metrics')
  const lost = Number(/apiserver_audit_error_total\{plugin="buffered"\} (\d+)/.exec(text)?.[1])
  assert.ok(lost > 100 && lost < 200, `${lost} of 200 events were dropped`)
  released.resolve()
})

test('a webhook that does not come back is given up after five attempts', async () => {
  using place = temporary()
  const clock = new VirtualClock()
  await using hook = await startHttpsServer(['127.0.0.1'], (_request, response) => void response.writeHead(500).end())
  const webhook = { configFile: webhookConfig(place.directory, hook), batch: { maxSize: 2 }, initialBackoffMs: 1_000 }
  await using api = await startTestApiServer({ clock, audit: { policy: POLICY, webhook } })
  await ask(api, 'GET /version')
  await eventually(async () => {
    await clock.advance(500)
    return /apiserver_audit_error_total\{plugin="webhook"\} 2\n/.test((await ask(api, 'GET /metrics')).text)
  })
  assert.equal(hook.requests.length, 5)
})

test('a webhook that can not be configured is said so', async () => {
  const audit = { policy: POLICY, webhook: { configFile: '/nowhere' } }
  await assert.rejects(startTestApiServer({ audit }), /^Error: initializing audit webhook: /)
  await assert.rejects(
    startTestApiServer({ audit: { policy: '/nowhere' } }),
    /loading audit policy file: failed to read file path/,
  )
})

test('a webhook that redirects is followed nowhere; one that answers with a page or without end has heard; one that trickles has not', async () => {
  using place = temporary()
  await using elsewhere = await startHttpsServer(['127.0.0.1'], () => ({}))
  const answers: Readonly<Record<string, (response: ServerResponse) => unknown>> = {
    redirects: (response) => response.writeHead(307, { location: `https://127.0.0.1:${elsewhere.port}/` }).end(),
    trickles: (response) => response.writeHead(200).write(' '),
    'sends a page': (response) => response.writeHead(200, { 'content-type': 'text/html' }).end('<html>'),
    'sends without end': (response) => {
      const more = (): void => {
        while (!response.destroyed && response.write('x'.repeat(64 * 1024)));
      }
      response.writeHead(200).on('drain', more)
      more()
    },
  }
  for (const [what, answer] of Object.entries(answers)) {
    const clock = new VirtualClock()
    const closed = Promise.withResolvers<void>()
    await using hook = await startHttpsServer(['127.0.0.1'], async (_request, response) => {
      answer(response)
      await once(response, 'close')
      closed.resolve()
    })
    const webhook = { configFile: webhookConfig(place.directory, hook), batch: { maxSize: 2 }, initialBackoffMs: 1_000 }
    await using api = await startTestApiServer({ clock, audit: { policy: POLICY, webhook } })
    await ask(api, 'GET /version')
    const lost = async (): Promise<boolean> =>
      /apiserver_audit_error_total\{plugin="webhook"\} 2\n/.test((await ask(api, 'GET /metrics')).text)
    await eventually(() => hook.requests.length === 1)
    if (what.startsWith('sends')) {
      // No time has passed: it is enough that it sends too much.
      await closed.promise
      for (let count = 0; count < 100; count++) await clock.advance(1_000)
      assert.equal(await lost(), false, what)
      continue
    }
    await eventually(async () => {
      await clock.advance(1_000)
      return lost()
    })
    assert.equal(hook.requests.length, 5, what)
  }
  assert.equal(elsewhere.requests.length, 0)
})
