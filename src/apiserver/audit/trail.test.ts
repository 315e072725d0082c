import assert from 'node:assert/strict'
import test from 'node:test'
import { configMaps, namespaces, pods, serviceAccounts } from '#api'
import type { AdmissionRequest, AuditEvent, AuditPolicy } from '#apiserver'
import { settle, VirtualClock } from '#base'
import type { UserInfo, WatchFrame } from '#client'
import {
  ask,
  askWatch,
  eventually,
  grant,
  ruleOf,
  startTestApiServer,
  TEST_ADMIN,
  type TestApiServer,
  TRANSPORTS,
} from '#testing'

const MAPS = '/api/v1/namespaces/default/configmaps'
const ANN: UserInfo = { username: 'ann', uid: '7', groups: ['dev', 'system:authenticated'], extra: { team: ['a'] } }

const map = (name: string) => ({
  apiVersion: 'v1',
  kind: 'ConfigMap',
  metadata: { name, namespace: 'default' },
  data: { a: 'b' },
})

interface Recorded extends AsyncDisposable {
  readonly api: TestApiServer
  /** Of requests that tests make, in order. */
  readonly events: AuditEvent[]
}

/** A server that records what `ann` and `admin` ask, by one rule. */
async function recording(
  rule: Omit<Partial<AuditPolicy['rules'][number]>, 'users'>,
  policy: Partial<AuditPolicy> = {},
): Promise<Recorded> {
  const events: AuditEvent[] = []
  const users = ['ann', 'bob', 'kubernetes-admin']
  const rules = [{ level: 'Metadata', ...rule, users } as const]
  const api = await startTestApiServer({ audit: { policy: { ...policy, rules }, record: (event) => void events.push(event) } })
  return { api, events, [Symbol.asyncDispose]: () => api[Symbol.asyncDispose]() }
}

const stagesOf = (events: readonly AuditEvent[]): string[] =>
  events.map(({ stage, responseStatus }) => `${stage} ${responseStatus?.code ?? '-'}`)

test('a request is recorded when it comes and when it is answered, with who, what, whence and when', async () => {
  await using recorded = await recording({})
  const { api, events } = recorded
  const { headers } = await ask(api, `GET ${MAPS}/none?pretty=true`, {
    headers: { 'user-agent': 'kubectl/v1', 'x-forwarded-for': '10.0.0.9, nonsense', 'x-real-ip': '10.0.0.9' },
  })
  const common = {
    kind: 'Event',
    apiVersion: 'audit.k8s.io/v1',
    level: 'Metadata',
    auditID: headers['audit-id'],
    requestURI: `${MAPS}/none?pretty=true`,
    verb: 'get',
    user: { username: 'kubernetes-admin', groups: ['system:masters', 'system:authenticated'] },
    sourceIPs: ['10.0.0.9', '::1'],
    userAgent: 'kubectl/v1',
    objectRef: { resource: 'configmaps', namespace: 'default', name: 'none', apiVersion: 'v1' },
    requestReceivedTimestamp: events[0]!.requestReceivedTimestamp,
    stageTimestamp: events[0]!.requestReceivedTimestamp,
  }
  assert.match(common.requestReceivedTimestamp, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z$/)
  assert.deepEqual(events, [
    { ...common, stage: 'RequestReceived' },
    {
      ...common,
      stage: 'ResponseComplete',
      responseStatus: {
        metadata: {},
        status: 'Failure',
        message: 'configmaps "none" not found',
        reason: 'NotFound',
        details: { name: 'none', kind: 'configmaps' },
        code: 404,
      },
      annotations: { 'authorization.k8s.io/decision': 'allow', 'authorization.k8s.io/reason': '' },
    },
  ])
})

test('the client may name the request', async () => {
  await using recorded = await recording({})
  const { headers } = await ask(recorded.api, 'GET /version', { headers: { 'audit-id': 'mine' } })
  assert.deepEqual([headers['audit-id'], recorded.events[0]!.auditID], ['mine', 'mine'])
})

