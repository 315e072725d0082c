import assert from 'node:assert/strict'
import test from 'node:test'
import { changeFindings, findingsOf, updateFindings } from '#testing'
import {
  type PersistentVolume,
  type PersistentVolumeClaim,
  type Pod,
  persistentVolumeClaims,
  persistentVolumes,
  pods,
} from '../index.ts'

const pod = (spec: object, metadata?: object): object => ({
  ...(metadata && { metadata }),
  spec: { containers: [{ name: 'c', image: 'i' }], ...spec },
})
const ofPod = (...volumes: object[]): string[] =>
  findingsOf(pods, pod({ volumes: volumes.map((volume, index) => ({ name: `v${index}`, ...volume })) }))
const persistent = (spec: object): object => ({
  spec: { accessModes: ['ReadWriteOnce'], capacity: { storage: '1Gi' }, ...spec },
})
const ofVolume = (spec: object): string[] => findingsOf(persistentVolumes, persistent(spec))
const TARGET = { targetPortal: 'portal', iqn: 'iqn.2015-02.example.com:test', lun: 0 }
const V = 'spec.volumes[0]'
const LONG = 'Total length of <volume name>:<iscsi.targetPortal> must be under 64 characters if iscsi.initiatorName is specified.'

test('an initiator is named in one of three forms, whatever stands before an iqn', () => {
  const isFine = (iqn: string): boolean => ofPod({ iscsi: { ...TARGET, iqn } }).length === 0
  const fine = [
    'iqn.2015-02.a:b',
    'iqn iqn.2015-02.a-b.C:d:e',
    'eui.zzzzZZZZ00001111',
    'euix0000111122223333',
    `naa.${'g'.repeat(32)}`,
  ]
  for (const iqn of fine) assert.ok(isFine(iqn), iqn)
  const wrong = [
    'iqn.2015-02.a',
    'iqn.2015-02.a:',
    'iqn.2015-02.a_b:c',
    'iqn.2015-02.a:b c',
    'iqn.15-02.a:b',
    'eui.0',
    `naa.${'g'.repeat(31)}`,
  ]
  for (const iqn of wrong) assert.ok(!isFine(iqn), iqn)
  assert.ok(!isFine('iqn.2015-02.'.repeat(100_000)), 'in one look')
})

test('an initiator of its own name tells targets apart by short names', () => {
  const iscsi = { ...TARGET, targetPortal: 'p'.repeat(62), initiatorName: 'abc' }
  const UNKNOWN = 'iscsi.initiatorname: Invalid value: "abc": must be valid format'
  assert.deepEqual(ofPod({ iscsi }), [
    `${V}.${UNKNOWN} starting with iqn, eui, or naa`,
    `${V}.name: Invalid value: "v0": ${LONG}`,
  ])
  assert.deepEqual(ofPod({ emptyDir: {}, iscsi }), [
    `${V}.iscsi: Forbidden: may not specify more than 1 volume type`,
    `${V}.name: Invalid value: "v0": ${LONG}`,
  ])
  assert.deepEqual(ofVolume({ iscsi: { ...iscsi, targetPortal: 'p'.repeat(63), secretRef: {} } }), [
    `spec.iscsi.targetportal: Invalid value: "${'p'.repeat(63)}": ${LONG}`,
    'spec.iscsi.secretRef.name: Required value',
    `spec.${UNKNOWN}`,
  ])
})

test('two types that upstream spells otherwise', () => {
  assert.deepEqual(ofPod({ emptyDir: {}, cephfs: { monitors: ['m'] }, downwardAPI: {} }), [
    `${V}.cephFS: Forbidden: may not specify more than 1 volume type`,
    `${V}.downwarAPI: Forbidden: may not specify more than 1 volume type`,
  ])
})

test('a persistent volume says in which namespace its secrets and endpoints are', () => {
  const SECRET = ['secretRef.name: Required value', 'secretRef.namespace: Required value']
  assert.deepEqual(
    ofVolume({ cinder: { volumeID: 'v', secretRef: {} } }),
    SECRET.map((each) => `spec.cinder.${each}`),
  )
  assert.deepEqual(
    ofVolume({ storageos: { volumeName: 'v', secretRef: {} } }),
    SECRET.map((each) => `spec.storageos.${each}`),
  )
  const gluster = (endpointsNamespace: string) => ofVolume({ glusterfs: { endpoints: 'e', path: 'p', endpointsNamespace } })
  assert.deepEqual(gluster(''), [
    'spec.glusterfs.endpointsNamespace: Invalid value: "": if the endpointnamespace is set, it must be a valid namespace name',
  ])
  assert.deepEqual(gluster('a.b'), ['spec.glusterfs.endpointsNamespace: Invalid value: "a.b": must not contain dots'])
  assert.deepEqual(gluster('a'), [])
})

