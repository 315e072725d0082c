import assert from 'node:assert/strict'
import test from 'node:test'
import { type ConfigMap, configMaps, type Deployment, deployments } from '#api'
import type { Client } from '#client'
import { isConflict, isForbidden, type KubernetesObject, type ManagedFieldsEntry, StatusError } from '#meta'
import { ask, crdOf, establish, startTestApiServer, type TestApiServer } from '#testing'

const web = (spec: object, metadata: object = {}): Deployment =>
  ({
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: { name: 'web', namespace: 'default', ...metadata },
    spec,
  }) as Deployment

const template = (containers: readonly object[], labels: object = { app: 'web' }): object => ({
  metadata: { labels },
  spec: { containers },
})
const selector = { matchLabels: { app: 'web' } }

function applier(client: Client, fieldManager: string, options: { force?: boolean; subresource?: string } = {}) {
  return (object: KubernetesObject): Promise<Deployment> =>
    client.patch(deployments, 'default/web', object, { type: 'apply', fieldManager, ...options })
}

const managersOf = (object: KubernetesObject): string[] =>
  (object.metadata?.managedFields ?? []).map(({ manager, operation, subresource }) =>
    [manager, operation, subresource].filter((part) => part !== undefined).join(' '),
  )

const fieldsOf = (object: KubernetesObject, manager: string): ManagedFieldsEntry['fieldsV1'] =>
  object.metadata?.managedFields?.find((entry) => entry.manager === manager)?.fieldsV1

async function statusOf(promise: Promise<unknown>): Promise<StatusError> {
  try {
    await promise
  } catch (error) {
    assert.ok(error instanceof StatusError, String(error))
    return error
  }
  throw new Error('a refusal was expected')
}

async function withApi(body: (api: TestApiServer) => Promise<void>): Promise<void> {
  await using api = await startTestApiServer()
  await body(api)
}

test('an applier owns what it lists, and defaults belong to nobody', () =>
  withApi(async ({ client }) => {
    const created = await applier(client, 'ci')(web({ selector, template: template([{ name: 'web', image: 'web:1' }]) }))
    assert.equal(created.spec?.replicas, 1)
    assert.deepEqual(managersOf(created), ['ci Apply'])
    assert.deepEqual(fieldsOf(created, 'ci'), {
      'f:spec': {
        'f:selector': {},
        'f:template': {
          'f:metadata': { 'f:labels': { 'f:app': {} } },
          'f:spec': { 'f:containers': { 'k:{"name":"web"}': { '.': {}, 'f:name': {}, 'f:image': {} } } },
        },
      },
    })
  }))

test('an update owns what it changes, with whatever it makes on the way', () =>
  withApi(async ({ client }) => {
    const sent = web({
      selector,
      template: template([{ name: 'web', image: 'web:1', livenessProbe: { exec: { command: ['a'] } } }]),
    })
    const created = await client.create(deployments, sent, { fieldManager: 'kubectl-create' })
    const fields = fieldsOf(created, 'kubectl-create') as Record<string, Record<string, Record<string, object>>>
    assert.deepEqual(fields['f:spec']!['f:strategy'], {
      'f:type': {},
      'f:rollingUpdate': { '.': {}, 'f:maxSurge': {}, 'f:maxUnavailable': {} },
    })
    assert.deepEqual((fields['f:spec']!['f:template'] as Record<string, object>)['f:metadata'], {
      'f:labels': { '.': {}, 'f:app': {} },
    })
    const changed = await client.patch(
      deployments,
      'default/web',
      { spec: { replicas: 3 } },
      { type: 'merge', fieldManager: 'hpa' },
    )
    assert.deepEqual(fieldsOf(changed, 'hpa'), { 'f:spec': { 'f:replicas': {} } })
    assert.ok(!('f:replicas' in (fieldsOf(changed, 'kubectl-create')!['f:spec'] as object)), 'the former owner lost it')
  }))