test('a refused request is recorded with the decision, and an impersonated user beside the real one', async () => {
  await using recorded = await recording({})
  const { api, events } = recorded
  await ask(api, `GET ${MAPS}`, { user: ANN })
  const [, refused] = events
  assert.deepEqual(refused!.user, { username: 'ann', uid: '7', groups: ['dev', 'system:authenticated'], extra: { team: ['a'] } })
  assert.equal(refused!.annotations!['authorization.k8s.io/decision'], 'forbid')
  assert.equal(refused!.responseStatus!.code, 403)
  events.length = 0
  await ask(api, `GET ${MAPS}`, { headers: { 'impersonate-user': 'eve', 'impersonate-group': 'ops' } })
  assert.deepEqual(
    events.map(({ user, impersonatedUser }) => [user.username, impersonatedUser?.username]),
    [
      ['kubernetes-admin', undefined],
      ['kubernetes-admin', 'eve'],
    ],
  )
  assert.deepEqual(events[1]!.impersonatedUser!.groups, ['ops', 'system:authenticated'])
})

test('what an authorizer could not decide is answered in plain text, and recorded as no decision', async () => {
  const events: AuditEvent[] = []
  const policy: AuditPolicy = { rules: [{ level: 'Metadata', users: ['ann'] }], omitStages: ['RequestReceived'] }
  const fail = (): never => {
    throw new Error('<broken>')
  }
  await using api = await startTestApiServer({
    audit: { policy, record: (event) => void events.push(event) },
    authorization: { functions: [fail] },
  })
  const { code, headers, text } = await ask(api, `GET ${MAPS}?limit=1`, { user: ANN })
  assert.deepEqual(
    [code, headers['content-type'], headers['x-content-type-options']],
    [500, 'text/plain; charset=utf-8', 'nosniff'],
  )
  assert.equal(text, `Internal Server Error: "${MAPS}?limit=1": &lt;broken&gt;\n`)
  const [{ annotations, responseStatus } = {} as AuditEvent] = events
  assert.deepEqual(annotations, { 'authorization.k8s.io/reason': 'internal error' })
  assert.deepEqual(responseStatus, { metadata: {}, code: 500 })
})

test('levels decide which objects are recorded', async () => {
  const shown = async (level: 'Metadata' | 'Request' | 'RequestResponse') => {
    await using recorded = await recording({ level, omitStages: ['RequestReceived'] })
    await ask(recorded.api, `POST ${MAPS}`, { body: map('a') })
    const [{ objectRef, requestObject, responseObject, responseStatus } = {} as AuditEvent] = recorded.events
    assert.deepEqual(objectRef, { resource: 'configmaps', namespace: 'default', name: 'a', apiVersion: 'v1' })
    assert.deepEqual(responseStatus, { metadata: {}, code: 201 })
    return [requestObject, (responseObject as { metadata?: { uid?: string } } | undefined)?.metadata?.uid !== undefined]
  }
  assert.deepEqual(await shown('Metadata'), [undefined, false])
  assert.deepEqual(await shown('Request'), [map('a'), false])
  assert.deepEqual(await shown('RequestResponse'), [map('a'), true])
})

test('what is recorded of a body is what was sent, completed, and not what admission made of it', async () => {
  await using recorded = await recording({ level: 'Request', omitStages: ['RequestReceived'] })
  const body = { apiVersion: 'v1', kind: 'Pod', metadata: { name: 'p' }, spec: { containers: [{ name: 'c', image: 'i' }] } }
  await recorded.api.client.create(serviceAccounts, {
    apiVersion: 'v1',
    kind: 'ServiceAccount',
    metadata: { name: 'default', namespace: 'default' },
  })
  recorded.events.length = 0
  await ask(recorded.api, 'POST /api/v1/namespaces/default/pods', { body })
  const { metadata, spec } = recorded.events[0]!.requestObject as { metadata: object; spec: Record<string, unknown> }
  assert.deepEqual(metadata, { name: 'p' })
  assert.equal(spec['restartPolicy'], 'Always')
  assert.equal(spec['serviceAccountName'], undefined)
})

