import assert from 'node:assert/strict'
import test from 'node:test'
import {
  clusterRoleBindings,
  type FlowSchema,
  type FlowSchemaSpec,
  flowSchema,
  flowSchemas,
  groupSubject,
  type PriorityLevelConfiguration,
  priorityLevel,
  priorityLevelConfigurations,
} from '#api'
import { settle, VirtualClock } from '#base'
import type { UserInfo } from '#client'
import { ask, startTestApiServer, type TestApiServer } from '#testing'

const FLOW_CONTROL = '/apis/flowcontrol.apiserver.k8s.io/v1'

const conditionOf = (schema: FlowSchema | undefined): string =>
  (schema?.status?.conditions ?? []).map(({ type, status, reason, message }) => `${type}=${status} ${reason}: ${message}`).join()

async function settled(api: TestApiServer, clock: VirtualClock): Promise<void> {
  await clock.advance(1_000)
  assert.ok(api.server)
}

/** Lets a user read everything. */
async function allow({ client }: TestApiServer, name: string): Promise<void> {
  await client.create(clusterRoleBindings, {
    apiVersion: 'rbac.authorization.k8s.io/v1',
    kind: 'ClusterRoleBinding',
    metadata: { name },
    roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: 'cluster-admin' },
    subjects: [{ kind: 'User', apiGroup: 'rbac.authorization.k8s.io', name }],
  })
}

test('API priority and fairness should support FlowSchema API operations', async () => {
  const clock = new VirtualClock()
  await using api = await startTestApiServer({ clock })
  const groups = await ask(api, `GET ${FLOW_CONTROL}`)
  const resources = (groups.object as unknown as { resources: { name: string; verbs: string[] }[] }).resources
  assert.deepEqual(resources.map(({ name }) => name).sort(), [
    'flowschemas',
    'flowschemas/status',
    'prioritylevelconfigurations',
    'prioritylevelconfigurations/status',
  ])
  const made = await api.client.create(
    flowSchemas,
    flowSchema('e2e', {
      priorityLevelConfiguration: { name: 'global-default' },
      matchingPrecedence: 10_000,
      distinguisherMethod: { type: 'ByUser' },
      rules: [
        {
          subjects: [{ kind: 'User', user: { name: 'example' } }],
          nonResourceRules: [{ verbs: ['*'], nonResourceURLs: ['*'] }],
        },
      ],
    }),
  )
  assert.equal(made.spec?.matchingPrecedence, 10_000)
  const patched = await api.client.patch(
    flowSchemas,
    'e2e',
    { metadata: { annotations: { patched: 'true' } } },
    { type: 'merge' },
  )
  assert.equal(patched.metadata?.generation, 1)
  const updated = await api.client.patch(flowSchemas, 'e2e', { spec: { matchingPrecedence: 9_999 } }, { type: 'merge' })
  assert.equal(updated.metadata?.generation, 2)
  await settled(api, clock)
  const condition = { type: 'Other', status: 'True', reason: 'E2E', message: 'Set by an e2e test' }
  const body = { status: { conditions: [...((await api.client.get(flowSchemas, 'e2e')).status?.conditions ?? []), condition] } }
  const status = await api.client.patch(flowSchemas, 'e2e', body, { type: 'merge', subresource: 'status' })
  assert.deepEqual(
    status.status?.conditions?.map(({ type }) => type),
    ['Dangling', 'Other'],
  )
  await api.client.delete(flowSchemas, 'e2e')
  assert.equal(await api.client.find(flowSchemas, 'e2e'), undefined)
  const collection = await ask(api, `DELETE ${FLOW_CONTROL}/flowschemas?labelSelector=none%3Dsuch`)
  assert.equal(collection.code, 200)
})

test('API priority and fairness should support PriorityLevelConfiguration API operations', async () => {
  await using api = await startTestApiServer()
  const spec = { type: 'Limited', limited: { nominalConcurrencyShares: 2, limitResponse: { type: 'Reject' } } }
  const made = await api.client.create(priorityLevelConfigurations, priorityLevel('e2e', spec))
  assert.equal(made.spec?.limited?.lendablePercent, 0)
  const merge = { type: 'merge' } as const
  const updated = await api.client.patch(
    priorityLevelConfigurations,
    'e2e',
    { spec: { limited: { nominalConcurrencyShares: 4 } } },
    merge,
  )
  assert.deepEqual([updated.metadata?.generation, updated.spec?.limited?.nominalConcurrencyShares], [2, 4])
  const status = { conditions: [{ type: 'E2E', status: 'True', reason: 'Test', message: 'm' }] }
  const told = await api.client.patch(priorityLevelConfigurations, 'e2e', { status }, { ...merge, subresource: 'status' })
  assert.equal(told.status?.conditions?.length, 1)
  const { object } = await ask(api, `DELETE ${FLOW_CONTROL}/prioritylevelconfigurations?fieldSelector=metadata.name%3De2e`)
  assert.deepEqual(
    object.items.map(({ metadata }) => metadata?.name),
    ['e2e'],
  )
  await assert.rejects(api.client.get(priorityLevelConfigurations, 'e2e'), { code: 404 })
})

