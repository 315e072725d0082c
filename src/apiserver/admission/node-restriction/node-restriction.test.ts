import assert from 'node:assert/strict'
import test from 'node:test'
import { csiDrivers, csiNodes, leases, nodes, type Pod, pods, type ServiceAccount, serviceAccounts } from '#api'
import type { UserInfo } from '#client'
import { podOf, refusal, startAdmissionTest, type TestApiServer } from '#testing'

const NODE: UserInfo = { username: 'system:node:n1', groups: ['system:nodes', 'system:authenticated'] }
const bind = (pod: Pod, nodeName: string): Pod => ({ ...pod, spec: { ...pod.spec!, nodeName } })

/** An API server with two nodes, a pod on each, and a client that is the first node with every right that RBAC can give. */
async function start(): Promise<TestApiServer & { readonly node: ReturnType<TestApiServer['clientFor']> }> {
  const api = await startAdmissionTest()
  for (const name of ['n1', 'n2']) {
    await api.client.create(nodes, { apiVersion: 'v1', kind: 'Node', metadata: { name } })
    await api.client.create(pods, bind(podOf(`on-${name}`), name))
  }
  const node = api.clientFor({ ...NODE, groups: [...NODE.groups, 'system:masters'] })
  return { ...api, node, [Symbol.asyncDispose]: () => api[Symbol.asyncDispose]() }
}

test('a node changes no other node, and neither labels nor taints that steer pods', async () => {
  await using api = await start()
  const { node } = api
  const patch = (name: string, body: object): Promise<unknown> => node.patch(nodes, name, body, { type: 'merge' })
  assert.equal(
    await refusal(patch('n2', { metadata: { labels: { a: 'b' } } })),
    'nodes "n2" is forbidden: node "n1" is not allowed to modify node "n2"',
  )
  assert.equal(
    await refusal(
      patch('n1', {
        metadata: { labels: { 'node-restriction.kubernetes.io/x': '1', 'other.k8s.io/y': '1', 'kubelet.kubernetes.io/z': '1' } },
      }),
    ),
    'nodes "n1" is forbidden: is not allowed to modify labels: node-restriction.kubernetes.io/x, other.k8s.io/y',
  )
  assert.equal(
    await refusal(patch('n1', { spec: { taints: [] } })),
    'nodes "n1" is forbidden: node "n1" is not allowed to modify taints',
  )
  assert.equal(
    await refusal(patch('n2', { metadata: { labels: { 'not a name': '' } } })),
    'nodes "n2" is forbidden: node "n1" is not allowed to modify node "n2"',
  )
  await patch('n1', { metadata: { labels: { 'kubernetes.io/os': 'linux', mine: 'yes' } } })
  const third = api.clientFor({ username: 'system:node:n3', groups: ['system:nodes', 'system:masters'] })
  const labels = { 'foo.node-restriction.kubernetes.io/x': '1' }
  assert.equal(
    await refusal(third.create(nodes, { apiVersion: 'v1', kind: 'Node', metadata: { name: 'n3', labels } })),
    'nodes "n3" is forbidden: node "n3" is not allowed to set the following labels: foo.node-restriction.kubernetes.io/x',
  )
})

test('a node creates only mirror pods of its own that reach nothing', async () => {
  await using api = await start()
  const { node, client } = api
  const uid = (await client.get(nodes, 'n1')).metadata!.uid!
  const owner = { apiVersion: 'v1', kind: 'Node', name: 'n1', uid, controller: true }
  const mirror = (metadata: object, spec: object = {}): Pod => {
    const pod = bind(podOf('static-n1', spec), 'n1')
    return {
      ...pod,
      metadata: {
        ...pod.metadata,
        annotations: { 'kubernetes.io/config.mirror': 'hash' },
        ownerReferences: [owner],
        ...metadata,
      },
    }
  }
  const why = async (pod: Pod): Promise<string> =>
    (await refusal(node.create(pods, pod))).replace('pods "static-n1" is forbidden: ', '')
  assert.equal(
    await why(mirror({ annotations: {} })),
    'pod does not have "kubernetes.io/config.mirror" annotation, node "n1" can only create mirror pods',
  )
  assert.equal(await why(bind(mirror({}), 'n2')), 'node "n1" can only create pods with spec.nodeName set to itself')
  assert.equal(await why(mirror({ ownerReferences: [] })), 'node "n1" can only create pods with an owner reference set to itself')
  assert.equal(
    await why(mirror({ ownerReferences: [{ ...owner, controller: false }] })),
    'node "n1" can only create pods with a controller owner reference set to itself',
  )
  assert.equal(
    await why(mirror({ ownerReferences: [{ ...owner, uid: 'other' }] })),
    `node n1 UID mismatch: expected other got ${uid}`,
  )
  assert.equal(
    await why(mirror({}, { volumes: [{ name: 'v', secret: { secretName: 's' } }] })),
    'node "n1" can not create pods that reference secrets',
  )
  assert.equal(
    await why(mirror({}, { serviceAccountName: 'default', automountServiceAccountToken: false })),
    'node "n1" can not create pods that reference a service account',
  )
  await node.create(pods, mirror({}))
})

