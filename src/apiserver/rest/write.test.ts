import assert from 'node:assert/strict'
import test from 'node:test'
import { inProcessTransport, type TransportRequest } from '#client'
import type { Status } from '#meta'
import { ask, startTestApiServer, TEST_ADMIN, type TestApiServer } from '#testing'

const COLLECTION = '/apis/apps/v1/namespaces/default/deployments'
const WEB = `${COLLECTION}/web`
const JSON_BODY = 'application/json'
const MERGE = 'application/merge-patch+json'
const STRATEGIC = 'application/strategic-merge-patch+json'
const JSON_PATCH = 'application/json-patch+json'
const APPLY = 'application/apply-patch+yaml'

const deployment = (spec = '', metadata = '"name":"web"'): string =>
  `{"apiVersion":"apps/v1","kind":"Deployment","metadata":{${metadata}},"spec":{${spec}"selector":{"matchLabels":{"app":"web"}},` +
  '"template":{"metadata":{"labels":{"app":"web"}},"spec":{"containers":[{"name":"web","image":"web:1"}]}}}}'

const applied = (spec: string): string => `apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: web}\nspec:\n${spec}`

interface Answer {
  readonly code: number
  readonly object: Record<string, unknown> & Partial<Status>
  readonly warnings: string | undefined
}

type Call = (
  method: TransportRequest['method'],
  path: string,
  contentType: string,
  body: string,
  query?: Record<string, string>,
) => Promise<Answer>

/** Sends texts as they are: what is there twice must reach the server twice. */
const caller = (api: TestApiServer): Call => {
  const transport = inProcessTransport(api.server, { user: TEST_ADMIN })
  return async (method, path, contentType, body, query = {}) => {
    const {
      status,
      headers,
      body: answer,
    } = await transport.request({
      method,
      path,
      query: new URLSearchParams(query),
      headers: { 'content-type': contentType },
      body: { kind: 'bytes', bytes: Buffer.from(body) },
    })
    assert.ok(answer.kind === 'object' || answer.kind === 'bytes')
    const bytes = answer.kind === 'bytes' ? answer.bytes : answer.bytes()
    return { code: status, object: JSON.parse(Buffer.from(bytes).toString()) as Answer['object'], warnings: headers['warning'] }
  }
}

async function withDeployment(body: (call: Call, api: TestApiServer) => Promise<void>): Promise<void> {
  await using api = await startTestApiServer()
  const call = caller(api)
  assert.equal((await call('POST', COLLECTION, JSON_BODY, deployment('"replicas":1,'))).code, 201)
  await body(call, api)
}

const TWICE = '{"spec":{"foo":1,"paused":true,"paused":false}}'
const CANNOT = 'Deployment in version "v1" cannot be handled as a Deployment: strict decoding error: '

const findings: readonly (readonly [
  name: string,
  method: TransportRequest['method'],
  contentType: string,
  body: string,
  code: number,
  message: string | RegExp,
  warnings: readonly string[],
])[] = [
  [
    'an update',
    'PUT',
    JSON_BODY,
    deployment('"foo":1,"paused":true,"paused":false,'),
    400,
    `${CANNOT}unknown field "spec.foo", duplicate field "spec.paused"`,
    ['unknown field "spec.foo"', 'duplicate field "spec.paused"'],
  ],
  [
    'an update in YAML',
    'PUT',
    'application/yaml',
    applied(
      '  foo: 1\n  paused: true\n  paused: false\n  paused: true\n  selector: {matchLabels: {app: web}}\n  template: {metadata: {labels: {app: web}}, spec: {containers: [{name: web, image: web}]}}\n',
    ),
    400,
    `${CANNOT}yaml: unmarshal errors:\n  line 7: key "paused" already set in map\n  line 8: key "paused" already set in map, unknown field "spec.foo"`,
    ['line 7: key "paused" already set in map', 'line 8: key "paused" already set in map', 'unknown field "spec.foo"'],
  ],
  [
    'a merge patch',
    'PATCH',
    MERGE,
    TWICE,
    422,
    / "" is invalid: patch: Invalid value: "\{\\"kind\\":\\"Deployment\\".*: strict decoding error: duplicate field "spec.paused", unknown field "spec.foo"$/,
    ['duplicate field "spec.paused"', 'unknown field "spec.foo"'],
  ],
  [
    'a strategic merge patch',
    'PATCH',
    STRATEGIC,
    TWICE,
    422,
    ' "" is invalid: patch: Invalid value: "map[spec:map[foo:1 paused:false]]": strict decoding error: duplicate field "spec.paused", unknown field "spec.foo"',
    ['duplicate field "spec.paused"', 'unknown field "spec.foo"'],
  ],
  [
    'a JSON patch',
    'PATCH',
    JSON_PATCH,
    '[{"op":"add","path":"/spec/foo","value":1,"why":"?","op":"add"}]',
    422,
    /strict decoding error: json patch unknown field "\[0\].why", json patch duplicate field "\[0\].op", unknown field "spec.foo"$/,
    ['json patch unknown field "[0].why"', 'json patch duplicate field "[0].op"', 'unknown field "spec.foo"'],
  ],
  [
    'an apply',
    'PATCH',
    APPLY,
    applied('  paused: true\n  paused: false\n'),
    400,
    'error strict decoding YAML: error converting YAML to JSON: yaml: unmarshal errors:\n  line 6: key "paused" already set in map',
    ['line 6: key "paused" already set in map'],
  ],
]

