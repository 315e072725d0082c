/**
 * Who manages which field, held against k8s.io/apimachinery's managedfields over sigs.k8s.io/structured-merge-diff: the sets themselves, and who creates a random object
 * of each built-in kind, as the typed schema of client-go and as the one that we publish see it.
 * Kept: of a FieldsV1 document that has one name twice JSON.parse has the last; sets deeper than a thousand levels are none; a list that is null upstream and empty here
 * (we hold no nulls) belongs to nobody when it is first written as empty.
 */
import assert from 'node:assert/strict'
import test from 'node:test'
import fc from 'fast-check'
import { allResources, protobufMessageOf, schemaOf } from '#api'
import { apiVersionOf, conform, type KubernetesObject, managedByUpdate } from '#meta'
import { openApiV3 } from '../../src/apiserver/openapi/documents.ts'
import type { Json } from '../../src/apiserver/openapi/schema-json.ts'
import {
  difference,
  equalSets,
  type FieldSet,
  intersection,
  readFieldSet,
  union,
  withoutBelow,
} from '../../src/meta/managed-fields/field-set.ts'
import { randomMessage } from '../../src/testing/protobuf/random-message.ts'
import { Peer } from './peer.ts'

interface Answer {
  readonly error?: string
  readonly text?: string
  readonly union?: string
  readonly intersection?: string
  readonly difference?: string
  readonly below?: string
  readonly equal?: boolean
  readonly object?: KubernetesObject
}

const SETS = 4_000
const SEEDS_PER_KIND = 10
/** What the peer says for the time of the write. */
const NOW = '2999-01-01T00:00:00Z'

const odd = fc.constantFrom(
  ...[
    '.',
    'f:',
    'f:a',
    'f:é',
    'f:😀',
    'f:\uff5e',
    'k:{"name":"a"}',
    'k:{"x":1,"name":"a"}',
    'k:{}',
    'k:null',
    'k:[]',
    'v:1',
    'v:1.0',
    'v:-0',
  ],
  ...[
    'v:1e3',
    'v:1e-7',
    'v:"<"',
    'v:true',
    'v:null',
    'v:[1,2]',
    'v:',
    'v:x',
    'v:1 2',
    'v: 1 ',
    'v:1e400',
    'v:9007199254740993',
    'i:0',
    'i:10',
  ],
  ...['i:-1', 'i:+3', 'i:007', 'i:x', 'i:1.5', 'x:a', 'x', '', 'ab', 'k:{"a":"\\u0008\\f\\u2028"}'],
)
const element = fc.oneof(
  odd,
  fc.string().map((text) => `f:${text}`),
  fc.jsonValue().map((value) => `v:${JSON.stringify(value)}`),
  fc.dictionary(fc.string(), fc.oneof(fc.string(), fc.integer(), fc.boolean())).map((key) => `k:${JSON.stringify(key)}`),
)
const { hostile, sound } = fc.letrec<{ hostile: unknown; sound: object }>((tie) => ({
  hostile: fc.oneof(
    { maxDepth: 4 },
    fc.constant({}),
    fc.dictionary(element, tie('hostile'), { maxKeys: 4 }),
    fc.constantFrom(null, 1, 'x', [], true),
  ),
  sound: fc.oneof(
    { maxDepth: 4 },
    fc.constant({}),
    fc.dictionary(
      fc.constantFrom('f:a', 'f:b', 'k:{"name":"a"}', 'k:{"name":"b","port":1}', 'v:1', 'v:"a"', 'i:2', 'i:10'),
      tie('sound'),
      {
        maxKeys: 4,
      },
    ),
  ),
}))

test('managed fields: a set is read, refused and written as upstream does', async () => {
  await using peer = new Peer('managed-fields')
  for (const value of fc.sample(hostile, SETS)) {
    const theirs = await peer.ask<Answer>({ kind: 'set', text: JSON.stringify(value) })
    const expected: unknown = theirs.error === undefined ? JSON.parse(theirs.text!) : undefined
    assert.equal(JSON.stringify(readFieldSet(value)), JSON.stringify(expected), `${JSON.stringify(value)} ${theirs.error}`)
  }
})

test('managed fields: sets are joined and taken apart as upstream does', async () => {
  await using peer = new Peer('managed-fields')
  for (const [first, second] of fc.sample(fc.tuple(sound, sound), SETS)) {
    const [a, b] = [readFieldSet(first)!, readFieldSet(second)!]
    const theirs = await peer.ask<Answer>({ kind: 'sets', text: JSON.stringify(a), other: JSON.stringify(b) })
    const ours: Record<string, FieldSet> = {
      union: union(a, b),
      intersection: intersection(a, b),
      difference: difference(a, b),
      below: withoutBelow(a, b),
    }
    for (const [name, set] of Object.entries(ours))
      assert.equal(JSON.stringify(set), theirs[name as 'union'], `${name} ${JSON.stringify([a, b])}`)
    assert.equal(equalSets(a, b), theirs.equal ?? false)
  }
})

test('managed fields: who creates an object owns what upstream says, by its types and by those that we publish', async () => {
  await using peer = new Peer('managed-fields')
  const document = openApiV3({ named: schemaOf, version: 'v1.36.0', resources: allResources, plainPaths: [] })
  await peer.ask({ kind: 'models', models: (document['components'] as Json)['schemas'] })
  let compared = 0
  for (const resource of allResources) {
    const apiVersion = apiVersionOf(resource)
    // Whose Go types are not at hand.
    if (resource.kind === 'APIService') continue
    const schema = resource.schema()
    const reset: FieldSet = resource.subresources.status ? { 'f:status': {} } : {}
    for (let seed = 0; seed < SEEDS_PER_KIND; seed++) {
      const random = randomMessage(protobufMessageOf(apiVersion, resource.kind)!, seed)
      const object = conform({ apiVersion, kind: resource.kind, ...random }, schema).value as KubernetesObject
      delete object.metadata?.managedFields
      // Sets of templates are random text here.
      if (JSON.stringify(object).includes('"managedFields"')) continue
      const form = () => ({ schema, of: (each: KubernetesObject) => each })
      const ours = managedByUpdate(undefined, object, {
        manager: 'me',
        apiVersion,
        subresource: '',
        form,
        resetFields: reset,
        time: NOW,
      })
      for (const converter of ['typed', 'published']) {
        const question = { kind: 'write', converter, live: null, new: object, apiVersion, object: resource.kind, manager: 'me' }
        const theirs = await peer.ask<Answer>({ ...question, reset: JSON.stringify(reset) })
        const found = theirs.object?.metadata?.managedFields
        // What client-go can't apply to has no type there.
        if (converter === 'typed' && found === undefined) continue
        assert.equal(JSON.stringify(ours), JSON.stringify(found), `${converter} ${JSON.stringify(object)}`)
        compared++
      }
    }
  }
  assert.ok(compared > 500, String(compared))
})
