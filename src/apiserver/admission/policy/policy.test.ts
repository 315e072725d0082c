import assert from 'node:assert/strict'
import test from 'node:test'
import {
  type ConfigMap,
  configMaps,
  type Deployment,
  deployments,
  type MatchResources,
  type MutatingAdmissionPolicy,
  mutatingAdmissionPolicies,
  mutatingAdmissionPolicyBindings,
  mutatingWebhookConfigurations,
  pods,
  type ResourceDefinition,
  type ValidatingAdmissionPolicy,
  validatingAdmissionPolicies,
  validatingAdmissionPolicyBindings,
  validatingWebhookConfigurations,
} from '#api'
import type { Client } from '#client'
import type { KubernetesObject, StatusError } from '#meta'
import { makeNamespace, podOf, refusal, startAdmissionTest, startWebhookServer, webhookTo } from '#testing'

const API = 'admissionregistration.k8s.io/v1'
const rulesFor = (group: string, ...resources: string[]): MatchResources => ({
  resourceRules: [{ operations: ['CREATE', 'UPDATE'], apiGroups: [group], apiVersions: ['v1'], resources }],
})

type ValidatingSpec = NonNullable<ValidatingAdmissionPolicy['spec']>
type MutatingSpec = NonNullable<MutatingAdmissionPolicy['spec']>

async function validating(client: Client, name: string, spec: ValidatingSpec, binding: object = {}): Promise<void> {
  const policy = { apiVersion: API, kind: 'ValidatingAdmissionPolicy', metadata: { name } }
  await client.create(validatingAdmissionPolicies, { ...policy, spec: { matchConstraints: rulesFor('', 'configmaps'), ...spec } })
  await client.create(validatingAdmissionPolicyBindings, {
    apiVersion: API,
    kind: 'ValidatingAdmissionPolicyBinding',
    metadata: { name },
    spec: { policyName: name, validationActions: ['Deny'], ...binding },
  })
}

async function mutating(client: Client, name: string, spec: MutatingSpec, binding: object = {}): Promise<void> {
  const policy = { apiVersion: API, kind: 'MutatingAdmissionPolicy', metadata: { name } }
  await client.create(mutatingAdmissionPolicies, { ...policy, spec: { matchConstraints: rulesFor('', 'configmaps'), ...spec } })
  await client.create(mutatingAdmissionPolicyBindings, {
    apiVersion: API,
    kind: 'MutatingAdmissionPolicyBinding',
    metadata: { name },
    spec: { policyName: name, ...binding },
  })
}

const apply = (expression: string) => ({ patchType: 'ApplyConfiguration', applyConfiguration: { expression } })
const jsonPatch = (expression: string) => ({ patchType: 'JSONPatch', jsonPatch: { expression } })

const settings = (name: string, data: Record<string, string> = {}, more: object = {}): ConfigMap => ({
  apiVersion: 'v1',
  kind: 'ConfigMap',
  metadata: { name, namespace: 'work', ...more },
  data,
})

const deployment = (name: string, replicas: number): Deployment => ({
  apiVersion: 'apps/v1',
  kind: 'Deployment',
  metadata: { name, namespace: 'work' },
  spec: {
    replicas,
    selector: { matchLabels: { app: 'a' } },
    template: { metadata: { labels: { app: 'a' } }, spec: { containers: [{ name: 'c', image: 'i' }] } },
  },
})

test('behaviour ValidatingAdmissionPolicy: should validate against a Deployment', async () => {
  await using api = await startAdmissionTest()
  const { client } = api
  await validating(client, 'few', {
    matchConstraints: rulesFor('apps', 'deployments'),
    validations: [
      {
        expression: 'object.spec.replicas > 1',
        messageExpression: "'wants replicas > 1, got ' + string(object.spec.replicas)",
      },
      { expression: 'object.metadata.name != "x"', message: 'no x' },
    ],
  })
  await client.create(deployments, deployment('good', 2))
  await assert.rejects(client.create(deployments, deployment('bad', 1)), (error: StatusError) => {
    assert.equal(
      error.message,
      `deployments.apps "bad" is forbidden: ValidatingAdmissionPolicy 'few' with binding 'few' denied request: wants replicas > 1, got 1`,
    )
    assert.deepEqual([error.code, error.reason], [422, 'Invalid'])
    return true
  })
})