test('what a cluster begins with is upstream’s suggestion, and every schema has its level', async () => {
  const clock = new VirtualClock()
  await using api = await startTestApiServer({ clock })
  await settled(api, clock)
  const schemas = (await api.client.list(flowSchemas)).items
  assert.deepEqual(
    schemas
      .map(({ metadata, spec }) => `${spec?.matchingPrecedence} ${metadata?.name} ${spec?.priorityLevelConfiguration?.name}`)
      .sort((a, b) => Number.parseInt(a, 10) - Number.parseInt(b, 10)),
    [
      '1 exempt exempt',
      '2 probes exempt',
      '100 system-leader-election leader-election',
      '150 endpoint-controller workload-high',
      '200 workload-leader-election leader-election',
      '400 system-node-high node-high',
      '500 system-nodes system',
      '800 kube-controller-manager workload-high',
      '800 kube-scheduler workload-high',
      '900 kube-system-service-accounts workload-high',
      '9000 service-accounts workload-low',
      '9900 global-default global-default',
      '10000 catch-all catch-all',
    ],
  )
  for (const schema of schemas) {
    const level = schema.spec?.priorityLevelConfiguration?.name
    const message = `This FlowSchema references the PriorityLevelConfiguration object named "${level}" and it exists`
    assert.equal(conditionOf(schema), `Dangling=False Found: ${message}`)
    assert.equal(schema.metadata?.annotations?.['apf.kubernetes.io/autoupdate-spec'], 'true')
  }
})

test('a mandatory object comes back as it was, and a suggested one unless an administrator took it over', async () => {
  const clock = new VirtualClock()
  await using api = await startTestApiServer({ clock })
  const { client } = api
  const shares = async (name: string): Promise<number | undefined> =>
    (await client.get(priorityLevelConfigurations, name)).spec?.limited?.nominalConcurrencyShares
  const patch = (name: string, body: unknown) => client.patch(priorityLevelConfigurations, name, body, { type: 'merge' })
  await assert.rejects(patch('catch-all', { spec: { limited: { nominalConcurrencyShares: 9 } } }), {
    code: 422,
    message: /spec of 'catch-all' must equal the fixed value/,
  })
  await client.delete(priorityLevelConfigurations, 'catch-all')
  await patch('system', { spec: { limited: { nominalConcurrencyShares: 9 } } })
  await patch('node-high', {
    metadata: { annotations: { 'apf.kubernetes.io/autoupdate-spec': 'false' } },
    spec: { limited: { nominalConcurrencyShares: 9 } },
  })
  await patch('workload-low', {
    metadata: { annotations: { 'apf.kubernetes.io/autoupdate-spec': null } },
    spec: { limited: { nominalConcurrencyShares: 9 } },
  })
  await settled(api, clock)
  assert.equal(await shares('catch-all'), 5)
  assert.equal(await shares('system'), 30, 'ours to keep')
  assert.equal(await shares('node-high'), 9, 'taken over by the annotation')
  assert.equal(await shares('workload-low'), 9, 'taken over by a change of its spec')
  const { metadata } = await client.get(priorityLevelConfigurations, 'workload-low')
  assert.equal(metadata?.annotations?.['apf.kubernetes.io/autoupdate-spec'], 'false')
})

