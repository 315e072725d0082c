import assert from 'node:assert/strict'
import test from 'node:test'
import { clusterRoleBindings, clusterRoles, resourceClaims, resourceClaimTemplates } from '#api'
import type { UserInfo } from '#client'
import { makeNamespace, refusal, startAdmissionTest, type TestApiServer } from '#testing'

const LABEL = { 'resource.kubernetes.io/admin-access': 'true' }
const RULE =
  'Forbidden: admin access to devices requires the `resource.kubernetes.io/admin-access: true` label on the containing namespace'
const devices = {
  requests: [
    { name: 'plain', exactly: { deviceClassName: 'gpu' } },
    { name: 'admin', exactly: { deviceClassName: 'gpu', adminAccess: true } },
  ],
}
const gpu = { driver: 'gpu.example.com', pool: 'pool', device: 'gpu-0' }
const nodeSelector = { nodeSelectorTerms: [{ matchFields: [{ key: 'metadata.name', operator: 'In', values: ['n'] }] }] }

const claimOf = (name: string, namespace = 'work', of: object = { requests: devices.requests.slice(0, 1) }) =>
  ({ apiVersion: 'resource.k8s.io/v1', kind: 'ResourceClaim', metadata: { name, namespace }, spec: { devices: of } }) as never

test('devices of others are for namespaces of administrators', async () => {
  await using api = await startAdmissionTest()
  await makeNamespace(api.client, 'admins', LABEL)
  const said = 'is invalid: spec.devices.requests[1].adminAccess'
  assert.equal(
    await refusal(api.client.create(resourceClaims, claimOf('c', 'work', devices))),
    `ResourceClaim.resource.k8s.io "c" ${said}: ${RULE}`,
  )
  await api.client.create(resourceClaims, claimOf('c', 'admins', devices))
  const template = (namespace: string): never =>
    ({
      apiVersion: 'resource.k8s.io/v1',
      kind: 'ResourceClaimTemplate',
      metadata: { name: 't', namespace },
      spec: { spec: { devices } },
    }) as never
  assert.equal(
    await refusal(api.client.create(resourceClaimTemplates, template('work'))),
    `ResourceClaimTemplate.resource.k8s.io "t" ${said}: ${RULE}`,
  )
  await api.client.create(resourceClaimTemplates, template('admins'))
})

test('devices of others are allocated in namespaces of administrators only', async () => {
  await using api = await startAdmissionTest()
  await api.client.create(resourceClaims, claimOf('c'))
  const write = (results: object[], more: object = {}) =>
    api.client.patch(resourceClaims, 'work/c', { status: { allocation: { devices: { results } }, ...more } } as never, {
      type: 'merge',
      subresource: 'status',
    })
  const admin = { request: 'plain', ...gpu, adminAccess: true }
  assert.equal(
    await refusal(write([{ request: 'plain', ...gpu }, admin])),
    `ResourceClaim.resource.k8s.io "c" is invalid: status.allocation.devices.results[1].adminAccess: ${RULE}`,
  )
  await write([{ request: 'plain', ...gpu }])
})

/** Gives a user rights on claims' statuses and these others. */
async function grant(api: TestApiServer, username: string, resources: string[], verbs: string[], resourceNames: string[] = []) {
  const group = 'resource.k8s.io'
  await api.client.create(clusterRoles, {
    metadata: { name: username.replaceAll(':', '-') },
    rules: [
      { apiGroups: [group], resources: ['resourceclaims/status'], verbs: ['update', 'patch', 'get'] },
      ...(resources.length > 0
        ? [{ apiGroups: [group], resources, verbs, ...(resourceNames.length > 0 && { resourceNames }) }]
        : []),
    ],
  } as never)
  await api.client.create(clusterRoleBindings, {
    metadata: { name: username.replaceAll(':', '-') },
    roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: username.replaceAll(':', '-') },
    subjects: [{ apiGroup: 'rbac.authorization.k8s.io', kind: 'User', name: username }],
  } as never)
}

