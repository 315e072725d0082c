import assert from 'node:assert/strict'
import test from 'node:test'
import {
  configMaps,
  leases,
  nodes,
  type PersistentVolume,
  persistentVolumeClaims,
  persistentVolumes,
  pods,
  resourceClaims,
  resourceSlices,
  secrets,
  serviceAccounts,
  subjectAccessReviews,
  volumeAttachments,
} from '#api'
import { podOf, startAdmissionTest, type TestApiServer } from '#testing'

const NODE = { username: 'system:node:n1', groups: ['system:nodes', 'system:authenticated'] }

/** Why the node may not, or that it may. */
async function judge({ client }: TestApiServer, resourceAttributes: object, user = NODE.username): Promise<string> {
  const { status } = await client.create(subjectAccessReviews, {
    apiVersion: 'authorization.k8s.io/v1',
    kind: 'SubjectAccessReview',
    spec: { user, groups: NODE.groups, resourceAttributes },
  })
  return status?.allowed ? 'allowed' : (status?.reason ?? '')
}

const UNRELATED = "no relationship found between node 'n1' and this object"
const get = (resource: string, name: string, namespace = 'work', group = '') => ({
  verb: 'get',
  group,
  resource,
  name,
  namespace,
})

test('a node reads what its pods refer to, through claims and volumes too, as long as they do', async () => {
  await using api = await startAdmissionTest()
  const { client } = api
  const wanted: readonly [what: string, asked: object][] = [
    ['the pod', get('pods', 'web')],
    ['a secret of its environment', get('secrets', 'env')],
    ['a pull secret', get('secrets', 'pull')],
    ['a secret volume', get('secrets', 'files')],
    ['a projected secret', get('secrets', 'projected')],
    ['a secret of an ephemeral CSI volume', get('secrets', 'csi')],
    ['a configmap of an init container', { ...get('configmaps', 'init'), verb: 'watch' }],
    ['a claim', get('persistentvolumeclaims', 'data')],
    ['an ephemeral claim', get('persistentvolumeclaims', 'web-scratch')],
    ['the state of a claim', { ...get('persistentvolumeclaims', 'data'), verb: 'patch', subresource: 'status' }],
    ['the volume of the claim', get('persistentvolumes', 'pv1', '')],
    ['the secret of that volume', get('secrets', 'driver', 'kube-system')],
    ['a resource claim', get('resourceclaims', 'gpu', 'work', 'resource.k8s.io')],
    ['the token of its account', { ...get('serviceaccounts', 'robot'), verb: 'create', subresource: 'token' }],
    ['its account', get('serviceaccounts', 'robot')],
  ]
  for (const [what, asked] of wanted) assert.equal(await judge(api, asked), UNRELATED, what)
  const volume: PersistentVolume = {
    apiVersion: 'v1',
    kind: 'PersistentVolume',
    metadata: { name: 'pv1' },
    spec: {
      capacity: { storage: '1Gi' },
      accessModes: ['ReadWriteOnce'],
      claimRef: { kind: 'PersistentVolumeClaim', namespace: 'work', name: 'data' },
      csi: { driver: 'd.example.com', volumeHandle: 'h', nodeStageSecretRef: { name: 'driver', namespace: 'kube-system' } },
    },
  }
  await client.create(persistentVolumes, volume)
  await client.create(serviceAccounts, {
    apiVersion: 'v1',
    kind: 'ServiceAccount',
    metadata: { name: 'robot', namespace: 'work' },
  })
  const web = podOf('web', {
    nodeName: 'n1',
    serviceAccountName: 'robot',
    automountServiceAccountToken: false,
    imagePullSecrets: [{ name: 'pull' }],
    initContainers: [{ name: 'init', image: 'i', envFrom: [{ configMapRef: { name: 'init' } }] }],
    containers: [
      {
        name: 'main',
        image: 'i',
        env: [{ name: 'E', valueFrom: { secretKeyRef: { name: 'env', key: 'k' } } }],
        resources: { claims: [{ name: 'gpu' }] },
      },
    ],
    resourceClaims: [{ name: 'gpu', resourceClaimName: 'gpu' }],
    volumes: [
      { name: 'files', secret: { secretName: 'files' } },
      { name: 'projected', projected: { sources: [{ secret: { name: 'projected' } }] } },
      { name: 'csi', csi: { driver: 'd.example.com', nodePublishSecretRef: { name: 'csi' } } },
      { name: 'data', persistentVolumeClaim: { claimName: 'data' } },
      {
        name: 'scratch',
        ephemeral: {
          volumeClaimTemplate: { spec: { accessModes: ['ReadWriteOnce'], resources: { requests: { storage: '1Gi' } } } },
        },
      },
    ],
  })
  await client.create(pods, web)
  for (const [what, asked] of wanted) {
    assert.equal(await judge(api, asked), 'allowed', what)
    assert.equal(await judge(api, asked, 'system:node:n2'), UNRELATED.replace('n1', 'n2'), what)
  }
  // A second pod keeps what both refer to.
  await client.create(
    pods,
    podOf('again', { nodeName: 'n1', automountServiceAccountToken: false, imagePullSecrets: [{ name: 'pull' }] }),
  )
  await client.delete(pods, 'work/web', { gracePeriodSeconds: 0 })
  for (const [what, asked] of wanted)
    assert.equal(await judge(api, asked), what === 'a pull secret' ? 'allowed' : UNRELATED, what)
})

