import assert from 'node:assert/strict'
import test from 'node:test'
import type { Schema } from '../schema.ts'
import { StatusError } from '../status.ts'
import type { KubernetesObject, ManagedFieldsEntry } from '../types.ts'
import { applyConfiguration, type ManagedWrite, managedByUpdate } from './managed-fields.ts'

const text: Schema = { type: 'string' }
const number: Schema = { type: 'integer' }
const texts: Schema = { type: 'object', additionalProperties: text }

/** A type with every way of being owned. */
const schema: Schema = {
  type: 'object',
  properties: {
    apiVersion: text,
    kind: text,
    metadata: {
      type: 'object',
      properties: { name: text, labels: texts, annotations: texts, managedFields: { type: 'array', items: { type: 'object' } } },
    },
    count: number,
    on: { type: 'boolean' },
    plain: { type: 'array', items: { type: 'object', properties: { a: text } } },
    set: { type: 'array', listType: 'set', items: text },
    ports: {
      type: 'array',
      listType: 'map',
      listMapKeys: ['port', 'protocol'],
      items: { type: 'object', properties: { port: number, protocol: { type: 'string', default: 'TCP' }, name: text } },
    },
    named: {
      type: 'array',
      listType: 'map',
      listMapKeys: ['name'],
      items: { type: 'object', properties: { name: text, value: text } },
    },
    always: {
      type: 'array',
      listType: 'map',
      listMapKeys: ['type'],
      items: { type: 'object', properties: { type: { ...text, always: true } } },
    },
    piece: { type: 'object', mapType: 'atomic', additionalProperties: text },
    source: { type: 'object', properties: { group: { ...text, writtenAsNull: true }, kind: text } },
    whole: { type: 'object', mapType: 'atomic', properties: { group: { ...text, writtenAsNull: true }, kind: text } },
    open: { type: 'object', preserveUnknownFields: true },
    holder: { type: 'object', properties: { set: { type: 'array', listType: 'set', items: text }, text } },
    status: texts,
  },
}

const EARLIER = '2026-11-27T08:00:00Z'
const NOW = '2026-11-27T09:00:00Z'

function writeOf(manager: string, more: Partial<ManagedWrite> = {}): ManagedWrite {
  const form = (apiVersion: string) => (apiVersion === 'v1' ? { schema, of: (object: KubernetesObject) => object } : undefined)
  return { manager, apiVersion: 'v1', subresource: '', form, resetFields: {}, time: NOW, ...more }
}

const objectOf = (fields: object, managedFields?: readonly ManagedFieldsEntry[]): KubernetesObject =>
  ({
    apiVersion: 'v1',
    kind: 'Thing',
    metadata: { name: 'x', ...(managedFields && { managedFields }) },
    ...fields,
  }) as KubernetesObject

const entry = (manager: string, operation: 'Apply' | 'Update', fieldsV1: object): ManagedFieldsEntry =>
  ({ manager, operation, apiVersion: 'v1', time: EARLIER, fieldsType: 'FieldsV1', fieldsV1 }) as ManagedFieldsEntry

interface Applying {
  readonly live?: KubernetesObject
  readonly manager?: string
  readonly force?: boolean
  readonly write?: Partial<ManagedWrite>
}

function apply(fields: object, { live, manager = 'me', force = false, write }: Applying = {}) {
  const read = (merged: unknown): KubernetesObject => merged as KubernetesObject
  return applyConfiguration(live, objectOf(fields), { ...writeOf(manager, write), force, read })
}

function refusalOf(run: () => unknown): StatusError {
  try {
    run()
  } catch (error) {
    if (error instanceof StatusError) return error
    throw error
  }
  throw new Error('a refusal was expected')
}

const created = (fields: object): string =>
  JSON.stringify(managedByUpdate(undefined, objectOf(fields), writeOf('me'))?.[0]?.fieldsV1)

