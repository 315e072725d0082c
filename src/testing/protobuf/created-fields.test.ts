import assert from 'node:assert/strict'
import test from 'node:test'
import fc from 'fast-check'
import { allResources, protobufMessageOf } from '#api'
import {
  apiVersionOf,
  conform,
  type KubernetesObject,
  type ManagedFieldsEntry,
  type ManagedWrite,
  managedByUpdate,
  type Schema,
} from '#meta'
import { randomMessage } from './random-message.ts'

const SEEDS_PER_KIND = 6
const SOMEBODY: ManagedFieldsEntry = {
  manager: 'somebody',
  operation: 'Update',
  apiVersion: 'v1',
  fieldsType: 'FieldsV1',
  fieldsV1: { 'f:metadata': { 'f:labels': { 'f:nobody': {} } } },
}

/** Who creates the object owns these fields. */
function created(object: KubernetesObject, schema: Schema, apiVersion = 'v1'): Record<string, unknown> | undefined {
  const write: ManagedWrite = {
    manager: 'me',
    apiVersion,
    subresource: '',
    form: () => ({ schema, of: (each) => each }),
    resetFields: { 'f:status': {} },
    time: '2026-11-27T08:00:00Z',
  }
  const entries = managedByUpdate(undefined, object, write)
  return entries?.find(({ manager }) => manager === 'me')?.fieldsV1
}

/** The same by a comparison with nothing, which the server makes when the new object says that somebody owns some of it. */
const compared = (object: KubernetesObject, schema: Schema, apiVersion?: string): Record<string, unknown> | undefined =>
  created({ ...object, metadata: { ...object.metadata, managedFields: [SOMEBODY] } }, schema, apiVersion)

for (const resource of allResources) {
  const apiVersion = apiVersionOf(resource)
  test(`created fields: ${apiVersion} ${resource.kind} sets what a comparison with nothing finds`, () => {
    const message = protobufMessageOf(apiVersion, resource.kind)!
    const schema = resource.schema()
    fc.assert(
      fc.property(fc.integer(), fc.boolean(), (seed, asSent) => {
        const object = { apiVersion, kind: resource.kind, ...randomMessage(message, seed) } as KubernetesObject
        const read = asSent ? object : (conform(object, schema).value as KubernetesObject)
        delete read.metadata?.managedFields
        assert.deepEqual(created(read, schema, apiVersion), compared(read, schema, apiVersion))
      }),
      { numRuns: SEEDS_PER_KIND },
    )
  })
}

/** Kinds that say little of themselves, with values that they do not say anything of. */
const odd: Schema = {
  type: 'object',
  properties: {
    metadata: { type: 'object', properties: { labels: { type: 'object', additionalProperties: { type: 'string' } } } },
    open: { preserveUnknownFields: true },
    any: {},
    list: { type: 'array', items: { type: 'object' } },
    set: { type: 'array', listType: 'set', items: { type: 'string' } },
    keyed: {
      type: 'array',
      listType: 'map',
      listMapKeys: ['port', 'protocol'],
      items: {
        type: 'object',
        properties: { port: { type: 'integer' }, protocol: { type: 'string', default: 'TCP' }, more: { type: 'string' } },
      },
    },
    atomic: { type: 'object', mapType: 'atomic', additionalProperties: { type: 'string' } },
    counted: { type: 'integer', always: true },
    struct: { type: 'object', always: true, properties: { zero: { type: 'string', always: true }, some: { type: 'string' } } },
  },
}

const oddValue = fc.record(
  {
    metadata: fc.record({ labels: fc.dictionary(fc.string(), fc.string()) }),
    open: fc.jsonValue(),
    any: fc.jsonValue(),
    list: fc.jsonValue(),
    set: fc.oneof(fc.array(fc.constantFrom('a', 'b', '"')), fc.jsonValue()),
    keyed: fc.oneof(
      fc.array(fc.record({ port: fc.nat(2), protocol: fc.constantFrom('TCP', 'UDP'), more: fc.string() }, { requiredKeys: [] })),
      fc.jsonValue(),
    ),
    atomic: fc.oneof(fc.dictionary(fc.string(), fc.string()), fc.jsonValue()),
    counted: fc.oneof(fc.nat(1), fc.jsonValue()),
    struct: fc.oneof(fc.record({ zero: fc.constantFrom('', 'a'), some: fc.string() }, { requiredKeys: [] }), fc.jsonValue()),
    undeclared: fc.jsonValue(),
  },
  { requiredKeys: [] },
)

test('created fields: whatever a value is that a schema says little of, it sets what a comparison with nothing finds', () => {
  fc.assert(
    fc.property(oddValue, (value) => {
      const object = value as KubernetesObject
      assert.deepEqual(created(object, odd), compared(object, odd))
    }),
    { numRuns: 500 },
  )
})

test('objects that were made alike share the set of their fields, which nobody can change', () => {
  const ofApp = (app: string): KubernetesObject =>
    ({ metadata: { labels: { app, tier: 'web' } }, keyed: [{ port: 1, more: app }, { port: 2 }] }) as KubernetesObject
  const [first, second] = [created(ofApp('a'), odd), created(ofApp('b'), odd)]
  assert.equal(first!['f:keyed'], second!['f:keyed'])
  assert.ok(Object.isFrozen(first!['f:keyed']))
})

test('what is remembered of sets is bounded, and forgotten sets are found anew', () => {
  for (let round = 0; round < 30; round++) {
    const labels = Object.fromEntries(Array.from({ length: 1_000 }, (_, index) => [`key-${round}-${index}`, 'x']))
    const object: KubernetesObject = { metadata: { labels } }
    const { '.': _, ...own } = (created(object, odd)!['f:metadata'] as Record<string, Record<string, unknown>>)['f:labels']!
    assert.deepEqual(
      Object.keys(own),
      Object.keys(labels)
        .map((key) => `f:${key}`)
        .sort(),
    )
  }
})
