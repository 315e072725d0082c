import assert from 'node:assert/strict'
import test from 'node:test'
import { clusterRoleBindings, clusterRoles, roleBindings, type Subject, subjectAccessReviews } from '#api'
import { grant, ruleOf, startAdmissionTest, type TestApiServer } from '#testing'
import { allows } from './rules.ts'

const GROUP = 'rbac.authorization.k8s.io'

interface Asked {
  readonly user?: string
  readonly groups?: string[]
  readonly verb?: string
  readonly resource?: string
  readonly namespace?: string
}

/** What a SubjectAccessReview says of reading secrets, unless something else is asked. */
async function ask({ client }: TestApiServer, asked: Asked): Promise<readonly [allowed: boolean, reason: string]> {
  const { user = 'ann', groups = [], verb = 'get', resource = 'secrets', namespace = 'work' } = asked
  const review = await client.create(subjectAccessReviews, {
    apiVersion: 'authorization.k8s.io/v1',
    kind: 'SubjectAccessReview',
    spec: { user, groups, resourceAttributes: { verb, resource, namespace } },
  })
  return [review.status?.allowed ?? false, review.status?.reason ?? '']
}

const binding = (name: string, roleName: string, subjects: Subject[], namespace?: string) => ({
  apiVersion: `${GROUP}/v1`,
  kind: namespace === undefined ? 'ClusterRoleBinding' : 'RoleBinding',
  metadata: { name, ...(namespace !== undefined && { namespace }) },
  roleRef: { apiGroup: GROUP, kind: 'ClusterRole', name: roleName },
  subjects,
})

test('a decision says which binding of which role to which subject allowed it', async () => {
  await using api = await startAdmissionTest()
  const { client } = api
  assert.deepEqual(await ask(api, {}), [false, ''])
  await grant(client, 'ann', [ruleOf('core', 'secrets', 'get')], { name: 'reader' })
  assert.deepEqual(await ask(api, {}), [
    true,
    'RBAC: allowed by ClusterRoleBinding "reader" of ClusterRole "reader" to User "ann"',
  ])
  await grant(client, 'ann', [ruleOf('core', 'secrets', 'list')], { name: 'lister', namespace: 'work' })
  assert.deepEqual(await ask(api, { verb: 'list' }), [
    true,
    'RBAC: allowed by RoleBinding "lister/work" of Role "lister" to User "ann"',
  ])
  assert.deepEqual(await ask(api, { verb: 'list', namespace: 'other' }), [false, ''])
  const account = { kind: 'ServiceAccount', name: 'robot', namespace: 'work' }
  await client.create(clusterRoleBindings, binding('robots', 'reader', [account]))
  assert.deepEqual(await ask(api, { user: 'system:serviceaccount:work:robot' }), [
    true,
    'RBAC: allowed by ClusterRoleBinding "robots" of ClusterRole "reader" to ServiceAccount "robot/work"',
  ])
})

test('the index follows bindings and roles as they come, change and go', async () => {
  await using api = await startAdmissionTest()
  const { client } = api
  const team: Subject = { apiGroup: GROUP, kind: 'Group', name: 'team' }
  const asked = { user: 'bob', groups: ['team'] }
  assert.deepEqual(await ask(api, asked), [false, ''])
  await client.create(roleBindings, binding('b', 'late', [team, team], 'work') as never)
  assert.deepEqual(await ask(api, asked), [false, 'RBAC: clusterrole.rbac.authorization.k8s.io "late" not found'])
  const rules = [ruleOf('core', 'secrets', 'get')]
  await client.create(clusterRoles, { apiVersion: `${GROUP}/v1`, kind: 'ClusterRole', metadata: { name: 'late' }, rules })
  assert.equal((await ask(api, asked))[0], true)
  await client.patch(clusterRoles, 'late', { rules: [] }, { type: 'merge' })
  assert.deepEqual(await ask(api, asked), [false, ''])
  await client.patch(clusterRoles, 'late', { rules }, { type: 'merge' })
  const subjects = [{ apiGroup: GROUP, kind: 'User', name: 'carl' }]
  await client.patch(roleBindings, 'work/b', { subjects }, { type: 'merge' })
  assert.equal((await ask(api, asked))[0], false)
  assert.equal((await ask(api, { user: 'carl' }))[0], true)
  await client.delete(roleBindings, 'work/b')
  assert.equal((await ask(api, { user: 'carl' }))[0], false)
})

test('rules name resources, subresources, names and paths as documented', () => {
  const about = { user: { username: '', groups: [] }, verb: 'get', version: 'v1', namespace: '', name: '' }
  const asks = (resources: string, resource: string, subresource: string, name = '', names: string[] = []): boolean =>
    allows(ruleOf('core', resources, 'get', ...names), { ...about, isResource: true, group: '', resource, subresource, name })
  const table: readonly [boolean, boolean][] = [
    [asks('pods', 'pods', ''), true],
    [asks('pods', 'pods', 'log'), false],
    [asks('pods/log', 'pods', 'log'), true],
    [asks('pods/log', 'pods', ''), false],
    [asks('pods/log', 'odds', 'log'), false],
    [asks('*/log', 'pods', 'log'), true],
    [asks('*/log', 'pods', 'catalog'), false],
    [asks('pods/*', 'pods', 'log'), false],
    [asks('*', 'pods', 'log'), true],
    [asks('pods', 'pods', '', 'a', ['a']), true],
    [asks('pods', 'pods', '', 'b', ['a']), false],
    [asks('pods', 'pods', '', '', ['a']), false],
  ]
  for (const [index, [actual, expected]] of table.entries()) assert.equal(actual, expected, `row ${index}`)
  const path = (pattern: string, asked: string): boolean =>
    allows({ nonResourceURLs: [pattern], verbs: ['*'] }, { ...about, isResource: false, path: asked })
  assert.deepEqual(
    [path('/a', '/a'), path('/a', '/a/b'), path('/a/*', '/a/b'), path('/a/*', '/a'), path('*', '/x'), path('/a*', '/ab')],
    [true, false, true, false, true, true],
  )
})