test('behaviour ValidatingAdmissionPolicy: should allow expressions to refer variables', async () => {
  await using api = await startAdmissionTest()
  const { client } = api
  await validating(client, 'vars', {
    matchConstraints: rulesFor('apps', 'deployments'),
    variables: [
      { name: 'replicas', expression: 'object.spec.replicas' },
      { name: 'oddReplicas', expression: 'variables.replicas % 2 == 1' },
    ],
    validations: [{ expression: 'variables.replicas > 1' }, { expression: 'variables.oddReplicas' }],
  })
  await client.create(deployments, deployment('good', 3))
  assert.match(await refusal(client.create(deployments, deployment('few', 1))), /failed expression: variables.replicas > 1$/)
  assert.match(await refusal(client.create(deployments, deployment('even', 2))), /failed expression: variables.oddReplicas$/)
})

for (const [kind, resource, spec] of [
  [
    'ValidatingAdmissionPolicy',
    validatingAdmissionPolicies,
    { matchConstraints: rulesFor('', 'pods'), validations: [{ expression: 'true' }] },
  ],
  ['ValidatingAdmissionPolicyBinding', validatingAdmissionPolicyBindings, { policyName: 'p', validationActions: ['Deny'] }],
  [
    'MutatingAdmissionPolicy',
    mutatingAdmissionPolicies,
    { matchConstraints: rulesFor('', 'pods'), mutations: [apply('Object{}')] },
  ],
  ['MutatingAdmissionPolicyBinding', mutatingAdmissionPolicyBindings, { policyName: 'p' }],
] as const) {
  test(`behaviour ${kind} API: should support its operations`, async () => {
    await using api = await startAdmissionTest()
    const { client } = api
    const typed = resource as unknown as ResourceDefinition<KubernetesObject & { spec?: object }>
    const made = await client.create(typed, { apiVersion: API, kind, metadata: { name: 'one', labels: { of: 'test' } }, spec })
    assert.equal((await client.list(typed, { labelSelector: 'of=test' })).items.length, 1)
    await client.update(typed, { ...made, metadata: { ...made.metadata, annotations: { updated: 'yes' } } })
    const patched = await client.patch(typed, 'one', { metadata: { annotations: { patched: 'yes' } } }, { type: 'merge' })
    assert.deepEqual(patched.metadata?.annotations, { updated: 'yes', patched: 'yes' })
    await client.delete(typed, 'one')
    await client.create(typed, { apiVersion: API, kind, metadata: { name: 'two', labels: { of: 'test' } }, spec })
    await client.deleteCollection(typed, { labelSelector: 'of=test' })
    assert.deepEqual((await client.list(typed)).items, [])
  })
}

test('behaviour MutatingAdmissionPolicy: should mutate a Deployment', async () => {
  await using api = await startAdmissionTest()
  const { client } = api
  await mutating(client, 'scale', {
    matchConstraints: rulesFor('apps', 'deployments'),
    variables: [{ name: 'wanted', expression: 'object.spec.replicas + 1' }],
    mutations: [
      apply('Object{spec: Object.spec{replicas: variables.wanted}}'),
      apply(`Object{spec: Object.spec{template: Object.spec.template{spec: Object.spec.template.spec{
        initContainers: [Object.spec.template.spec.initContainers{name: "mesh", image: "mesh:1", restartPolicy: "Always"}]}}}}`),
    ],
  })
  const { spec } = await client.create(deployments, deployment('d', 2))
  assert.equal(spec?.replicas, 3)
  const [added] = spec?.template.spec?.initContainers ?? []
  assert.deepEqual([added?.name, added?.restartPolicy, added?.terminationMessagePolicy], ['mesh', 'Always', 'File'])
  assert.equal(spec?.template.spec?.containers.length, 1)
})

