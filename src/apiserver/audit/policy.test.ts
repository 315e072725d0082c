import assert from 'node:assert/strict'
import test from 'node:test'
import type { UserInfo } from '#client'
import { requestInfoOf } from '../request-info.ts'
import { type AuditPolicy, type AuditRule, checkedPolicy, parseAuditPolicy, rulingOf } from './policy.ts'

const ANN: UserInfo = { username: 'ann', groups: ['dev', 'system:authenticated'] }

/** Whose credentials were refused. */
const NOBODY = Symbol('nobody')

/** `GET /api/v1/pods` by ann, or nobody. */
function levelOf(policy: AuditPolicy, request: string, user: UserInfo | typeof NOBODY = ANN): string {
  const [method = '', url = ''] = request.split(' ')
  const { pathname, searchParams } = new URL(url, 'https://x')
  return rulingOf(policy, requestInfoOf({ method, path: pathname, query: searchParams }), user === NOBODY ? undefined : user)
    .level
}

const POD = 'GET /api/v1/namespaces/work/pods/web'
const PODS = 'GET /api/v1/namespaces/work/pods'
const LOG = 'GET /api/v1/namespaces/work/pods/web/log'
const SCALE = 'PUT /apis/apps/v1/namespaces/work/deployments/web/scale'
const NODE = 'GET /api/v1/nodes/n'
const HEALTH = 'GET /healthz/ping'

/** A rule at Metadata, and which requests it takes. */
const MATCHES: readonly (readonly [
  what: string,
  rule: Omit<AuditRule, 'level'>,
  taken: readonly string[],
  left: readonly string[],
])[] = [
  ['nothing in particular', {}, [POD, SCALE, HEALTH], []],
  ['a user', { users: ['ann'] }, [POD, HEALTH], []],
  ['another user', { users: ['bob'] }, [], [POD, HEALTH]],
  ['a group of the user', { userGroups: ['ops', 'dev'] }, [POD], []],
  ['a group the user is not in', { userGroups: ['ops'] }, [], [POD]],
  ['verbs', { verbs: ['list', 'update'] }, [PODS, SCALE], [POD, NODE]],
  ['the verb of a path', { verbs: ['get'] }, [HEALTH, POD], [PODS]],
  ['namespaces', { namespaces: ['work'] }, [POD, SCALE], [NODE, HEALTH]],
  ['what is in no namespace', { namespaces: [''] }, [NODE], [POD, HEALTH]],
  ['a group', { resources: [{ group: 'apps' }] }, [SCALE], [POD, HEALTH]],
  ['the core group', { resources: [{ group: '' }] }, [POD, LOG, NODE], [SCALE]],
  ['a resource without its subresources', { resources: [{ resources: ['pods'] }] }, [POD, PODS], [LOG, NODE]],
  ['a subresource', { resources: [{ resources: ['pods/log'] }] }, [LOG], [POD]],
  ['all subresources of a resource', { resources: [{ resources: ['pods/*'] }] }, [LOG, POD], [NODE]],
  ['a subresource of all resources', { resources: [{ group: 'apps', resources: ['*/scale'] }] }, [SCALE], [LOG]],
  ['all resources of a group', { resources: [{ resources: ['*'] }] }, [POD, LOG, NODE], [SCALE]],
  ['a name', { resources: [{ resources: ['pods'], resourceNames: ['web'] }] }, [POD], [PODS, LOG]],
  ['another name', { resources: [{ resources: ['pods'], resourceNames: ['db'] }] }, [], [POD]],
  ['a path', { nonResourceURLs: ['/healthz/ping'] }, [HEALTH], [POD, 'GET /healthz']],
  ['paths below', { nonResourceURLs: ['/healthz*'] }, [HEALTH, 'GET /healthz'], [POD, 'GET /readyz']],
  ['all paths', { nonResourceURLs: ['*'] }, [HEALTH, 'GET /version'], [POD]],
]

for (const [what, rule, taken, left] of MATCHES) {
  test(`an audit rule for ${what} takes those requests and no others`, () => {
    const policy = { rules: [{ level: 'Metadata', ...rule }] } as const
    assert.deepEqual(
      [taken.map((each) => levelOf(policy, each)), left.map((each) => levelOf(policy, each))],
      [taken.map(() => 'Metadata'), left.map(() => 'None')],
    )
  })
}