test('a node touches only pods that are bound to it', async () => {
  await using api = await start()
  const { node } = api
  const other = await node.get(pods, 'work/on-n2')
  assert.equal(
    await refusal(node.delete(pods, 'work/on-n2')),
    'pods "on-n2" is forbidden: node "n1" can only delete pods with spec.nodeName set to itself',
  )
  assert.equal(
    await refusal(node.updateStatus(pods, { ...other, status: { ...other.status, phase: 'Failed' } })),
    'pods "on-n2" is forbidden: node "n1" can only update pod status for pods with spec.nodeName set to itself',
  )
  const eviction = { apiVersion: 'policy/v1', kind: 'Eviction', metadata: { name: 'on-n2', namespace: 'work' } }
  assert.equal(
    await refusal(node.createSubresource(pods as never, 'work/on-n2', 'eviction', eviction)),
    'pods "on-n2" is forbidden: node "n1" can only evict pods with spec.nodeName set to itself',
  )
  assert.match(
    await refusal(node.patch(pods, 'work/on-n1', { metadata: { labels: { a: 'b' } } }, { type: 'merge' })),
    /can only create and delete mirror pods$/,
  )
  const own = await node.get(pods, 'work/on-n1')
  await node.updateStatus(pods, { ...own, status: { ...own.status, phase: 'Running' } })
  await node.delete(pods, 'work/on-n1', { gracePeriodSeconds: 0 })
})

test('a node gets tokens only for pods that are bound to it, for audiences that they ask for', async () => {
  await using api = await start()
  const { node, client } = api
  const ask = async (name: string, uid: string | undefined, audiences: string[] = []): Promise<unknown> =>
    node.createSubresource(serviceAccounts as never, 'work/default', 'token', {
      apiVersion: 'authentication.k8s.io/v1',
      kind: 'TokenRequest',
      spec: {
        audiences,
        ...(name !== '' && { boundObjectRef: { apiVersion: 'v1', kind: 'Pod', name, ...(uid !== undefined && { uid }) } }),
      },
    } as unknown as ServiceAccount)
  const uidOf = async (name: string): Promise<string> => (await client.get(pods, `work/${name}`)).metadata!.uid!
  const why = async (promise: Promise<unknown>): Promise<string> => (await refusal(promise)).replace(/^.*forbidden: /, '')
  assert.equal(await why(ask('', undefined)), 'node requested token not bound to a pod')
  assert.equal(await why(ask('on-n1', undefined)), 'node requested token with a pod binding without a uid')
  assert.equal(await why(ask('on-n2', await uidOf('on-n2'))), 'node requested token bound to a pod scheduled on a different node')
  await ask('on-n1', await uidOf('on-n1'))
})

test('a node gets tokens for the audiences of a pod’s CSI drivers, and for those that RBAC grants', async () => {
  await using api = await start()
  const { client } = api
  const driver = { apiVersion: 'storage.k8s.io/v1', kind: 'CSIDriver', metadata: { name: 'vault.example.com' } }
  await client.create(csiDrivers, { ...driver, spec: { tokenRequests: [{ audience: 'vault' }] } })
  const volumes = [{ name: 'v', csi: { driver: 'vault.example.com' } }]
  const pod = await client.create(pods, bind(podOf('mounts', { volumes }), 'n1'))
  const plain = api.clientFor(NODE)
  const ask = (as: typeof plain, { metadata }: Pod, audience: string): Promise<unknown> => {
    const boundObjectRef = { apiVersion: 'v1', kind: 'Pod', name: metadata!.name!, uid: metadata!.uid! }
    const request = {
      apiVersion: 'authentication.k8s.io/v1',
      kind: 'TokenRequest',
      spec: { audiences: [audience], boundObjectRef },
    }
    return as.createSubresource(serviceAccounts as never, 'work/default', 'token', request as unknown as ServiceAccount)
  }
  await ask(plain, pod, 'vault')
  const other = await client.get(pods, 'work/on-n1')
  assert.match(await refusal(ask(plain, other, 'vault')), /audience "vault" not found in pod spec volume$/)
  await ask(api.node, other, 'vault')
})

test('a node holds only its own lease and its own CSINode', async () => {
  await using api = await start()
  const { node } = api
  const lease = (name: string, namespace: string): Promise<unknown> =>
    node.create(leases, { apiVersion: 'coordination.k8s.io/v1', kind: 'Lease', metadata: { name, namespace }, spec: {} })
  assert.match(await refusal(lease('n1', 'work')), /can only access leases in the "kube-node-lease" system namespace$/)
  assert.match(
    await refusal(lease('n2', 'kube-node-lease')),
    /can only access node lease with the same name as the requesting node$/,
  )
  await lease('n1', 'kube-node-lease')
  const csi = { apiVersion: 'storage.k8s.io/v1', kind: 'CSINode', metadata: { name: 'n2' }, spec: { drivers: [] } }
  assert.match(await refusal(node.create(csiNodes, csi)), /can only access CSINode with the same name as the requesting node$/)
})