test('behaviour MutatingAdmissionPolicy: should mutate a Deployment with annotations', async () => {
  await using api = await startAdmissionTest()
  const { client } = api
  await mutating(client, 'mark', {
    matchConstraints: rulesFor('apps', 'deployments'),
    mutations: [
      jsonPatch(
        'has(object.metadata.annotations) ? [] : [JSONPatch{op: "add", path: "/metadata/annotations", value: {"by": request.userInfo.username}}]',
      ),
      jsonPatch('[JSONPatch{op: "add", path: "/metadata/annotations/" + jsonpatch.escapeKey("example.com/a"), value: "b"}]'),
    ],
  })
  const { metadata } = await client.create(deployments, deployment('d', 2))
  assert.deepEqual(metadata?.annotations, { by: 'kubernetes-admin', 'example.com/a': 'b' })
})

test('parameters come from objects by name or selector; what is missing decides by parameterNotFoundAction', async () => {
  await using api = await startAdmissionTest()
  const { client } = api
  await makeNamespace(client, 'policies')
  const limit = (name: string, max: string) => settings(name, { max }, { namespace: 'policies', labels: { limit: 'yes' } })
  const here = { namespaceSelector: { matchLabels: { 'kubernetes.io/metadata.name': 'work' } } }
  const spec: ValidatingSpec = {
    paramKind: { apiVersion: 'v1', kind: 'ConfigMap' },
    validations: [{ expression: 'size(object.data) <= int(params.data.max)', messageExpression: '"at most " + params.data.max' }],
  }
  await validating(client, 'named', spec, {
    paramRef: { name: 'one', namespace: 'policies', parameterNotFoundAction: 'Deny' },
    matchResources: here,
  })
  assert.match(
    await refusal(client.create(configMaps, settings('a'))),
    /denied request: failed to configure binding: no params found for policy binding with `Deny` parameterNotFoundAction$/,
  )
  await client.create(configMaps, limit('one', '1'))
  await client.create(configMaps, settings('a', { x: '1' }))
  assert.match(await refusal(client.create(configMaps, settings('b', { x: '1', y: '2' }))), /denied request: at most 1$/)
  await client.delete(validatingAdmissionPolicyBindings, 'named')
  const paramRef = { selector: { matchLabels: { limit: 'yes' } }, namespace: 'policies', parameterNotFoundAction: 'Allow' }
  await validating(client, 'many', spec, { paramRef, matchResources: here })
  await client.create(configMaps, limit('two', '0'))
  assert.match(await refusal(client.create(configMaps, settings('b', { x: '1' }))), /denied request: at most 0$/)
  for (const name of ['one', 'two']) await client.delete(configMaps, `policies/${name}`)
  await client.create(configMaps, settings('b', { x: '1', y: '2' }))
})

test('actions, reasons, failures and match conditions', async () => {
  await using api = await startAdmissionTest()
  const { client } = api
  const post = async (name: string, data: Record<string, string>): Promise<string | undefined> => {
    const body = { kind: 'object', object: settings(name, data) } as const
    const headers = { 'content-type': 'application/json' }
    return (await client.request({ method: 'POST', path: '/api/v1/namespaces/work/configmaps', headers, body })).headers[
      'warning'
    ]
  }
  await validating(
    client,
    'warn',
    { validations: [{ expression: '!("w" in object.data)', message: 'mind the w' }] },
    { validationActions: ['Warn', 'Audit'] },
  )
  assert.equal(
    await post('a', { w: '1' }),
    `299 - "Validation failed for ValidatingAdmissionPolicy 'warn' with binding 'warn': mind the w"`,
  )
  assert.equal(await post('b', { v: '1' }), undefined)
  await validating(client, 'reason', { validations: [{ expression: '!("f" in object.data)', reason: 'Forbidden' }] })
  await assert.rejects(client.create(configMaps, settings('c', { f: '1' })), (error: StatusError) => error.code === 403)
  await validating(client, 'broken', {
    matchConditions: [{ name: 'only-broken', expression: '"broken" in object.data' }],
    validations: [{ expression: 'object.data.absent == "x"' }],
  })
  assert.match(
    await refusal(client.create(configMaps, settings('d', { broken: '1' }))),
    /denied request: expression 'object.data.absent == "x"' resulted in error: no such key: absent$/,
  )
  await client.create(configMaps, settings('d', { fine: '1' }))
  await client.patch(validatingAdmissionPolicies, 'broken', { spec: { failurePolicy: 'Ignore' } }, { type: 'merge' })
  await client.create(configMaps, settings('e', { broken: '1' }))
})