test('of a patch the patch is recorded, of a delete its options and its Status', async () => {
  await using recorded = await recording({ level: 'RequestResponse', omitStages: ['RequestReceived'] })
  const { api, events } = recorded
  await ask(api, `POST ${MAPS}`, { body: map('a') })
  await ask(api, `PATCH ${MAPS}/a`, { body: { data: { a: null } }, headers: { 'content-type': 'application/merge-patch+json' } })
  await ask(api, `DELETE ${MAPS}/a`, { body: { kind: 'DeleteOptions', apiVersion: 'v1', propagationPolicy: 'Background' } })
  assert.deepEqual(events[1]!.requestObject, { data: { a: null } })
  assert.equal((events[2]!.requestObject as { propagationPolicy: string }).propagationPolicy, 'Background')
  assert.equal(events[2]!.responseStatus!.status, 'Success')
  assert.equal((events[2]!.responseObject as { kind: string }).kind, 'Status')
})

test('managers are left out of recorded objects where the policy says so, of lists too', async () => {
  await using recorded = await recording(
    { level: 'RequestResponse' },
    { omitManagedFields: true, omitStages: ['RequestReceived'] },
  )
  const { api, events } = recorded
  await ask(api, `POST ${MAPS}`, { body: map('a') })
  await ask(api, `GET ${MAPS}`)
  const { object } = await ask(api, `GET ${MAPS}/a`)
  assert.ok(object.metadata.managedFields!.length > 0)
  for (const { responseObject } of events) assert.equal(JSON.stringify(responseObject).includes('managedFields'), false)
  assert.equal(JSON.stringify(events[1]!.responseObject).includes('"name":"a"'), true)
})

test('a watch is recorded when it begins and when it ends, however it ends', async () => {
  await using recorded = await recording({})
  const { api, events } = recorded
  {
    await using watch = await askWatch(api, `GET ${MAPS}?watch=true`)
    assert.deepEqual(stagesOf(events), ['RequestReceived -', 'ResponseStarted 200'])
    await api.client.create(namespaces, { apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'other' } })
    assert.ok(watch)
  }
  assert.deepEqual(stagesOf(events.filter(({ verb }) => verb === 'watch')), [
    'RequestReceived -',
    'ResponseStarted 200',
    'ResponseComplete 200',
  ])
  events.length = 0
  await ask(api, `GET ${MAPS}?watch=true&resourceVersion=nonsense`)
  assert.deepEqual(stagesOf(events), ['RequestReceived -', 'ResponseStarted 422', 'ResponseComplete 422'])
})

test('a watch that is pushed to its connection is recorded as well, whether the client or the server ends it', async () => {
  for (const endsBy of ['client', 'server'] as const) {
    await using recorded = await recording({})
    const { api, events } = recorded
    const answer = await api.server.handle(
      { method: 'GET', path: MAPS, query: new URLSearchParams('watch=true&timeoutSeconds=5&resourceVersion=0') },
      { kind: 'in-process', user: TEST_ADMIN },
    )
    assert.ok(answer.body.kind === 'watch')
    const told: string[] = []
    const ended = Promise.withResolvers<void>()
    const take = (frames: readonly WatchFrame[]): boolean => told.push(...frames.map(({ type }) => type)) > 0
    const watch = answer.body.frames.pushTo!({ take, end: () => ended.resolve() })
    await ask(api, `POST ${MAPS}`, { body: map('x') })
    await settle()
    assert.ok(told.includes('ADDED'))
    if (endsBy === 'server') {
      await (api.clock as VirtualClock).advance(5_250)
      await ended.promise
    } else watch.stop()
    await settle()
    assert.deepEqual(stagesOf(events.filter(({ verb }) => verb === 'watch')), [
      'RequestReceived -',
      'ResponseStarted 200',
      'ResponseComplete 200',
    ])
  }
})

test('credentials that are refused are recorded once, by a rule that names nobody', async () => {
  const events: AuditEvent[] = []
  const rules = [{ level: 'Metadata', verbs: ['list'] } as const]
  await using api = await startTestApiServer({ audit: { policy: { rules }, record: (event) => void events.push(event) } })
  await using stack = new AsyncDisposableStack()
  const connect = await TRANSPORTS['https']!(api, stack)
  events.length = 0
  const transport = connect({ username: 'x', groups: [] })
  const handled = await api.server.handle(
    { method: 'GET', path: MAPS, headers: { authorization: 'Bearer nonsense' } },
    { kind: 'tls', address: '::ffff:10.1.2.3' },
  )
  assert.equal(handled.status, 401)
  assert.deepEqual(
    events.map(({ stage, user, sourceIPs, responseStatus }) => ({ stage, user, sourceIPs, responseStatus })),
    [
      {
        stage: 'ResponseStarted',
        user: {},
        sourceIPs: ['10.1.2.3'],
        responseStatus: { metadata: {}, message: 'Authentication failed, attempted: bearer', code: 401 },
      },
    ],
  )
  await transport[Symbol.asyncDispose]()
})

