import assert from 'node:assert/strict'
import test from 'node:test'
import type { KubernetesObject } from '#meta'
import { type Bound, judgePolicies, type PolicyAnswer, type PolicyCase, type PolicyRequest } from './trial.ts'

/* What upstream's plugins answer; test/upstream/policies.test.ts compares with them. */

const API = 'admissionregistration.k8s.io/v1'
const matchConstraints = {
  resourceRules: [{ operations: ['*'], apiGroups: ['*'], apiVersions: ['*'], resources: ['*/*'] }],
  matchPolicy: 'Equivalent',
}

const work = {
  apiVersion: 'v1',
  kind: 'Namespace',
  metadata: { name: 'work', labels: { team: 'a' }, managedFields: [{ manager: 'm', operation: 'Update' }] },
  spec: { finalizers: ['kubernetes'] },
  status: { phase: 'Active' },
} as unknown as KubernetesObject

const limit = {
  apiVersion: 'v1',
  kind: 'ConfigMap',
  metadata: { name: 'limit', namespace: 'work' },
  data: { max: '3' },
} as unknown as KubernetesObject

const creation: PolicyRequest = {
  operation: 'CREATE',
  kind: { group: '', version: 'v1', kind: 'ConfigMap' },
  resource: { group: '', version: 'v1', resource: 'configmaps' },
  subresource: '',
  namespace: 'work',
  name: 'settings',
  object: {
    apiVersion: 'v1',
    kind: 'ConfigMap',
    metadata: { name: 'settings', namespace: 'work', labels: { app: 'a' } },
    data: { a: '1' },
  } as unknown as KubernetesObject,
  options: {},
  dryRun: false,
  user: { username: 'jane', groups: ['g'] },
}

const boundTo = (kind: string, spec: object, binding: object): Bound => ({
  policy: { apiVersion: API, kind, metadata: { name: 'p' }, spec: { matchConstraints, ...spec } } as unknown as KubernetesObject,
  bindings: [
    {
      apiVersion: API,
      kind: `${kind}Binding`,
      metadata: { name: 'b' },
      spec: { policyName: 'p', ...binding },
    } as unknown as KubernetesObject,
  ],
})

const base: Omit<PolicyCase, 'request'> = { namespaces: [work], params: [limit], allowed: [] }

const judged = (spec: object, binding: object = {}, request: Partial<PolicyRequest> = {}): Promise<PolicyAnswer> =>
  judgePolicies({
    ...base,
    request: { ...creation, ...request },
    validating: [boundTo('ValidatingAdmissionPolicy', spec, { validationActions: ['Deny'], ...binding })],
  })

const changed = (spec: object, binding: object = {}, request: Partial<PolicyRequest> = {}): Promise<PolicyAnswer> =>
  judgePolicies({
    ...base,
    request: { ...creation, ...request },
    mutating: [boundTo('MutatingAdmissionPolicy', spec, binding)],
  })

const apply = (expression: string) => ({ patchType: 'ApplyConfiguration', applyConfiguration: { expression } })
const patch = (expression: string) => ({ patchType: 'JSONPatch', jsonPatch: { expression } })
const dataOf = ({ object }: PolicyAnswer): unknown => (object as { readonly data?: unknown } | undefined)?.data

/** What a refusal says behind who says it. */
const said = ({ status }: PolicyAnswer): string | undefined => status?.message?.split(' denied request: ')[1]
const shown = async (value: string, request: Partial<PolicyRequest> = {}): Promise<string | undefined> =>
  said(await judged({ validations: [{ expression: 'false', messageExpression: `string(${value})` }] }, {}, request))

test('expressions see of a request what Go prints of it', async () => {
  assert.equal(await shown('has(request.subResource)'), 'false')
  assert.equal(await shown('request.subResource'), 'failed expression: false', 'what is empty is not there')
  assert.equal(await shown('has(dyn(request).uid)'), 'true')
  assert.equal(await shown('dyn(request).object == null'), 'true')
  assert.equal(await shown('request.options == null'), 'true')
  assert.equal(await shown('has(request.userInfo.groups)', { user: { username: 'jane', groups: [] } }), 'false')
})