test('expressions see the namespace, the old object and what the user may do', async () => {
  await using api = await startAdmissionTest()
  const { client } = api
  await validating(client, 'see', {
    validations: [
      { expression: 'namespaceObject.metadata.name == request.namespace', message: 'namespace' },
      { expression: 'request.operation == "CREATE" ? oldObject == null : oldObject.data.a == object.data.a', message: 'old' },
      { expression: 'authorizer.group("").resource("pods").namespace("work").check("delete").allowed()', message: 'may' },
      { expression: 'authorizer.requestResource.check("impossible").allowed() == true', message: 'own' },
    ],
  })
  await client.create(configMaps, settings('a', { a: '1' }))
  assert.match(await refusal(client.update(configMaps, settings('a', { a: '2' }))), /denied request: old$/)
})

test('an expression that costs too much is stopped', async () => {
  await using api = await startAdmissionTest()
  const { client } = api
  const list = `[${Array.from({ length: 100 }, (_, index) => index).join(',')}]`
  const expression = `${list}.all(a, ${list}.all(b, ${list}.all(c, ${list}.all(d, a + b + c + d >= 0))))`
  await validating(client, 'costly', { validations: [{ expression }] })
  assert.match(
    await refusal(client.create(configMaps, settings('a'))),
    /resulted in error: operation cancelled: actual cost limit exceeded$/,
  )
})

test('policies match by rules, exclusions, names and selectors, and never their own kinds', async () => {
  await using api = await startAdmissionTest()
  const { client } = api
  const rule = (resources: string[], resourceNames?: string[]) => ({
    operations: ['*'],
    apiGroups: ['*'],
    apiVersions: ['*'],
    resources,
    ...(resourceNames && { resourceNames }),
  })
  await validating(
    client,
    'all',
    {
      matchConstraints: {
        resourceRules: [rule(['*/*'])],
        excludeResourceRules: [rule(['configmaps'], ['spared']), rule(['namespaces', 'serviceaccounts'])],
      },
      validations: [{ expression: 'false', message: 'never' }],
    },
    { matchResources: { namespaceSelector: { matchLabels: { strict: 'yes' } } } },
  )
  await client.create(configMaps, settings('a'))
  await makeNamespace(client, 'strict', { strict: 'yes' })
  const inStrict = { namespace: 'strict' }
  assert.match(await refusal(client.create(configMaps, settings('a', {}, inStrict))), /never$/)
  await client.create(configMaps, settings('spared', {}, inStrict))
  await client.delete(validatingAdmissionPolicyBindings, 'all')
  await client.create(configMaps, settings('a', {}, inStrict))
})

test('mutations are ordered, merged by the schema, and asked for again where they want to be', async () => {
  await using api = await startAdmissionTest()
  const { client } = api
  await mutating(client, 'first', {
    reinvocationPolicy: 'IfNeeded',
    mutations: [apply('Object{metadata: Object.metadata{labels: Object.metadata.labels{keys: string(size(object.data))}}}')],
  })
  await mutating(client, 'second', {
    matchConditions: [{ name: 'not-yet', expression: '!("added" in object.data)' }],
    mutations: [jsonPatch('[JSONPatch{op: "add", path: "/data/added", value: "yes"}]')],
  })
  const made = await client.create(configMaps, settings('a', { x: '1' }, { labels: { own: 'yes' } }))
  assert.deepEqual(made.metadata?.labels, { own: 'yes', keys: '2' })
  assert.deepEqual(made.data, { x: '1', added: 'yes' })
  await mutating(client, 'atomic', {
    matchConstraints: rulesFor('', 'pods'),
    mutations: [apply('Object{spec: Object.spec{containers: [Object.spec.containers{name: "main", args: ["x"]}]}}')],
  })
  assert.match(
    await refusal(client.create(pods, podOf('p'))),
    /policy 'atomic' with binding 'atomic' denied request: error applying patch: invalid ApplyConfiguration: may not mutate atomic arrays, maps or structs: .spec.containers\[0\].args$/,
  )
})