test('over the network the address and the URI are recorded as they came', async () => {
  await using recorded = await recording({})
  const { api, events } = recorded
  await using stack = new AsyncDisposableStack()
  const connect = await TRANSPORTS['https']!(api, stack)
  const query = new URLSearchParams({ labelSelector: 'a in (b,c)' })
  await connect({ username: 'ann', groups: [] }).request({ method: 'GET', path: MAPS, query })
  await eventually(() => events.length === 2)
  const [{ sourceIPs, requestURI } = {} as AuditEvent] = events
  assert.deepEqual([sourceIPs, requestURI], [['127.0.0.1'], `${MAPS}?${query}`])
})

test('a connection that is asked for and refused is recorded, with what it was refused for', async () => {
  await using recorded = await recording({})
  const { api, events } = recorded
  await using stack = new AsyncDisposableStack()
  const connect = await TRANSPORTS['https']!(api, stack)
  const headers = { upgrade: 'SPDY/3.1' }
  const ann = connect({ username: 'ann', groups: [] })
  const ask = (): Promise<unknown> => ann.upgrade!({ method: 'GET', path: '/api/v1/namespaces/default/pods/none/exec', headers })
  await assert.rejects(ask())
  await grant(api.client, 'ann', [ruleOf('core', 'pods/exec', '*')])
  await assert.rejects(ask())
  const hers = (): AuditEvent[] => events.filter(({ user }) => user.username === 'ann')
  await eventually(() => hers().length === 6)
  assert.deepEqual(stagesOf(hers()), [
    'RequestReceived -',
    'ResponseStarted 403',
    'ResponseComplete 403',
    'RequestReceived -',
    'ResponseStarted 404',
    'ResponseComplete 404',
  ])
})

test('what admission notes of a request is in its event, and what webhooks changed from the level on that shows requests', async () => {
  const handle = ({ name }: AdmissionRequest) =>
    name === 'a'
      ? { allowed: true, patch: [{ op: 'add', path: '/data/x', value: 'y' }], auditAnnotations: { why: 'because' } }
      : { allowed: true }
  const events: AuditEvent[] = []
  const policy = (level: 'Metadata' | 'Request') =>
    ({ rules: [{ level, verbs: ['create'], users: ['kubernetes-admin'] }] }) as const
  const annotationsAt = async (level: 'Metadata' | 'Request'): Promise<readonly string[]> => {
    events.length = 0
    await using api = await startTestApiServer({
      admission: { functions: [{ name: 'mine', handle }] },
      audit: { policy: policy(level), record: (event) => void events.push(event) },
    })
    events.length = 0
    await ask(api, `POST ${MAPS}`, { body: map('a') })
    return Object.keys(events.at(-1)!.annotations!)
  }
  const always = [
    'authorization.k8s.io/decision',
    'authorization.k8s.io/reason',
    'mine/why',
    'mutation.webhook.admission.k8s.io/round_0_index_0',
  ]
  assert.deepEqual(await annotationsAt('Metadata'), always)
  assert.deepEqual(await annotationsAt('Request'), [...always, 'patch.webhook.admission.k8s.io/round_0_index_0'])
})

test('an issued token is recorded by its id, and never itself below RequestResponse', async () => {
  await using recorded = await recording({ level: 'Request', omitStages: ['RequestReceived'] })
  const { api, events } = recorded
  await api.client.create(serviceAccounts, {
    apiVersion: 'v1',
    kind: 'ServiceAccount',
    metadata: { name: 'robot', namespace: 'default' },
  })
  events.length = 0
  await ask(api, 'POST /api/v1/namespaces/default/serviceaccounts/robot/token', {
    body: { kind: 'TokenRequest', apiVersion: 'authentication.k8s.io/v1' },
  })
  const [event] = events
  assert.match(event!.annotations!['authentication.kubernetes.io/issued-credential-id']!, /^JTI=[0-9a-f-]{36}$/)
  assert.deepEqual([event!.objectRef!.subresource, JSON.stringify(event).includes('eyJ')], ['token', false])
})