test('an apply that is no YAML is refused in the words of upstream', () =>
  withDeployment(async (call) => {
    const { code, object } = await call('PATCH', WEB, APPLY, 'a:\n\tb: 1', { fieldManager: 'm' })
    const problem = 'yaml: line 2: found character that cannot start any token'
    assert.deepEqual([code, object.message], [400, `error decoding YAML: error converting YAML to JSON: ${problem}`])
  }))

for (const [name, method, contentType, body, code, message, warnings] of findings) {
  test(`unknown and duplicate fields of ${name} are refused, warned of or ignored, as the request says`, () =>
    withDeployment(async (call) => {
      const query = { ...(contentType === APPLY && { fieldManager: 'm', force: 'true' }) }
      const strict = await call(method, WEB, contentType, body, { ...query, fieldValidation: 'Strict' })
      assert.equal(strict.code, code)
      if (typeof message === 'string') assert.equal(strict.object.message, message)
      else assert.match(strict.object.message!, message)
      const warned = await call(method, WEB, contentType, body, query)
      const expected = warnings.map((each) => `299 - ${JSON.stringify(each)}`)
      assert.deepEqual([warned.code, warned.warnings], [200, expected.join(', ')])
      const ignored = await call(method, WEB, contentType, body, { ...query, fieldValidation: 'Ignore' })
      assert.deepEqual([ignored.code, ignored.warnings], [200, undefined])
    }))
}

const INVALID_REQUEST = 'the server rejected our request due to an error in our request'
const operations = (count: number): string =>
  JSON.stringify(Array.from({ length: count }, () => ({ op: 'test', path: '/spec/replicas', value: 1 })))

const refusals: readonly (readonly [name: string, contentType: string, body: string, code: number, message: string | RegExp])[] =
  [
    ['a test that fails', JSON_PATCH, '[{"op":"test","path":"/spec/replicas","value":7}]', 422, INVALID_REQUEST],
    ['a path that is not there', JSON_PATCH, '[{"op":"remove","path":"/spec/nothing"}]', 422, INVALID_REQUEST],
    [
      'more operations than are taken',
      JSON_PATCH,
      operations(10_001),
      413,
      'Request entity too large: The allowed maximum operations in a JSON patch is 10000, got 10001',
    ],
    ['a text that is cut off', MERGE, '{"spec":', 400, /^error decoding patch: /],
    [
      'a value of another type in a strategic patch',
      STRATEGIC,
      '{"spec":{"replicas":"many"}}',
      422,
      ' "" is invalid: patch: Invalid value: "map[spec:map[replicas:many]]": unrecognized type: int32',
    ],
    [
      'a list of another type in a strategic patch',
      STRATEGIC,
      '{"spec":{"template":{"spec":{"volumes":"none"}}}}',
      422,
      /: cannot restore slice from string$/,
    ],
    [
      'a value of another type in a merge patch',
      MERGE,
      '{"spec":{"replicas":"many"}}',
      422,
      /: json: cannot unmarshal string into Go struct field DeploymentSpec.spec.replicas of type int32$/,
    ],
    [
      'an item without its key',
      STRATEGIC,
      '{"spec":{"template":{"spec":{"containers":[{"image":"x"}]}}}}',
      400,
      'map: map[image:x] does not contain declared merge key: name',
    ],
    [
      'an unknown directive',
      STRATEGIC,
      '{"spec":{"$patch":"bogus"}}',
      400,
      'unknown patch type: bogus in map: map[$patch:bogus]',
    ],
    [
      'keys that are not among those to retain',
      STRATEGIC,
      '{"spec":{"strategy":{"$retainKeys":["type"],"rollingUpdate":{}}}}',
      400,
      'invalid patch format of retainKeys',
    ],
    [
      'an order that leaves out what the patch brings',
      STRATEGIC,
      '{"spec":{"template":{"spec":{"$setElementOrder/containers":[{"name":"a"}],"containers":[{"name":"b","image":"b"}]}}}}',
      400,
      "The order in patch list:\n[map[image:b name:b]]\n doesn't match $setElementOrder list:\n[map[name:a]]\n",
    ],
    [
      'another name',
      MERGE,
      '{"metadata":{"name":"other"}}',
      400,
      'the name of the object (other) does not match the name on the URL (web)',
    ],
  ]

