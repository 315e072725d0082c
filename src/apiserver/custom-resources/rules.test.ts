import assert from 'node:assert/strict'
import test from 'node:test'
import { customResourceDefinitions } from '#api'
import type { Client } from '#client'
import { StatusError } from '#meta'
import { type CustomObject, crdOf, establish, startTestApiServer } from '#testing'

const string = { type: 'string' }
const integer = { type: 'integer' }
const object = (properties: object, more: object = {}): object => ({ type: 'object', properties, ...more })
const rules = (...each: (string | object)[]): object => ({
  'x-kubernetes-validations': each.map((rule) => (typeof rule === 'string' ? { rule } : rule)),
})

const widget = (spec: object): CustomObject => ({
  apiVersion: 'example.com/v1',
  kind: 'Widget',
  metadata: { name: 'a', namespace: 'default' },
  spec,
})

async function refusal(promise: Promise<unknown>): Promise<string> {
  try {
    await promise
  } catch (error) {
    assert.ok(error instanceof StatusError, String(error))
    return error.message.replace(/^Widget.example.com "a" is invalid: /, '')
  }
  throw new assert.AssertionError({ message: 'it was not refused' })
}

async function widgets(schema: object) {
  const api = await startTestApiServer()
  const [resource] = await establish(api.client, crdOf({ schema }))
  return { client: api.client, resource: resource!, [Symbol.asyncDispose]: () => api[Symbol.asyncDispose]() }
}

test('rules of values, with their messages, reasons and places', async () => {
  await using server = await widgets(
    object({
      spec: object(
        {
          min: integer,
          max: integer,
          names: { type: 'array', maxItems: 5, items: { type: 'string', maxLength: 9, ...rules("self != 'bad'") } },
        },
        rules(
          { rule: 'self.min <= self.max', message: 'min is above max', fieldPath: '.min' },
          {
            rule: 'self.max < 100',
            messageExpression: "self.max < 1000 ? 'max is large' : 'max is huge'",
            reason: 'FieldValueForbidden',
          },
        ),
      ),
    }),
  )
  const { client, resource } = server
  const create = (spec: object): Promise<string> => refusal(client.create(resource, widget(spec)))
  assert.equal(await create({ min: 2, max: 1 }), 'spec.min: Invalid value: min is above max')
  assert.equal(await create({ min: 1, max: 200 }), 'spec: Forbidden: max is large')
  assert.equal(
    await create({ min: 1, max: 2, names: ['ok', 'bad'] }),
    'spec.names[1]: Invalid value: "bad": failed rule: self != \'bad\'',
  )
  assert.equal(
    await create({ min: 1 }),
    '[spec: Invalid value: "object": no such key: max evaluating rule: min is above max, spec: Invalid value: "object": no such key: max evaluating rule: self.max < 100]',
  )
  assert.equal(
    await create({ min: 'x', max: 1 }),
    '[spec.min: Invalid value: "string": spec.min in body must be of type integer: "string", <nil>: Invalid value: null: some validation rules were not checked because the object was invalid; correct the existing errors to complete validation]',
  )
  await client.create(resource, widget({ min: 1, max: 2 }))
})

test('rules about a change: oldSelf, optional oldSelf, and what did not change', async () => {
  await using server = await widgets(
    object({
      spec: object({
        fixed: { type: 'string', maxLength: 9, ...rules({ rule: 'self == oldSelf', message: 'fixed is immutable' }) },
        once: {
          type: 'string',
          maxLength: 9,
          ...rules({
            rule: '!oldSelf.hasValue() || oldSelf.value() == self',
            optionalOldSelf: true,
            message: 'once is set once',
          }),
        },
        other: string,
      }),
    }),
  )
  const { client, resource } = server
  await client.create(resource, widget({ fixed: 'a', once: 'b' }))
  const patch = (spec: object): Promise<CustomObject> => client.patch(resource, 'default/a', { spec }, { type: 'merge' })
  assert.equal(await refusal(patch({ fixed: 'x' })), 'spec.fixed: Invalid value: "x": fixed is immutable')
  assert.equal(await refusal(patch({ once: 'x' })), 'spec.once: Invalid value: "x": once is set once')
  await patch({ other: 'y' })
  // A rule that comes later binds what changes, not what is.
  const schema = object({ spec: object({ fixed: string, other: string }, rules({ rule: "self.other != 'y'", message: 'no y' })) })
  const versions = [{ name: 'v1', served: true, storage: true, schema: { openAPIV3Schema: schema } }]
  await client.patch(customResourceDefinitions, 'widgets.example.com', { spec: { versions } }, { type: 'merge' })
  await client.patch(resource, 'default/a', { metadata: { labels: { a: 'b' } } }, { type: 'merge' })
  assert.equal(await refusal(patch({ fixed: 'z' })), 'spec: Invalid value: no y')
})