test('expressions see some of a namespace, and none of a request that is about one', async () => {
  assert.equal(await shown('has(dyn(namespaceObject).metadata.managedFields)'), 'false')
  assert.equal(await shown('has(dyn(namespaceObject).kind)'), 'false')
  assert.equal(await shown('namespaceObject.metadata.labels.team'), 'a')
  const about = { resource: { group: '', version: 'v1', resource: 'namespaces' }, name: 'work', object: work }
  assert.equal(
    await shown('namespaceObject == null', { ...about, kind: { group: '', version: 'v1', kind: 'Namespace' } }),
    'true',
  )
  const { status } = await judged({ validations: [{ expression: 'true' }] }, {}, { namespace: 'gone' })
  assert.deepEqual([status?.code, status?.message], [404, 'namespaces "gone" not found'])
})

test('match conditions see variables and no namespace, and tell each error once', async () => {
  const spec = { variables: [{ name: 'v', expression: 'true' }], validations: [{ expression: 'false' }] }
  const condition = (...expressions: string[]) => ({
    matchConditions: expressions.map((expression) => ({ name: 'c', expression })),
  })
  assert.equal((await judged({ ...spec, ...condition('variables.v && namespaceObject != null') })).status, undefined)
  const wrong = 'compilation error: must evaluate to bool but got dyn'
  assert.equal(said(await judged({ ...spec, ...condition('object.nothing', 'object.nothing', 'true') })), wrong)
  assert.equal(
    said(await judged({ ...spec, ...condition('object.nothing', 'object.data.x == ""') })),
    `[${wrong}, expression 'object.data.x == ""' resulted in error: no such key: x]`,
  )
  assert.equal(
    (await judged({ ...spec, ...condition('object.nothing', 'false') })).status,
    undefined,
    'one that is false decides',
  )
})

test('what does not compile is told as such, also of a variable', async () => {
  assert.equal(said(await judged({ validations: [{ expression: '1' }] })), 'compilation error: must evaluate to bool but got int')
  const { metrics, ...answer } = await judged({ validations: [{ expression: 'nothing' }] })
  assert.match(said(answer)!, /^compilation error: compilation failed: ERROR: <input>:1:1: undeclared reference to 'nothing'/)
  assert.ok(metrics?.some((line) => line.includes('error_type=compile_error')))
  const spec = { variables: [{ name: 'v', expression: 'nothing' }], validations: [{ expression: 'variables.v == 1' }] }
  assert.match(
    said(await judged(spec))!,
    /^expression 'variables.v == 1' resulted in error: composited variable "v" fails to compile: compilation failed: ERROR:/,
  )
})

test('validations, messages and annotations each have what they may cost', async () => {
  const tens = (depth: number): string => (depth === 0 ? 'true' : `[1,2,3,4,5,6,7,8,9,10].all(v${depth}, ${tens(depth - 1)})`)
  const dear = (count: number): string => Array.from({ length: count }, () => `(${tens(5)})`).join(' && ')
  const exhausted = 'validation failed due to running out of cost budget, no further validation rules will be run'
  const validations = Array.from({ length: 40 }, () => ({ expression: dear(1) }))
  const { status, metrics } = await judged({ validations: [{ expression: 'false' }, ...validations] })
  assert.equal(said({ status: status! }), exhausted, 'nothing that was found before counts')
  assert.ok(metrics?.some((line) => line.includes('error_type=out_of_budget')))
  const messages = validations.map(() => ({ expression: 'false', messageExpression: `${dear(1)} ? 'a' : 'b'` }))
  assert.equal(said(await judged({ validations: messages })), `failed messageExpression: ${exhausted}`)
  assert.equal((await judged({ validations, failurePolicy: 'Ignore' })).status, undefined)
})

test('a policy in error about an annotation refuses, whatever its binding does with refusals', async () => {
  const annotated = (valueExpression: string) =>
    judged(
      { validations: [{ expression: 'true' }], auditAnnotations: [{ key: 'k', valueExpression }] },
      { validationActions: ['Warn'] },
    )
  assert.equal(
    said(await annotated("authorizer.path('/x').check('get').allowed() ? 'y' : 'n'")),
    "expression 'authorizer.path('/x').check('get').allowed() ? 'y' : 'n'' resulted in error: no such attribute(s): authorizer",
  )
  assert.equal(said(await annotated('1')), 'compilation error: must evaluate to one of [string null_type] but got int')
  assert.equal((await annotated("' '")).annotations, undefined)
  const { annotations } = await annotated(`'${'é'.repeat(6000)}'`)
  assert.equal(annotations?.['p/k'], 'é'.repeat(5120), 'cut by bytes')
})

