import assert from 'node:assert/strict'
import test from 'node:test'
import { csiNodes, leases, nodes, persistentVolumeClaims, pods, resourceSlices, secrets, serviceAccounts } from '#api'
import type { UserInfo } from '#client'
import { ask, podOf, startAdmissionTest, type TestApiServer } from '#testing'

/** What a node's certificate makes of its kubelet. */
const N1: UserInfo = { username: 'system:node:n1', groups: ['system:nodes', 'system:authenticated'] }
/** One to whom somebody gave every right beside: what is left is admission. */
const STRONG: UserInfo = { ...N1, groups: [...N1.groups, 'system:masters'] }

const WORK = '/api/v1/namespaces/work'
const SLICES = '/apis/resource.k8s.io/v1/resourceslices'
const LEASES = '/apis/coordination.k8s.io/v1/namespaces/kube-node-lease/leases'
const CSI = '/apis/storage.k8s.io/v1/csinodes'

/** Two nodes with a pod each, and what belongs to the second. */
async function start(): Promise<TestApiServer> {
  const api = await startAdmissionTest()
  const { client } = api
  const claim = { accessModes: ['ReadWriteOnce'], resources: { requests: { storage: '1Gi' } } }
  for (const name of ['n1', 'n2']) {
    await client.create(nodes, { apiVersion: 'v1', kind: 'Node', metadata: { name } })
    await client.create(persistentVolumeClaims, {
      apiVersion: 'v1',
      kind: 'PersistentVolumeClaim',
      metadata: { name: `data-${name}`, namespace: 'work' },
      spec: claim,
    })
    await client.create(secrets, { apiVersion: 'v1', kind: 'Secret', metadata: { name: `of-${name}`, namespace: 'work' } })
    const containers = [{ name: 'main', image: 'i', resources: { requests: { cpu: '1' } } }]
    const volumes = [
      { name: 'd', persistentVolumeClaim: { claimName: `data-${name}` } },
      { name: 's', secret: { secretName: `of-${name}` } },
    ]
    await client.create(pods, podOf(`on-${name}`, { nodeName: name, volumes, containers }))
    await client.create(leases, {
      apiVersion: 'coordination.k8s.io/v1',
      kind: 'Lease',
      metadata: { name, namespace: 'kube-node-lease' },
      spec: {},
    })
    await client.create(csiNodes, { apiVersion: 'storage.k8s.io/v1', kind: 'CSINode', metadata: { name }, spec: { drivers: [] } })
    const pool = { name, generation: 1, resourceSliceCount: 1 }
    await client.create(resourceSlices, {
      apiVersion: 'resource.k8s.io/v1',
      kind: 'ResourceSlice',
      metadata: { name: `slice-${name}` },
      spec: { driver: 'd.example.com', nodeName: name, pool, devices: [] },
    })
  }
  await client.create(serviceAccounts, {
    apiVersion: 'v1',
    kind: 'ServiceAccount',
    metadata: { name: 'robot', namespace: 'work' },
  })
  return api
}

const eviction = (name: string) => ({ apiVersion: 'policy/v1', kind: 'Eviction', metadata: { name, namespace: 'work' } })
const patch = { headers: { 'content-type': 'application/merge-patch+json' } }
const slice = (nodeName: string) => ({
  apiVersion: 'resource.k8s.io/v1',
  kind: 'ResourceSlice',
  metadata: { name: 'new' },
  spec: { driver: 'd.example.com', nodeName, pool: { name: nodeName, generation: 1, resourceSliceCount: 1 }, devices: [] },
})

