import assert from 'node:assert/strict'
import test from 'node:test'
import { type ClusterRole, clusterRoleBindings, clusterRoles, type PolicyRule, roleBindings, roles } from '#api'
import type { Client, UserInfo } from '#client'
import { grant, refusal, ruleOf, startAdmissionTest, type TestApiServer } from '#testing'

const GROUP = 'rbac.authorization.k8s.io'
const RBAC = { apiVersion: `${GROUP}/v1` } as const
const EVE: UserInfo = { username: 'eve', groups: ['staff', 'system:authenticated'] }
const WHO = 'user "eve" (groups=["staff" "system:authenticated"]) is attempting to grant RBAC permissions not currently held:'

const role = (name: string, ...rules: PolicyRule[]): ClusterRole => ({ ...RBAC, kind: 'ClusterRole', metadata: { name }, rules })
const localRole = (name: string, ...rules: PolicyRule[]) => ({
  ...RBAC,
  kind: 'Role',
  metadata: { name, namespace: 'work' },
  rules,
})
const bound = (kind: string, name: string) => ({
  roleRef: { apiGroup: GROUP, kind, name },
  subjects: [{ apiGroup: GROUP, kind: 'User', name: 'eve' }],
})
const clusterBinding = (name: string, to: string) => ({
  ...RBAC,
  kind: 'ClusterRoleBinding',
  metadata: { name },
  ...bound('ClusterRole', to),
})
const localBinding = (name: string, kind: string, to: string) => ({
  ...RBAC,
  kind: 'RoleBinding',
  metadata: { name, namespace: 'work' },
  ...bound(kind, to),
})

/** A server, and a client that may write everything of RBAC and, in its namespace, read pods. */
async function start(): Promise<TestApiServer & { readonly eve: Client }> {
  const api = await startAdmissionTest()
  const all = 'create get list watch update patch delete'
  await grant(api.client, 'eve', [ruleOf(GROUP, 'roles clusterroles rolebindings clusterrolebindings', all)])
  await grant(api.client, 'eve', [ruleOf('core', 'pods', 'get list')], { namespace: 'work' })
  return { ...api, eve: api.clientFor(EVE), [Symbol.asyncDispose]: () => api[Symbol.asyncDispose]() }
}

test('who writes a role must hold what it says', async () => {
  await using api = await start()
  const { eve, client } = api
  const wanted = [
    ruleOf('core apps', 'pods deployments', 'get watch', 'a', 'b'),
    ruleOf('core', 'secrets', 'get list'),
    ruleOf('core', 'secrets', 'watch'),
    { nonResourceURLs: ['/metrics'], verbs: ['get'] },
  ]
  assert.equal(
    await refusal(eve.create(clusterRoles, role('bad', ...wanted))),
    [
      `clusterroles.rbac.authorization.k8s.io "bad" is forbidden: ${WHO}`,
      '{APIGroups:[""], Resources:["deployments"], ResourceNames:["a"], Verbs:["get" "watch"]}',
      '{APIGroups:[""], Resources:["deployments"], ResourceNames:["b"], Verbs:["get" "watch"]}',
      '{APIGroups:[""], Resources:["pods"], ResourceNames:["a"], Verbs:["get" "watch"]}',
      '{APIGroups:[""], Resources:["pods"], ResourceNames:["b"], Verbs:["get" "watch"]}',
      '{APIGroups:[""], Resources:["secrets"], Verbs:["get" "list" "watch"]}',
      '{APIGroups:["apps"], Resources:["deployments"], ResourceNames:["a"], Verbs:["get" "watch"]}',
      '{APIGroups:["apps"], Resources:["deployments"], ResourceNames:["b"], Verbs:["get" "watch"]}',
      '{APIGroups:["apps"], Resources:["pods"], ResourceNames:["a"], Verbs:["get" "watch"]}',
      '{APIGroups:["apps"], Resources:["pods"], ResourceNames:["b"], Verbs:["get" "watch"]}',
      '{NonResourceURLs:["/metrics"], Verbs:["get"]}',
    ].join('\n'),
  )
  // In its namespace, and only there, it holds the right to read pods, and with it to read one of them.
  await eve.create(roles, localRole('reader', ruleOf('core', 'pods', 'get', 'a')))
  assert.match(await refusal(eve.create(clusterRoles, role('reader', ruleOf('core', 'pods', 'get')))), /not currently held/)
  assert.match(
    await refusal(eve.patch(roles, 'work/reader', { rules: [ruleOf('core', 'pods', '*')] }, { type: 'merge' })),
    /^roles.rbac.authorization.k8s.io "reader" is forbidden: .*\n\{APIGroups:\[""\], Resources:\["pods"\], Verbs:\["\*"\]\}$/,
  )
  const applied = {
    ...RBAC,
    kind: 'Role',
    metadata: { name: 'applied', namespace: 'work' },
    rules: [ruleOf('core', 'pods', 'delete')],
  }
  assert.match(
    await refusal(eve.patch(roles, 'work/applied', applied, { type: 'apply', fieldManager: 'eve' } as never)),
    /is attempting to grant/,
  )
  // What it could not have written it may still let go of.
  await client.create(roles, localRole('strong', ruleOf('core', 'secrets', '*')))
  await eve.patch(roles, 'work/strong', { metadata: { finalizers: ['example.com/x'] } }, { type: 'merge' })
  assert.match(
    await refusal(eve.patch(roles, 'work/strong', { metadata: { labels: { a: 'b' } } }, { type: 'merge' })),
    /not currently held/,
  )
})

