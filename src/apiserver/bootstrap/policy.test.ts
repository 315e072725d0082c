import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import test from 'node:test'
import { clusterRoleBindings, clusterRoles, type PolicyRule, roleBindings, roles } from '#api'
import { startTestApiServer } from '#testing'
import { compact, describeRule, uncovered } from '../authorization/rbac/cover.ts'
import * as policy from './policy.ts'

/** What allocating devices needs since DRAResourceClaimGranularStatusAuthorization, which the fixture is older than. */
const BINDING = ['{APIGroups:["resource.k8s.io"], Resources:["resourceclaims/binding"], Verbs:["patch" "update"]}']

/** What ours may do beyond upstream's: objects that our controllers and DNS read or write themselves. */
const OWN: Readonly<Record<string, readonly string[]>> = {
  'system:controller:daemon-set-controller': ['{APIGroups:[""], Resources:["pods"], Verbs:["get"]}'],
  'system:controller:disruption-controller': ['{APIGroups:[""], Resources:["pods"], Verbs:["get" "list" "watch"]}'],
  'system:controller:job-controller': ['{APIGroups:[""], Resources:["pods"], Verbs:["get"]}'],
  'system:controller:node-controller': [
    '{APIGroups:["coordination.k8s.io"], Resources:["leases"], Verbs:["get" "list" "watch"]}',
  ],
  'system:controller:persistent-volume-binder': ['{APIGroups:[""], Resources:["nodes"], Verbs:["get"]}'],
  'system:controller:replicaset-controller': ['{APIGroups:[""], Resources:["pods"], Verbs:["get"]}'],
  'system:controller:replication-controller': ['{APIGroups:[""], Resources:["pods"], Verbs:["get"]}'],
  'system:controller:resource-claim-controller': BINDING,
  'system:controller:root-ca-cert-publisher': [
    '{APIGroups:[""], Resources:["configmaps"], Verbs:["get" "list" "watch"]}',
    '{APIGroups:[""], Resources:["namespaces"], Verbs:["get" "list" "watch"]}',
  ],
  'system:controller:service-account-controller': [
    '{APIGroups:[""], Resources:["serviceaccounts"], Verbs:["get" "list" "watch"]}',
    '{APIGroups:[""], Resources:["namespaces"], Verbs:["get" "list" "watch"]}',
  ],
  'system:kube-scheduler': BINDING,
}

test('cluster roles have the names and grant what upstream 1.36 grants, no less and, but for what is listed, no more', () => {
  const expected = upstream()
  const ours = new Map(policy.clusterRoles.map((role) => [role.metadata?.name ?? '', role]))
  assert.deepEqual([...ours.keys()].sort(), [...expected.keys(), 'system:coredns'].sort())
  for (const [name, rules] of expected) {
    const own = ours.get(name)?.rules ?? []
    assert.deepEqual(compact(uncovered(own, rules)).map(describeRule), [], `${name} lacks`)
    assert.deepEqual(compact(uncovered(rules, own)).map(describeRule), OWN[name] ?? [], `${name} grants beyond`)
  }
})

test('admin, edit and view are made of parts, and each is a part of the next', () => {
  const ours = new Map(policy.clusterRoles.map((role) => [role.metadata?.name ?? '', role]))
  const PREFIX = 'rbac.authorization.k8s.io/aggregate-to-'
  const partOf = (name: string): string[] =>
    Object.keys(ours.get(name)?.metadata?.labels ?? {}).flatMap((key) =>
      key.startsWith(PREFIX) ? [key.slice(PREFIX.length)] : [],
    )
  for (const name of ['admin', 'edit', 'view']) {
    assert.deepEqual(ours.get(name)?.aggregationRule?.clusterRoleSelectors, [{ matchLabels: { [`${PREFIX}${name}`]: 'true' } }])
    assert.deepEqual(partOf(`system:aggregate-to-${name}`), [name])
  }
  assert.deepEqual([partOf('admin'), partOf('edit'), partOf('view')], [[], ['admin'], ['edit']])
})

test('bindings and roles of system namespaces have the names and subjects of upstream', () => {
  const subjectsOf = new Map(
    policy.clusterRoleBindings.map(({ metadata, subjects = [] }) => [
      metadata?.name ?? '',
      subjects.map(({ kind, name, namespace }) => [kind, namespace, name].filter(Boolean).join(' ')).join(', '),
    ]),
  )
  const controllers = [...upstream().keys()].filter((name) => name.startsWith('system:controller:'))
  assert.deepEqual(
    Object.fromEntries(subjectsOf),
    Object.fromEntries([
      ['cluster-admin', 'Group system:masters'],
      ['system:monitoring', 'Group system:monitoring'],
      ['system:discovery', 'Group system:authenticated'],
      ['system:basic-user', 'Group system:authenticated'],
      ['system:public-info-viewer', 'Group system:authenticated, Group system:unauthenticated'],
      ['system:node-proxier', 'User system:kube-proxy'],
      ['system:kube-controller-manager', 'User system:kube-controller-manager'],
      ['system:kube-dns', 'ServiceAccount kube-system kube-dns'],
      ['system:kube-scheduler', 'User system:kube-scheduler'],
      ['system:volume-scheduler', 'User system:kube-scheduler'],
      ['system:node', ''],
      ['system:service-account-issuer-discovery', 'Group system:serviceaccounts'],
      ['system:kubelet-api-admin', 'User kube-apiserver-kubelet-client'],
      ['system:coredns', 'ServiceAccount kube-system coredns'],
      ...controllers.map((name) => [name, `ServiceAccount kube-system ${name.slice('system:controller:'.length)}`]),
    ]),
  )
  const names = (list: readonly { metadata?: { namespace?: string; name?: string } }[]): string[] =>
    list.map(({ metadata }) => `${metadata?.namespace}/${metadata?.name}`).sort()
  const SHARED = [
    'kube-public/system:controller:bootstrap-signer',
    'kube-system/system:controller:bootstrap-signer',
    'kube-system/system:controller:cloud-provider',
    'kube-system/system:controller:token-cleaner',
    'kube-system/system::leader-locking-kube-controller-manager',
    'kube-system/system::leader-locking-kube-scheduler',
    'kube-system/system:coredns',
  ]
  assert.deepEqual(names(policy.systemRoles), [...SHARED, 'kube-system/extension-apiserver-authentication-reader'].sort())
  assert.deepEqual(
    names(policy.systemRoleBindings),
    [...SHARED, 'kube-system/system::extension-apiserver-authentication-reader'].sort(),
  )
})

