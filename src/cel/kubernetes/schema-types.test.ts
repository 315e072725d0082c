import assert from 'node:assert/strict'
import test from 'node:test'
import { estimateCost } from '../cost/estimate.ts'
import { CompileError } from '../syntax/source.ts'
import { dyn, formatType, struct, type Type } from '../types/type.ts'
import { fail } from '../values/failure.ts'
import { toJson } from '../values/to-json.ts'
import type { Value } from '../values/value.ts'
import { LazyStruct, withStruct } from './composed-types.ts'
import { kubernetesEnvironment, STATIC_ESTIMATED_COST_LIMIT } from './environment.ts'
import { escapeName } from './escape.ts'
import { mutationMismatch, mutationTypes } from './mutation-types.ts'
import type { CelSchema } from './schema.ts'
import { SchemaTypes, sizeHints } from './schema-types.ts'

const tree: { -readonly [key in keyof CelSchema]: CelSchema[key] } = { type: 'object', properties: { label: { type: 'string' } } }
tree.properties = { ...tree.properties, children: { type: 'array', items: { ref: tree } } }

const schema: CelSchema = {
  type: 'object',
  properties: {
    spec: {
      type: 'object',
      required: ['replicas'],
      properties: {
        replicas: { type: 'integer' },
        ratio: { type: 'number' },
        port: { intOrString: true },
        namespace: { type: 'string' },
        'x-prop': { type: 'string' },
        since: { type: 'string', format: 'date-time' },
        day: { type: 'string', format: 'date' },
        wait: { type: 'string', format: 'duration' },
        secret: { type: 'string', format: 'byte' },
        maybe: { type: 'string', nullable: true },
        names: { type: 'array', items: { type: 'string', maxLength: 10 }, maxItems: 5, listType: 'set' },
        ports: {
          type: 'array',
          listType: 'map',
          listMapKeys: ['name'],
          items: { type: 'object', properties: { name: { type: 'string' }, port: { type: 'integer' } } },
        },
        labels: { type: 'object', additionalProperties: { type: 'string' } },
        free: { type: 'object', preserveUnknownFields: true },
        unknown: { preserveUnknownFields: true },
        embedded: { type: 'object', embeddedResource: true, preserveUnknownFields: true },
        tree: { ref: tree },
      },
    },
  },
}

const types = new SchemaTypes()
const self = types.declare('selfType', schema, true)!
const environment = kubernetesEnvironment().extend({ provider: types, variables: { self, oldSelf: self } })
const object = Object.freeze({
  apiVersion: 'example.com/v1',
  kind: 'Web',
  metadata: { name: 'web', labels: {} },
  spec: {
    replicas: 3,
    ratio: 1,
    port: '80%',
    namespace: 'ns',
    'x-prop': 'x',
    since: '2024-01-02T03:04:05.5+01:00',
    day: '2024-02-29',
    wait: '1h30m',
    secret: 'aGVsbG8=',
    maybe: null,
    names: ['a', 'b'],
    ports: [
      { name: 'http', port: 80 },
      { name: 'https', port: 443 },
    ],
    labels: { app: 'web' },
    embedded: { kind: 'Pod', metadata: { name: 'p' } },
    tree: { label: 'root', children: [{ label: 'leaf' }] },
  },
})
const evaluate = (expression: string, oldSelf: unknown = object): unknown =>
  environment.compile(expression).evaluate({ self: object, oldSelf }).value