test('the text of a set has fields, keys and values in their order, whatever the order of the object', () => {
  const ports = [{ port: 443, name: 'b' }, { port: 80, protocol: 'UDP' }, { port: 80 }, { port: 1000 }]
  assert.equal(
    created({
      set: ['b', 'B', 'é', '😀', '\uff5e', 'a'],
      ports,
      count: 1,
      metadata: { name: 'x', labels: { b: '', a: '', B: '' } },
    }),
    '{"f:count":{},"f:metadata":{"f:labels":{".":{},"f:B":{},"f:a":{},"f:b":{}}},"f:ports":{".":{},' +
      String.raw`"k:{\"port\":80,\"protocol\":\"TCP\"}":{".":{},"f:port":{}},` +
      String.raw`"k:{\"port\":80,\"protocol\":\"UDP\"}":{".":{},"f:port":{},"f:protocol":{}},` +
      String.raw`"k:{\"port\":443,\"protocol\":\"TCP\"}":{".":{},"f:name":{},"f:port":{}},` +
      String.raw`"k:{\"port\":1000,\"protocol\":\"TCP\"}":{".":{},"f:port":{}}},` +
      String.raw`"f:set":{".":{},"v:\"B\"":{},"v:\"a\"":{},"v:\"b\"":{},"v:\"é\"":{},"v:\"～\"":{},"v:\"😀\"":{}}}`,
  )
})

test('what HTML would read is written as Go writes it', () => {
  assert.deepEqual(JSON.parse(created({ set: ['<a>&', 'b\u2028\\u'] })), {
    'f:set': { '.': {}, 'v:"\\u003ca\\u003e\\u0026"': {}, 'v:"b\\u2028\\\\u"': {} },
  })
})

test('items that share an element are one piece, and come and go beside the fields of a single one', () => {
  const twice = [
    { name: 'a', value: '1' },
    { name: 'a', value: '2' },
  ]
  assert.equal(
    created({ named: [...twice, { name: 'b' }] }),
    String.raw`{"f:named":{".":{},"k:{\"name\":\"a\"}":{},"k:{\"name\":\"b\"}":{".":{},"f:name":{}}}}`,
  )
  const owned = entry('other', 'Update', { 'f:named': { '.': {}, 'k:{"name":"a"}': { '.': {}, 'f:name': {}, 'f:value': {} } } })
  const before = objectOf({ named: [twice[0]] }, [owned])
  const after = managedByUpdate(before, objectOf({ named: twice }), writeOf('me'))
  assert.deepEqual(
    after?.map(({ manager, fieldsV1 }) => [manager, fieldsV1]),
    [
      ['other', { 'f:named': {} }],
      ['me', { 'f:named': { 'k:{"name":"a"}': {} } }],
    ],
  )
})

test('a field that upstream writes as null belongs to whoever makes its struct, an empty one too', () => {
  assert.equal(created({ source: { kind: 'A' } }), '{"f:source":{".":{},"f:group":{},"f:kind":{}}}')
  assert.equal(created({ source: {} }), '{"f:source":{".":{},"f:group":{}}}')
  const owned = [entry('other', 'Update', { 'f:count': {} })]
  const [, own] = managedByUpdate(objectOf({ count: 1 }, owned), objectOf({ count: 1, source: {} }), writeOf('me'))!
  assert.deepEqual(own!.fieldsV1, { 'f:source': { '.': {}, 'f:group': {} } })
})

test('one piece that lacks such a null is another than the live one', () => {
  const live = objectOf({ whole: { kind: 'A' } }, [entry('other', 'Update', { 'f:whole': {} })])
  assert.equal(
    refusalOf(() => apply({ whole: { kind: 'A' } }, { live })).message,
    'Apply failed with 1 conflict: conflict with "other" using v1: .whole',
  )
})