for (const [kind, resource] of [
  ['Mutating', mutatingWebhookConfigurations],
  ['Validating', validatingWebhookConfigurations],
] as const) {
  const typed = resource as typeof mutatingWebhookConfigurations
  const configurationOf = (expression: string) => ({
    apiVersion: API,
    kind: `${kind}WebhookConfiguration`,
    metadata: { name: 'w' },
    webhooks: [webhookTo({ url: 'https://127.0.0.1:1', caBundle: '' }, '/w', { matchConditions: [{ name: 'c', expression }] })],
  })

  test(`behaviour ${kind} Admission webhook, create and update ${kind.toLowerCase()} webhook configuration with matchConditions`, async () => {
    await using api = await startAdmissionTest()
    const { client } = api
    const made = await client.create(typed, configurationOf('has(object.metadata)'))
    assert.deepEqual(made.webhooks?.[0]?.matchConditions, [{ name: 'c', expression: 'has(object.metadata)' }])
    const changed = await client.update(typed, { ...made, webhooks: configurationOf('object.metadata.name == "x"').webhooks })
    assert.deepEqual(changed.webhooks?.[0]?.matchConditions, [{ name: 'c', expression: 'object.metadata.name == "x"' }])
  })

  test(`behaviour ${kind} Admission webhook, reject ${kind.toLowerCase()} webhook configurations with invalid matchConditions`, async () => {
    await using api = await startAdmissionTest()
    const said = await refusal(api.client.create(typed, configurationOf('... [] bad expression')))
    assert.ok(
      said.startsWith(
        `${kind}WebhookConfiguration.admissionregistration.k8s.io "w" is invalid: webhooks[0].matchConditions[0].expression: Invalid value: "... [] bad expression": compilation failed: ERROR: <input>:1:`,
      ),
      said,
    )
    assert.match(await refusal(api.client.create(typed, configurationOf('1 + 1'))), /must evaluate to bool but got int$/)
  })
}

test('behaviour Mutating Admission webhook, mutating webhook excluding object with specific name', async () => {
  await using api = await startAdmissionTest()
  const patch = Buffer.from('[{"op":"add","path":"/data/touched","value":"yes"}]').toString('base64')
  await using server = await startWebhookServer(() => ({ allowed: true, patchType: 'JSONPatch', patch }))
  await api.client.create(mutatingWebhookConfigurations, {
    apiVersion: API,
    kind: 'MutatingWebhookConfiguration',
    metadata: { name: 'w' },
    webhooks: [
      webhookTo(server, '/w', { matchConditions: [{ name: 'skip-me', expression: 'object.metadata.name != "skip-me"' }] }),
    ],
  })
  assert.equal((await api.client.create(configMaps, settings('skip-me', { own: 'x' }))).data?.['touched'], undefined)
  assert.equal((await api.client.create(configMaps, settings('other', { own: 'x' }))).data?.['touched'], 'yes')
})

test('policies whose expressions do not compile are refused, with the place of the fault', async () => {
  await using api = await startAdmissionTest()
  const { client } = api
  const why = (spec: ValidatingSpec): Promise<string> => refusal(validating(client, 'bad', spec))
  assert.match(
    await why({ validations: [{ expression: 'object.(' }] }),
    /spec.validations\[0\].expression: Invalid value: "object.\(": compilation failed: ERROR: /,
  )
  assert.match(
    await why({ validations: [{ expression: 'variables.none' }] }),
    /compilation failed: .*undeclared reference to 'variables'/,
  )
  assert.match(await why({ validations: [{ expression: 'params.x == 1' }] }), /undeclared reference to 'params'/)
  assert.match(await why({ validations: [{ expression: '"text"' }] }), /must evaluate to bool but got string$/)
  assert.match(await why({}), /spec.validations: Required value: validations or auditAnnotations must contain at least one item/)
})