test('data of a schema reads as its types say', () => {
  for (const expression of [
    'self.spec.replicas == 3 && self.spec.ratio == 1.0 && type(self.spec.ratio) == double',
    "self.spec.port == '80%' && type(self.spec.port) == string",
    "self.spec.__namespace__ == 'ns' && self.spec.x__dash__prop == 'x'",
    "self.spec.since == timestamp('2024-01-02T02:04:05.5Z') && self.spec.since.getHours() == 2",
    "self.spec.day == timestamp('2024-02-29T00:00:00Z')",
    "self.spec.wait == duration('90m') && self.spec.secret == b'hello'",
    '!has(self.spec.maybe)',
    "!has(self.spec.free) && self.metadata.name == 'web' && self.kind == 'Web' && !has(self.metadata.generateName)",
    "self.spec.names.all(n, n in ['a', 'b']) && size(self.spec.labels) == 1 && self.spec.labels['app'] == 'web'",
    "self.spec.embedded.kind == 'Pod' && self.spec.embedded.metadata.name == 'p'",
    "self.spec.tree.children[0].label == 'leaf' && !has(self.spec.tree.children[0].children)",
    'self == oldSelf && self.spec.ports.exists(p, p.name == "http" && p.port == 80)',
    "self.spec.?labels.?app.orValue('') == 'web'",
  ]) {
    assert.equal(evaluate(expression), true, expression)
  }
})

test('sets and keyed lists compare without order and add by their keys', () => {
  const swapped = { ...object, spec: { ...object.spec, names: ['b', 'a'], ports: [...object.spec.ports].reverse() } }
  assert.equal(evaluate('self == oldSelf && self.spec.names == oldSelf.spec.names', swapped), true)
  const changed = {
    ...object,
    spec: {
      ...object.spec,
      names: ['b', 'c'],
      ports: [
        { name: 'http', port: 8080 },
        { name: 'dns', port: 53 },
      ],
    },
  }
  assert.equal(evaluate("self.spec.names + oldSelf.spec.names == ['a', 'b', 'c']", changed), true)
  assert.equal(evaluate("size(self.spec.names + oldSelf.spec.names + self.spec.names + ['c'])", changed), 3)
  assert.equal(evaluate('(self.spec.ports + oldSelf.spec.ports).map(p, p.port) == [8080, 443, 53]', changed), true)
  assert.equal(evaluate('self.spec.ports == oldSelf.spec.ports', changed), false)
})

test('a rule that does not fit the schema does not compile', () => {
  const messages = {
    'self.spec.replica > 1': "ERROR: <input>:1:10: undefined field 'replica'\n | self.spec.replica > 1\n | .........^",
    "self.spec.replicas == 'a'":
      "ERROR: <input>:1:20: found no matching overload for '_==_' applied to '(int, string)'\n | self.spec.replicas == 'a'\n | ...................^",
    'self.spec.names.name':
      "ERROR: <input>:1:16: type 'list(string)' does not support field selection\n | self.spec.names.name\n | ...............^",
  }
  for (const [expression, message] of Object.entries(messages))
    assert.throws(() => environment.compile(expression), { message }, expression)
  // What has no schema is not there for expressions, nor are fields that an object keeps unknown.
  for (const expression of ['self.spec.unknown', 'self.spec.free.x', 'self.spec.namespace']) {
    assert.throws(() => environment.compile(expression), CompileError, expression)
  }
  assert.equal(formatType(environment.compile('self.spec.ports').type), 'list(selfType.spec.ports.@idx)')
})

test('data that breaks its schema fails where it is read', () => {
  const program = environment.compile('self.spec.replicas > 1')
  assert.throws(() => program.evaluate({ self: { spec: { replicas: 'x' } } }), {
    message: 'invalid data, expected int, got string',
  })
  // What is null is absent, except in lists and maps.
  assert.throws(() => program.evaluate({ self: { spec: null } }), { message: 'no such key: spec' })
  assert.throws(() => environment.compile("self.spec.names[0] == 'a'").evaluate({ self: { spec: { names: [null] } } }), {
    message: 'invalid data, got null for schema with nullable=false',
  })
  assert.throws(() => environment.compile("self.spec.secret == b'a'").evaluate({ self: { spec: { secret: 'aGk!' } } }), {
    message: 'Invalid byte formatted string aGk!: illegal base64 data at input byte 3',
  })
  assert.throws(() => program.evaluate({ self: { spec: {} } }), { message: 'no such key: replicas' })
})