test('a field of another manager is a conflict in upstream words, and force takes it over', () =>
  withApi(async ({ client }) => {
    await applier(client, 'one')(web({ replicas: 2, selector, template: template([{ name: 'web', image: 'web:1' }]) }))
    const refused = await statusOf(applier(client, 'two')(web({ replicas: 3 })))
    assert.equal(refused.code, 409)
    assert.equal(refused.message, 'Apply failed with 1 conflict: conflict with "one": .spec.replicas')
    assert.deepEqual(refused.status.details?.causes, [
      { reason: 'FieldManagerConflict', message: 'conflict with "one"', field: '.spec.replicas' },
    ])
    const several = await statusOf(
      applier(client, 'two')(web({ replicas: 3, template: template([{ name: 'web', image: 'web:2' }]) })),
    )
    assert.equal(
      several.message,
      'Apply failed with 2 conflicts: conflicts with "one":\n- .spec.replicas\n- .spec.template.spec.containers[name="web"].image',
    )
    const forced = await applier(client, 'two', { force: true })(web({ replicas: 3 }))
    assert.equal(forced.spec?.replicas, 3)
    assert.ok(!('f:replicas' in (fieldsOf(forced, 'one')!['f:spec'] as object)))
    assert.deepEqual(fieldsOf(forced, 'two'), { 'f:spec': { 'f:replicas': {} } })
  }))

test('a conflict with an updater names its version', () =>
  withApi(async ({ client }) => {
    const sent = web({ replicas: 2, selector, template: template([{ name: 'web', image: 'web:1' }]) })
    await client.create(deployments, sent, { fieldManager: 'kubectl-create' })
    const refused = await statusOf(applier(client, 'two')(web({ replicas: 3 })))
    assert.equal(refused.message, 'Apply failed with 1 conflict: conflict with "kubectl-create" using apps/v1: .spec.replicas')
  }))

test('equal values are shared, and go only with their last owner', () =>
  withApi(async ({ client }) => {
    const full = { replicas: 2, selector, template: template([{ name: 'web', image: 'web:1' }]) }
    await applier(client, 'one')(web(full, { labels: { tier: 'front' } }))
    const shared = await applier(client, 'two')(web({ replicas: 2 }, { labels: { tier: 'front' } }))
    assert.deepEqual(managersOf(shared), ['two Apply', 'one Apply'])
    assert.ok(!('time' in shared.metadata!.managedFields![0]!), 'who changed nothing did so at no time')
    const less = await applier(client, 'one')(web(full))
    assert.deepEqual(less.metadata?.labels, { tier: 'front' })
    const gone = await applier(client, 'two')(web({ replicas: 2 }))
    assert.equal(gone.metadata?.labels, undefined)
  }))

test('what an applier no longer lists goes: fields, map keys, list items with all that lies below', () =>
  withApi(async ({ client }) => {
    const apply = applier(client, 'ci')
    const web1 = {
      name: 'web',
      image: 'web:1',
      env: [
        { name: 'A', value: '1' },
        { name: 'B', value: '2' },
      ],
    }
    await apply(
      web(
        { minReadySeconds: 5, selector, template: template([web1, { name: 'side', image: 'side:1' }]) },
        { annotations: { x: '1', y: '2' } },
      ),
    )
    const after = await apply(
      web(
        { selector, template: template([{ name: 'web', image: 'web:1', env: [{ name: 'B', value: '2' }] }]) },
        { annotations: { y: '2' } },
      ),
    )
    assert.equal(after.spec?.minReadySeconds, undefined)
    assert.deepEqual(after.metadata?.annotations, { y: '2' })
    assert.deepEqual(
      after.spec?.template.spec?.containers.map(({ name }) => name),
      ['web'],
    )
    assert.deepEqual(after.spec?.template.spec?.containers[0]?.env, [{ name: 'B', value: '2' }])
    const again = await apply(
      web(
        { selector, template: template([{ name: 'web', image: 'web:1', env: [{ name: 'B', value: '2' }] }]) },
        { annotations: { y: '2' } },
      ),
    )
    assert.equal(again.metadata?.resourceVersion, after.metadata?.resourceVersion, 'the same again writes nothing')
  }))

test('ports that differ only in protocol are two, and an absent protocol is its default', () =>
  withApi(async ({ client }) => {
    const ports = [{ containerPort: 53 }, { containerPort: 53, protocol: 'UDP' }]
    const created = await applier(client, 'ci')(web({ selector, template: template([{ name: 'web', image: 'web:1', ports }]) }))
    assert.deepEqual(
      created.spec?.template.spec?.containers[0]?.ports?.map(({ protocol }) => protocol),
      ['TCP', 'UDP'],
    )
    const twice = web({
      selector,
      template: template([{ name: 'web', image: 'web:1', ports: [ports[0], { containerPort: 53, protocol: 'TCP' }] }]),
    })
    const refused = await statusOf(applier(client, 'ci')(twice))
    assert.match(refused.message, /duplicate entries for key \[containerPort=53,protocol="TCP"\]/)
  }))

