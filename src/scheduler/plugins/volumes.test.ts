import assert from 'node:assert/strict'
import test from 'node:test'
import type { PersistentVolume, PersistentVolumeClaim, Pod, StorageClass } from '#api'
import { makeNode, makePod, SmallCluster } from '../fixtures.ts'

interface ClaimInput extends Partial<NonNullable<PersistentVolumeClaim['spec']>> {
  readonly name?: string
  readonly size?: string
  readonly annotations?: Record<string, string>
  readonly phase?: string
}

function claim({ name = 'data', size = '1Gi', annotations, phase, ...spec }: ClaimInput = {}): PersistentVolumeClaim {
  return {
    metadata: { namespace: 'default', name, uid: `uid-${name}`, ...(annotations && { annotations }) },
    spec: { accessModes: ['ReadWriteOnce'], resources: { requests: { storage: size } }, ...spec },
    ...(phase && { status: { phase } }),
  }
}

const bound = (volumeName: string, extra: ClaimInput = {}): PersistentVolumeClaim =>
  claim({ volumeName, annotations: { 'pv.kubernetes.io/bind-completed': 'yes' }, ...extra })

function volume(name: string, on: string | undefined, spec: Partial<PersistentVolume['spec']> = {}): PersistentVolume {
  const required = {
    nodeSelectorTerms: [{ matchExpressions: [{ key: 'kubernetes.io/hostname', operator: 'In', values: [on!] }] }],
  }
  return {
    metadata: { name },
    spec: { capacity: { storage: '5Gi' }, accessModes: ['ReadWriteOnce'], ...(on && { nodeAffinity: { required } }), ...spec },
    status: { phase: 'Available' },
  }
}

const delayed = (provisioner: string, extra: Partial<StorageClass> = {}): StorageClass => ({
  metadata: { name: 'local' },
  provisioner,
  volumeBindingMode: 'WaitForFirstConsumer',
  ...extra,
})

const using = (...names: string[]): Pod =>
  makePod({ name: 'p', volumes: names.map((claimName) => ({ name: claimName, persistentVolumeClaim: { claimName } })) })

interface World {
  readonly claims?: readonly PersistentVolumeClaim[]
  readonly volumes?: readonly PersistentVolume[]
  readonly classes?: readonly StorageClass[]
  readonly placed?: readonly Pod[]
}

function cluster({ claims = [], volumes = [], classes = [], placed = [] }: World): SmallCluster {
  return new SmallCluster([makeNode({ name: 'node-1' }), makeNode({ name: 'node-2' })], placed, {
    lookups: {
      claim: (_namespace, name) => claims.find(({ metadata }) => metadata?.name === name),
      volume: (name) => volumes.find(({ metadata }) => metadata?.name === name),
      volumes: () => volumes,
      storageClass: (name) => classes.find(({ metadata }) => metadata?.name === name),
    },
  })
}

const hopeless = (why: string): string =>
  `0/2 nodes are available: ${why}. preemption: 0/2 nodes are available: 2 Preemption is not helpful for scheduling.`

test('a pod without its claims goes nowhere, and says which is missing', () => {
  assert.equal(cluster({}).place(using('data')), hopeless('persistentvolumeclaim "data" not found'))
  const immediate = cluster({ claims: [claim({ phase: 'Pending' })] })
  assert.equal(immediate.place(using('data')), hopeless('pod has unbound immediate PersistentVolumeClaims'))
  const ephemeral = makePod({ name: 'p', volumes: [{ name: 'tmp', ephemeral: {} }] })
  const waiting = 'waiting for ephemeral volume controller to create the persistentvolumeclaim "p-tmp"'
  assert.equal(cluster({}).place(ephemeral), hopeless(waiting))
})

test('a bound volume draws the pod to where it is', () => {
  assert.equal(cluster({ claims: [bound('pv')], volumes: [volume('pv', 'node-2')] }).place(using('data')), 'node-2')
  const elsewhere = cluster({ claims: [bound('pv')], volumes: [volume('pv', 'node-9')] })
  assert.equal(elsewhere.place(using('data')), hopeless("2 node(s) didn't match PersistentVolume's node affinity"))
  assert.match(cluster({ claims: [bound('pv')] }).place(using('data')), /bound to non-existent pv/)
})

test('a claim that waits for its pod takes the smallest volume that does, where it is', () => {
  const classes = [delayed('kubernetes.io/no-provisioner')]
  const local = { storageClassName: 'local' }
  const volumes = [
    volume('big', 'node-1', { ...local, capacity: { storage: '9Gi' } }),
    volume('small', 'node-2', { ...local, capacity: { storage: '512Mi' } }),
    volume('other', 'node-2', { capacity: { storage: '9Gi' } }),
  ]
  const world = cluster({ claims: [claim(local)], classes, volumes })
  assert.equal(world.place(using('data')), 'node-1')
  // Taken by a pod that is being bound.
  world.cache.volumes.assume('somebody', { matches: [{ claim: claim(local), volume: volumes[0]! }], provisions: [] })
  assert.equal(world.place(using('data')), hopeless("2 node(s) didn't find available persistent volumes to bind"))
  world.cache.volumes.forget('somebody')
  assert.equal(world.place(using('data')), 'node-1')
})

test('two claims of one pod need two volumes', () => {
  const local = { storageClassName: 'local' }
  const world = (...volumes: PersistentVolume[]): string =>
    cluster({
      claims: [claim(local), claim({ ...local, name: 'log' })],
      classes: [delayed('kubernetes.io/no-provisioner')],
      volumes,
    }).place(using('data', 'log'))
  assert.match(world(volume('a', 'node-1', local), volume('b', 'node-2', local)), /didn't find available persistent volumes/)
  assert.equal(world(volume('a', 'node-2', local), volume('b', 'node-2', local)), 'node-2')
})

test('a volume is made where the class allows it', () => {
  const classes = [
    delayed('example.com/disk', {
      allowedTopologies: [{ matchLabelExpressions: [{ key: 'kubernetes.io/hostname', values: ['node-2'] }] }],
    }),
  ]
  const world = cluster({ claims: [claim({ storageClassName: 'local' })], classes })
  assert.equal(world.place(using('data')), 'node-2')
  const annotations = { 'volume.kubernetes.io/selected-node': 'node-1' }
  const selected = cluster({
    claims: [claim({ storageClassName: 'local', annotations })],
    classes: [delayed('example.com/disk')],
  })
  assert.equal(selected.place(using('data')), 'node-1')
})

test('a claim for one pod is used by one pod', () => {
  const world = {
    claims: [bound('pv', { accessModes: ['ReadWriteOncePod'] })],
    volumes: [volume('pv', undefined)],
  }
  assert.match(cluster(world).place(using('data')), /^node-/)
  const user = { ...using('data'), metadata: { namespace: 'default', name: 'user', uid: 'user' } }
  const placed = [{ ...user, spec: { ...user.spec!, nodeName: 'node-1' } }]
  assert.match(
    cluster({ ...world, placed }).place(using('data')),
    /2 node has pod using PersistentVolumeClaim with the same name and ReadWriteOncePod access mode/,
  )
})
