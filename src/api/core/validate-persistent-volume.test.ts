import assert from 'node:assert/strict'
import test from 'node:test'
import { changeFindings, findingsOf } from '#testing'
import { type PersistentVolume, type PersistentVolumeClaim, persistentVolumeClaims, persistentVolumes } from '../index.ts'
import { foundBy } from '../validation/findings.ts'

const csi = { driver: 'a.example.com', volumeHandle: 'h' }
const volume = (spec: object): object => ({ spec: { accessModes: ['ReadWriteOnce'], capacity: { storage: '1Gi' }, ...spec } })
const claim = (spec: object): object => ({
  spec: { accessModes: ['ReadWriteOnce'], resources: { requests: { storage: '2Gi' } }, ...spec },
})
const MODES = 'supported values: "ReadOnlyMany", "ReadWriteMany", "ReadWriteOnce", "ReadWriteOncePod"'

const cases: readonly (readonly [name: string, resource: unknown, object: object, expected: readonly string[]])[] = [
  ['sound', persistentVolumes, volume({ csi }), []],
  [
    'nothing said',
    persistentVolumes,
    { spec: {} },
    [
      'spec.accessModes: Required value',
      'spec.capacity: Required value',
      'spec.capacity: Unsupported value: {}: supported values: "storage"',
      'spec: Required value: must specify a volume type',
    ],
  ],
  [
    'less than nothing',
    persistentVolumes,
    volume({ csi, capacity: { storage: '-1' }, accessModes: ['Sometimes', 'ReadWriteOncePod', 'ReadOnlyMany'] }),
    [
      `spec.accessModes: Unsupported value: "Sometimes": ${MODES}`,
      'spec.accessModes: Forbidden: may not use ReadWriteOncePod with other access modes',
      'spec.capacity[storage]: Invalid value: -1: must be a valid resource quantity',
      'spec.capacity[storage]: Invalid value: "-1": must be greater than zero',
    ],
  ],
  [
    'of several sources the first one counts',
    persistentVolumes,
    volume({ csi: {}, cephfs: { monitors: [] }, hostPath: { path: '/' }, persistentVolumeReclaimPolicy: 'Recycle' }),
    [
      'spec.cephFS: Forbidden: may not specify more than 1 volume type',
      'spec.csi: Forbidden: may not specify more than 1 volume type',
      "spec.persistentVolumeReclaimPolicy: Forbidden: may not be 'recycle' for a hostPath mount of '/'",
    ],
  ],
  [
    'a disk of a node that is not named',
    persistentVolumes,
    volume({ local: { path: '/a/../b' }, volumeMode: 'Tape', nodeAffinity: {} }),
    [
      'spec.nodeAffinity.required: Required value: must specify required node constraints',
      'spec.local.path: Invalid value: "/a/../b": must not contain \'..\'',
      'spec.volumeMode: Unsupported value: "Tape": supported values: "Block", "Filesystem"',
    ],
  ],
  [
    'drivers and their secrets',
    persistentVolumes,
    volume({ csi: { driver: '', volumeHandle: '', nodePublishSecretRef: { name: 's' } }, volumeAttributesClassName: '' }),
    [
      'spec.csi.driver: Required value',
      'spec.csi.volumeHandle: Required value',
      'spec.csi.nodePublishSecretRef.namespace: Required value',
      'spec.volumeAttributesClassName: Required value: an empty string is disallowed',
    ],
  ],
  [
    'a share without attributes',
    persistentVolumes,
    volume({ nfs: { server: 's', path: 'x' }, volumeAttributesClassName: 'gold' }),
    [
      'spec.nfs.path: Invalid value: "x": must be an absolute path',
      'spec.csi: Required value: has to be specified when using volumeAttributesClassName',
    ],
  ],
  [
    'a claim on nothing',
    persistentVolumeClaims,
    {
      spec: {
        resources: { requests: { storage: '-1' } },
        volumeMode: 'Tape',
        selector: { matchExpressions: [{ key: 'a', operator: 'Is' }] },
      },
    },
    [
      'spec.accessModes: Required value: at least 1 access mode is required',
      'spec.selector.matchExpressions[0].operator: Invalid value: "Is": not a valid selector operator',
      'spec.resources[storage]: Invalid value: "-1": must be greater than zero',
      'spec.volumeMode: Unsupported value: "Tape": supported values: "Block", "Filesystem"',
    ],
  ],
  [
    'copies of nothing',
    persistentVolumeClaims,
    claim({ dataSourceRef: { apiGroup: 'a_b', kind: '', name: '', namespace: 'N' } }),
    [
      'spec.dataSourceRef.name: Required value',
      'spec.dataSourceRef.kind: Required value',
      `spec.dataSourceRef.apiGroup: Invalid value: "a_b": a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character (e.g. 'example.com', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')`,
      `spec.dataSourceRef.namespace: Invalid value: "N": a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and end with an alphanumeric character (e.g. 'my-name',  or '123-abc', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?')`,
    ],
  ],
  [
    'two sources',
    persistentVolumeClaims,
    claim({
      dataSource: { kind: 'PersistentVolumeClaim', name: 'a' },
      dataSourceRef: { kind: 'PersistentVolumeClaim', name: 'b' },
    }),
    ['spec: Invalid value: {}: must match dataSourceRef'],
  ],
  ['what was ignored always', persistentVolumeClaims, claim({ dataSource: { apiGroup: 'a.b', kind: 'Tape', name: 'a' } }), []],
]