test('names are escaped as documented', () => {
  const names = {
    namespace: '__namespace__',
    in: '__in__',
    'x-y': 'x__dash__y',
    'a.b/c': 'a__dot__b__slash__c',
    a__b: 'a__underscores__b',
    _a: '_a',
  }
  for (const [property, escaped] of Object.entries(names)) assert.equal(escapeName(property), escaped)
  for (const property of ['', '1a', 'a b', 'a$']) assert.equal(escapeName(property), undefined)
})

test('bounds in a schema bring the estimated cost of a rule down', () => {
  const hints = sizeHints({ self, oldSelf: self })
  const estimate = (expression: string): number => estimateCost(environment.compile(expression).checked, hints).max
  // Five names of at most 40 bytes: three to get there, 6 for each, one for the result.
  assert.equal(estimate("self.spec.names.all(n, n.startsWith('a'))"), 3 + 5 * (3 + 2) + 1)
  assert.ok(estimate('self.spec.labels.all(k, self.spec.labels.all(l, k != l))') > STATIC_ESTIMATED_COST_LIMIT)
  assert.equal(hints(['self', 'spec', 'names', '@items']), 40)
  assert.equal(hints(['self', 'spec', 'since']), 32)
  assert.equal(hints(['self', 'spec', 'ports']), Math.floor((3 * 1024 * 1024 - 2) / 3))
  assert.equal(hints(['missing']), undefined)
})

test('a mutation builds objects named for where they go', () => {
  const mutation = kubernetesEnvironment().extend({ provider: mutationTypes(types), variables: { object: { type: dyn } } })
  const run = (expression: string): unknown => toJson(mutation.compile(expression).evaluate({ object: { spec: { n: 1 } } }).value)
  assert.deepEqual(
    run(
      'Object{spec: Object.spec{replicas: object.spec.n + 1, containers: [Object.spec.containers{name: "a"}], ?gone: object.?gone}}',
    ),
    { spec: { replicas: 2, containers: [{ name: 'a' }] } },
  )
  assert.deepEqual(run('[JSONPatch{op: "add", path: "/a", value: {"b": [dyn(1), dyn(1.5)]}}]'), [
    { op: 'add', path: '/a', value: { b: [1, 1.5] } },
  ])
  const mismatch = (expression: string): string | undefined => mutationMismatch(mutation.compile(expression).evaluate().value)
  const wrong =
    'unexpected type name "Object.status", expected "Object.spec", which matches field name path from root Object type'
  assert.equal(mismatch('Object{spec: Object.status{}}'), wrong)
  assert.equal(mismatch('Object{spec: {"a": [Object.status{}]}}'), wrong)
  assert.equal(mismatch('Object{spec: [Object.spec{a: Object.spec.a{}}]}'), undefined)
  assert.equal(mismatch('[JSONPatch{op: "add", path: "/spec", value: Object.spec{a: Object.spec.a{}}}]'), undefined)
  assert.throws(() => run('JSONPatch{operation: "add"}'), CompileError)
})

test('variables are computed when they are read, once, with types of their own', () => {
  const fields = new Map<string, Type>()
  const policy = kubernetesEnvironment().extend({
    provider: withStruct(types, 'kubernetes.variables', fields),
    variables: { self, variables: { type: struct('kubernetes.variables') } },
  })
  fields.set('count', policy.compile('self.spec.replicas * 2').type)
  let computed = 0
  const variables = new LazyStruct(
    'kubernetes.variables',
    new Map<string, () => Value>([
      [
        'count',
        () => {
          computed++
          return policy.compile('self.spec.replicas * 2').evaluate({ self: object }).value
        },
      ],
      ['unused', () => fail('never read')],
    ]),
  )
  assert.equal(policy.compile('variables.count > 5 && variables.count == 6').evaluate({ variables }).value, true)
  assert.equal(computed, 1)
  assert.throws(() => policy.compile('variables.later == 1'), { message: /undefined field 'later'/ })
})