test('nobody manages an object whose items have no keys, and nobody can apply to it', () => {
  const nameless = { named: [{ value: '1' }] }
  assert.equal(created(nameless), undefined)
  assert.equal(created({ named: 'text' }), undefined)
  const refused = refusalOf(() => apply({ count: 1 }, { live: objectOf(nameless) }))
  assert.equal(refused.code, 500)
  assert.equal(
    refused.message,
    `failed to create manager for existing fields: failed to convert new object (/x; /v1, Kind=Thing) to smd typed: .named: element 0: associative list with keys has an element that omits all key fields ["name"] (and doesn't have default values for any key fields)`,
  )
  assert.match(
    refusalOf(() => apply({ count: 1 }, { live: objectOf(nameless, [entry('a', 'Update', { 'f:count': {} })]) })).message,
    /^failed to create typed live object \(\/x; \/v1, Kind=Thing\): \.named: element 0/,
  )
})

test('a key that is always written has its zero where an item does not say it', () => {
  assert.equal(created({ always: [{}] }), String.raw`{"f:always":{".":{},"k:{\"type\":\"\"}":{}}}`)
})

test('an explicit null is a field of its own', () => {
  assert.equal(created({ open: { a: null, b: [null] } }), '{"f:open":{".":{},"f:a":{},"f:b":{}}}')
})

test('what a value was goes, and what it is comes, where its type is open', () => {
  const owned = [entry('other', 'Update', { 'f:open': { '.': {}, 'f:a': { '.': {}, 'f:b': {} }, 'f:c': {} } })]
  const before = objectOf({ open: { a: { b: '1' }, c: 'x' } }, owned)
  const after = managedByUpdate(before, objectOf({ open: { a: 'text', c: { d: '1' } } }), writeOf('me'))
  assert.deepEqual(
    after?.map(({ manager, fieldsV1 }) => [manager, fieldsV1]),
    [
      ['other', { 'f:open': {} }],
      ['me', { 'f:open': { 'f:a': {}, 'f:c': { '.': {}, 'f:d': {} } } }],
    ],
  )
})

test('conflicts stand by owner, a field before what lies below its neighbours', () => {
  const set = { 'f:count': {}, 'f:named': { '.': {}, 'k:{"name":"a"}': { '.': {}, 'f:value': {} } }, 'f:on': {} }
  const live = objectOf({ named: [{ name: 'a', value: '1' }], on: true, count: 1 }, [
    entry('b', 'Update', set),
    { ...entry('b', 'Update', { 'f:count': {} }), subresource: 'status' },
    entry('a', 'Apply', { 'f:count': {} }),
  ])
  const refused = refusalOf(() => apply({ named: [{ name: 'a', value: '2' }], on: false, count: 2 }, { live }))
  assert.equal(
    refused.message,
    'Apply failed with 5 conflicts: conflicts with "a":\n- .count\n' +
      'conflicts with "b" with subresource "status" using v1:\n- .count\n' +
      'conflicts with "b" using v1:\n- .count\n- .on\n- .named[name="a"].value',
  )
  assert.equal(refused.status.details?.causes?.length, 5)
})

test('a number in a path is a float, as upstream reads it', () => {
  const ports = [{ port: 1_000_000 }, { port: 1_000_000 }, { port: 8080 }, { port: 8080 }]
  assert.equal(
    refusalOf(() => apply({ ports })).message,
    'failed to create typed patch object (/x; /v1, Kind=Thing): errors:\n' +
      '  .ports: duplicate entries for key [port=1e+06,protocol="TCP"]\n' +
      '  .ports: duplicate entries for key [port=8080,protocol="TCP"]',
  )
})

