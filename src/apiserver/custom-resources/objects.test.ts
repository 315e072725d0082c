import assert from 'node:assert/strict'
import test from 'node:test'
import { customResourceDefinitions, type ResourceDefinition } from '#api'
import { VirtualClock } from '#base'
import type { Client, TransportResponse } from '#client'
import { StatusError } from '#meta'
import { type CustomObject, crdOf, establish, startTestApiServer } from '#testing'

const string = { type: 'string' }
const object = (properties: object, more: object = {}): object => ({ type: 'object', properties, ...more })

const widget = (fields: object = {}, name = 'a'): CustomObject => ({
  apiVersion: 'example.com/v1',
  kind: 'Widget',
  metadata: { name, namespace: 'default' },
  ...fields,
})

const PATH = '/apis/example.com/v1/namespaces/default/widgets'

async function send(
  client: Client,
  method: 'POST' | 'PATCH' | 'PUT',
  path: string,
  text: string,
  type = 'application/json',
  query: Record<string, string> = {},
): Promise<TransportResponse> {
  return client.request({
    method,
    path,
    query: new URLSearchParams(query),
    headers: { 'content-type': type },
    body: { kind: 'bytes', bytes: Buffer.from(text) },
  })
}

async function refusal(promise: Promise<unknown>): Promise<string> {
  try {
    await promise
  } catch (error) {
    assert.ok(error instanceof StatusError, String(error))
    return `${error.status.code} ${error.message}`
  }
  throw new assert.AssertionError({ message: 'it was not refused' })
}

async function widgets(schema: object) {
  const api = await startTestApiServer()
  const [resource] = await establish(api.client, crdOf({ schema }))
  return { api, client: api.client, resource: resource!, [Symbol.asyncDispose]: () => api[Symbol.asyncDispose]() }
}

const create = (
  client: Client,
  resource: ResourceDefinition<CustomObject>,
  spec: unknown,
  name?: string,
): Promise<CustomObject> => client.create(resource, widget({ spec }, name))

test('pruning, defaulting and nulls', async () => {
  await using server = await widgets(
    object({
      spec: object(
        {
          color: { type: 'string', default: 'red' },
          maybe: { type: 'string', nullable: true },
          never: string,
          list: { type: 'array', items: object({ port: { type: 'integer' }, protocol: { type: 'string', default: 'TCP' } }) },
          map: { type: 'object', additionalProperties: object({ x: { type: 'integer', default: 1 } }) },
          open: object({ known: object({ a: string }) }, { 'x-kubernetes-preserve-unknown-fields': true }),
          either: { 'x-kubernetes-int-or-string': true },
        },
        { default: {} },
      ),
    }),
  )
  const { client, resource } = server
  const created = await create(client, resource, {
    maybe: null,
    never: null,
    unknown: 1,
    list: [{ port: 80, typo: 1 }],
    map: { a: {}, b: { x: 2 } },
    open: { anything: { goes: true }, known: { a: 'x', b: 'y' } },
    either: '50%',
  })
  assert.deepEqual(created['spec'], {
    color: 'red',
    maybe: null,
    list: [{ port: 80, protocol: 'TCP' }],
    map: { a: { x: 1 }, b: { x: 2 } },
    open: { anything: { goes: true }, known: { a: 'x' } },
    either: '50%',
  })
  assert.deepEqual((await client.create(resource, widget({}, 'b')))['spec'], { color: 'red' })
})

test('CustomResourceDefinition resources custom resource defaulting for requests and from storage works', async () => {
  await using server = await widgets(object({ a: string, b: string }))
  const { client, resource } = server
  const first = await client.create(resource, widget())
  assert.equal(first['a'], undefined)
  const redefine = async (schema: object): Promise<void> => {
    const value = { versions: [{ name: 'v1', served: true, storage: true, schema: { openAPIV3Schema: schema } }] }
    await client.patch(customResourceDefinitions, 'widgets.example.com', { spec: value }, { type: 'merge' })
  }
  await redefine(object({ a: { type: 'string', default: 'A' }, b: string }))
  assert.equal((await client.get(resource, 'default/a'))['a'], 'A')
  assert.equal((await client.list(resource)).items[0]?.['a'], 'A')
  await client.create(resource, widget({}, 'second'))
  await redefine(object({ a: string, b: { type: 'string', default: 'B' } }))
  // What was defaulted from storage was never stored, what was defaulted for a request was.
  const [one, two] = (await client.list(resource)).items
  assert.deepEqual([one?.['a'], one?.['b']], [undefined, 'B'])
  assert.deepEqual([two?.['a'], two?.['b']], ['A', 'B'])
})

