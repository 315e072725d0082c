import assert from 'node:assert/strict'
import test from 'node:test'
import { clusterRoleBindings, clusterRoles, namespaces, roles } from '#api'
import { startCluster } from '#cluster'
import { grant, ruleOf } from '#testing'
import { Home } from '../behavior/home.ts'

const RBAC = 'rbac.authorization.k8s.io'

test('kubectl auth can-i, --list and whoami say what a user may do and who one is', async () => {
  await using cluster = await startCluster({ nodes: 0 })
  using home = new Home(cluster)
  await grant(cluster.client, 'ann', [ruleOf('core', 'pods pods/log', 'get list'), ruleOf('apps', 'deployments', 'get', 'web')], {
    namespace: 'default',
  })
  assert.equal((await home.kubectl('auth', 'can-i', '*', '*', '-A')).trim(), 'yes')
  const as = ['--as', 'ann', '--as-group', 'team']
  assert.equal((await home.kubectl('auth', 'can-i', 'list', 'pods', '--subresource', 'log', ...as)).trim(), 'yes')
  const no = await home
    .kubectl('auth', 'can-i', 'delete', 'pods', ...as)
    .catch((error: { stdout?: string }) => error.stdout ?? '')
  assert.equal(no.trim(), 'no')
  const rows = (await home.kubectl('auth', 'can-i', '--list', ...as)).split('\n').map((line) =>
    line
      .trim()
      .split(/\s{2,}/)
      .join(' | '),
  )
  assert.ok(rows.includes('pods/log | [] | [] | [get list]'), rows.join('\n'))
  assert.ok(rows.includes('deployments.apps | [] | [web] | [get]'))
  assert.ok(rows.includes('selfsubjectrulesreviews.authorization.k8s.io | [] | [] | [create]'))
  assert.ok(rows.includes('[/version] | [] | [get]'))
  const whoAmI = async (...flags: string[]): Promise<unknown> =>
    (JSON.parse(await home.kubectl('auth', 'whoami', '-o', 'json', ...flags)) as { status: { userInfo: unknown } }).status
      .userInfo
  assert.deepEqual(await whoAmI(...as), { username: 'ann', groups: ['team', 'system:authenticated'] })
  assert.deepEqual(await whoAmI('--as', 'Zoë', '--as-uid', '7', '--as-group', 'a, b', '--as-group', 'dév'), {
    username: 'Zoë',
    uid: '7',
    groups: ['a, b', 'dév', 'system:authenticated'],
  })
  const node = await whoAmI('--as', 'system:node:n1')
  assert.deepEqual(node, { username: 'system:node:n1', groups: ['system:nodes', 'system:authenticated'] })
})

test('kubectl auth reconcile makes roles and bindings, adds what is missing and removes no more than it is told', async () => {
  await using cluster = await startCluster({ nodes: 0 })
  using home = new Home(cluster)
  const { client } = cluster
  const role = (...rules: object[]): object => ({
    apiVersion: `${RBAC}/v1`,
    kind: 'Role',
    metadata: { name: 'r', namespace: 'made' },
    rules,
  })
  const binding = {
    apiVersion: `${RBAC}/v1`,
    kind: 'ClusterRoleBinding',
    metadata: { name: 'b' },
    roleRef: { apiGroup: RBAC, kind: 'ClusterRole', name: 'view' },
    subjects: [{ apiGroup: RBAC, kind: 'User', name: 'ann' }],
  }
  await client.create(namespaces, { apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'made' } })
  await home.kubectl('auth', 'reconcile', '-f', home.manifest('role', role(ruleOf('core', 'pods', 'get'))))
  await home.kubectl('auth', 'reconcile', '-f', home.manifest('more', role(ruleOf('core', 'secrets', 'list'))))
  const verbs = (rules: readonly { resources?: readonly string[] }[] = []): string[] =>
    rules.flatMap(({ resources }) => resources ?? []).sort()
  assert.deepEqual(verbs((await client.get(roles, 'made/r')).rules), ['pods', 'secrets'])
  await home.kubectl(
    'auth',
    'reconcile',
    '--remove-extra-permissions',
    '-f',
    home.manifest('less', role(ruleOf('core', 'secrets', 'list'))),
  )
  assert.deepEqual(verbs((await client.get(roles, 'made/r')).rules), ['secrets'])
  await home.kubectl('auth', 'reconcile', '-f', home.manifest('binding', binding))
  const other = { ...binding, roleRef: { ...binding.roleRef, name: 'edit' } }
  await home.kubectl('auth', 'reconcile', '-f', home.manifest('other', other))
  assert.equal((await client.get(clusterRoleBindings, 'b')).roleRef.name, 'edit')
  // The aggregation controller fills the roles that it names.
  const part = {
    apiVersion: `${RBAC}/v1`,
    kind: 'ClusterRole',
    metadata: { name: 'part', labels: { [`${RBAC}/aggregate-to-view`]: 'true' } },
  }
  await home.kubectl(
    'auth',
    'reconcile',
    '-f',
    home.manifest('part', { ...part, rules: [ruleOf('example.com', 'things', 'get')] }),
  )
  await home.kubectl(
    'wait',
    '--for',
    'jsonpath={.rules[?(@.apiGroups[0]=="example.com")].resources[0]}=things',
    'clusterrole/admin',
    '--timeout=20s',
  )
  assert.ok((await client.get(clusterRoles, 'edit')).rules?.some(({ apiGroups }) => apiGroups?.includes('example.com')))
})