test('a flex volume is looked at in any company, and the root of a node however it is written', () => {
  assert.deepEqual(ofVolume({ nfs: { server: 's', path: '/' }, flexVolume: {} }), ['spec.flexVolume.driver: Required value'])
  for (const path of ['/', '//', '/./', '/.'])
    assert.deepEqual(ofVolume({ hostPath: { path }, persistentVolumeReclaimPolicy: 'Recycle' }), [
      "spec.persistentVolumeReclaimPolicy: Forbidden: may not be 'recycle' for a hostPath mount of '/'",
    ])
  assert.deepEqual(ofVolume({ hostPath: { path: '/a' }, persistentVolumeReclaimPolicy: 'Recycle' }), [])
})

test('labels of nodes get their new names where a volume is, and nothing else', () => {
  const csi = { driver: 'a.example.com', volumeHandle: 'h' }
  const placed = (key: string, values = ['a']) => ({
    nodeAffinity: { required: { nodeSelectorTerms: [{ matchExpressions: [{ key, operator: 'In', values }] }] } },
  })
  const OLD = 'failure-domain.beta.kubernetes.io/zone'
  const change = (to: object): string[] =>
    changeFindings(persistentVolumes, persistent({ csi, ...placed(OLD) }), ({ spec }) => void Object.assign(spec!, to))
  assert.deepEqual(change(placed('topology.kubernetes.io/zone')), [])
  const shown =
    '{"Required":{"NodeSelectorTerms":[{"MatchExpressions":[{"Key":"zone","Operator":"In","Values":["a"]}],"MatchFields":null}]}}'
  assert.deepEqual(change(placed('zone')), [
    `nodeAffinity: Invalid value: ${shown}: field is immutable, except for updating from beta label to GA`,
  ])
  assert.equal(change(placed('topology.kubernetes.io/zone', ['b'])).length, 1)

  const odd = persistent({ csi, ...placed('zone', ['a b']) }) as PersistentVolume
  assert.match(ofVolume(odd.spec!)[0]!, /matchExpressions\[0\]\.values\[0\]: Invalid value: "a b"/)
  assert.deepEqual(updateFindings(persistentVolumes, odd, structuredClone(odd)), [])
})

test('what a claim template says beside labels and annotations would be lost', () => {
  const template = (metadata: object): string[] =>
    ofPod({
      ephemeral: {
        volumeClaimTemplate: {
          metadata,
          spec: { accessModes: ['ReadWriteOnce'], resources: { requests: { storage: '1Gi' } } },
        },
      },
    })
  const M = `${V}.ephemeral.volumeClaimTemplate.metadata`
  assert.deepEqual(template({ labels: { a: 'b' }, annotations: { c: 'd e' } }), [])
  assert.deepEqual(template({ uid: 'u', name: 'n', finalizers: ['a/b'] }), [
    `${M}.name: Forbidden: cannot be set`,
    `${M}.uID: Forbidden: cannot be set`,
    `${M}.finalizers: Forbidden: cannot be set`,
  ])
  const [annotation, label] = template({ labels: { a: 'b c' }, annotations: { 'a b': '' } })
  assert.ok(annotation!.startsWith(`${M}.annotations: Invalid value: "a b"`))
  assert.ok(label!.startsWith(`${M}.labels: Invalid value: "b c"`))
})

const claim = (spec: object, metadata: object = {}): PersistentVolumeClaim =>
  ({
    metadata: { name: 'x', ...metadata },
    spec: { accessModes: ['ReadWriteOnce'], resources: { requests: { storage: '1Gi' } }, ...spec },
  }) as PersistentVolumeClaim
/** Without what differs. */
const summaries = (findings: readonly string[]): string[] => findings.map((each) => each.split('\n')[0]!)
const FIXED =
  'spec: Forbidden: spec is immutable after creation except resources.requests and volumeAttributesClassName for bound claims'