const VALUES: readonly (readonly [name: string, schema: object, value: unknown, expected: readonly string[]])[] = [
  ['type', string, 5, ['spec.x: Invalid value: "integer": spec.x in body must be of type string: "integer"']],
  [
    'number',
    { type: 'integer' },
    1.5,
    [
      'spec.x: Invalid value: "number": spec.x in body must be of type integer: "number"',
      '<nil>: Invalid value: "": Checked value must be of type integer (default format) in spec.x',
    ],
  ],
  [
    'null',
    { type: 'array', items: string },
    [null],
    ['spec.x[0]: Invalid value: "null": spec.x[0] in body must be of type string: "null"'],
  ],
  ['enum', { type: 'string', enum: ['a', 'b'] }, 'c', ['spec.x: Unsupported value: "c": supported values: "a", "b"']],
  ['pattern', { type: 'string', pattern: '^a+$' }, 'b', ['spec.x: Invalid value: "b": spec.x in body should match \'^a+$\'']],
  ['lengths', { type: 'string', maxLength: 2 }, 'abc', ['spec.x: Too long: may not be more than 2 bytes']],
  [
    'short',
    { type: 'string', minLength: 2 },
    'é',
    ['spec.x: Invalid value: "é": spec.x in body should be at least 2 chars long'],
  ],
  ['maximum', { type: 'integer', maximum: 3 }, 4, ['spec.x: Invalid value: 4: spec.x in body should be less than or equal to 3']],
  [
    'exclusive',
    { type: 'number', minimum: 0, exclusiveMinimum: true },
    0,
    ['spec.x: Invalid value: 0: spec.x in body should be greater than 0'],
  ],
  [
    'multiple',
    { type: 'number', multipleOf: 0.5 },
    0.7,
    ['spec.x: Invalid value: 0.7: spec.x in body should be a multiple of 0.5'],
  ],
  ['items', { type: 'array', items: string, maxItems: 1 }, ['a', 'b'], ['spec.x: Too many: 2: must have at most 1 item']],
  [
    'few',
    { type: 'array', items: string, minItems: 1 },
    [],
    ['spec.x: Invalid value: 0: spec.x in body should have at least 1 items'],
  ],
  [
    'properties',
    { type: 'object', additionalProperties: string, maxProperties: 1 },
    { a: '', b: '' },
    ['spec.x: Too many: 2: must have at most 1 item'],
  ],
  ['required', object({ y: string }, { required: ['y'] }), {}, ['spec.x.y: Required value']],
  [
    'format',
    { type: 'string', format: 'ipv4' },
    '1.2.3',
    ['spec.x: Invalid value: "1.2.3": spec.x in body must be of type ipv4: "1.2.3"'],
  ],
  [
    'date-time',
    { type: 'string', format: 'date-time' },
    'today',
    ['spec.x: Invalid value: "today": spec.x in body must be of type date-time: "today"'],
  ],
  [
    'any',
    { type: 'integer', anyOf: [{ minimum: 5 }, { maximum: 1 }] },
    3,
    [
      '<nil>: Invalid value: "": "spec.x" must validate at least one schema (anyOf)',
      'spec.x: Invalid value: 3: spec.x in body should be greater than or equal to 5',
    ],
  ],
  [
    'one',
    { type: 'integer', oneOf: [{ minimum: 1 }, { minimum: 2 }] },
    3,
    ['<nil>: Invalid value: "": "spec.x" must validate one and only one schema (oneOf). Found 2 valid alternatives'],
  ],
  ['not', { type: 'integer', not: { minimum: 1 } }, 3, ['<nil>: Invalid value: "": "spec.x" must not validate the schema (not)']],
  ['set', { type: 'array', 'x-kubernetes-list-type': 'set', items: string }, ['a', 'a'], ['spec.x[1]: Duplicate value: "a"']],
  [
    'map',
    {
      type: 'array',
      'x-kubernetes-list-type': 'map',
      'x-kubernetes-list-map-keys': ['k'],
      items: object({ k: string, v: string }, { required: ['k'] }),
    },
    [
      { k: 'a', v: '1' },
      { k: 'a', v: '2' },
    ],
    ['spec.x[1]: Duplicate value: {"k":"a"}'],
  ],
]