/** What authorisation refuses: the Node authorizer knows no relationship, and RBAC gives nodes nothing. */
const UNAUTHORIZED: readonly (readonly [line: string, body?: unknown])[] = [
  [`GET ${WORK}/pods/on-n2`],
  [`GET ${WORK}/pods`],
  [`GET ${WORK}/secrets/of-n2`],
  [`GET ${WORK}/secrets`],
  ['GET /api/v1/secrets?fieldSelector=metadata.name=of-n1'],
  [`GET ${WORK}/persistentvolumeclaims/data-n2`],
  [`GET ${WORK}/serviceaccounts/robot`],
  [`PATCH ${WORK}/pods/on-n1`, { metadata: { labels: { a: 'b' } } }],
  [`PATCH ${WORK}/pods/on-n2/ephemeralcontainers`, { spec: { ephemeralContainers: [{ name: 'debug', image: 'i' }] } }],
  [`PATCH ${WORK}/pods/on-n1/ephemeralcontainers`, { spec: { ephemeralContainers: [{ name: 'debug', image: 'i' }] } }],
  [`PATCH ${WORK}/pods/on-n2/resize`, { spec: { containers: [{ name: 'main', resources: { requests: { cpu: '2' } } }] } }],
  [
    `POST ${WORK}/pods/on-n2/binding`,
    { apiVersion: 'v1', kind: 'Binding', metadata: { name: 'on-n2' }, target: { kind: 'Node', name: 'n1' } },
  ],
  [
    `POST ${WORK}/bindings`,
    { apiVersion: 'v1', kind: 'Binding', metadata: { name: 'on-n2' }, target: { kind: 'Node', name: 'n1' } },
  ],
  [`GET ${WORK}/pods/on-n2/log`],
  [`POST ${WORK}/pods/on-n2/exec?command=id`],
  [`GET ${WORK}/pods/on-n2/proxy/`],
  [`DELETE ${WORK}/pods`],
  [`PATCH ${WORK}/persistentvolumeclaims/data-n2/status`, { status: { capacity: { storage: '9Gi' } } }],
  [`PATCH ${WORK}/persistentvolumeclaims/data-n1`, { spec: { resources: { requests: { storage: '9Gi' } } } }],
  ['GET /api/v1/nodes/n2'],
  ['GET /api/v1/nodes'],
  ['DELETE /api/v1/nodes/n1'],
  ['DELETE /api/v1/nodes/n2'],
  ['DELETE /api/v1/nodes'],
  ['GET /api/v1/nodes/n2/proxy/pods'],
  [`GET ${LEASES}/n2`],
  [`GET ${LEASES}`],
  [`PATCH ${LEASES}/n2`, { spec: { holderIdentity: 'n1' } }],
  [`DELETE ${LEASES}/n2`],
  [
    `PATCH /apis/coordination.k8s.io/v1/namespaces/kube-system/leases/kube-controller-manager`,
    { spec: { holderIdentity: 'n1' } },
  ],
  [`DELETE ${CSI}/n2`],
  [`GET ${SLICES}`],
  [`PATCH ${SLICES}/slice-n2`, { spec: { devices: [] } }],
  [`DELETE ${SLICES}/slice-n2`],
  [`DELETE ${SLICES}?fieldSelector=spec.nodeName=n2`],
  [`POST ${WORK}/serviceaccounts/robot/token`, { apiVersion: 'authentication.k8s.io/v1', kind: 'TokenRequest', spec: {} }],
  [
    'POST /api/v1/namespaces/kube-system/serviceaccounts/generic-garbage-collector/token',
    { apiVersion: 'authentication.k8s.io/v1', kind: 'TokenRequest', spec: {} },
  ],
  [
    'POST /apis/rbac.authorization.k8s.io/v1/clusterrolebindings',
    { metadata: { name: 'x' }, roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: 'cluster-admin' } },
  ],
  ['PATCH /apis/certificates.k8s.io/v1/certificatesigningrequests/x/approval', { status: {} }],
]

