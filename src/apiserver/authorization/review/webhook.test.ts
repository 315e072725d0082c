import assert from 'node:assert/strict'
import { renameSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import test from 'node:test'
import { configMaps, pods, selfSubjectAccessReviews, selfSubjectRulesReviews } from '#api'
import { type Clock, nullLog, seededRandom, type VirtualClock } from '#base'
import type { Client } from '#client'
import { configurationOf, grant, refusal, ruleOf, startAdmissionTest, startAuthorizationLab, startHttpsServer } from '#testing'
import { authorizationFile, parseAuthorizationConfiguration } from '../configuration/file.ts'
import { AuthorizationMetrics } from '../metrics.ts'
import { alwaysAllow, alwaysDeny } from '../modes.ts'
import type { Decision } from '../types.ts'
import { AuthorizerUnion } from '../union.ts'

const ANN = { username: 'ann', groups: ['team', 'system:authenticated'], uid: '7', extra: { 'example.com/x': ['y'] } }
const from = (document: string) => ({ configuration: { read: () => parseAuthorizationConfiguration(document) } })

test('a webhook is asked before others, in full, and what it allows or denies is remembered for a while', async () => {
  await using lab = await startAuthorizationLab(({ resourceAttributes: asked }) => {
    if (asked?.name === 'denied') return { allowed: false, denied: true, reason: 'not that one' }
    return asked?.resource === 'pods' ? { allowed: true, reason: 'pods are free' } : { allowed: false, reason: 'I do not know' }
  })
  await using api = await startAdmissionTest({ authorization: from(lab.configuration()) })
  await grant(api.client, 'ann', [ruleOf('core', 'configmaps', 'get list')])
  const ann = api.clientFor(ANN)
  lab.asked.length = 0
  const list = (): Promise<unknown> =>
    ann.list(pods, { namespace: 'work', fieldSelector: 'spec.nodeName!=a', labelSelector: 'app in (a,b),!old' })
  await list()
  const shown = {
    resourceAttributes: {
      namespace: 'work',
      verb: 'list',
      version: 'v1',
      resource: 'pods',
      fieldSelector: { requirements: [{ key: 'spec.nodeName', operator: 'NotIn', values: ['a'] }] },
      labelSelector: {
        requirements: [
          { key: 'app', operator: 'In', values: ['a', 'b'] },
          { key: 'old', operator: 'DoesNotExist', values: [] },
        ],
      },
    },
    user: 'ann',
    groups: ['team', 'system:authenticated'],
    uid: '7',
    extra: { 'example.com/x': ['y'] },
  }
  assert.deepEqual(lab.asked, [shown])
  const [request] = lab.server.requests.slice(-1)
  assert.deepEqual([request?.method, request?.path, request?.headers.authorization], ['POST', '/authorize', 'Bearer who-asks'])
  await list()
  await api.clock.advance(4 * 60_000 + 59_000)
  await list()
  assert.equal(lab.asked.length, 1)
  await api.clock.advance(2_000)
  await list()
  assert.equal(lab.asked.length, 2)
  // Without an opinion, those behind it decide; against its no, nobody does.
  await ann.list(configMaps, { namespace: 'work' })
  const get = (): Promise<string> => refusal(ann.get(configMaps, 'work/denied'))
  const refused = 'User "ann" cannot get resource "configmaps" in API group "" in the namespace "work": not that one'
  assert.equal(await get(), `configmaps "denied" is forbidden: ${refused}`)
  const before = lab.asked.length
  await get()
  assert.equal(lab.asked.length, before)
  await api.clock.advance(31_000)
  await get()
  assert.equal(lab.asked.length, before + 1)
  // The group that no policy can lock out is never asked about.
  await api.client.list(pods)
  assert.equal(lab.asked.length, before + 1)
  const rules = { apiVersion: 'authorization.k8s.io/v1', kind: 'SelfSubjectRulesReview', spec: { namespace: 'work' } }
  const { incomplete, evaluationError } = (await ann.create(selfSubjectRulesReviews, rules)).status!
  assert.deepEqual([incomplete, evaluationError], [true, 'webhook authorizer does not support user rule resolution'])
})

test('match conditions say what a webhook is asked about; one that fails is a failure of the webhook', async () => {
  await using lab = await startAuthorizationLab(() => ({ allowed: true }))
  const conditions = [
    { expression: "has(request.resourceAttributes) && request.resourceAttributes.namespace == 'work'" },
    { expression: "!('system:serviceaccounts' in request.groups)" },
  ]
  await using api = await startAdmissionTest({ authorization: from(lab.configuration({ matchConditions: conditions })) })
  const ann = api.clientFor(ANN)
  await ann.list(pods, { namespace: 'work' })
  assert.match(await refusal(ann.list(pods, { namespace: 'default' })), /forbidden/)
  assert.equal(lab.asked.length, 1)
  const failing = [{ expression: 'request.nonResourceAttributes.path == "/x"' }]
  await using strict = await startAdmissionTest({
    authorization: from(lab.configuration({ matchConditions: failing, failurePolicy: 'Deny' })),
  })
  await grant(strict.client, 'ann', [ruleOf('core', 'pods', 'list')])
  assert.match(
    await refusal(strict.clientFor(ANN).list(pods)),
    /^Internal Server Error: "\/api\/v1\/pods": cel evaluation error: expression 'request.nonResourceAttributes.path == "\/x"' resulted in error: no such key/,
  )
  assert.equal(lab.asked.length, 1)
})

const ATTRIBUTES = {
  user: ANN,
  verb: 'list',
  isResource: true,
  group: '',
  version: 'v1',
  resource: 'pods',
  subresource: '',
  namespace: '',
  name: '',
} as const

/** What comes of a question when whoever is asked after the webhook allows everything. Nobody waits for a pause; time limits pass when `expire` is called. */
async function decideWith(document: string, expire?: (pending: () => void) => void): Promise<Decision> {
  const clock: Clock = {
    now: () => 0,
    monotonic: () => 0,
    sleep: async () => undefined,
    after: (_ms, callback) => {
      expire?.(callback)
      return { at: 0, [Symbol.dispose]: () => undefined }
    },
  }
  const dependencies = {
    clock,
    random: seededRandom(1),
    log: nullLog,
    metrics: new AuthorizationMetrics(),
    node: alwaysDeny,
    rbac: alwaysAllow,
  }
  await using union = await AuthorizerUnion.open(from(document), dependencies)
  return await union.authorize(ATTRIBUTES)
}

/** Until it is answered, with time passing. */
async function patiently(clock: VirtualClock, client: Client): Promise<string> {
  let said: string | undefined
  const asking = client.list(pods).then(
    () => (said = 'allowed'),
    (error: Error) => (said = error.message),
  )
  while (said === undefined) {
    // What the server sent has to come through a socket.
    await new Promise((resolve) => setImmediate(resolve))
    await clock.advance(250)
  }
  await asking
  return said
}

test('a webhook that hangs, lies, redirects, answers without end or with nonsense decides nothing, and opens nothing', async () => {
  await using elsewhere = await startHttpsServer(['127.0.0.1'], () => ({ status: { allowed: true } }))
  const failures: readonly [what: string, tries: number, answer: Parameters<typeof startAuthorizationLab>[0]][] = [
    ['fails', 5, () => (_request, response) => void response.writeHead(500).end('{"status":{"allowed":true}}')],
    ['is busy', 5, () => (_request, response) => void response.writeHead(429).end()],
    [
      'redirects',
      1,
      () => (_request, response) => void response.writeHead(307, { location: `https://127.0.0.1:${elsewhere.port}/` }).end(),
    ],
    ['says both', 1, () => ({ allowed: true, denied: true })],
    ['says it in other words', 1, () => ({ allowed: 'yes' })],
    ['answers with nonsense', 1, () => (_request, response) => void response.writeHead(200).end('allowed')],
    [
      'answers another question',
      1,
      () => (_request, response) =>
        void response.writeHead(200, { 'content-type': 'application/json' }).end('{"kind":"Status","status":{"allowed":true}}'),
    ],
  ]
  for (const [what, tries, answer] of failures) {
    await using lab = await startAuthorizationLab(answer)
    assert.equal((await decideWith(lab.configuration())).decision, 'allow', `${what}: the next is asked`)
    assert.equal(lab.asked.length, tries, `${what}: tries`)
    if (what === 'says it in other words') continue
    const { decision, error } = await decideWith(lab.configuration({ failurePolicy: 'Deny' }))
    assert.equal(decision, 'deny', what)
    assert.match(error ?? '', /./, what)
  }
  assert.equal(elsewhere.requests.length, 0)
  await using endless = await startAuthorizationLab(() => (_request, response) => {
    response.writeHead(200, { 'content-type': 'application/json' })
    response.end(`{"kind":"SubjectAccessReview","status":{"allowed":true,"reason":"${'x'.repeat(10 * 1024 * 1024)}"}}`)
  })
  const tooLong = await decideWith(endless.configuration({ failurePolicy: 'Deny' }))
  assert.deepEqual([tooLong.decision, /size/.test(tooLong.error ?? '')], ['deny', true])
  await using hanging = await startAuthorizationLab(() => () => {
    for (const callback of pending.splice(0)) callback()
  })
  const pending: (() => void)[] = []
  const late = await decideWith(hanging.configuration({ failurePolicy: 'Deny' }), (callback) => void pending.push(callback))
  assert.deepEqual(late, {
    decision: 'deny',
    reason: '',
    error: 'failed to call the authorization webhook: context deadline exceeded',
  })
})

test('modes: AlwaysAllow lets everybody in, AlwaysDeny nobody but system:masters', async () => {
  await using open = await startAdmissionTest({ authorization: from(configurationOf([{ type: 'AlwaysAllow', name: 'a' }])) })
  await open.clientFor(ANN).list(pods)
  const rules = { apiVersion: 'authorization.k8s.io/v1', kind: 'SelfSubjectRulesReview', spec: { namespace: 'work' } }
  const { status } = await open.clientFor(ANN).create(selfSubjectRulesReviews, rules)
  assert.deepEqual(status?.resourceRules, [{ verbs: ['*'], apiGroups: ['*'], resources: ['*'] }])
  await using shut = await startAdmissionTest({ authorization: from(configurationOf([{ type: 'AlwaysDeny', name: 'd' }])) })
  await grant(shut.client, 'ann', [ruleOf('core', 'pods', 'list')])
  assert.match(await refusal(shut.clientFor(ANN).list(pods)), /at the cluster scope: Everything is forbidden\.$/)
})

test('functions of this process are authorizers with conditions, time limits and failures of their own', async () => {
  const seen: string[] = []
  await using api = await startAdmissionTest({
    authorization: {
      functions: [
        ({ user }) => {
          seen.push(user ?? '')
          return user === 'eve' ? { denied: true, reason: 'not her' } : undefined
        },
        {
          name: 'pods',
          matchConditions: [{ expression: "has(request.resourceAttributes) && request.resourceAttributes.resource == 'pods'" }],
          failurePolicy: 'Deny',
          authorizedTtlSeconds: 60,
          handle: async ({ user }, { signal }) => {
            seen.push(`pods ${user}`)
            if (user === 'slow')
              await new Promise((_resolve, reject) => signal.addEventListener('abort', () => reject(signal.reason)))
            if (user === 'broken') throw new Error('out of order')
            return { allowed: user === 'ann', reason: 'as you like' }
          },
        },
      ],
    },
  })
  const as = (username: string): Client => api.clientFor({ ...ANN, username })
  seen.length = 0
  await as('ann').list(pods)
  await as('ann').list(pods)
  assert.deepEqual(seen, ['ann', 'pods ann', 'ann'])
  assert.match(await refusal(as('eve').list(pods)), /cannot list resource "pods" in API group "" at the cluster scope: not her$/)
  assert.equal(await refusal(as('broken').list(pods)), 'Internal Server Error: "/api/v1/pods": out of order')
  assert.match(await patiently(api.clock, as('slow')), /^Internal Server Error: "\/api\/v1\/pods": context deadline exceeded$/)
  // Expressions that ask what a user may do wait for it too.
  const review = {
    apiVersion: 'authorization.k8s.io/v1',
    kind: 'SelfSubjectAccessReview',
    spec: { resourceAttributes: { resource: 'pods', verb: 'get' } },
  }
  assert.deepEqual((await as('ann').create(selfSubjectAccessReviews, review)).status, { allowed: true, reason: 'as you like' })
  await assert.rejects(
    startAdmissionTest({ authorization: { functions: [{ name: 'x', timeoutSeconds: 31, handle: () => undefined }] } }),
    /must be > 0 and <= 30/,
  )
})

test('a configuration that is wrong is refused, field by field', async () => {
  await using lab = await startAuthorizationLab(() => ({}))
  const wrong = async (document: string): Promise<string> => {
    const error = await parseAuthorizationConfiguration(document).catch((caught: Error) => caught)
    return error instanceof Error ? error.message : 'nothing is wrong'
  }
  assert.equal(await wrong(lab.configuration()), 'nothing is wrong')
  const table: readonly [webhook: object, message: string][] = [
    [{ timeout: undefined }, 'authorizers[0].webhook.timeout: Required value'],
    [{ timeout: '31s' }, 'authorizers[0].webhook.timeout: Invalid value: "31s": must be > 0s and <= 30s'],
    [
      { failurePolicy: 'Ignore' },
      'authorizers[0].webhook.failurePolicy: Unsupported value: "Ignore": supported values: "Deny", "NoOpinion"',
    ],
    [
      { subjectAccessReviewVersion: 'v2' },
      'authorizers[0].webhook.subjectAccessReviewVersion: Unsupported value: "v2": supported values: "v1", "v1beta1"',
    ],
    [
      { connectionInfo: { type: 'KubeConfigFile', kubeConfigFile: 'a' } },
      'authorizers[0].webhook.connectionInfo.kubeConfigFile: Invalid value: "a": must be an absolute path',
    ],
    [
      { connectionInfo: { type: 'KubeConfigFile', kubeConfigFile: lab.directory } },
      `authorizers[0].webhook.connectionInfo.kubeConfigFile: Invalid value: "${lab.directory}": must be a regular file`,
    ],
    [{ matchConditions: [{ expression: '' }] }, 'authorizers[0].webhook.matchConditions[0].expression: Required value'],
    [{ more: 1 }, 'strict decoding error: unknown field "authorizers[0].webhook.more"'],
  ]
  for (const [webhook, message] of table) assert.equal(await wrong(lab.configuration(webhook)), message)
  assert.match(
    await wrong(lab.configuration({ matchConditions: [{ expression: 'request.nonsense == 1' }, { expression: '1' }] })),
    /matchConditions\[0\]\.expression: Invalid value: .*: compilation failed: .*undefined field 'nonsense'[\s\S]*matchConditions\[1\]\.expression: .*must evaluate to bool/,
  )
  assert.equal(await wrong(configurationOf([])), 'authorizers: Required value: at least one authorization mode must be defined')
  assert.equal(
    await wrong(
      configurationOf([
        { type: 'RBAC', name: 'a' },
        { type: 'RBAC', name: 'a', webhook: {} },
        { type: 'Webhook', name: 'w' },
      ]),
    ),
    '[authorizers[1].type: Duplicate value: "RBAC", authorizers[1].name: Duplicate value: "a", authorizers[1].webhook: Invalid value: "non-null": may only be specified when type=Webhook, authorizers[2].webhook: Required value: required when type=Webhook]',
  )
  assert.match(await wrong('kind: Pod\napiVersion: v1\n'), /^expected AuthorizationConfiguration in apiserver.config.k8s.io\/v1/)
})

test('a configuration file is read again when it changes; one that is wrong changes nothing', async () => {
  await using lab = await startAuthorizationLab(() => ({ allowed: true }))
  const path = join(lab.directory, 'authorization.yaml')
  const write = (document: string): void => {
    writeFileSync(`${path}.new`, document)
    renameSync(`${path}.new`, path)
  }
  write(configurationOf([{ type: 'RBAC', name: 'rbac' }]))
  const events: string[] = []
  let told = Promise.withResolvers<void>()
  const note = (message: string): void => {
    events.push(message)
    told.resolve()
  }
  const log = { ...nullLog, info: note, error: note, warn: () => undefined, child: () => log }
  await using api = await startAdmissionTest({ authorization: { configuration: authorizationFile(path, log) }, log } as never)
  const ann = api.clientFor(ANN)
  assert.match(await refusal(ann.list(pods)), /forbidden/)
  events.length = 0
  told = Promise.withResolvers()
  write(lab.configuration())
  await told.promise
  assert.deepEqual(events, ['The authorization configuration was read again'])
  await ann.list(pods)
  told = Promise.withResolvers()
  write('kind: Nonsense')
  await told.promise
  assert.match(events[1] ?? '', /is wrong; the last one stays$/)
  await ann.list(pods)
})