test('the first audit rule that matches decides, and without one nothing is recorded', () => {
  const policy: AuditPolicy = {
    rules: [
      { level: 'None', verbs: ['list'] },
      { level: 'RequestResponse', resources: [{ resources: ['pods'] }] },
      { level: 'Metadata', resources: [{ group: '' }] },
    ],
  }
  assert.deepEqual(
    [PODS, POD, NODE, SCALE].map((each) => levelOf(policy, each)),
    ['None', 'RequestResponse', 'Metadata', 'None'],
  )
})

test('rules for users and groups do not take a request of nobody', () => {
  for (const rule of [{ users: ['ann'] }, { userGroups: ['dev'] }])
    assert.equal(levelOf({ rules: [{ level: 'Metadata', ...rule }] }, POD, NOBODY), 'None')
})

test('stages that the policy and the rule leave out add up, and a rule overrides what is said of managers', () => {
  const policy: AuditPolicy = {
    omitStages: ['RequestReceived'],
    omitManagedFields: true,
    rules: [
      { level: 'Request', verbs: ['get'], omitStages: ['ResponseStarted'], omitManagedFields: false },
      { level: 'Request' },
    ],
  }
  const of = (request: string) => {
    const [method = '', path = ''] = request.split(' ')
    return rulingOf(policy, requestInfoOf({ method, path }), ANN)
  }
  assert.deepEqual([[...of(POD).omitStages], of(POD).omitManagedFields], [['RequestReceived', 'ResponseStarted'], false])
  assert.deepEqual([[...of(PODS).omitStages], of(PODS).omitManagedFields], [['RequestReceived'], true])
})

/** Upstream's words for what is wrong. */
const REFUSED: readonly (readonly [what: string, rule: object, message: string])[] = [
  ['no level', {}, 'rules[0].level: Required value'],
  [
    'an unknown level',
    { level: 'All' },
    'rules[0].level: Unsupported value: "All": supported values: "None", "Metadata", "Request", "RequestResponse"',
  ],
  [
    'an unknown stage',
    { level: 'None', omitStages: ['Begun'] },
    'rules[0].omitStages[0]: Invalid value: "Begun": allowed stages are RequestReceived,ResponseStarted,ResponseComplete,Panic',
  ],
  [
    'a path without its slash',
    { level: 'None', nonResourceURLs: ['healthz'] },
    `rules[0].nonResourceURLs[0]: Invalid value: "healthz": non-resource URL rules must begin with a '/' character`,
  ],
  [
    'a star within a path',
    { level: 'None', nonResourceURLs: ['/a*/b'] },
    `rules[0].nonResourceURLs[0]: Invalid value: "/a*/b": non-resource URL wildcards '*' must be the final character of the rule`,
  ],
  [
    'resources and paths',
    { level: 'None', nonResourceURLs: ['/a'], namespaces: ['b'] },
    'rules[0].nonResourceURLs: Invalid value: ["/a"]: rules cannot apply to both regular resources and non-resource URLs',
  ],
  [
    'names of no resource',
    { level: 'None', resources: [{ resourceNames: ['a'] }] },
    'rules[0].resources.resourceNames: Invalid value: ["a"]: using resourceNames requires at least one resource',
  ],
]

for (const [what, rule, message] of REFUSED) {
  test(`an audit policy with ${what} is refused`, () => {
    assert.throws(() => checkedPolicy({ rules: [rule as AuditRule] }), { message })
  })
}

test('a policy file is read as upstream reads it: leniently, but not another kind', async () => {
  const warnings: string[] = []
  const parse = (text: string) => parseAuditPolicy(Buffer.from(text), (problem) => warnings.push(problem))
  const head = 'apiVersion: audit.k8s.io/v1\nkind: Policy\n'
  const policy = await parse(`${head}metadata: {name: p}\nomitStage: [Panic]\nrules: [{level: Metadata}]`)
  assert.deepEqual(policy.rules, [{ level: 'Metadata' }])
  assert.deepEqual(warnings, ['strict decoding error: unknown field "omitStage"'])
  await assert.rejects(parse('apiVersion: v1\nkind: Pod'), {
    message: 'failed decoding: no kind "Pod" is registered for version "v1"',
  })
  await assert.rejects(parse(`${head}rules: []`), { message: 'loaded illegal policy with 0 rules' })
  await assert.rejects(parse(`${head}rules: {}`), /^Error: failed decoding: /)
})