test('items of another owner keep their place when a list is applied', () =>
  withApi(async ({ client }) => {
    await applier(
      client,
      'one',
    )(
      web({
        selector,
        template: template([
          { name: 'a', image: 'a' },
          { name: 'b', image: 'b' },
        ]),
      }),
    )
    await applier(client, 'mesh')(web({ template: template([{ name: 'proxy', image: 'p' }]) }))
    const reordered = await applier(
      client,
      'one',
    )(
      web({
        selector,
        template: template([
          { name: 'b', image: 'b' },
          { name: 'a', image: 'a' },
        ]),
      }),
    )
    assert.deepEqual(
      reordered.spec?.template.spec?.containers.map(({ name }) => name),
      ['b', 'proxy', 'a'],
    )
  }))

test('status is owned through its subresource only', () =>
  withApi(async ({ client }) => {
    await applier(client, 'ci')(web({ selector, template: template([{ name: 'web', image: 'web:1' }]) }))
    const status = {
      apiVersion: 'apps/v1',
      kind: 'Deployment',
      metadata: { name: 'web' },
      status: { replicas: 1 },
      spec: { replicas: 9 },
    }
    const applied = await applier(client, 'controller', { subresource: 'status' })(status as KubernetesObject)
    assert.equal(applied.spec?.replicas, 1)
    assert.equal(applied.status?.replicas, 1)
    assert.deepEqual(managersOf(applied), ['ci Apply', 'controller Apply status'])
    assert.deepEqual(fieldsOf(applied, 'controller'), { 'f:status': { 'f:replicas': {} } })
  }))

test('scale is owned by its own path, whether updated or applied', () =>
  withApi(async ({ client }) => {
    await applier(client, 'ci')(web({ replicas: 1, selector, template: template([{ name: 'web', image: 'web:1' }]) }))
    const scale = { apiVersion: 'autoscaling/v1', kind: 'Scale', metadata: { name: 'web' }, spec: { replicas: 4 } }
    const refused = await statusOf(applier(client, 'autoscaler', { subresource: 'scale' })(scale as KubernetesObject))
    assert.ok(isConflict(refused))
    await applier(client, 'autoscaler', { subresource: 'scale', force: true })(scale as KubernetesObject)
    const scaled = await client.get(deployments, 'default/web')
    assert.equal(scaled.spec?.replicas, 4)
    assert.deepEqual(fieldsOf(scaled, 'autoscaler'), { 'f:spec': { 'f:replicas': {} } })
    assert.deepEqual(managersOf(scaled), ['autoscaler Apply scale', 'ci Apply'])
  }))

test('apply needs a manager, a matching kind and no managers of its own', () =>
  withApi(async ({ client }) => {
    const apply = (object: unknown, fieldManager?: string): Promise<unknown> =>
      client.patch(deployments, 'default/web', object, { type: 'apply', ...(fieldManager && { fieldManager }) })
    const nameless = await statusOf(apply(web({})))
    assert.equal(nameless.code, 422)
    assert.equal(
      nameless.message,
      'PatchOptions.meta.k8s.io "" is invalid: fieldManager: Required value: is required for apply patch',
    )
    assert.equal((await statusOf(apply({ ...web({}), kind: 'Pod' }, 'ci'))).code, 400)
    assert.equal((await statusOf(apply([], 'ci'))).code, 400)
    const managed = await statusOf(apply(web({}, { managedFields: [] }), 'ci'))
    assert.equal(managed.message, 'metadata.managedFields must be nil')
    const unknown = await statusOf(
      apply(web({ selector, template: template([{ name: 'web', image: 'x', colour: 'red' }]) }), 'ci'),
    )
    assert.equal(unknown.code, 500)
    assert.equal(unknown.status.reason, undefined)
    assert.equal(
      unknown.message,
      'failed to create typed patch object (default/web; apps/v1, Kind=Deployment): .spec.template.spec.containers[name="web"].colour: field not declared in schema',
    )
    const force = await statusOf(
      client.patch(deployments, 'default/web', {}, { type: 'merge', fieldManager: 'x'.repeat(129), force: true }),
    )
    assert.match(force.message, /fieldManager: Too long: may not be more than 128 bytes/)
    assert.match(force.message, /force: Forbidden: may not be specified for non-apply patch/)
  }))