test('a rule blames the place that it names, and shows what stands there unless that is a whole', async () => {
  await using server = await widgets(
    object(
      {
        spec: object(
          {
            labels: {
              type: 'object',
              additionalProperties: { ...string, ...rules({ rule: "self != 'bad'", message: 'no bad' }) },
            },
            'a.b': string,
            once: { ...integer, ...rules({ rule: 'self < 9', reason: 'FieldValueDuplicate' }) },
            more: { type: 'array', items: string, ...rules({ rule: 'self.size() < 2', reason: 'FieldValueDuplicate' }) },
          },
          rules(
            { rule: "!has(self.a__dot__b) || self.a__dot__b != 'x'", message: 'no x', fieldPath: "['a.b']" },
            { rule: "!has(self.labels) || !('y' in self.labels)", message: 'no y', fieldPath: ".labels['y']" },
          ),
        ),
      },
      rules({ rule: "!has(self.spec.once) || self.metadata.name != 'a' || self.spec.once != 1", message: 'not one' }),
    ),
  )
  const { client, resource } = server
  const create = (spec: object): Promise<string> => refusal(client.create(resource, widget(spec)))
  assert.equal(await create({ labels: { 'k/l': 'bad' } }), 'spec.labels[k/l]: Invalid value: "bad": no bad')
  assert.equal(await create({ 'a.b': 'x' }), 'spec.a.b: Invalid value: no x')
  assert.equal(await create({ labels: { y: '' } }), 'spec.labels[y]: Invalid value: no y')
  assert.equal(await create({ once: 9 }), 'spec.once: Duplicate value: 9')
  assert.equal(await create({ more: ['a', 'b'] }), 'spec.more: Duplicate value')
  assert.equal(await create({ once: 1 }), '<nil>: Invalid value: not one')
})

test('what is wrong but was so before is written with a warning, also inside a list whose items nobody tells apart', async () => {
  await using server = await widgets(
    object({ spec: object({ list: { type: 'array', items: string }, other: string, map: object({}) }) }),
  )
  const { client, resource } = server
  await client.create(resource, widget({ list: ['bad'], other: 'x' }))
  const list = {
    type: 'array',
    maxItems: 9,
    items: { ...string, maxLength: 9, ...rules({ rule: "self != 'bad'", message: 'no bad' }) },
  }
  const map = object(
    { a: { ...string, ...rules({ rule: "self != 'new' || oldSelf == 'old'" }) } },
    { 'x-kubernetes-map-type': 'atomic' },
  )
  const schema = object({ spec: object({ list, map, other: string }) })
  const versions = [{ name: 'v1', served: true, storage: true, schema: { openAPIV3Schema: schema } }]
  await client.patch(customResourceDefinitions, 'widgets.example.com', { spec: { versions } }, { type: 'merge' })
  const merge = (spec: object): Promise<string[]> => warned(client, { spec })
  assert.deepEqual(await merge({ other: 'y' }), ['299 - "spec.list[0]: Invalid value: \\"bad\\": no bad"'])
  assert.deepEqual(await merge({ list: ['good'], map: { a: 'old' } }), [])
  assert.equal(
    await refusal(client.patch(resource, 'default/a', { spec: { list: ['bad'] } }, { type: 'merge' })),
    'spec.list[0]: Invalid value: "bad": no bad',
  )
  // The fields of an atomic map are the same ones after a change.
  assert.deepEqual(await merge({ map: { a: 'new' } }), [])
})

