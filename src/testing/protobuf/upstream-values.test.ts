import assert from 'node:assert/strict'
import test from 'node:test'
import protobufjs from 'protobufjs'
import { configMaps, decodeProtobuf, protobufMessageOf, type ResourceDefinition } from '#api'
import { VirtualClock } from '#base'
import type { KubernetesObject } from '#meta'
import { openMemoryStore } from '#store'
import { startTestApiServer } from '../test-api-server.ts'
import { bytesByProtobufjs, fieldsOf } from './reference.ts'

/** A value as an upstream API server stores it, laid out by another library: the envelope around the message, and behind that a field that nobody knows yet. */
function upstreamValue({ apiVersion = '', kind = '', ...rest }: KubernetesObject): Buffer {
  const message = protobufMessageOf(apiVersion, kind)!
  const raw = protobufjs.Writer.create()
  raw.uint32((99 << 3) | 2).string('of a later version')
  const envelope = protobufjs.Writer.create()
  envelope.uint32(0x0a).fork().uint32(0x0a).string(apiVersion).uint32(0x12).string(kind).ldelim()
  envelope.uint32(0x12).bytes(Buffer.concat([bytesByProtobufjs(message, fieldsOf(message, rest)), raw.finish()]))
  envelope.uint32(0x1a).string('').uint32(0x22).string('')
  return Buffer.concat([Buffer.from('k8s\0'), envelope.finish()])
}

const metadata = { name: 'a', uid: '7c0e1f4e-0000-4000-8000-000000000001', creationTimestamp: '2024-01-02T03:04:05Z' }
const namespaced = { ...metadata, namespace: 'default' }

interface Stored {
  readonly title: string
  readonly resource: ResourceDefinition<KubernetesObject>
  readonly key: string
  readonly path: string
  readonly value: Buffer
  /** What is served of it. */
  readonly apiVersion: string
  readonly shown: Readonly<Record<string, unknown>>
}

const map = { apiVersion: 'v1', kind: 'ConfigMap', metadata: namespaced, data: { value: 'one' } }
const VALUES: readonly Stored[] = [
  { title: 'in protobuf', value: upstreamValue(map) },
  { title: 'in JSON', value: Buffer.from(JSON.stringify(map)) },
].map(({ title, value }) => ({
  title: `a ConfigMap ${title}`,
  resource: configMaps as unknown as ResourceDefinition<KubernetesObject>,
  key: '/registry/configmaps/default/a',
  path: 'default/a',
  value,
  apiVersion: 'v1',
  shown: { data: { value: 'one' } },
}))

for (const { title, resource, key, path, value, apiVersion, shown } of VALUES)
  test(`what upstream stored is read, served and rewritten: ${title}`, async () => {
    const clock = new VirtualClock()
    const store = openMemoryStore({ clock })
    const revision = await store.put(key, value, { expected: 0 })
    await using api = await startTestApiServer({ clock, store, storageForm: 'protobuf' })
    const found = await api.client.get(resource, path)
    // Nothing of the revision is in the value.
    assert.deepEqual(
      [found.apiVersion, found.metadata?.resourceVersion, found.metadata?.uid],
      [apiVersion, String(revision), metadata.uid],
    )
    for (const [field, expected] of Object.entries(shown))
      assert.deepEqual((found as unknown as Record<string, unknown>)[field], expected)
    const { items } = await api.client.list(resource, { namespace: 'default' })
    assert.deepEqual(
      items.map((item) => item.metadata?.name),
      [found.metadata?.name],
    )

    await api.client.update(resource, { ...found, metadata: { ...found.metadata, labels: { changed: 'yes' } } })
    const written = decodeProtobuf((await store.get(key))!.value)
    assert.equal(written.apiVersion, apiVersion)
    const object = written.object as KubernetesObject
    assert.deepEqual(object.metadata?.labels, { changed: 'yes' })
    assert.equal(object.metadata?.uid, metadata.uid)
    assert.equal(object.metadata?.creationTimestamp, metadata.creationTimestamp)
    assert.equal(object.metadata?.resourceVersion, undefined)
  })
