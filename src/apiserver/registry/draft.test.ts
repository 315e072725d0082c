import assert from 'node:assert/strict'
import test from 'node:test'
import { configMaps, type Pod, pods, serviceAccounts, services } from '#api'
import type { Peer, TransportRequest } from '#client'
import { startTestApiServer, TEST_ADMIN } from '#testing'

const peer: Peer = { kind: 'in-process', user: TEST_ADMIN }
const POD: Pod = {
  metadata: { name: 'web', namespace: 'default', labels: { app: 'web' } },
  spec: { containers: [{ name: 'web', image: 'web:1' }] },
}

const patchOf = (path: string, patch: object): TransportRequest => ({
  method: 'PATCH',
  path,
  headers: { 'content-type': 'application/merge-patch+json' },
  body: { kind: 'bytes', bytes: Buffer.from(JSON.stringify(patch)) },
})

test('versions of an object share what a write left as it was', async () => {
  await using api = await startTestApiServer()
  await api.client.create(serviceAccounts, { metadata: { name: 'default', namespace: 'default' } })
  const created = await api.client.create(pods, POD)
  const where = { type: 'merge' } as const
  const labelled = await api.client.patch(pods, 'default/web', { metadata: { labels: { tier: 'web' } } }, where)
  assert.equal(labelled.spec, created.spec)
  assert.equal(labelled.status, created.status)
  assert.equal(labelled.metadata?.generation, 1)
  const reported = await api.client.patch(
    pods,
    'default/web',
    { status: { phase: 'Running' } },
    { ...where, subresource: 'status' },
  )
  assert.equal(reported.spec, created.spec)
  assert.equal(reported.status?.phase, 'Running')
  assert.equal(labelled.status?.phase, 'Pending')
  const changed = await api.client.patch(
    pods,
    'default/web',
    { spec: { containers: [{ name: 'web', image: 'web:2' }] } },
    { ...where, type: 'strategic' },
  )
  assert.equal(changed.metadata?.generation, 2)
  assert.equal(changed.spec?.containers[0]?.image, 'web:2')
  assert.equal(created.spec?.containers[0]?.image, 'web:1')
})

test('a Service may still be given addresses when its spec is what it was', async () => {
  await using api = await startTestApiServer()
  const metadata = { name: 'web', namespace: 'default' }
  const created = await api.client.create(services, { metadata, spec: { ports: [{ port: 80 }], selector: { app: 'web' } } })
  const labelled = await api.client.patch(services, 'default/web', { metadata: { labels: { tier: 'web' } } }, { type: 'merge' })
  assert.deepEqual(labelled.spec, created.spec)
  const opened = await api.client.patch(services, 'default/web', { spec: { type: 'NodePort' } }, { type: 'merge' })
  assert.ok(opened.spec!.ports![0]!.nodePort! > 0)
})

test('a write reads its body once, and encodes its object once', async (context) => {
  await using api = await startTestApiServer()
  const path = '/api/v1/namespaces/default/configmaps'
  const object = { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'settings' }, data: { colour: 'blue' } }
  const body = { kind: 'bytes', bytes: Buffer.from(JSON.stringify(object)) } as const
  await api.client.create(configMaps, { metadata: { name: 'other', namespace: 'default' } })
  const counted = async (request: TransportRequest): Promise<{ readonly parsed: number; readonly encoded: number }> => {
    const parse = context.mock.method(JSON, 'parse')
    const encode = context.mock.method(JSON, 'stringify')
    const answer = await api.server.handle(request, peer)
    assert.ok(answer.body.kind === 'object')
    const text = Buffer.concat([...answer.body.parts!()]).toString()
    const isWhole = ({ arguments: [value] }: { readonly arguments: readonly unknown[] }): boolean =>
      (value as { kind?: unknown } | undefined)?.kind === 'ConfigMap'
    const counts = { parsed: parse.mock.callCount(), encoded: encode.mock.calls.filter(isWhole).length }
    parse.mock.restore()
    encode.mock.restore()
    assert.equal((JSON.parse(text) as { data: { colour: string } }).data.colour, 'blue')
    return counts
  }
  const headers = { 'content-type': 'application/json' }
  // Printed once more to see whether a key stands there twice.
  assert.deepEqual(await counted({ method: 'POST', path, headers, body }), { parsed: 1, encoded: 2 })
  const labels = { metadata: { labels: { a: 'b' } } }
  assert.deepEqual(await counted(patchOf(`${path}/settings`, labels)), { parsed: 1, encoded: 1 })
})