test('who goes on with a token that should have been read anew is noted', async () => {
  const events: AuditEvent[] = []
  const clock = new VirtualClock()
  const policy = { rules: [{ level: 'Metadata', nonResourceURLs: ['/version'] } as const] }
  await using api = await startTestApiServer({ clock, audit: { policy, record: (event) => void events.push(event) } })
  await api.client.create(serviceAccounts, {
    apiVersion: 'v1',
    kind: 'ServiceAccount',
    metadata: { name: 'robot', namespace: 'default' },
  })
  const pod = await api.client.create(pods, {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name: 'p', namespace: 'default' },
    spec: { serviceAccountName: 'robot', containers: [{ name: 'c', image: 'i' }] },
  })
  const boundObjectRef = { kind: 'Pod', apiVersion: 'v1', name: 'p', uid: pod.metadata!.uid! }
  const { object } = await ask(api, 'POST /api/v1/namespaces/default/serviceaccounts/robot/token', {
    body: { kind: 'TokenRequest', apiVersion: 'authentication.k8s.io/v1', spec: { expirationSeconds: 3607, boundObjectRef } },
  })
  const { token } = (object as unknown as { status: { token: string } }).status
  const noteNow = async (): Promise<string | undefined> => {
    const headers = { authorization: `Bearer ${token}` }
    await api.server.handle({ method: 'GET', path: '/version', headers }, { kind: 'tls', address: '10.0.0.1' })
    return events.at(-1)!.annotations!['authentication.k8s.io/stale-token']
  }
  assert.equal(await noteNow(), undefined)
  await clock.advance(3_700_000)
  assert.equal(await noteNow(), 'subject: system:serviceaccount:default:robot, seconds after warning threshold: 93')
})

test('a slow request tells where its time went', async () => {
  const events: AuditEvent[] = []
  const clock = new VirtualClock()
  const objectSelector = { matchLabels: { slow: 'yes' } }
  const slow = (type: 'mutating' | 'validating', ms: number) => ({
    type,
    objectSelector,
    handle: () => clock.sleep(ms).then(() => undefined),
  })
  const policy = { rules: [{ level: 'Metadata', resources: [{ resources: ['configmaps'] }] } as const] }
  await using api = await startTestApiServer({
    clock,
    audit: { policy, record: (event) => void events.push(event) },
    admission: {
      functions: ['mutating', 'mutating', 'validating', 'validating'].map((type, index) =>
        slow(type as 'mutating', [150, 100, 50, 300][index]!),
      ),
    },
  })
  const latencies = async (work: Promise<unknown>): Promise<Record<string, string>> => {
    let isDone = false
    const done = work.finally(() => (isDone = true))
    while (!isDone) await clock.advance(10)
    await done
    const noted = Object.entries(events.at(-1)!.annotations ?? {}).filter(([key]) => key.startsWith('apiserver.latency'))
    return Object.fromEntries(noted)
  }
  const made = (name: string) => ({ metadata: { name, namespace: 'default', labels: { slow: 'yes' } } })
  assert.deepEqual(await latencies(api.client.create(configMaps, made('one'))), {
    'apiserver.latency.k8s.io/mutating-webhook': '250ms',
    'apiserver.latency.k8s.io/validating-webhook': '300ms',
    'apiserver.latency.k8s.io/total': '550ms',
  })
  assert.deepEqual(await latencies(api.client.get(configMaps, 'default/one')), {})
})

test('the use of a deprecated API is noted', async () => {
  await using recorded = await recording({})
  await ask(recorded.api, 'GET /api/v1/componentstatuses')
  assert.equal(recorded.events.at(-1)!.annotations!['k8s.io/deprecated'], 'true')
})

test('metrics count events and levels', async () => {
  await using recorded = await recording({})
  await ask(recorded.api, 'GET /version')
  const { text } = await ask(recorded.api, 'GET /metrics')
  // The scrape itself has begun.
  assert.match(text, /apiserver_audit_event_total 3\n/)
  assert.match(text, /apiserver_audit_level_total\{level="Metadata"\} 2\n/)
  assert.match(text, /apiserver_audit_level_total\{level="None"\} \d+\n/)
})