for (const [name, contentType, body, code, message] of refusals) {
  test(`a patch is refused for ${name}`, () =>
    withDeployment(async (call) => {
      const { code: actual, object } = await call('PATCH', WEB, contentType, body)
      assert.equal(actual, code, object.message)
      if (typeof message === 'string') assert.equal(object.message, message)
      else assert.match(object.message!, message)
    }))
}

test('ten thousand operations are still a JSON patch', () =>
  withDeployment(async (call) => {
    assert.equal((await call('PATCH', WEB, JSON_PATCH, operations(10_000))).code, 200)
  }))

test('options that mean nothing are refused, all at once', () =>
  withDeployment(async (call) => {
    const query = { dryRun: 'Some', fieldValidation: 'Lax', fieldManager: 'a\tb', force: 'true' }
    const { object } = await call('PATCH', WEB, MERGE, '{}', query)
    assert.deepEqual(
      object.details?.causes?.map(({ field, message }) => `${field}: ${message}`),
      [
        'force: Forbidden: may not be specified for non-apply patch',
        'fieldManager: Invalid value: "a\\tb": invalid character U+0009 (at position 1)',
        'dryRun: Unsupported value: ["Some"]: supported values: "All"',
        'fieldValidation: Unsupported value: "Lax": supported values: "", "Ignore", "Strict", "Warn"',
      ],
    )
    const deletion = '{"kind":"DeleteOptions","orphanDependents":true,"propagationPolicy":"Backwards","dryRun":["Some"]}'
    const { object: refused } = await call('DELETE', WEB, JSON_BODY, deletion)
    assert.deepEqual(
      refused.details?.causes?.map(({ field, message }) => `${field}: ${message}`),
      [
        'propagationPolicy: Invalid value: "Backwards": orphanDependents and deletionPropagation cannot be both set',
        'propagationPolicy: Unsupported value: "Backwards": supported values: "Foreground", "Background", "Orphan", "nil"',
        'dryRun: Unsupported value: ["Some"]: supported values: "All"',
      ],
    )
  }))

test('a write that means another object, or another state of it, is a conflict', () =>
  withDeployment(async (call) => {
    const put = await call('PUT', WEB, JSON_BODY, deployment('', '"name":"web","uid":"other"'))
    assert.match(
      put.object.message!,
      /^Operation cannot be fulfilled on deployments.apps "web": StorageError: invalid object, Code: 4, Key: \/registry\/deployments\/default\/web, ResourceVersion: 0, AdditionalErrorMsg: Precondition failed: UID in precondition: other, UID in object meta: /,
    )
    const stale = await call('PUT', WEB, JSON_BODY, deployment('', '"name":"web","resourceVersion":"1"'))
    assert.match(
      stale.object.message!,
      /the object has been modified; please apply your changes to the latest version and try again$/,
    )
    const remove = await call('DELETE', WEB, JSON_BODY, '{"preconditions":{"uid":"other"}}')
    assert.match(
      remove.object.message!,
      /^Operation cannot be fulfilled on Deployment.apps "web": the UID in the precondition \(other\) does not match the UID in record \(.*\). The object might have been deleted and then recreated$/,
    )
    const old = await call('DELETE', WEB, JSON_BODY, '{"preconditions":{"resourceVersion":"1"}}')
    assert.match(
      old.object.message!,
      /the ResourceVersion in the precondition \(1\) does not match the ResourceVersion in record/,
    )
    assert.deepEqual([put.code, stale.code, remove.code, old.code], [409, 409, 409, 409])
  }))