test('what is no configuration of the kind is refused in upstream words', () =>
  withApi(async ({ client }) => {
    const apply = (object: unknown): Promise<unknown> =>
      client.patch(deployments, 'default/web', object, { type: 'apply', fieldManager: 'ci' })
    const unmarshal = (type: string): string =>
      `error decoding YAML: error unmarshaling JSON: while decoding JSON: json: cannot unmarshal ${type} into Go value of type map[string]interface {}`
    for (const [object, message] of [
      [[], unmarshal('array')],
      ['x', unmarshal('string')],
      [null, 'invalid object type: /, Kind='],
      [{ ...web({}), apiVersion: 'v1' }, 'invalid object type: /v1, Kind=Deployment'],
      [{ ...web({}), apiVersion: 5 }, 'invalid object type: /, Kind=Deployment'],
      [{ ...web({}), apiVersion: 'a/b/c' }, 'invalid object type: /, Kind='],
    ] as const) {
      const refused = await statusOf(apply(object))
      assert.deepEqual([refused.code, refused.message], [400, message])
    }
    const odd = { ...web({}), metadata: 'x' }
    assert.match((await statusOf(apply(odd))).message, /\(\/; apps\/v1, Kind=Deployment\): \.metadata: expected map, got &\{x\}$/)
  }))

test('a version of what is not there yet means nothing to an apply, and another uid is refused', () =>
  withApi(async ({ client }) => {
    const apply = (metadata: object): Promise<Deployment> =>
      applier(client, 'ci')(web({ selector, template: template([{ name: 'web', image: 'web:1' }]) }, metadata))
    assert.equal((await apply({ resourceVersion: '1' })).metadata?.generation, 1)
    const other = await statusOf(apply({ uid: 'abc' }))
    assert.equal(other.code, 422)
    assert.match(other.message, /metadata\.uid: Invalid value: "abc": field is immutable$/)
  }))

test('of a custom kind, what the status says of metadata belongs to nobody', () =>
  withApi(async (api) => {
    const { client } = api
    await establish(client, crdOf({ versions: [{ name: 'v1', subresources: { status: {} } }] }))
    const path = '/apis/example.com/v1/namespaces/default/widgets'
    await ask(api, `POST ${path}`, {
      body: { apiVersion: 'example.com/v1', kind: 'Widget', metadata: { name: 'x' }, spec: { a: 1 } },
    })
    const body = {
      apiVersion: 'example.com/v1',
      kind: 'Widget',
      metadata: { name: 'x', labels: { a: 'b' } },
      status: { n: 1 },
      extra: 1,
    }
    const headers = { 'content-type': 'application/merge-patch+json' }
    const { object } = await ask(api, `PATCH ${path}/x/status?fieldManager=s`, { body, headers })
    assert.deepEqual(object.metadata.managedFields?.find(({ manager }) => manager === 's')?.fieldsV1, {
      'f:extra': {},
      'f:status': { '.': {}, 'f:n': {} },
    })
  }))

test('an empty dryRun is none that is known', () =>
  withApi(async (api) => {
    const refused = await ask(api, 'POST /api/v1/namespaces/default/configmaps?dryRun=', { body: { metadata: { name: 'x' } } })
    assert.equal(refused.code, 422)
    assert.match(refused.object.message, /dryRun: Unsupported value: \[""\]: supported values: "All"/)
  }))

test('a writer whose request and program have no name is unknown', () =>
  withApi(async (api) => {
    const configuration = { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'x' }, data: { a: '1' } }
    const managers: unknown[] = []
    for (const agent of ['', '/1.0', 'kubectl/v1', ' a\u00a0b\u0007/1', 'x'.repeat(200)]) {
      const { object } = await ask(api, 'POST /api/v1/namespaces/default/configmaps?dryRun=All', {
        body: configuration,
        headers: { 'user-agent': agent },
      })
      managers.push(object.metadata.managedFields?.[0]?.manager)
    }
    assert.deepEqual(managers, ['unknown', 'unknown', 'kubectl', ' ab', 'x'.repeat(128)])
  }))

test('an object of before managed fields is taken over as if one manager had made it', () =>
  withApi(async ({ client }) => {
    const sent = web({ replicas: 2, selector, template: template([{ name: 'web', image: 'web:1' }]) })
    const created = await client.create(deployments, sent)
    await client.update(deployments, { ...created, metadata: { ...created.metadata, managedFields: [{}] } })
    const untracked = await client.patch(deployments, 'default/web', { spec: { minReadySeconds: 1 } }, { type: 'merge' })
    assert.deepEqual(managersOf(untracked), [])
    const refused = await statusOf(applier(client, 'ci')(web({ replicas: 3 })))
    assert.equal(
      refused.message,
      'Apply failed with 1 conflict: conflict with "before-first-apply" using apps/v1: .spec.replicas',
    )
    const applied = await applier(client, 'ci', { force: true })(web({ replicas: 3 }))
    assert.deepEqual(managersOf(applied), ['ci Apply', 'before-first-apply Update'])
  }))