test('a node is let near nothing of other nodes, nor near what is its own but not its business', async () => {
  await using api = await start()
  for (const [line, body] of UNAUTHORIZED) {
    const { code, object } = await ask(api, line, { user: N1, body, ...(line.startsWith('PATCH') && patch) })
    assert.equal(code, 403, `${line}: ${code} ${object.message}`)
    assert.match(object.message, /is forbidden: User "system:node:n1" cannot /, line)
  }
  // What it is for.
  for (const line of [
    `GET ${WORK}/pods/on-n1`,
    `GET ${WORK}/secrets/of-n1`,
    `GET ${WORK}/persistentvolumeclaims/data-n1`,
    'GET /api/v1/nodes/n1',
    `GET ${LEASES}/n1`,
    `GET ${CSI}/n1`,
    `GET ${SLICES}/slice-n1`,
  ])
    assert.equal((await ask(api, line, { user: N1 })).code, 200, line)
})

const own = (kind: string) => `node "n1" can only ${kind} with spec.nodeName set to itself`
const HANDS_OFF = 'node "n1" is not allowed to modify node "n2"'

/** What is left to admission, whatever a node was given beside. */
const REFUSED: readonly (readonly [line: string, body: unknown, said: string | RegExp])[] = [
  [`DELETE ${WORK}/pods/on-n2`, undefined, own('delete pods')],
  [`DELETE ${WORK}/pods`, undefined, own('delete pods')],
  [`PATCH ${WORK}/pods/on-n2/status`, { status: { phase: 'Failed' } }, own('update pod status for pods')],
  [
    `PATCH ${WORK}/pods/on-n1/status`,
    { metadata: { labels: { app: 'web' } } },
    'node "n1" cannot update labels through pod status',
  ],
  [`POST ${WORK}/pods/on-n2/eviction`, eviction('on-n2'), own('evict pods')],
  [`POST ${WORK}/pods/on-n2/eviction`, eviction('on-n1'), /own|does not match|on-n1/],
  [
    `POST ${WORK}/pods/on-n2/binding`,
    { apiVersion: 'v1', kind: 'Binding', metadata: { name: 'on-n2' }, target: { kind: 'Node', name: 'n1' } },
    /unexpected pod subresource "binding"|already assigned/,
  ],
  [
    `PATCH ${WORK}/pods/on-n1/ephemeralcontainers`,
    { spec: { ephemeralContainers: [{ name: 'debug', image: 'i' }] } },
    `unexpected pod subresource "ephemeralcontainers", only 'status' and 'eviction' are allowed`,
  ],
  [
    `PATCH ${WORK}/pods/on-n1/resize`,
    { spec: { containers: [{ name: 'main', resources: { requests: { cpu: '2' } } }] } },
    `unexpected pod subresource "resize", only 'status' and 'eviction' are allowed`,
  ],
  [`PATCH ${WORK}/pods/on-n1`, { metadata: { annotations: { 'a.b/c': 'x' } } }, /can only create and delete mirror pods/],
  [`PATCH /api/v1/nodes/n2`, { metadata: { labels: { a: 'b' } } }, HANDS_OFF],
  [`PATCH /api/v1/nodes/n2/status`, { status: { phase: 'Terminated' } }, HANDS_OFF],
  ['DELETE /api/v1/nodes/n2', undefined, HANDS_OFF],
  [
    'POST /api/v1/nodes',
    { apiVersion: 'v1', kind: 'Node', metadata: { name: 'n3' } },
    'node "n1" is not allowed to modify node "n3"',
  ],
  [
    'PATCH /api/v1/nodes/n1',
    { spec: { taints: [{ key: 'a', effect: 'NoSchedule' }] } },
    'node "n1" is not allowed to modify taints',
  ],
  [
    'PATCH /api/v1/nodes/n1',
    { metadata: { labels: { 'node-role.kubernetes.io/control-plane': '' } } },
    'is not allowed to modify labels: node-role.kubernetes.io/control-plane',
  ],
  [
    'PATCH /api/v1/nodes/n1',
    { metadata: { labels: { 'x.node-restriction.kubernetes.io/secure': '1' } } },
    'is not allowed to modify labels: x.node-restriction.kubernetes.io/secure',
  ],
  [
    'PATCH /api/v1/nodes/n1/status',
    { metadata: { labels: { 'node-restriction.kubernetes.io/a': '1' } } },
    'is not allowed to modify labels: node-restriction.kubernetes.io/a',
  ],
  // CVE-2025-5187: it would be collected, and come back without its taints.
  [
    'PATCH /api/v1/nodes/n1',
    { metadata: { ownerReferences: [{ apiVersion: 'v1', kind: 'ConfigMap', name: 'gone', uid: 'x' }] } },
    'node "n1" is not allowed to modify ownerReferences',
  ],
  [
    `POST ${LEASES}`,
    { apiVersion: 'coordination.k8s.io/v1', kind: 'Lease', metadata: { name: 'n3' }, spec: {} },
    'can only access node lease with the same name as the requesting node',
  ],
  [
    `PATCH ${LEASES}/n2`,
    { spec: { holderIdentity: 'n1' } },
    'can only access node lease with the same name as the requesting node',
  ],
  [
    'POST /apis/coordination.k8s.io/v1/namespaces/kube-system/leases',
    { apiVersion: 'coordination.k8s.io/v1', kind: 'Lease', metadata: { name: 'n1' }, spec: {} },
    'can only access leases in the "kube-node-lease" system namespace',
  ],
  [
    `POST ${CSI}`,
    { apiVersion: 'storage.k8s.io/v1', kind: 'CSINode', metadata: { name: 'n3' }, spec: { drivers: [] } },
    'can only access CSINode with the same name as the requesting node',
  ],
  [`PATCH ${CSI}/n2`, { metadata: { labels: { a: 'b' } } }, 'can only access CSINode with the same name as the requesting node'],
  [`DELETE ${CSI}/n2`, undefined, 'can only access CSINode with the same name as the requesting node'],
  [`POST ${SLICES}`, slice('n2'), 'can only create ResourceSlice with the same NodeName as the requesting node'],
  [`DELETE ${SLICES}/slice-n2`, undefined, 'can only delete ResourceSlice with the same NodeName as the requesting node'],
  [
    `PATCH ${WORK}/persistentvolumeclaims/data-n1/status`,
    { status: { phase: 'Lost' } },
    'node "n1" is not allowed to update fields other than status.quantity and status.conditions',
  ],
  [
    `PATCH ${WORK}/persistentvolumeclaims/data-n1/status`,
    { metadata: { labels: { a: 'b' } } },
    'node "n1" is not allowed to update fields other than status.quantity and status.conditions',
  ],
  [
    `PATCH ${WORK}/persistentvolumeclaims/data-n1`,
    { metadata: { labels: { a: 'b' } } },
    `unexpected PVC subresource "", only 'status' is allowed`,
  ],
]