test('a dry run of any write answers as the write would, and leaves all as it was', () =>
  withDeployment(async (call, api) => {
    const revision = api.store.revision
    const dryRun = { dryRun: 'All' }
    const created = await call('POST', COLLECTION, JSON_BODY, deployment('', '"generateName":"more-"'), dryRun)
    assert.deepEqual([created.code, created.object['kind']], [201, 'Deployment'])
    assert.equal((await call('POST', COLLECTION, JSON_BODY, deployment(), dryRun)).code, 409)
    assert.equal((await call('PUT', WEB, JSON_BODY, deployment('"replicas":5,'), dryRun)).code, 200)
    assert.equal((await call('PATCH', WEB, MERGE, '{"spec":{"replicas":5}}', dryRun)).code, 200)
    assert.equal((await call('PATCH', `${WEB}/scale`, MERGE, '{"spec":{"replicas":5}}', dryRun)).code, 200)
    assert.equal((await call('PATCH', `${WEB}/status`, MERGE, '{"status":{"replicas":5}}', dryRun)).code, 200)
    assert.equal((await call('DELETE', WEB, JSON_BODY, '{"dryRun":["All"]}')).code, 200)
    assert.equal((await call('DELETE', COLLECTION, JSON_BODY, '{"dryRun":["All"]}')).code, 200)
    assert.equal((await call('DELETE', COLLECTION, JSON_BODY, '', dryRun)).code, 200)
    assert.equal(api.store.revision, revision)
  }))

test('a name is made up eight times before that is given up', async () => {
  await using api = await startTestApiServer()
  const taken = ['aaaaa', 'bbbbb']
  let next = 0
  Object.assign(api.random, { suffix: () => taken[next++] ?? 'aaaaa' })
  const call = caller(api)
  const generated = deployment('', '"generateName":"web-"')
  for (const suffix of taken) {
    const { code, object } = await call('POST', COLLECTION, JSON_BODY, generated)
    assert.deepEqual([code, (object as { metadata?: { name?: string } }).metadata?.name], [201, `web-${suffix}`])
  }
  const { code, object } = await call('POST', COLLECTION, JSON_BODY, generated)
  const message = 'deployments.apps "web-aaaaa" already exists, the server was not able to generate a unique name for the object'
  assert.deepEqual([code, object.reason, object.message, next], [409, 'AlreadyExists', message, taken.length + 8])
  assert.deepEqual(object.details, { name: 'web-aaaaa', group: 'apps', kind: 'deployments', retryAfterSeconds: 1 })
})

test('a number that no longer is what was written is refused', () =>
  withDeployment(async (call) => {
    const pod = (seconds: string): string =>
      `{"apiVersion":"v1","kind":"PodTemplate","metadata":{"name":"t"},"template":{"spec":{"terminationGracePeriodSeconds":${seconds},"containers":[{"name":"c","image":"i"}]}}}`
    const path = '/api/v1/namespaces/default/podtemplates'
    const { code, object } = await call('POST', path, JSON_BODY, pod('9007199254740993'))
    assert.equal(code, 400)
    assert.match(
      object.message!,
      /json: cannot unmarshal number 9007199254740993 into Go struct field PodSpec.template.spec.terminationGracePeriodSeconds of type int64$/,
    )
    assert.equal((await call('POST', path, JSON_BODY, pod('9007199254740991'))).code, 201)
  }))

test('a delete answers with the object where the published API says so, and with a Status elsewhere', async () => {
  await using api = await startTestApiServer()
  const bodies: Readonly<Record<string, object>> = {
    '/api/v1/namespaces/default/serviceaccounts': { secrets: [{ name: 's' }] },
    '/apis/storage.k8s.io/v1/storageclasses': { provisioner: 'p.example.com' },
    '/api/v1/namespaces/default/configmaps': { data: { a: 'b' } },
  }
  const answers: string[] = []
  for (const [path, body] of Object.entries(bodies)) {
    const created = await ask(api, `POST ${path}`, { body: { ...body, metadata: { name: 'x' } } })
    const { code, object } = await ask(api, `DELETE ${path}/x`)
    assert.equal(code, 200)
    answers.push(object.kind)
    if (object.kind === 'Status') assert.equal(object.details.uid, created.object.metadata.uid)
    else assert.deepEqual(object, created.object)
    assert.equal((await ask(api, `GET ${path}/x`)).code, 404)
  }
  assert.deepEqual(answers, ['ServiceAccount', 'StorageClass', 'Status'])
  const { text } = await ask(api, 'GET /openapi/v2', { headers: { accept: 'application/json' } })
  const { paths } = JSON.parse(text) as { paths: Record<string, { delete: { responses: Record<string, { schema: object }> } }> }
  const answered = (path: string): object => paths[path]!.delete.responses['200']!.schema
  assert.deepEqual(answered('/api/v1/namespaces/{namespace}/pods/{name}'), { $ref: '#/definitions/io.k8s.api.core.v1.Pod' })
  assert.deepEqual(answered('/api/v1/namespaces/{namespace}/configmaps/{name}'), {
    $ref: '#/definitions/io.k8s.apimachinery.pkg.apis.meta.v1.Status',
  })
})