test('the first failure that is audited is kept, by itself and as Go prints it', async () => {
  const validations = ['one <', 'two'].map((message) => ({ expression: 'false', message }))
  const { annotations, warnings } = await judged({ validations }, { validationActions: ['Audit', 'Warn'] })
  assert.deepEqual(annotations, {
    'validation.policy.admission.k8s.io/validation_failure':
      '[{"message":"one \\u003c","policy":"p","binding":"b","expressionIndex":0,"validationActions":["Audit","Warn"]}]',
  })
  assert.equal(warnings?.length, 2)
})

test('what has no name yet is refused by what its name begins with', async () => {
  const object = { ...creation.object!, metadata: { generateName: 'gen-' } }
  const { status } = await judged({ validations: [{ expression: 'false' }] }, {}, { name: '', object })
  assert.match(status!.message!, /^configmaps "gen-" is forbidden: /)
  const unnamed = await judged({ validations: [{ expression: 'false' }] }, {}, { name: '', object: { ...object, metadata: {} } })
  assert.match(unnamed.status!.message!, /^configmaps "Unknown" is forbidden: /)
})

test('parameters of a kind that is not served fail the policy, not its binding', async () => {
  const paramKind = { apiVersion: 'v1', kind: 'Nothing' }
  const { status } = await judged({ paramKind, validations: [{ expression: 'true' }] }, { paramRef: { name: 'limit' } })
  const why = "failed to configure policy: failed to find resource referenced by paramKind: '/v1, Kind=Nothing'"
  assert.equal(status?.message, `configmaps "settings" is forbidden: ValidatingAdmissionPolicy 'p' denied request: ${why}`)
  const mutations = [apply('Object{}')]
  const other = await changed({ paramKind, mutations }, { paramRef: { name: 'limit' } })
  assert.deepEqual([other.status?.message, other.status?.reason], [`policy "p" denied request: ${why}`, 'Forbidden'])
})

test('to a mutating policy, a parameter of a built-in kind does not say which', async () => {
  const spec = { paramKind: { apiVersion: 'v1', kind: 'ConfigMap' } }
  const binding = { paramRef: { name: 'limit', parameterNotFoundAction: 'Deny' } }
  const answer = await changed(
    { ...spec, mutations: [apply('Object{data: {"k": has(params.kind) ? "yes" : params.data.max}}')] },
    binding,
  )
  assert.deepEqual(dataOf(answer), { a: '1', k: '3' })
  assert.equal(
    said(await judged({ ...spec, validations: [{ expression: 'false', messageExpression: 'string(params.kind)' }] }, binding)),
    'ConfigMap',
  )
})

test('a mutation that fails is told as it is, and does not keep the next from it', async () => {
  const mutations = [apply('Object{data: {"first": "1"}}'), apply('Object{data: {"b": 1}}'), apply('Object{data: {"last": "1"}}')]
  const why =
    'error applying patch: failed to convert patch object to typed object: .data.b: expected string, got &value.valueUnstructured{Value:1}'
  const { status } = await changed({ mutations })
  assert.deepEqual(
    [status?.code, status?.reason, status?.message],
    [403, 'Invalid', `policy 'p' with binding 'b' denied request: ${why}`],
  )
  assert.deepEqual(status?.details, { kind: 'configmaps', name: 'settings', causes: [{ message: status!.message }] })
  assert.deepEqual(dataOf(await changed({ mutations, failurePolicy: 'Ignore' })), { a: '1', first: '1', last: '1' })
})