test('a node that was given every right still changes nothing of others, and of its own only what is its business', async () => {
  await using api = await start()
  for (const [line, body, said] of REFUSED) {
    const { code, object } = await ask(api, line, { user: STRONG, body, ...(line.startsWith('PATCH') && patch) })
    assert.ok(code >= 400 && code < 500, `${line}: ${code} ${object.message}`)
    if (typeof said === 'string') assert.equal(object.message.replace(/^.*? is forbidden: /, ''), said, line)
    else assert.match(object.message, said, line)
  }
  // Whoever is no node in particular is none at all.
  const nobody = { username: 'system:node:', groups: STRONG.groups }
  for (const line of ['POST /api/v1/nodes', `DELETE ${WORK}/pods/on-n1`]) {
    const body = line.startsWith('POST') ? { apiVersion: 'v1', kind: 'Node', metadata: { generateName: 'n-' } } : undefined
    const { code, object } = await ask(api, line, { user: nobody, body })
    assert.deepEqual(
      [code, object.message.replace(/^.*? is forbidden: /, '')],
      [403, 'could not determine node from user "system:node:"'],
    )
  }
})

test('a node makes itself anew only by somebody else’s hand, and then with no label that steers pods to it', async () => {
  await using api = await start()
  const make = (labels: Record<string, string>, spec: object = {}) =>
    ask(api, 'POST /api/v1/nodes', { user: N1, body: { apiVersion: 'v1', kind: 'Node', metadata: { name: 'n1', labels }, spec } })
  assert.equal((await ask(api, 'DELETE /api/v1/nodes/n1', { user: N1 })).code, 403)
  await api.client.patch(nodes, 'n1', { spec: { taints: [{ key: 'quarantine', effect: 'NoSchedule' }] } }, { type: 'merge' })
  assert.equal((await make({})).code, 409)
  assert.equal(
    (
      await ask(api, 'PUT /api/v1/nodes/n1', {
        user: N1,
        body: { apiVersion: 'v1', kind: 'Node', metadata: { name: 'n1' }, spec: {} },
      })
    ).object.message,
    'nodes "n1" is forbidden: node "n1" is not allowed to modify taints',
  )
  await api.client.delete(nodes, 'n1')
  const { code, object } = await make({ 'node-restriction.kubernetes.io/secure': '1', 'kubernetes.io/os': 'linux' })
  assert.deepEqual(
    [code, object.message],
    [403, 'nodes "n1" is forbidden: node "n1" is not allowed to set the following labels: node-restriction.kubernetes.io/secure'],
  )
  assert.equal((await make({ 'kubernetes.io/os': 'linux' }, { taints: [{ key: 'new', effect: 'NoSchedule' }] })).code, 201)
})