test('a schema without its level says so, matches nothing, and says when the level comes', async () => {
  const clock = new VirtualClock()
  await using api = await startTestApiServer({ clock })
  const spec: FlowSchemaSpec = {
    priorityLevelConfiguration: { name: 'later' },
    matchingPrecedence: 50,
    rules: [
      { subjects: [groupSubject('system:authenticated')], nonResourceRules: [{ verbs: ['*'], nonResourceURLs: ['/version'] }] },
    ],
  }
  const { metadata } = await api.client.create(flowSchemas, flowSchema('early', spec))
  await settled(api, clock)
  const about = 'This FlowSchema references the PriorityLevelConfiguration object named "later"'
  assert.equal(
    conditionOf(await api.client.get(flowSchemas, 'early')),
    `Dangling=True NotFound: ${about} but there is no such object`,
  )
  const user = { username: 'somebody', groups: ['system:authenticated'] }
  const matched = async (): Promise<boolean> =>
    (await ask(api, 'GET /version', { user })).headers['x-kubernetes-pf-flowschema-uid'] === metadata?.uid
  assert.equal(await matched(), false)
  const level: PriorityLevelConfiguration = priorityLevel('later', {
    type: 'Limited',
    limited: { nominalConcurrencyShares: 1, limitResponse: { type: 'Reject' } },
  })
  await api.client.create(priorityLevelConfigurations, level)
  await settled(api, clock)
  assert.equal(conditionOf(await api.client.get(flowSchemas, 'early')), `Dangling=False Found: ${about} and it exists`)
  assert.equal(await matched(), true)
})

const REFUSED: readonly [what: string, spec: object, message: RegExp][] = [
  ['precedence 1', { matchingPrecedence: 1 }, /only the schema named 'exempt' may have matchingPrecedence 1/],
  ['precedence 20000', { matchingPrecedence: 20_000 }, /must not be greater than 10000/],
  [
    'no subject',
    { rules: [{ subjects: [], nonResourceRules: [{ verbs: ['*'], nonResourceURLs: ['*'] }] }] },
    /spec\.rules\[0\]\.subjects: Required value/,
  ],
  [
    'no rule',
    { rules: [{ subjects: [{ kind: 'User', user: { name: 'a' } }] }] },
    /at least one of resourceRules and nonResourceRules/,
  ],
  [
    'another subject',
    {
      rules: [
        { subjects: [{ kind: 'User', group: { name: 'a' } }], nonResourceRules: [{ verbs: ['*'], nonResourceURLs: ['*'] }] },
      ],
    },
    /user is required when subject kind is 'User'.*group is forbidden when subject kind is not 'Group'/,
  ],
  [
    'verbs beside all',
    {
      rules: [
        {
          subjects: [{ kind: 'User', user: { name: 'a' } }],
          nonResourceRules: [{ verbs: ['*', 'get'], nonResourceURLs: ['/a*'] }],
        },
      ],
    },
    /if '\*' is present, must not specify other verbs.*wildcard can only do suffix matching/,
  ],
]

test('a schema that makes no sense is refused in upstream’s words', async (context) => {
  await using api = await startTestApiServer()
  for (const [what, spec, message] of REFUSED) {
    await context.test(what, async () => {
      const whole = { priorityLevelConfiguration: { name: 'exempt' }, ...spec } as FlowSchemaSpec
      await assert.rejects(api.client.create(flowSchemas, flowSchema('bad', whole)), { code: 422, message })
    })
  }
})

test('a request that has not ended in its time is answered 504, and one with a strange timeout 400', async () => {
  const clock = new VirtualClock()
  await using api = await startTestApiServer({ clock })
  const never = `/api/v1/namespaces?resourceVersion=${api.store.revision + 1000}`
  const asked = ask(api, `GET ${never}&timeout=1s`)
  await clock.advance(1_000)
  const { code, object } = await asked
  assert.deepEqual(
    [code, object.reason, object.message],
    [504, 'Timeout', 'Timeout: request did not complete within the allotted timeout'],
  )
  const strange = await ask(api, 'GET /api/v1/namespaces?timeout=soon')
  assert.equal(strange.code, 400)
  assert.equal(strange.object.message, 'invalid timeout specified in the request URL - time: invalid duration "soon"')
  assert.equal((await ask(api, 'GET /api/v1/namespaces?timeout=1m30s')).code, 200)
  await settle()
})