test('a server that starts again adds what is missing, keeps what was added, and leaves alone what opted out', async () => {
  await using first = await startTestApiServer()
  const extra = { apiGroups: ['example.com'], resources: ['things'], verbs: ['get'] }
  await first.client.patch(
    clusterRoles,
    'system:basic-user',
    { rules: [extra], metadata: { labels: { mine: 'yes' } } },
    { type: 'merge' },
  )
  const optOut = { metadata: { annotations: { 'rbac.authorization.kubernetes.io/autoupdate': 'false' } } }
  await first.client.patch(clusterRoles, 'system:discovery', { ...optOut, rules: [] }, { type: 'merge' })
  await first.client.patch(clusterRoleBindings, 'system:discovery', { ...optOut, subjects: [] }, { type: 'merge' })
  await first.client.patch(clusterRoleBindings, 'system:basic-user', { subjects: [] }, { type: 'merge' })
  await first.client.delete(clusterRoles, 'system:node-bootstrapper')
  await first.client.delete(roles, 'kube-system/system:controller:token-cleaner')
  await first.client.delete(roleBindings, 'kube-system/system:controller:token-cleaner')
  await first.client.delete(clusterRoleBindings, 'system:node-proxier')
  await first.client.create(clusterRoleBindings, {
    apiVersion: 'rbac.authorization.k8s.io/v1',
    kind: 'ClusterRoleBinding',
    metadata: { name: 'system:node-proxier' },
    roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: 'view' },
  })
  await using again = await startTestApiServer({ store: first.store })
  const { client } = again
  const basic = await client.get(clusterRoles, 'system:basic-user')
  assert.equal(basic.metadata?.labels?.['mine'], 'yes')
  assert.deepEqual(compact(basic.rules ?? []).map(describeRule), [
    '{APIGroups:["example.com"], Resources:["things"], Verbs:["get"]}',
    '{APIGroups:["authorization.k8s.io"], Resources:["selfsubjectaccessreviews"], Verbs:["create"]}',
    '{APIGroups:["authorization.k8s.io"], Resources:["selfsubjectrulesreviews"], Verbs:["create"]}',
    '{APIGroups:["authentication.k8s.io"], Resources:["selfsubjectreviews"], Verbs:["create"]}',
  ])
  assert.deepEqual((await client.get(clusterRoles, 'system:discovery')).rules, [])
  assert.deepEqual((await client.get(clusterRoleBindings, 'system:discovery')).subjects ?? [], [])
  assert.equal((await client.get(clusterRoleBindings, 'system:basic-user')).subjects?.[0]?.name, 'system:authenticated')
  assert.equal((await client.get(clusterRoles, 'system:node-bootstrapper')).rules?.length, 1)
  assert.equal((await client.get(roles, 'kube-system/system:controller:token-cleaner')).rules?.length, 2)
  assert.equal((await client.get(roleBindings, 'kube-system/system:controller:token-cleaner')).subjects?.length, 1)
  assert.equal((await client.get(clusterRoleBindings, 'system:node-proxier')).roleRef.name, 'system:node-proxier')
})

/** Read from upstream's published policy (bootstrappolicy/testdata), with the features that are on in 1.36. */
const UPSTREAM = readFileSync(join(import.meta.dirname, 'upstream-roles.txt'), 'utf8')

/** Roles by name, each with its rules: verbs, groups, resources, and names if any; or verbs and paths. */
function upstream(): Map<string, PolicyRule[]> {
  const found = new Map<string, PolicyRule[]>()
  let current: PolicyRule[] = []
  for (const line of UPSTREAM.trim().split('\n')) {
    if (!line.startsWith(' ')) {
      found.set(line, (current = []))
      continue
    }
    const [verbs = [], groups = [], resources, resourceNames] = line
      .trim()
      .split(' ')
      .map((each) => each.split(','))
    if (resources === undefined) current.push({ verbs, nonResourceURLs: groups })
    else {
      const apiGroups = groups.map((group) => (group === 'core' ? '' : group))
      current.push({ verbs, apiGroups, resources, ...(resourceNames && { resourceNames }) })
    }
  }
  return found
}