test('values are held to their schema in upstream words', async () => {
  await using server = await widgets(object({ spec: object({ x: { 'x-kubernetes-preserve-unknown-fields': true } }) }))
  const { client } = server
  for (const [index, [name, schema, value, expected]] of VALUES.entries()) {
    const [resource] = await establish(
      client,
      crdOf({ group: `g${index}.example.com`, schema: object({ spec: object({ x: schema }) }) }),
    )
    const said = await refusal(
      client.create(resource!, { ...widget({ spec: { x: value } }), apiVersion: `g${index}.example.com/v1` }),
    )
    const all = expected.length === 1 ? expected[0] : `[${expected.join(', ')}]`
    assert.equal(said, `422 Widget.g${index}.example.com "a" is invalid: ${all}`, name)
  }
})

test('what was invalid before may stay so, what changes may not', async () => {
  await using server = await widgets(
    object({ spec: object({ old: string, list: { type: 'array', items: object({ k: string, v: string }) }, other: string }) }),
  )
  const { client, resource } = server
  const created = await create(client, resource, { old: 'toolong', list: [{ k: 'a', v: 'toolong' }], other: 'x' })
  const short = { type: 'string', maxLength: 3 }
  const list = {
    type: 'array',
    'x-kubernetes-list-type': 'map',
    'x-kubernetes-list-map-keys': ['k'],
    items: object({ k: string, v: short }, { required: ['k'] }),
  }
  const versions = [
    {
      name: 'v1',
      served: true,
      storage: true,
      schema: { openAPIV3Schema: object({ spec: object({ old: short, list, other: short }) }) },
    },
  ]
  await client.patch(customResourceDefinitions, 'widgets.example.com', { spec: { versions } }, { type: 'merge' })
  const next = await client.update(resource, {
    ...created,
    spec: {
      old: 'toolong',
      list: [
        { k: 'b', v: 'x' },
        { k: 'a', v: 'toolong' },
      ],
      other: 'y',
    },
  })
  assert.equal((next['spec'] as { other: string }).other, 'y')
  const said = await refusal(client.patch(resource, 'default/a', { spec: { old: 'differs' } }, { type: 'merge' }))
  assert.equal(said, '422 Widget.example.com "a" is invalid: spec.old: Too long: may not be more than 3 bytes')
})

test('a custom kind has no strategic merge patch', async () => {
  await using server = await widgets(object({ spec: object({ x: string }) }))
  await create(server.client, server.resource, { x: 'a' })
  const said = await refusal(server.client.patch(server.resource, 'default/a', { spec: { x: 'b' } }, { type: 'strategic' }))
  assert.equal(
    said,
    '415 the body of the request was in an unknown format - accepted media types include: application/json-patch+json, application/merge-patch+json, application/apply-patch+yaml',
  )
})

test('FieldValidation should create/apply a CR with unknown fields for CRD with no validation schema', async () => {
  await using server = await widgets({ type: 'object', 'x-kubernetes-preserve-unknown-fields': true })
  const body = JSON.stringify(widget({ spec: { unknown: { deep: 1 } } }))
  const created = await send(server.client, 'POST', PATH, body, 'application/json', { fieldValidation: 'Strict' })
  assert.equal(created.status, 201)
  const applied = await send(server.client, 'PATCH', `${PATH}/a`, body, 'application/apply-patch+yaml', {
    fieldValidation: 'Strict',
    fieldManager: 'test',
    force: 'true',
  })
  assert.equal(applied.status, 200)
})

const CRON = object({
  spec: object({
    cronSpec: string,
    ports: {
      type: 'array',
      'x-kubernetes-list-type': 'map',
      'x-kubernetes-list-map-keys': ['containerPort'],
      items: object({ containerPort: { type: 'integer' }, name: string }, { required: ['containerPort'] }),
    },
  }),
})

test('FieldValidation should create/apply a valid CR for CRD with validation schema', async () => {
  await using server = await widgets(CRON)
  const body = JSON.stringify(widget({ spec: { cronSpec: '* * * * */5', ports: [{ containerPort: 80 }] } }))
  const query = { fieldValidation: 'Strict', fieldManager: 'test' }
  assert.equal((await send(server.client, 'PATCH', `${PATH}/a`, body, 'application/apply-patch+yaml', query)).status, 201)
  const other = JSON.stringify(widget({ spec: { ports: [{ containerPort: 81, name: 'x' }] } }))
  const second = await send(server.client, 'PATCH', `${PATH}/a`, other, 'application/apply-patch+yaml', {
    ...query,
    fieldManager: 'other',
  })
  assert.equal(second.status, 200)
  const merged = await server.client.get(server.resource, 'default/a')
  assert.deepEqual((merged['spec'] as { ports: object[] }).ports, [{ containerPort: 80 }, { containerPort: 81, name: 'x' }])
  assert.deepEqual(merged.metadata?.managedFields?.map(({ manager, apiVersion }) => `${manager} ${apiVersion}`).sort(), [
    'other example.com/v1',
    'test example.com/v1',
  ])
})