for (const [name, resource, object, expected] of cases)
  test(`volumes: ${name}`, () => assert.deepEqual(findingsOf(resource as never, object), expected))

test('what a volume is stays; a secret for growing may come later', () => {
  const change = (old: object, draw: (draft: PersistentVolume) => void): string[] =>
    changeFindings(persistentVolumes, volume(old), draw)
  assert.deepEqual(
    change({ csi }, ({ spec }) => {
      spec!.csi!.controllerExpandSecretRef = { name: 's', namespace: 'n' }
    }),
    [],
  )
  const placed = { required: { nodeSelectorTerms: [{ matchExpressions: [{ key: 'a', operator: 'Exists' }] }] } }
  assert.deepEqual(
    change({ csi, nodeAffinity: placed, volumeAttributesClassName: 'gold' }, ({ spec }) => {
      spec!.csi!.volumeHandle = 'other'
      spec!.volumeMode = 'Block'
      delete spec!.nodeAffinity
      delete spec!.volumeAttributesClassName
    }),
    [
      `spec.persistentvolumesource: Forbidden: spec.persistentvolumesource is immutable after creation
@@ -22,7 +22,7 @@
  "StorageOS": null,
  "CSI": {
   "Driver": "a.example.com",
-  "VolumeHandle": "h",
+  "VolumeHandle": "other",
   "ReadOnly": false,
   "FSType": "",
   "VolumeAttributes": null,
`,
      'volumeMode: Invalid value: "Block": field is immutable',
      'nodeAffinity: Invalid value: null: field is immutable, except for updating from beta label to GA',
      'spec.volumeAttributesClassName: Forbidden: update from non-nil value to nil is forbidden',
    ],
  )
})

const FIXED =
  'spec: Forbidden: spec is immutable after creation except resources.requests and volumeAttributesClassName for bound claims'

test('a claim is bound once, and grows when it is; who asked for too much may ask for less, not for less than there is', () => {
  const change = (old: object, bound: boolean, draw: (draft: PersistentVolumeClaim) => void): string[] => {
    const before = structuredClone({ metadata: { name: 'x' }, ...claim(old) }) as PersistentVolumeClaim
    persistentVolumeClaims.default(before)
    before.status = { phase: bound ? 'Bound' : 'Pending', capacity: { storage: '1Gi' } }
    const after = structuredClone(before)
    draw(after)
    return foundBy((found) => persistentVolumeClaims.validateUpdate(after, before, found, { nowMs: 0 })).map(
      ({ field, message }) => `${field}: ${message.split('\n')[0]}`,
    )
  }
  const ask =
    (storage: string) =>
    ({ spec }: PersistentVolumeClaim) => {
      spec!.resources!.requests!['storage'] = storage
    }
  assert.deepEqual(change({}, true, ask('3Gi')), [])
  assert.deepEqual(change({}, false, ask('3Gi')), [FIXED])
  assert.deepEqual(change({}, true, ask('1500Mi')), [])
  const LESS = 'spec.resources.requests.storage: Forbidden: field can not be less than status.capacity'
  assert.deepEqual(change({}, true, ask('1Gi')), [LESS])
  assert.deepEqual(
    change({}, false, ({ spec }) => {
      spec!.volumeName = 'v'
      spec!.storageClassName = 'late'
    }),
    [],
  )
  assert.deepEqual(
    change({ volumeName: 'v', storageClassName: 'a', volumeAttributesClassName: 'gold' }, true, ({ metadata, spec }) => {
      spec!.volumeName = 'w'
      spec!.volumeMode = 'Block'
      delete spec!.volumeAttributesClassName
      metadata!.annotations = { 'volume.beta.kubernetes.io/storage-class': 'b' }
    }),
    [
      'metadata.annotations.volume.beta.kubernetes.io/storage-class: Invalid value: "b": field is immutable',
      FIXED,
      'volumeMode: Invalid value: "Block": field is immutable',
    ],
  )
  assert.deepEqual(
    change({ volumeAttributesClassName: 'gold' }, true, ({ spec }) => {
      spec!.volumeAttributesClassName = 'silver'
    }),
    [],
  )
})

test('the status of a claim', () => {
  assert.deepEqual(
    changeFindings(
      persistentVolumeClaims,
      claim({}),
      ({ status }: PersistentVolumeClaim) => {
        status!.capacity = { storage: '-1' }
        status!.allocatedResourceStatuses = { cpu: 'Growing' }
        status!.allocatedResources = { storage: '-2' }
      },
      'status',
    ),
    [
      'status.capacity[storage]: Invalid value: -1: must be a valid resource quantity',
      'status.allocatedResourceStatuses: Unsupported value: "cpu": supported values: "storage"',
      'status.allocatedResourceStatuses: Unsupported value: "cpu": supported values: "ControllerResizeInProgress", "ControllerResizeInfeasible", "NodeResizeInProgress", "NodeResizeInfeasible", "NodeResizePending"',
      'status.allocatedResources[storage]: Invalid value: -2: must be a valid resource quantity',
    ],
  )
})