test('an applied configuration holds what its type does, and nothing of one piece', async () => {
  const refused = async (expression: string): Promise<string | undefined> =>
    said(await changed({ mutations: [apply(expression)] }))
  const untyped = 'error applying patch: failed to convert patch object to typed object: '
  assert.equal(await refused('Object{data: null}'), `${untyped}.data: expected map, got &{NULL_VALUE}`)
  assert.equal(
    await refused('Object{binaryData: {"x": b"a"}}'),
    `${untyped}.binaryData.x: expected string, got &value.valueUnstructured{Value:[]uint8{0x61}}`,
  )
  assert.equal(
    await refused('Object{metadata: Object.metadata{creationTimestamp: timestamp("2020-01-01T00:00:00Z")}}'),
    `${untyped}.metadata.creationTimestamp: expected any scalar, got &{2020-01-01 00:00:00 +0000 UTC}`,
  )
  assert.equal(
    await refused('Object{metadata: Object.metadata{generation: 3.5}}'),
    'unable to convert unstructured object to /v1, Kind=ConfigMap: cannot convert float64 to int64',
  )
  assert.equal(await refused('1'), 'must evaluate to Object but got int')
})

test('a JSON patch is applied as far as it is one, and read strictly', async () => {
  const patched = (...operations: string[]): Promise<PolicyAnswer> =>
    changed({ mutations: [patch(`[${operations.join(', ')}]`)] })
  const tested = await patched(
    'JSONPatch{op: "add", path: "/data/b", value: "2"}',
    'JSONPatch{op: "test", path: "/data/a", value: "9"}',
  )
  assert.deepEqual(dataOf(tested), { a: '1' }, 'a test that fails is no failure')
  assert.equal(said(await patched('JSONPatch{op: "x"}')), 'JSON Patch: Unexpected kind: x')
  assert.equal(
    said(await patched('JSONPatch{op: "move", path: "/data/b"}')),
    'JSON Patch: move operation failed to decode from: operation, missing from field: missing value',
  )
  const unknown = await patched('JSONPatch{op: "add", path: "/nothing", value: 1}')
  assert.deepEqual(
    [unknown.status?.code, unknown.status?.message],
    [500, 'Internal error occurred: strict decoding error: unknown field "nothing"'],
  )
  const large = await patched('JSONPatch{op: "add", path: "/metadata/generation", value: 9007199254740993}')
  assert.match(
    large.status!.message!,
    /cannot unmarshal string into Go struct field ObjectMeta.metadata.generation of type int64$/,
  )
  const other = await patched('JSONPatch{op: "replace", path: "/apiVersion", value: "v2"}')
  assert.match(other.status!.message!, /no kind "ConfigMap" is registered for version "v2"/)
})

test('whom a policy is about is settled before the first changes something; whatever was patched is asked about again', async () => {
  const counting = [apply('Object{data: {"n": has(object.data.n) ? object.data.n + "x" : "x"}}')]
  assert.deepEqual(dataOf(await changed({ mutations: counting, reinvocationPolicy: 'IfNeeded' })), { a: '1', n: 'xx' })
  assert.deepEqual(dataOf(await changed({ mutations: counting, reinvocationPolicy: 'Never' })), { a: '1', n: 'x' })
  const label = boundTo(
    'MutatingAdmissionPolicy',
    { mutations: [apply('Object{metadata: Object.metadata{labels: {"app": "b"}}}')] },
    {},
  )
  const selective = { ...matchConstraints, objectSelector: { matchLabels: { app: 'a' } } }
  const other = boundTo('MutatingAdmissionPolicy', { matchConstraints: selective, mutations: counting }, {})
  const second: Bound = {
    policy: { ...other.policy, metadata: { name: 'q' } },
    bindings: other.bindings.map((each) => ({ ...each, metadata: { name: 'c' }, spec: { policyName: 'q' } }) as KubernetesObject),
  }
  assert.deepEqual(dataOf(await judgePolicies({ ...base, request: creation, mutating: [label, second] })), { a: '1', n: 'x' })
})

test('selectors of objects pass over what has no labels to look at', async () => {
  const matching = {
    ...matchConstraints,
    objectSelector: { matchExpressions: [{ key: 'app', operator: 'NotIn', values: ['b'] }] },
  }
  const exec = {
    operation: 'CONNECT',
    kind: { group: '', version: 'v1', kind: 'PodExecOptions' },
    resource: { group: '', version: 'v1', resource: 'pods' },
    subresource: 'exec',
    object: { apiVersion: 'v1', kind: 'PodExecOptions', command: ['ls'] } as unknown as KubernetesObject,
  } as const
  assert.equal((await judged({ matchConstraints: matching, validations: [{ expression: 'false' }] }, {}, exec)).status, undefined)
  assert.equal((await judged({ validations: [{ expression: 'false' }] }, {}, exec)).status?.code, 422)
})