test('FieldValidation should create/apply an invalid CR with extra properties for CRD with validation schema', async () => {
  await using server = await widgets(CRON)
  const body = JSON.stringify(widget({ spec: { cronSpec: 'x', extra: 1, ports: [{ containerPort: 80, typo: 1 }] } }))
  const strict = { fieldValidation: 'Strict' }
  assert.equal(
    await refusal(send(server.client, 'POST', PATH, body, 'application/json', strict)),
    '400 Widget in version "v1" cannot be handled as a Widget: strict decoding error: unknown field "spec.extra", unknown field "spec.ports[0].typo"',
  )
  const warned = await send(server.client, 'POST', PATH, body)
  assert.equal(
    warned.headers['warning'],
    '299 - "unknown field \\"spec.extra\\"", 299 - "unknown field \\"spec.ports[0].typo\\""',
  )
  const said = await refusal(
    send(server.client, 'PATCH', `${PATH}/a`, body, 'application/apply-patch+yaml', { ...strict, fieldManager: 'test' }),
  )
  assert.match(said, /\.spec\.extra: field not declared in schema/)
})

test('FieldValidation should detect duplicates in a CR when preserving unknown fields', async () => {
  await using server = await widgets({ type: 'object', 'x-kubernetes-preserve-unknown-fields': true })
  const body = '{"apiVersion":"example.com/v1","kind":"Widget","metadata":{"name":"a"},"spec":{"x":1,"x":2}}'
  const said = await refusal(send(server.client, 'POST', PATH, body, 'application/json', { fieldValidation: 'Strict' }))
  assert.equal(said, '400 Widget in version "v1" cannot be handled as a Widget: strict decoding error: duplicate field "spec.x"')
})

test('FieldValidation should detect unknown metadata fields in both the root and embedded object of a CR', async () => {
  const template = { type: 'object', 'x-kubernetes-embedded-resource': true, 'x-kubernetes-preserve-unknown-fields': true }
  await using server = await widgets(object({ spec: object({ template }) }))
  const inner = { apiVersion: 'v1', kind: 'Pod', metadata: { name: 'x', unknownSubMeta: 1 } }
  const body = { ...widget({ spec: { template: inner } }), metadata: { name: 'a', unknownMeta: 1 } }
  const said = await refusal(
    send(server.client, 'POST', PATH, JSON.stringify(body), 'application/json', { fieldValidation: 'Strict' }),
  )
  assert.match(
    said,
    /strict decoding error: unknown field "metadata.unknownMeta", unknown field "spec.template.metadata.unknownSubMeta"/,
  )
  const wrong = widget({ spec: { template: { metadata: {} } } })
  assert.equal(
    await refusal(server.client.create(server.resource, wrong)),
    '422 Widget.example.com "a" is invalid: [spec.template.apiVersion: Required value, spec.template.kind: Required value]',
  )
})

test('a hostile pattern and a deep object cost little', async () => {
  await using server = await widgets(object({ spec: object({ x: { type: 'string', pattern: '^(a+)+$' } }) }))
  const started = performance.now()
  assert.match(await refusal(create(server.client, server.resource, { x: `${'a'.repeat(30_000)}b` })), /should match/)
  const deep = `${'{"a":'.repeat(5_000)}1${'}'.repeat(5_000)}`
  assert.match(await refusal(send(server.client, 'POST', PATH, `{"spec":${deep}}`)), /^400 /)
  assert.ok(performance.now() - started < 1_000)
})

test('a version that is deprecated says so on every request', async () => {
  await using api = await startTestApiServer({ clock: new VirtualClock() })
  await establish(api.client, crdOf({ versions: [{ name: 'v1' }, { name: 'v1beta1', deprecated: true }] }))
  const response = await api.client.request({ method: 'GET', path: '/apis/example.com/v1beta1/widgets' })
  assert.equal(response.headers['warning'], '299 - "example.com/v1beta1 Widget is deprecated; use example.com/v1 Widget"')
})

test('an object of a custom kind says itself what it is', async () => {
  await using server = await widgets(object({ spec: object({}) }))
  const sent = (body: object): Promise<string> => refusal(send(server.client, 'POST', PATH, JSON.stringify(body)))
  const unread = 'the object provided is unrecognized (must be of type Widget): '
  assert.equal(
    await sent({ apiVersion: 'example.com/v1', metadata: { name: 'a' } }),
    `400 ${unread}Object 'Kind' is missing in '{"apiVersion":"example.com/v1","metadata":{"name":"a"}}' ({"apiVersion":"example.com/v1" ...)`,
  )
  assert.equal(
    await sent({ kind: 'Widget', metadata: { name: 'a' } }),
    '400 the API version in the data () does not match the expected API version (example.com/v1)',
  )
  assert.equal(
    await sent({ apiVersion: 'example.com/v1', kind: 'Gadget', metadata: { name: 'a' } }),
    '422 Gadget.example.com "a" is invalid: kind: Invalid value: "Gadget": must be Widget',
  )
})