test('an applier that may not create gets 403 for what is not there, and applies to what is', () =>
  withApi(async ({ client, clientFor }) => {
    const { clusterRoles, clusterRoleBindings } = await import('#api')
    const rules = [{ apiGroups: [''], resources: ['configmaps'], verbs: ['patch'] }]
    await client.create(clusterRoles, { metadata: { name: 'patcher' }, rules })
    await client.create(clusterRoleBindings, {
      metadata: { name: 'patcher' },
      roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: 'patcher' },
      subjects: [{ kind: 'User', name: 'pat', apiGroup: 'rbac.authorization.k8s.io' }],
    })
    const pat = clientFor({ username: 'pat', groups: ['system:authenticated'] })
    const map: ConfigMap = { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'm' }, data: { a: '1' } }
    const apply = (): Promise<ConfigMap> => pat.patch(configMaps, 'default/m', map, { type: 'apply', fieldManager: 'pat' })
    const refused = await statusOf(apply())
    assert.ok(isForbidden(refused))
    assert.match(refused.message, /User "pat" cannot create resource "configmaps" in API group "" in the namespace "default"/)
    await client.create(configMaps, { metadata: { name: 'm', namespace: 'default' } })
    assert.deepEqual((await apply()).data, { a: '1' })
  }))

test('a dry-run apply shows the object and writes none', () =>
  withApi(async ({ client }) => {
    const shown = await client.patch(
      deployments,
      'default/web',
      web({ selector, template: template([{ name: 'web', image: 'web:1' }]) }),
      { type: 'apply', fieldManager: 'ci', dryRun: true },
    )
    assert.equal(shown.spec?.replicas, 1)
    assert.equal(await client.find(deployments, 'default/web'), undefined)
  }))

test('appliers at once each keep their own fields', () =>
  withApi(async ({ client }) => {
    const names = Array.from({ length: 8 }, (_, index) => `manager-${index}`)
    await Promise.all(
      names.map((name) =>
        client.patch(
          configMaps,
          'default/m',
          { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'm' }, data: { [name]: name } },
          { type: 'apply', fieldManager: name },
        ),
      ),
    )
    const map = await client.get(configMaps, 'default/m')
    assert.deepEqual(Object.keys(map.data ?? {}).sort(), names)
    assert.equal(map.metadata?.managedFields?.length, 8)
  }))

test('more than ten updaters are joined, and nothing they own is lost', () =>
  withApi(async ({ client }) => {
    await client.create(
      configMaps,
      { metadata: { name: 'm', namespace: 'default' }, data: { first: '1' } },
      { fieldManager: 'first' },
    )
    for (let index = 0; index < 14; index++) {
      await client.patch(configMaps, 'default/m', { data: { [`k${index}`]: 'v' } }, { type: 'merge', fieldManager: `m${index}` })
    }
    const map = await client.get(configMaps, 'default/m')
    assert.equal(map.metadata?.managedFields?.length, 10)
    assert.ok(fieldsOf(map, 'ancient-changes'))
    const owned = map.metadata?.managedFields?.flatMap(({ fieldsV1 }) => Object.keys((fieldsV1?.['f:data'] ?? {}) as object))
    assert.equal(owned?.filter((element) => element.startsWith('f:')).length, 15)
  }))

test('kubectl may take over what its client-side apply left, and nothing that was changed since', () =>
  withApi(async ({ client }) => {
    const annotation = 'kubectl.kubernetes.io/last-applied-configuration'
    const sent = web({ replicas: 2, minReadySeconds: 1, selector, template: template([{ name: 'web', image: 'web:1' }]) })
    const annotated = { ...sent, metadata: { ...sent.metadata, annotations: { [annotation]: JSON.stringify(sent) } } }
    await client.create(deployments, annotated, { fieldManager: 'kubectl-client-side-apply' })
    const wanted = { replicas: 3, minReadySeconds: 1, selector, template: template([{ name: 'web', image: 'web:2' }]) }
    const taken = await applier(client, 'kubectl')(web(wanted))
    assert.equal(taken.spec?.replicas, 3)
    assert.deepEqual(JSON.parse(taken.metadata!.annotations![annotation]!).spec.replicas, 3)

    await client.patch(deployments, 'default/web', { spec: { replicas: 7 } }, { type: 'merge', fieldManager: 'hpa' })
    const refused = await statusOf(applier(client, 'kubectl')(web({ ...wanted, replicas: 4 })))
    assert.equal(refused.message, 'Apply failed with 1 conflict: conflict with "hpa" using apps/v1: .spec.replicas')
  }))