test('a configuration is refused for all that is not of its type, also within one piece', () => {
  const cases: [object, string][] = [
    [{ count: 'one' }, '.count: expected numeric (int or float), got string'],
    [{ count: {} }, '.count: expected numeric (int or float), got map[string]interface {}'],
    [{ on: 1 }, '.on: expected boolean, got &{1}'],
    [{ metadata: { name: 5 } }, '.metadata.name: expected string, got &value.valueUnstructured{Value:5}'],
    [{ metadata: { name: ['a'] } }, '.metadata.name: expected string, got &value.valueUnstructured{Value:[]interface {}{"a"}}'],
    [{ plain: [{}, { b: '1' }] }, '.plain[1].b: field not declared in schema'],
    [{ plain: { a: 1 } }, '.plain: expected list, got &{map[a:1]}'],
    [{ piece: 'x' }, '.piece: expected map, got &{x}'],
    [{ set: ['a', null] }, ".set: element 1: associative list without keys has an element that's an explicit null"],
    [{ set: [{}] }, ".set: element 0: associative list without keys has an element that's a map type"],
    [{ set: [['a']] }, '.set: element 0: not supported: associative list with lists as elements'],
    [{ named: [null] }, '.named: element 0: associative list with keys may not have a null element'],
    [{ named: ['a'] }, '.named: element 0: associative list with keys may not have non-map elements'],
    [{ other: 1, metadata: { name: 1 } }, '.other: field not declared in schema'],
  ]
  for (const [fields, expected] of cases) {
    const refused = refusalOf(() => apply(fields))
    assert.deepEqual([refused.code, refused.status.reason], [500, undefined])
    assert.ok(refused.message.includes(expected), `${refused.message}\n${expected}`)
  }
})

test('an empty list is owned by nobody, and what holds nothing else is hollow', () => {
  const hollow = objectOf({ holder: { set: [], text: 'a' } }, [
    entry('me', 'Apply', { 'f:holder': { 'f:text': {} } }),
    entry('other', 'Update', { 'f:holder': {} }),
  ])
  const left = apply({}, { live: hollow })
  assert.deepEqual(Object.keys(left.object), ['apiVersion', 'kind', 'metadata'])
  assert.equal(left.managedFields, undefined)
  const live = objectOf({ holder: {} }, [entry('me', 'Apply', { 'f:holder': {} })])
  const filled = apply({ holder: { set: [] } }, { live })
  assert.deepEqual((filled.object as unknown as { holder: object }).holder, { set: [] })
  assert.equal(filled.managedFields, undefined)
})

test('who applies what is there already owns it without a time, until it changes something', () => {
  const live = objectOf({ count: 1 }, [entry('other', 'Apply', { 'f:count': {} })])
  const same = apply({ count: 1 }, { live })
  assert.equal(same.object, live)
  assert.deepEqual(
    same.managedFields?.map(({ manager, time }) => [manager, time]),
    [
      ['me', undefined],
      ['other', EARLIER],
    ],
  )
  const changed = apply({ count: 1, on: true }, { live })
  assert.deepEqual(
    changed.managedFields?.map(({ manager, time }) => [manager, time]),
    [
      ['other', EARLIER],
      ['me', NOW],
    ],
  )
})

test('an empty map that is applied is a change to whoever owns it', () => {
  const live = objectOf({}, [entry('other', 'Apply', { 'f:piece': {} })])
  assert.equal(
    refusalOf(() => apply({ piece: {} }, { live })).message,
    'Apply failed with 1 conflict: conflict with "other": .piece',
  )
})

test('fields of before the first apply are those that the request can reach, through its subresource', () => {
  const write = { subresource: 'status', resetFields: { 'f:count': {} } }
  const { managedFields } = apply({ status: { a: '1' } }, { live: objectOf({ count: 1, status: { a: '1' } }), write })
  assert.deepEqual(managedFields?.at(-1), {
    manager: 'before-first-apply',
    operation: 'Update',
    apiVersion: 'v1',
    time: NOW,
    fieldsType: 'FieldsV1',
    fieldsV1: { 'f:status': { '.': {}, 'f:a': {} } },
    subresource: 'status',
  })
})

