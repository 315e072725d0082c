import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import test, { type TestContext } from 'node:test'
import { configMaps, secrets } from '#api'
import type { UserInfo } from '#client'
import { isForbidden } from '#meta'
import { startTestApiServer } from '#testing'
import { abacAuthorizer } from './abac.ts'
import { parseAuthorizationConfiguration } from './index.ts'

const versioned = (spec: object): string =>
  JSON.stringify({ apiVersion: 'abac.authorization.kubernetes.io/v1beta1', kind: 'Policy', spec })

function fileOf(context: TestContext, ...lines: readonly string[]): string {
  const folder = mkdtempSync(join(tmpdir(), 't8s-abac-'))
  context.after(() => rmSync(folder, { recursive: true, force: true }))
  const path = join(folder, 'policies')
  writeFileSync(path, lines.join('\n'))
  return path
}

const userOf = (username: string, ...groups: readonly string[]): UserInfo => ({ username, groups })

const asking = (user: UserInfo, verb: string, resource: string, namespace = 'default', group = '') =>
  ({ user, verb, isResource: true, group, version: 'v1', resource, subresource: '', namespace, name: '' }) as const

test('a policy allows who is its user and of its group what it names, and reading where it says so', async (context) => {
  const authorizer = await abacAuthorizer(
    fileOf(
      context,
      '# people',
      versioned({ user: 'ann', namespace: '*', resource: '*', apiGroup: '*' }),
      '',
      versioned({ user: 'bob', group: 'ops', namespace: 'work', resource: 'pods', readonly: true }),
      versioned({ group: 'ops', nonResourcePath: '/logs/*' }),
      versioned({ user: '*', nonResourcePath: '/version', readonly: true }),
      versioned({ resource: 'secrets', namespace: '*' }),
    ),
  )
  const may = (attributes: Parameters<typeof authorizer.authorize>[0]): string =>
    (authorizer.authorize(attributes) as { decision: string }).decision
  const [ann, bob, both, ops] = [userOf('ann'), userOf('bob'), userOf('bob', 'ops'), userOf('eve', 'ops')]
  const known = userOf('any', 'system:authenticated')
  const path = (user: UserInfo, verb: string, each: string) => ({ user, verb, isResource: false, path: each }) as const
  const cases: [attributes: Parameters<typeof authorizer.authorize>[0], allowed: boolean][] = [
    [asking(ann, 'delete', 'deployments', 'work', 'apps'), true],
    [asking(both, 'list', 'pods', 'work'), true],
    [asking(both, 'create', 'pods', 'work'), false],
    [asking(both, 'list', 'pods', 'other'), false],
    [asking(both, 'list', 'pods', 'work', 'metrics.k8s.io'), false],
    [asking(bob, 'list', 'pods', 'work'), false],
    [asking(ops, 'get', 'secrets'), false],
    [path(ops, 'post', '/logs/kubelet'), true],
    [path(ops, 'get', '/metrics'), false],
    [path(known, 'get', '/version'), true],
    [path(known, 'post', '/version'), false],
    [path(userOf('system:anonymous', 'system:unauthenticated'), 'get', '/version'), false],
    [path(ann, 'get', '/logs/kubelet'), false],
  ]
  for (const [attributes, allowed] of cases)
    assert.equal(may(attributes), allowed ? 'allow' : 'no-opinion', JSON.stringify(attributes))
  assert.deepEqual(authorizer.rulesFor!(both, 'work'), {
    resourceRules: [{ verbs: ['get', 'list', 'watch'], apiGroups: [''], resources: ['pods'] }],
    nonResourceRules: [],
    incomplete: false,
    errors: [],
  })
})

test('a policy without a version is for everything that it leaves out, and a line that is none is told by its number', async (context) => {
  const old = await abacAuthorizer(fileOf(context, '{"user":"ann"}', '{"readonly":true,"resource":"pods"}'))
  const may = (user: UserInfo, verb: string, resource: string): string =>
    (old.authorize(asking(user, verb, resource)) as { decision: string }).decision
  const known = userOf('any', 'system:authenticated')
  assert.deepEqual(
    [
      may(userOf('ann'), 'delete', 'nodes'),
      may(known, 'get', 'pods'),
      may(known, 'create', 'pods'),
      may(userOf('x'), 'get', 'pods'),
    ],
    ['allow', 'allow', 'no-opinion', 'no-opinion'],
  )
  for (const [line, said] of [
    ['nothing', /line 2: nothing: /],
    ['[]', /line 2: \[\]: it is no policy/],
    ['{"user":"ann","verb":"get"}', /line 2: .*: unknown field "verb"/],
    ['{"kind":"Policy","apiVersion":"v1"}', /line 2: .*: no kind "Policy" is registered for version "v1"/],
    [versioned({ user: 7 }), /line 2: /],
  ] as const)
    await assert.rejects(abacAuthorizer(fileOf(context, '#', line)), said)
})

test('a server may be told to ask policies of a file, and counts who decided what', async (context) => {
  const policyFile = fileOf(context, versioned({ user: 'ann', namespace: 'default', resource: 'configmaps', readonly: true }))
  const document = JSON.stringify({
    apiVersion: 'apiserver.config.k8s.io/v1',
    kind: 'AuthorizationConfiguration',
    authorizers: [
      { type: 'RBAC', name: 'rbac' },
      { type: 'ABAC', name: 'abac' },
    ],
  })
  await assert.rejects(parseAuthorizationConfiguration(document), /authorizers\[1\]\.type: Unsupported value: "ABAC"/)
  const configuration = { read: () => parseAuthorizationConfiguration(document, policyFile) }
  await using api = await startTestApiServer({ authorization: { configuration } })
  const ann = api.clientFor(userOf('ann', 'system:authenticated'))
  await ann.list(configMaps, { namespace: 'default' })
  await assert.rejects(ann.list(secrets, { namespace: 'default' }), isForbidden)
  await ann.request({ method: 'GET', path: '/version' })
  const { body } = await api.client.request({ method: 'GET', path: '/metrics' })
  assert.ok(body.kind === 'bytes')
  const text = Buffer.from(body.bytes).toString()
  assert.match(text, /apiserver_authorization_decisions_total\{decision="allowed",name="abac",type="ABAC"\} 1\n/)
  assert.match(text, /apiserver_authorization_decisions_total\{decision="allowed",name="rbac",type="RBAC"\} 1\n/)
  assert.doesNotMatch(text, /decision="denied"/)
})