test('a flood from one user does not delay another: who asks once is next, and what is too much is refused', async () => {
  const clock = new VirtualClock()
  await using api = await startTestApiServer({ clock })
  await settled(api, clock)
  const userNamed = (username: string): UserInfo => ({ username, groups: ['system:authenticated'] })
  // Waits three seconds for a revision that does not come, and holds its seats meanwhile.
  const slow = `GET /api/v1/namespaces/default?resourceVersion=${api.store.revision + 1000}`
  await allow(api, 'flood')
  const codes: number[] = []
  const flood = Array.from({ length: 1_000 }, async () => codes.push((await ask(api, slow, { user: userNamed('flood') })).code))
  await settle()
  const refused = codes.filter((code) => code === 429).length
  const seats = Math.ceil((600 * 20) / 245)
  assert.equal(refused, 1_000 - seats - 6 * 50, 'its hand of six queues of fifty is full')
  const { code, headers, text } = await ask(api, slow, { user: userNamed('flood') })
  assert.deepEqual([code, text], [429, 'Too many requests, please try again later.\n'])
  assert.deepEqual([headers['content-type'], headers['retry-after']], ['text/plain; charset=utf-8', '1'])
  assert.ok(headers['x-kubernetes-pf-flowschema-uid'])
  let quietCode: number | undefined
  const quiet = ask(api, 'GET /version', { user: userNamed('quiet') }).then(({ code }) => {
    quietCode = code
  })
  // Requests of another level do not even wait that long.
  assert.equal((await ask(api, 'GET /version')).code, 200)
  await settle()
  assert.equal(quietCode, undefined)
  await clock.advance(3_000)
  assert.equal(quietCode, 200, 'as soon as the first seats come free, ahead of three hundred others')
  await quiet
  const seatsNow = async (): Promise<number> => {
    const { text } = await ask(api, 'GET /metrics')
    return Number(/^apiserver_flowcontrol_current_limit_seats\{priority_level="global-default"\} (\d+)$/m.exec(text)?.[1])
  }
  assert.equal(await seatsNow(), seats)
  await clock.advance(7_000)
  assert.ok((await seatsNow()) > 2 * seats, 'after ten seconds it has borrowed what others did not use')
  await clock.advance(5_000)
  await Promise.all(flood)
  assert.equal(codes.filter((code) => code === 504).length, 1_000 - refused)
  await clock.advance(20_000)
  assert.equal(await seatsNow(), seats, 'and gave it back')
  assert.equal((await ask(api, slow.split('?')[0]!, { user: userNamed('flood') })).code, 200)
})

test('answers say by UID what a request was taken for; debug paths and metrics by name', async () => {
  await using api = await startTestApiServer()
  const user: UserInfo = { username: 'somebody', groups: ['system:authenticated'] }
  const uid = async (schema: string): Promise<string | undefined> => (await api.client.get(flowSchemas, schema)).metadata?.uid
  const { headers } = await ask(api, 'GET /version', { user })
  assert.equal(headers['x-kubernetes-pf-flowschema-uid'], await uid('global-default'))
  const level = await api.client.get(priorityLevelConfigurations, 'global-default')
  assert.equal(headers['x-kubernetes-pf-prioritylevel-uid'], level.metadata?.uid)
  assert.equal((await ask(api, 'GET /version')).headers['x-kubernetes-pf-flowschema-uid'], await uid('exempt'))
  assert.equal((await ask(api, 'GET /readyz', { user })).headers['x-kubernetes-pf-flowschema-uid'], await uid('probes'))
  const dump = async (what: string): Promise<string[]> =>
    (await ask(api, `GET /debug/api_priority_and_fairness/dump_${what}`)).text.split('\n')
  const [header, ...rows] = await dump('priority_levels')
  assert.equal(
    header,
    'PriorityLevelName, ActiveQueues, IsIdle, IsQuiescing, WaitingRequests, ExecutingRequests, DispatchedRequests, RejectedRequests, TimedoutRequests, CancelledRequests',
  )
  assert.match(
    rows.find((row) => row.startsWith('global-default')) ?? '',
    /^global-default, {4}0, {12}true, {3}false, {7}0, {15}0, {17}[1-9]\d*, +0, +0, +0$/,
  )
  assert.match((await dump('queues'))[0] ?? '', /^PriorityLevelName, +Index, +PendingRequests, .*TotalWorkSum$/)
  const requests = await dump('requests?includeRequestDetails=1')
  assert.ok(
    requests.some((row) => /^exempt, +exempt, +-1, +-1, .*kubernetes-admin, +get, +\/debug\/api_priority_and_fairness/.test(row)),
  )
  const { text } = await ask(api, 'GET /metrics')
  assert.match(text, /^apiserver_flowcontrol_nominal_limit_seats\{priority_level="workload-low"\} 245$/m)
  assert.match(
    text,
    /^apiserver_flowcontrol_dispatched_requests_total\{flow_schema="global-default",priority_level="global-default"\} \d+$/m,
  )
  assert.match(text, /^apiserver_flowcontrol_request_wait_duration_seconds_bucket\{.*le="\+Inf"\} \d+$/m)
})