test('what was wrong with a claim before there was a rule may stay', () => {
  const odd = claim({
    selector: { matchExpressions: [{ key: 'a', operator: 'In', values: ['b c'] }] },
    dataSourceRef: { apiGroup: 'A_', kind: 'K', name: 'n' },
  })
  assert.equal(findingsOf(persistentVolumeClaims, odd).length, 3)
  assert.deepEqual(updateFindings(persistentVolumeClaims, odd, structuredClone(odd)), [])
})

test('a class in an annotation becomes one in the claim, once', () => {
  const annotations = { 'volume.beta.kubernetes.io/storage-class': 'gold' }
  const change = (to: object, old: object = {}) =>
    summaries(updateFindings(persistentVolumeClaims, claim(to, { annotations }), claim(old, { annotations })))
  assert.deepEqual(change({ storageClassName: 'gold' }), [])
  assert.deepEqual(change({ storageClassName: 'silver' }), [FIXED])
  assert.deepEqual(change({ storageClassName: 'gold' }, { storageClassName: '' }), [FIXED])
})

test('attributes that a volume has are exchanged, not taken away', () => {
  const change = (to: object, phase: string, current?: string): string[] => {
    const old = claim({ volumeAttributesClassName: 'gold' })
    old.status = { phase, ...(current && { currentVolumeAttributesClassName: current }) }
    return summaries(updateFindings(persistentVolumeClaims, { ...claim(to), status: old.status }, old))
  }
  assert.deepEqual(change({}, 'Bound'), [])
  assert.deepEqual(change({}, 'Pending'), [FIXED])
  assert.deepEqual(change({ volumeAttributesClassName: 'silver' }, 'Bound', 'gold'), [])
  const rule = (to: string) =>
    `spec.volumeAttributesClassName: Forbidden: update to ${to} is forbidden when status.currentVolumeAttributesClassName is not nil`
  assert.deepEqual(change({}, 'Bound', 'gold'), [rule('nil')])
  assert.deepEqual(change({ volumeAttributesClassName: '' }, 'Bound', 'gold'), [rule('empty string')])
})

test('a static pod claims no devices, and a pod that does is resized nowhere', () => {
  const metadata = { name: 'x', annotations: { 'kubernetes.io/config.mirror': 'm' } }
  const claims = { nodeName: 'n', resourceClaims: [{ name: 'a', resourceClaimName: 'b' }] }
  assert.deepEqual(findingsOf(pods, pod(claims, metadata)), ['[]: Forbidden: static pods do not support resource claims'])
})

test('names that are there and empty are none, and containers without one are no doubles', () => {
  const findings = (spec: object): string[] => findingsOf(pods, pod(spec))
  assert.match(findings({ runtimeClassName: '' })[0]!, /^spec\.runtimeClassName: Invalid value: ""/)
  assert.deepEqual(findings({ preemptionPolicy: '' }), ['spec.preemptionPolicy: Required value'])
  assert.deepEqual(findings({ initContainers: [{ image: 'i' }, { image: 'i' }] }), [
    'spec.initContainers[0].name: Required value',
    'spec.initContainers[1].name: Required value',
  ])
})

test('a variable may come from a volume that is otherwise wrong, and that is said once', () => {
  const env = [{ name: 'A', valueFrom: { fileKeyRef: { volumeName: 'f', path: 'p', key: 'k' } } }]
  const spec = { containers: [{ name: 'c', image: 'i', env }], volumes: [{ name: 'f', emptyDir: { sizeLimit: '-1' } }] }
  assert.deepEqual(findingsOf(pods, pod(spec)), [
    'spec.volumes[0].emptyDir.sizeLimit: Forbidden: SizeLimit field must be a valid resource quantity',
  ])
})

test("a debugging container has none of what makes a service, in upstream's order", () => {
  const sent = pod({
    ephemeralContainers: [
      {
        name: 'd',
        image: 'i',
        lifecycle: {},
        resources: {},
        restartPolicy: 'Always',
        resizePolicy: [{ resourceName: 'cpu', restartPolicy: 'NotRequired' }],
      },
    ],
  }) as Pod
  const E = 'spec.ephemeralContainers[0]'
  assert.deepEqual(
    findingsOf(pods, sent).filter((each) => each.includes('Ephemeral Container')),
    ['resizePolicy', 'restartPolicy', 'lifecycle'].map(
      (key) => `${E}.${key}: Forbidden: cannot be set for an Ephemeral Container`,
    ),
  )
})