test('a node gets tokens of the accounts of its pods alone, bound to them, for audiences that they ask for', async () => {
  await using api = await start()
  const { client } = api
  const sources = [{ serviceAccountToken: { path: 't', audience: 'vault' } }]
  await client.create(
    pods,
    podOf('robot', { nodeName: 'n1', serviceAccountName: 'robot', volumes: [{ name: 'v', projected: { sources } }] }),
  )
  const uidOf = async (name: string): Promise<string> => (await client.get(pods, `work/${name}`)).metadata!.uid!
  const token = async (account: string, bound: object | undefined, audiences: string[] = []): Promise<string> => {
    const spec = { audiences, ...(bound && { boundObjectRef: { apiVersion: 'v1', kind: 'Pod', ...bound } }) }
    const body = { apiVersion: 'authentication.k8s.io/v1', kind: 'TokenRequest', spec }
    const { code, object } = await ask(api, `POST ${WORK}/serviceaccounts/${account}/token`, { user: N1, body })
    return code === 201 ? 'a token' : object.message.replace(/^.*? is forbidden: /, '')
  }
  const [robot, onN2] = [
    { name: 'robot', uid: await uidOf('robot') },
    { name: 'on-n2', uid: await uidOf('on-n2') },
  ]
  assert.equal(await token('robot', robot), 'a token')
  assert.equal(await token('robot', robot, ['vault']), 'a token')
  assert.equal(await token('robot', robot, ['vault', 'billing']), 'audience "billing" not found in pod spec volume')
  assert.equal(await token('robot', undefined), 'node requested token not bound to a pod')
  assert.equal(await token('robot', { name: 'robot' }), 'node requested token with a pod binding without a uid')
  assert.equal(await token('robot', { ...robot, kind: 'Secret' }), 'node requested token not bound to a pod')
  assert.equal(await token('robot', { ...robot, kind: 'Node', name: 'n1' }), 'node requested token not bound to a pod')
  assert.match(
    await token('robot', { ...robot, uid: 'other' }),
    /^the UID in the bound object reference \(other\) does not match the UID in record/,
  )
  assert.equal(await token('default', onN2), 'node requested token bound to a pod scheduled on a different node')
  assert.match(await token('robot', { name: 'gone', uid: 'x' }), /pods "gone" not found/)
  // Of one of its own pods, but not of that pod's account.
  assert.notEqual(await token('default', robot), 'a token')
})