test('a mirror pod gives its node no right to what it names', async () => {
  await using api = await startAdmissionTest()
  const mirror = podOf('mirror', {
    nodeName: 'n1',
    imagePullSecrets: [{ name: 'mine-please' }],
    automountServiceAccountToken: false,
  })
  mirror.metadata!.annotations = { 'kubernetes.io/config.mirror': 'abc' }
  await api.client.create(pods, mirror)
  assert.equal(await judge(api, get('secrets', 'mine-please')), UNRELATED)
  assert.equal(await judge(api, get('pods', 'mirror')), 'allowed')
})

test('a node lists only its own pods and itself, and nothing of a kind as a whole', async () => {
  await using api = await startAdmissionTest()
  const list = (resource: string, key?: string, value = 'n1', group = ''): object => ({
    verb: 'list',
    group,
    resource,
    ...(key !== undefined && { fieldSelector: { requirements: [{ key, operator: 'In', values: [value] }] } }),
  })
  const slices = 'can only list/watch/deletecollection resourceslices with nodeName field selector'
  const table: readonly [asked: object, answer: string][] = [
    [list('pods'), 'can only list/watch pods with spec.nodeName field selector'],
    [list('pods', 'spec.nodeName', 'n2'), 'can only list/watch pods with spec.nodeName field selector'],
    [list('pods', 'spec.nodeName'), 'allowed'],
    [list('nodes'), "node 'n1' cannot read all nodes, only its own Node object"],
    [get('nodes', 'n2', ''), "node 'n1' cannot read 'n2', only its own Node object"],
    [get('nodes', 'n1', ''), 'allowed'],
    [{ ...get('nodes', 'n1', ''), verb: 'delete' }, ''],
    [{ ...list('secrets'), namespace: 'work' }, 'No Object name found'],
    [list('secrets'), 'can only read namespaced object of this type'],
    [{ ...get('secrets', 'x'), verb: 'delete' }, 'can only read resources of this type'],
    [list('resourceslices', undefined, '', 'resource.k8s.io'), slices],
    [list('resourceslices', 'spec.nodeName', 'n1', 'resource.k8s.io'), 'allowed'],
    [get('leases', 'n1', 'kube-node-lease', 'coordination.k8s.io'), 'allowed'],
    [
      get('leases', 'n2', 'kube-node-lease', 'coordination.k8s.io'),
      'can only access node lease with the same name as the requesting node',
    ],
    [
      get('leases', 'n1', 'kube-system', 'coordination.k8s.io'),
      'can only access leases in the "kube-node-lease" system namespace',
    ],
    [get('csinodes', 'n2', '', 'storage.k8s.io'), 'can only access CSINode with the same name as the requesting node'],
    [
      { ...get('serviceaccounts', ''), verb: 'create', subresource: 'token' },
      'can only create tokens for individual service accounts',
    ],
    [{ ...get('pods', 'x'), verb: 'update' }, ''],
    [{ ...get('pods', 'x'), verb: 'create', subresource: 'exec' }, ''],
    [{ verb: 'list', resource: 'services' }, 'allowed'],
    [{ verb: 'create', resource: 'services', namespace: 'work' }, ''],
  ]
  for (const [asked, answer] of table) assert.equal(await judge(api, asked), answer, JSON.stringify(asked))
  assert.equal(await judge(api, get('nodes', 'n1', ''), 'system:node:'), 'unknown node for user "system:node:"')
})

test('a node reaches its own attachments and slices, and requests are narrowed by their selectors', async () => {
  await using api = await startAdmissionTest()
  const { client } = api
  for (const [name, nodeName] of [
    ['mine', 'n1'],
    ['other', 'n2'],
  ] as const) {
    const source = { persistentVolumeName: 'pv1' }
    const spec = { attacher: 'd.example.com', nodeName, source }
    await client.create(volumeAttachments, {
      apiVersion: 'storage.k8s.io/v1',
      kind: 'VolumeAttachment',
      metadata: { name },
      spec,
    })
    const pool = { name: nodeName, generation: 1, resourceSliceCount: 1 }
    const slice = { driver: 'd.example.com', nodeName, pool, devices: [] }
    await client.create(resourceSlices, {
      apiVersion: 'resource.k8s.io/v1',
      kind: 'ResourceSlice',
      metadata: { name },
      spec: slice,
    })
  }
  for (const [resource, group] of [
    ['volumeattachments', 'storage.k8s.io'],
    ['resourceslices', 'resource.k8s.io'],
  ] as const) {
    assert.equal(await judge(api, get(resource, 'mine', '', group)), 'allowed')
    assert.equal(await judge(api, get(resource, 'other', '', group)), UNRELATED)
  }
  const node = api.clientFor(NODE)
  await client.create(nodes, { apiVersion: 'v1', kind: 'Node', metadata: { name: 'n1' } })
  assert.equal((await node.list(nodes, { fieldSelector: 'metadata.name=n1' })).items.length, 1)
  await node.list(pods, { fieldSelector: 'spec.nodeName=n1' })
  await assert.rejects(node.list(pods, { fieldSelector: 'spec.nodeName!=n1' }), /can only list\/watch pods with spec.nodeName/)
  await assert.rejects(node.list(nodes), /cannot read all nodes/)
  for (const resource of [secrets, configMaps, persistentVolumeClaims, resourceClaims, leases] as const)
    await assert.rejects(node.list(resource as never), /forbidden/)
})
