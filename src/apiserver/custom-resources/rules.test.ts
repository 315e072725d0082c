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
  assert.equal(await create({ min: 2, max: 1 }), 'spec.min: Invalid value: "object": min is above max')
  assert.equal(await create({ min: 1, max: 200 }), 'spec: Forbidden: max is large')
  assert.equal(
    await create({ min: 1, max: 2, names: ['ok', 'bad'] }),
    'spec.names[1]: Invalid value: "string": failed rule: self != \'bad\'',
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
  assert.equal(await refusal(patch({ fixed: 'x' })), 'spec.fixed: Invalid value: "string": fixed is immutable')
  assert.equal(await refusal(patch({ once: 'x' })), 'spec.once: Invalid value: "string": once is set once')
  await patch({ other: 'y' })
  // A rule that comes later binds what changes, not what is.
  const schema = object({ spec: object({ fixed: string, other: string }, rules({ rule: "self.other != 'y'", message: 'no y' })) })
  const versions = [{ name: 'v1', served: true, storage: true, schema: { openAPIV3Schema: schema } }]
  await client.patch(customResourceDefinitions, 'widgets.example.com', { spec: { versions } }, { type: 'merge' })
  await client.patch(resource, 'default/a', { metadata: { labels: { a: 'b' } } }, { type: 'merge' })
  assert.equal(await refusal(patch({ fixed: 'z' })), 'spec: Invalid value: "object": no y')
})

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
    /^spec.validation.openAPIV3Schema.properties\[spec\].x-kubernetes-validations\[0\].rule: Invalid value: \{"rule":"self.b == 1"\}: compilation failed: ERROR: <input>:1:5: undefined field 'b'/,
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
  assert.ok(bad.endsWith(`${path}.properties[size].default: Invalid value: "integer": must be positive`), bad)
  // With what is filled in: the outer default is complete before anybody sees it.
  const pair = object({ a: { ...integer, default: 2 }, b: integer }, { default: { b: 1 }, ...rules('self.a <= self.b') })
  assert.match(
    await refusal(define(object({ pair }))),
    /properties\[pair\]\.default: Invalid value: "object": failed rule: self\.a <= self\.b$/,
  )
  // Rules about a change have nothing to say of a default.
  await define(
    object({ size: { ...size, default: 1 }, kept: { ...string, default: 'x', maxLength: 9, ...rules('self == oldSelf') } }),
  )
})