const userOf = (username: string, node?: string): UserInfo => ({
  username,
  groups: ['system:authenticated'],
  ...(node !== undefined && { extra: { 'authentication.kubernetes.io/node-name': [node] } }),
})

const writeAs = (api: TestApiServer, user: UserInfo, status: object) =>
  api.clientFor(user).patch(resourceClaims, 'work/c', { status } as never, { type: 'merge', subresource: 'status' })

const allocation = { devices: { results: [{ request: 'plain', ...gpu }] }, nodeSelector }

test('who may write statuses of claims may not allocate devices for that', async () => {
  await using api = await startAdmissionTest({ authorization: { modes: ['RBAC'] } } as never)
  await api.client.create(resourceClaims, claimOf('c'))
  await grant(api, 'weak', [], [])
  await grant(api, 'strong', ['resourceclaims/binding'], ['patch'])
  const said = await refusal(writeAs(api, userOf('weak'), { allocation }))
  assert.equal(
    said,
    'ResourceClaim.resource.k8s.io "c" is invalid: status: Forbidden: changing status.allocation or status.reservedFor requires resource="resourceclaims/binding", verb="patch" permission: resourceclaims.resource.k8s.io is forbidden: User "weak" cannot patch resource "resourceclaims/binding" in API group "resource.k8s.io" at the cluster scope',
  )
  await writeAs(api, userOf('weak'), {})
  await writeAs(api, userOf('strong'), { allocation })
  await writeAs(api, userOf('strong'), { reservedFor: [{ resource: 'pods', name: 'p', uid: 'u' }] })
  assert.match(await refusal(writeAs(api, userOf('weak'), { reservedFor: [] })), /resourceclaims\/binding/)
})

test('a driver tells of its own devices, on its own node', async () => {
  await using api = await startAdmissionTest({ authorization: { modes: ['RBAC'] } } as never)
  await api.client.create(resourceClaims, claimOf('c'))
  const other = { ...gpu, driver: 'nic.example.com' }
  const results = [gpu, other].map((device) => ({ request: 'plain', ...device }))
  await api.client.patch(resourceClaims, 'work/c', { status: { allocation: { ...allocation, devices: { results } } } } as never, {
    type: 'merge',
    subresource: 'status',
  })
  const account = 'system:serviceaccount:work:driver'
  await grant(api, account, ['resourceclaims/driver'], ['associated-node:patch'], ['gpu.example.com'])
  await grant(api, 'everywhere', ['resourceclaims/driver'], ['arbitrary-node:patch'], ['nic.example.com'])
  const PERMISSION = 'status.devices: Forbidden: changing status.devices requires resource="resourceclaims/driver", verb='
  const elsewhere = await refusal(writeAs(api, userOf(account, 'm'), { devices: [gpu] }))
  assert.ok(
    elsewhere.includes(
      `${PERMISSION}"[arbitrary-node:patch]" permission: resourceclaims.resource.k8s.io "gpu.example.com" is forbidden`,
    ),
    elsewhere,
  )
  assert.match(await refusal(writeAs(api, userOf(account), { devices: [gpu] })), /arbitrary-node/)
  assert.match(await refusal(writeAs(api, userOf('driver', 'n'), { devices: [gpu] })), /resourceclaims\/status|forbidden/)
  await writeAs(api, userOf(account, 'n'), { devices: [gpu] })
  const foreign = await refusal(writeAs(api, userOf(account, 'n'), { devices: [gpu, other] }))
  assert.ok(foreign.includes(`${PERMISSION}"[associated-node:patch arbitrary-node:patch]"`), foreign)
  await writeAs(api, userOf('everywhere'), { devices: [gpu, other] })
  assert.match(await refusal(writeAs(api, userOf('everywhere'), { devices: [other] })), /"gpu\.example\.com" is forbidden/)
  await writeAs(api, userOf('everywhere'), { devices: [gpu] })
})