test('null takes nothing from what has fields or items, and is a value elsewhere', () => {
  const live = objectOf({ status: { a: '1' }, named: [{ name: 'a' }], count: 1, piece: { a: '1' } })
  const { object } = apply({ status: null, named: null, count: null, piece: null }, { live, force: true })
  assert.deepEqual(
    { ...object, metadata: {} },
    { ...objectOf({ status: { a: '1' }, named: [{ name: 'a' }], count: null, piece: null }), metadata: {} },
  )
})

test('items that only the live list has stay where they were among the shared ones', () => {
  const items = (names: string): object[] => [...names].map((name) => ({ name }))
  for (const [had, wanted, expected] of [
    ['abp', 'ba', 'bpa'],
    ['axb', 'bna', 'xbna'],
    ['abcd', 'da', 'bcda'],
    ['abc', 'xyz', 'abcxyz'],
  ] as const) {
    const { object } = apply({ named: items(wanted) }, { live: objectOf({ named: items(had) }), force: true })
    assert.deepEqual((object as unknown as { named: object[] }).named, items(expected), `${had} ${wanted}`)
  }
})

test('of several live items with one key none is merged, and the configured one stands for all', () => {
  const live = objectOf({ named: [{ name: 'a', value: '1' }, { name: 'a', value: '2' }, { name: 'b' }] })
  const { object } = apply({ named: [{ name: 'a' }] }, { live, force: true })
  assert.deepEqual((object as unknown as { named: object[] }).named, [{ name: 'a' }, { name: 'b' }])
})

test('what loses all that it had is null', () => {
  const owned = [
    entry('me', 'Apply', { 'f:named': { 'k:{"name":"a"}': { '.': {}, 'f:name': {} } } }),
    entry('other', 'Update', { 'f:named': {} }),
  ]
  const { object } = apply({ count: 1 }, { live: objectOf({ named: [{ name: 'a' }] }, owned) })
  assert.equal((object as unknown as { named: unknown }).named, null)
})

test('who owned parts of what is one piece by now owns the piece, and managers of versions that are gone are forgotten', () => {
  const owned = [
    entry('old', 'Update', { 'f:piece': { '.': {}, 'f:a': {} }, 'f:plain': { 'i:0': {} } }),
    { ...entry('gone', 'Update', { 'f:count': {} }), apiVersion: 'v0' },
  ]
  const before = objectOf({ count: 1, piece: { a: '1' } }, owned)
  const after = managedByUpdate(before, objectOf({ count: 1, piece: { a: '1' } }), writeOf('me'))
  assert.deepEqual(
    after?.map(({ manager, fieldsV1 }) => [manager, fieldsV1]),
    [['old', { 'f:piece': {}, 'f:plain': {} }]],
  )
})

test('kubectl may take what client-side apply left, if that was of this version and each item can be told apart', () => {
  const configuration = (apiVersion: string): string =>
    JSON.stringify({ apiVersion, kind: 'Thing', metadata: { name: 'x' }, count: 1 })
  const live = (annotation: string, more: object = {}): KubernetesObject => {
    const object = objectOf({ count: 1, ...more }, [entry('client', 'Update', { 'f:count': {} })])
    object.metadata!.annotations = { 'kubectl.kubernetes.io/last-applied-configuration': annotation }
    return object
  }
  const taken = apply({ count: 2 }, { live: live(configuration('v1')), manager: 'kubectl' })
  assert.equal(
    taken.object.metadata!.annotations!['kubectl.kubernetes.io/last-applied-configuration'],
    '{"apiVersion":"v1","count":2,"kind":"Thing","metadata":{"name":"x"}}\n',
  )
  for (const [annotation, more] of [[configuration('v0')], [configuration('v1'), { set: ['a', 'a'] }], ['{'], ['']] as const)
    assert.equal(refusalOf(() => apply({ count: 2 }, { live: live(annotation, more), manager: 'kubectl' })).code, 409)
})