test('the verb escalate on a role allows what it says, on that role alone', async () => {
  await using api = await start()
  const { eve, client } = api
  await client.create(clusterRoles, role('one'))
  await client.create(clusterRoles, role('two'))
  await grant(client, 'eve', [ruleOf(GROUP, 'clusterroles', 'escalate', 'one')], { name: 'escalate-one' })
  const strong = { rules: [ruleOf('core', 'secrets', '*')] }
  await eve.patch(clusterRoles, 'one', strong, { type: 'merge' })
  assert.match(await refusal(eve.patch(clusterRoles, 'two', strong, { type: 'merge' })), /not currently held/)
  // There is no name yet when a role is made, so the verb is needed on all.
  assert.match(await refusal(eve.create(clusterRoles, role('three', ...strong.rules))), /not currently held/)
  await grant(client, 'eve', [ruleOf(GROUP, 'clusterroles', 'escalate')], { name: 'escalate-all' })
  await eve.create(clusterRoles, role('three', ...strong.rules))
})

test('an aggregated role is for those who hold everything, whatever it gathers today', async () => {
  await using api = await start()
  const { eve, client } = api
  const gathering = { aggregationRule: { clusterRoleSelectors: [{ matchLabels: { strong: 'yes' } }] } }
  const why = 'must have cluster-admin privileges to use the aggregationRule'
  const about = (name: string): string => `clusterroles.rbac.authorization.k8s.io ${JSON.stringify(name)} is forbidden: ${why}`
  assert.equal(await refusal(eve.create(clusterRoles, { ...role('all'), ...gathering })), about('all'))
  await client.create(clusterRoles, { ...role('all'), ...gathering })
  assert.equal(await refusal(eve.patch(clusterRoles, 'all', { aggregationRule: null }, { type: 'merge' })), about('all'))
  // Nor can a part be added to one that is bound already: the part would have to be held.
  const part = { ...role('part', ruleOf('core', 'secrets', '*')), metadata: { name: 'part', labels: { strong: 'yes' } } }
  assert.match(await refusal(eve.create(clusterRoles, part)), /not currently held/)
  assert.match(
    await refusal(eve.patch(clusterRoles, 'cluster-admin', { metadata: { labels: { strong: 'yes' } } }, { type: 'merge' })),
    /not currently held/,
  )
})

test('who binds a role must hold what it grants, or the verb bind on it', async () => {
  await using api = await start()
  const { eve, client } = api
  await client.create(roles, localRole('reader', ruleOf('core', 'pods', 'get')))
  await eve.create(roleBindings, localBinding('reader', 'Role', 'reader'))
  assert.equal(
    await refusal(eve.create(clusterRoleBindings, clusterBinding('admin', 'cluster-admin'))),
    [
      `clusterrolebindings.rbac.authorization.k8s.io "admin" is forbidden: ${WHO}`,
      '{APIGroups:["*"], Resources:["*"], Verbs:["*"]}',
      '{NonResourceURLs:["*"], Verbs:["*"]}',
    ].join('\n'),
  )
  assert.match(
    await refusal(eve.create(roleBindings, localBinding('v', 'ClusterRole', 'system:aggregate-to-view'))),
    /"v" is forbidden: .*not currently held/,
  )
  assert.equal(
    await refusal(eve.create(roleBindings, localBinding('none', 'ClusterRole', 'none'))),
    'clusterroles.rbac.authorization.k8s.io "none" not found',
  )
  await grant(client, 'eve', [ruleOf(GROUP, 'clusterroles', 'bind', 'system:aggregate-to-view')], {
    name: 'bind-view',
    namespace: 'work',
  })
  await eve.create(roleBindings, localBinding('v', 'ClusterRole', 'system:aggregate-to-view'))
  assert.match(
    await refusal(eve.create(clusterRoleBindings, clusterBinding('v', 'system:aggregate-to-view'))),
    /not currently held/,
  )
})

test('a binding never turns to another role', async () => {
  await using api = await start()
  const { client } = api
  await client.create(clusterRoleBindings, clusterBinding('b', 'view'))
  const roleRef = { apiGroup: GROUP, kind: 'ClusterRole', name: 'cluster-admin' }
  assert.equal(
    await refusal(client.patch(clusterRoleBindings, 'b', { roleRef }, { type: 'merge' })),
    'ClusterRoleBinding.rbac.authorization.k8s.io "b" is invalid: roleRef: Invalid value: {"apiGroup":"rbac.authorization.k8s.io","kind":"ClusterRole","name":"cluster-admin"}: cannot change roleRef',
  )
})
