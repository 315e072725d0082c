import assert from 'node:assert/strict'
import test from 'node:test'
import { configMaps } from '#api'
import { VirtualClock } from '#base'
import type { BodyParts, Peer, TransportRequest, TransportResponse } from '#client'
import { startTestApiServer, TEST_ADMIN } from '#testing'

const PATH = '/api/v1/namespaces/default/configmaps/settings'
const PROTOBUF = 'application/vnd.kubernetes.protobuf'
const peer: Peer = { kind: 'in-process', user: TEST_ADMIN }

async function lab() {
  const clock = new VirtualClock()
  const api = await startTestApiServer({ clock })
  await api.client.create(configMaps, { metadata: { name: 'settings', namespace: 'default' }, data: { colour: 'blue' } })
  return { api, clock }
}

/** A request whose signal is told of when it is made. */
function requestOf(accept: string, asked: () => void): TransportRequest {
  return {
    method: 'GET',
    path: PATH,
    headers: { accept },
    get signal() {
      asked()
      return new AbortController().signal
    },
  }
}

function partsOf(answer: TransportResponse | Promise<TransportResponse>): BodyParts {
  assert.ok(!(answer instanceof Promise), 'the answer was there when handle returned')
  assert.equal(answer.status, 200)
  assert.ok(answer.body.kind === 'object')
  return answer.body.parts!()
}

test('a read of what is at hand waits for nobody: no promise, no timer, no signal, and nothing is encoded or parsed', async (context) => {
  const { api, clock } = await lab()
  await using _api = api
  const timers = clock.pendingTimers
  const [encode, parse] = [context.mock.method(JSON, 'stringify'), context.mock.method(JSON, 'parse')]
  let signals = 0
  const ask = (): BodyParts =>
    partsOf(
      api.server.handle(
        requestOf('application/json', () => signals++),
        peer,
      ),
    )
  const bytes = Buffer.concat([...ask()])
  assert.deepEqual([encode.mock.callCount(), parse.mock.callCount(), signals], [0, 0, 0])
  assert.equal(clock.pendingTimers, timers)
  assert.equal((JSON.parse(bytes.toString()) as { data: { colour: string } }).data.colour, 'blue')
})

test('the protobuf of a version is made once: later reads send the same bytes', async () => {
  const { api } = await lab()
  await using _api = api
  const ask = (): Uint8Array[] => [...partsOf(api.server.handle(requestOf(PROTOBUF, assert.fail), peer))]
  const [first, second] = [ask(), ask()]
  assert.ok(first.length > 1)
  assert.equal(first[1], second[1])
})

test('a seat is given back once an answer is there, whether it was at once or not', async () => {
  const { api } = await lab()
  await using _api = api
  const user = { username: 'somebody', groups: ['system:authenticated'] }
  const executing = async (): Promise<string | undefined> => {
    const metrics = await api.server.handle({ method: 'GET', path: '/metrics' }, peer)
    assert.ok(metrics.body.kind === 'bytes')
    const text = Buffer.from(metrics.body.bytes).toString()
    return /^apiserver_flowcontrol_current_executing_requests\{flow_schema="global-default".*\} (\d+)$/m.exec(text)?.[1]
  }
  for (const path of ['/version', PATH, '/nowhere'])
    await api.server.handle({ method: 'GET', path }, { kind: 'in-process', user })
  assert.equal(await executing(), '0')
})