/** The warnings of a merge patch of the widget. */
async function warned(client: Client, patch: object): Promise<string[]> {
  const { status, headers } = await client.request({
    method: 'PATCH',
    path: '/apis/example.com/v1/namespaces/default/widgets/a',
    headers: { 'content-type': 'application/merge-patch+json' },
    query: new URLSearchParams(),
    body: { kind: 'bytes', bytes: Buffer.from(JSON.stringify(patch)) },
  })
  assert.equal(status, 200)
  return [headers['warning'] ?? []].flat()
}

const define = (client: Client, schema: object): Promise<string> =>
  refusal(client.create(customResourceDefinitions, crdOf({ schema }))).then((said) =>
    said.replace(/^CustomResourceDefinition[^:]*: /, ''),
  )

test('rules that do not compile, or may cost too much, are refused with the definition', async () => {
  await using api = await startTestApiServer()
  const { client } = api
  const root = 'spec.validation.openAPIV3Schema'
  assert.match(
    await define(client, object({ spec: object({ a: string }, rules('self.b == 1')) })),
    /^spec.validation.openAPIV3Schema.properties\[spec\].x-kubernetes-validations\[0\].rule: Invalid value: \{"Rule":"self.b == 1","Message":"","MessageExpression":"","Reason":null,"FieldPath":"","OptionalOldSelf":null\}: compilation failed: ERROR: <input>:1:5: undefined field 'b'/,
  )
  assert.match(
    await define(client, object({ spec: object({ a: string }, rules('self.a')) })),
    /cel expression must evaluate to a bool/,
  )
  const list = { type: 'array', items: { type: 'array', items: string } }
  assert.match(
    await define(client, object({ spec: object({ a: list }, rules('self.a.all(x, x.all(y, self.a.all(z, z == [y])))')) })),
    /x-kubernetes-validations\[0\].rule: Forbidden: estimated rule cost exceeds budget by factor of more than 100x \(try simplifying the rule/,
  )
  assert.equal(
    await define(
      client,
      object({ list: { type: 'array', maxItems: 3, items: { type: 'string', maxLength: 3, ...rules('self == oldSelf') } } }),
    ),
    `${root}.properties[list].items.x-kubernetes-validations[0].rule: Invalid value: "self == oldSelf": oldSelf cannot be used on the uncorrelatable portion of the schema within ${root}.properties[list]`,
  )
  assert.match(
    await define(
      client,
      object({ a: { type: 'string', maxLength: 3, ...rules({ rule: "self != ''", optionalOldSelf: true }) } }),
    ),
    /optionalOldSelf: Invalid value: true: may not be set if oldSelf is not used in rule/,
  )
})

test('a rule that runs out of its budget is refused in time', async () => {
  await using server = await widgets(
    object({
      spec: object(
        { a: { type: 'array', maxItems: 1000, items: { type: 'integer' } } },
        rules('self.a.all(x, self.a.all(y, x + y >= 0))'),
      ),
    }),
  )
  const started = performance.now()
  const a = Array.from({ length: 1000 }, (_, index) => index)
  assert.match(
    await refusal(server.client.create(server.resource, widget({ a }))),
    /no further validation rules will be run due to call cost exceeds limit for rule/,
  )
  assert.ok(performance.now() - started < 5_000)
})

test('a default that the rules would refuse is refused with the definition', async () => {
  await using api = await startTestApiServer()
  const define = (spec: object): Promise<unknown> =>
    api.client.create(customResourceDefinitions, crdOf({ schema: object({ spec }) }))
  const size = { ...integer, default: 0, ...rules({ rule: 'self > 0', message: 'must be positive' }) }
  const path = 'spec.validation.openAPIV3Schema.properties[spec]'
  const bad = await refusal(define(object({ size })))
  assert.ok(bad.endsWith(`${path}.properties[size].default: Invalid value: 0: must be positive`), bad)
  // As it stands: nothing is filled in before upstream judges it.
  const pair = object({ a: { ...integer, default: 2 }, b: integer }, { default: { b: 1 }, ...rules('self.a <= self.b') })
  assert.match(
    await refusal(define(object({ pair }))),
    /properties\[pair\]\.default: Invalid value: "object": no such key: a evaluating rule: self\.a <= self\.b$/,
  )
  // Rules about a change have nothing to say of a default.
  await define(
    object({ size: { ...size, default: 1 }, kept: { ...string, default: 'x', maxLength: 9, ...rules('self == oldSelf') } }),
  )
})
