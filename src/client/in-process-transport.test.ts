import assert from 'node:assert/strict'
import test from 'node:test'
import { configMaps } from '#api'
import { createClient } from './api-client.ts'
import { inProcessTransport } from './in-process-transport.ts'

const lines = ['{"type":"ADDED","object":{"metadata":{"name":"a"}}}\n{"type":"DEL', 'ETED","object":{"metadata":{"name":"b"}}}\n']

/** Answers as for an extension API server: with bytes as they come. */
async function* stream(): AsyncIterable<Uint8Array> {
  for (const line of lines) yield Buffer.from(line)
}

test('a watch that another server answers comes event by event, as over the network', async () => {
  const handle = async () => ({ status: 200, headers: {}, body: { kind: 'stream', stream: stream() } }) as const
  const client = createClient(inProcessTransport({ handle }, { user: { username: 'u', groups: [] } }))
  const seen: string[] = []
  for await (const { type, object } of client.watch(configMaps)) seen.push(`${type} ${object.metadata?.name}`)
  assert.deepEqual(seen, ['ADDED a', 'DELETED b'])
})