test('a part that a custom kind has not', async () => {
  await using server = await widgets(object({ spec: object({}) }))
  for (const part of ['scale', 'bogus'])
    await assert.rejects(server.client.request({ method: 'GET', path: `${PATH}/a/${part}` }), {
      message: 'widgets.example.com "a" not found',
    })
})

test('a scale without a count is none, and its fields have their types', async () => {
  await using api = await startTestApiServer()
  const open = { 'x-kubernetes-preserve-unknown-fields': true }
  const schema = object({ spec: object({ replicas: open }), status: object({ replicas: open, selector: open }) })
  const scale = {
    specReplicasPath: '.spec.replicas',
    statusReplicasPath: '.status.replicas',
    labelSelectorPath: '.status.selector',
  }
  const [resource] = await establish(api.client, crdOf({ schema, versions: [{ name: 'v1', subresources: { scale } }] }))
  await create(api.client, resource!, {})
  await assert.rejects(api.client.request({ method: 'GET', path: `${PATH}/a/scale` }), {
    message: 'Internal error occurred: the spec replicas field ".spec.replicas" does not exist',
  })
  assert.match(
    await refusal(send(api.client, 'PATCH', `${PATH}/a/scale`, '{"metadata":{}}', 'application/merge-patch+json')),
    /^400 the spec replicas field ".spec.replicas" cannot be empty$/,
  )
  assert.match(
    await refusal(send(api.client, 'PATCH', `${PATH}/a/scale`, '{"spec":{"replicas":-1}}', 'application/merge-patch+json')),
    /^422 Widget\.example\.com "a" is invalid: \.spec\.replicas: Invalid value: -1: should be a non-negative integer$/,
  )
  const wrong = { ...widget({ spec: { replicas: 'x' } }, 'b'), status: { replicas: 1.5, selector: { a: 1 } } }
  assert.equal(
    await refusal(api.client.create(resource!, wrong)),
    `422 Widget.example.com "b" is invalid: [${[
      '.spec.replicas: Invalid value: 0: .spec.replicas accessor error: x is of the type string, expected int64',
      '.status.replicas: Invalid value: 0: .status.replicas accessor error: 1.5 is of the type float64, expected int64',
      '.status.selector: Invalid value: "": .status.selector accessor error: map[a:1] is of the type map[string]interface {}, expected string',
    ].join(', ')}]`,
  )
})

test('those who add a finalizer hear of names that could clash', async () => {
  await using server = await widgets(object({ spec: object({}) }))
  const body = { ...widget(), metadata: { name: 'a', finalizers: ['plain', 'a.b', 'a.b/c', 'foregroundDeletion'] } }
  const { headers } = await send(server.client, 'POST', PATH, JSON.stringify(body))
  const why = 'to avoid accidental conflicts with other finalizer writers'
  assert.equal(
    headers['warning'],
    [
      `metadata.finalizers: \\"a.b\\": prefer a domain-qualified finalizer name including a path (/) ${why}`,
      `metadata.finalizers: \\"plain\\": prefer a domain-qualified finalizer name ${why}`,
    ]
      .map((each) => `299 - "${each}"`)
      .join(', '),
  )
})

test('a change of the status is judged for itself', async () => {
  await using api = await startTestApiServer()
  const schema = object({ spec: object({ a: string }), status: object({ phase: { type: 'string', maxLength: 3 } }) })
  const [resource] = await establish(api.client, crdOf({ schema, versions: [{ name: 'v1', subresources: { status: {} } }] }))
  await create(api.client, resource!, {})
  const patch = (status: unknown): Promise<string> =>
    refusal(send(api.client, 'PATCH', `${PATH}/a/status`, JSON.stringify({ status }), 'application/merge-patch+json'))
  const type = 'status: Invalid value: "integer":  in body must be of type object: "integer"'
  assert.equal(await patch(5), `422 Widget.example.com "a" is invalid: ${type}`)
  const long = 'status.phase: Too long: may not be more than 3 bytes'
  assert.equal(await patch({ phase: 'long' }), `422 Widget.example.com "a" is invalid: ${long}`)
})
