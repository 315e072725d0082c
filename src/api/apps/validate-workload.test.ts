import assert from 'node:assert/strict'
import test from 'node:test'
import { changeFindings, findingsOf, made } from '#testing'
import {
  controllerRevisions,
  type DaemonSet,
  type Deployment,
  daemonSets,
  deployments,
  type ReplicaSet,
  type ReplicationController,
  replicaSets,
  replicationControllers,
  type StatefulSet,
  statefulSets,
} from '../index.ts'
import { foundBy } from '../validation/findings.ts'

const labels = { app: 'x' }
const template = { metadata: { labels }, spec: { containers: [{ name: 'c', image: 'i' }] } }
const workload = { selector: { matchLabels: labels }, template }
const UNMATCHED = 'spec.template.metadata.labels: Invalid value: {"app":"x"}: `selector` does not match template `labels`'
const claim = { metadata: { name: 'd' }, spec: { accessModes: ['ReadWriteOnce'], resources: { requests: { storage: '1Gi' } } } }
const set = (spec: object): object => ({ spec: { ...workload, ...spec } })
const bad = { matchExpressions: [{ key: 'a', operator: 'In', values: [] }] }
const BAD = "spec.selector.matchExpressions[0].values: Required value: must be specified when `operator` is 'In' or 'NotIn'"
const shown = JSON.stringify({ matchExpressions: [{ key: 'a', operator: 'In', values: [] }] })

const cases: readonly (readonly [name: string, resource: unknown, object: object, expected: readonly string[]])[] = [
  ['no selector', deployments, { spec: { template } }, ['spec.selector: Required value', UNMATCHED]],
  [
    'a selector that means nothing keeps the template out of sight',
    deployments,
    { spec: { selector: bad, template: { metadata: { labels }, spec: { containers: [] } } } },
    [BAD, `spec.selector: Invalid value: ${shown}: invalid label selector`],
  ],
  [
    'an unknown strategy',
    deployments,
    set({ strategy: { type: 'Sideways' } }),
    ['spec.strategy: Unsupported value: {"Type":"Sideways","RollingUpdate":null}: supported values: "Recreate", "RollingUpdate"'],
  ],
  [
    'an empty selector of a ReplicaSet',
    replicaSets,
    { spec: { selector: {}, template } },
    ['spec.selector: Invalid value: {}: empty selector is invalid for deployment'],
  ],
  [
    'a controller of none',
    replicationControllers,
    { spec: { replicas: -1, selector: { app: 'y' }, template } },
    ['spec.replicas: Invalid value: -1: must be greater than or equal to 0', UNMATCHED],
  ],
  [
    'daemons that nobody selects',
    daemonSets,
    { spec: { template, updateStrategy: { type: 'Sideways' } } },
    [
      UNMATCHED,
      'spec.updateStrategy: Unsupported value: {"Type":"Sideways","RollingUpdate":null}: supported values: "RollingUpdate", "OnDelete"',
    ],
  ],
  [
    'daemons that never move',
    daemonSets,
    set({ updateStrategy: { rollingUpdate: { maxUnavailable: '0%' } } }),
    ['spec.updateStrategy.rollingUpdate.maxUnavailable: Required value: cannot be 0 when maxSurge is 0'],
  ],
  [
    'daemons that move both ways',
    daemonSets,
    set({ updateStrategy: { rollingUpdate: { maxUnavailable: 1, maxSurge: '101%' } } }),
    [
      'spec.updateStrategy.rollingUpdate.maxSurge: Invalid value: "101%": must not be greater than 100%',
      'spec.updateStrategy.rollingUpdate.maxSurge: Invalid value: "101%": may not be set when maxUnavailable is non-zero',
    ],
  ],
  ['a set with a claim', statefulSets, set({ serviceName: 's', volumeClaimTemplates: [claim] }), []],
  [
    'a set out of order',
    statefulSets,
    set({ podManagementPolicy: 'Random', updateStrategy: { type: 'Sideways' } }),
    [
      "spec.podManagementPolicy: Invalid value: \"Random\": must be 'OrderedReady' or 'Parallel'",
      'spec.updateStrategy: Invalid value: {"Type":"Sideways","RollingUpdate":null}: must be \'RollingUpdate\' or \'OnDelete\'',
    ],
  ],
  [
    'a set that rolls only when asked',
    statefulSets,
    set({ updateStrategy: { type: 'OnDelete', rollingUpdate: { partition: 1 } }, revisionHistoryLimit: -1 }),
    [
      'spec.updateStrategy.rollingUpdate: Invalid value: {"Partition":1,"MaxUnavailable":null}: only allowed for updateStrategy \'RollingUpdate\'',
    ],
  ],
  [
    'a set with claims for nothing',
    statefulSets,
    set({
      updateStrategy: { rollingUpdate: { partition: -1, maxUnavailable: 0 } },
      persistentVolumeClaimRetentionPolicy: { whenDeleted: 'Keep' },
      volumeClaimTemplates: [{ metadata: { name: 'd' } }],
      serviceName: 'a.b',
    }),
    [
      'spec.updateStrategy.rollingUpdate.partition: Invalid value: -1: must be greater than or equal to 0',
      'spec.updateStrategy.rollingUpdate.maxUnavailable: Invalid value: 0: cannot be 0',
      'spec.persistentVolumeClaimRetentionPolicy.whenDeleted: Unsupported value: "Keep": supported values: "Retain", "Delete"',
      'spec.volumeClaimTemplates[0].spec.accessModes: Required value: at least 1 access mode is required',
      'spec.volumeClaimTemplates[0].spec.resources[storage]: Required value',
      'spec.serviceName: Invalid value: "a.b": must not contain dots',
    ],
  ],
  [
    'a revision of a list',
    controllerRevisions,
    { data: [], revision: 1 },
    ['data: Required value: data must be a valid JSON object'],
  ],
]

for (const [name, resource, object, expected] of cases)
  test(`workloads: ${name}`, () => assert.deepEqual(findingsOf(resource as never, object), expected))

test('a StatefulSet changes in seven places only; old ones may stay what new ones may not be', () => {
  const old = set({ serviceName: 'a.b', volumeClaimTemplates: [{ metadata: { name: 'd' } }] })
  assert.deepEqual(
    changeFindings(statefulSets, old, (draft: StatefulSet) => {
      draft.spec!.replicas = 3
      draft.spec!.revisionHistoryLimit = 2
    }),
    [],
  )
  assert.deepEqual(
    changeFindings(statefulSets, old, (draft: StatefulSet) => {
      draft.spec!.serviceName = 'c'
    }),
    [
      "spec: Forbidden: updates to statefulset spec for fields other than 'replicas', 'ordinals', 'template', 'updateStrategy', 'revisionHistoryLimit', 'persistentVolumeClaimRetentionPolicy' and 'minReadySeconds' are forbidden",
    ],
  )
  const noImage = { metadata: { labels }, spec: { containers: [{ name: 'C!', image: 'i' }] } }
  const spoil = (draft: StatefulSet): void => {
    draft.spec!.template = noImage
  }
  assert.equal(changeFindings(statefulSets, set({}), spoil).length > 0, true)
  assert.deepEqual(
    changeFindings(statefulSets, set({ template: noImage }), (draft: StatefulSet) => {
      draft.spec!.replicas = 2
    }).filter((finding) => finding.includes('containers')),
    [],
  )
})

const OVER = 'cannot be greater than status.replicas'

test('statuses of workloads add up', () => {
  assert.deepEqual(
    changeFindings(
      deployments,
      set({}),
      (draft: Deployment) => {
        draft.status = { replicas: 1, readyReplicas: 1, availableReplicas: 2, unavailableReplicas: -1 }
      },
      'status',
    ),
    [
      'status.unavailableReplicas: Invalid value: -1: must be greater than or equal to 0',
      `status.availableReplicas: Invalid value: 2: ${OVER}`,
      'status.availableReplicas: Invalid value: 2: cannot be greater than readyReplicas',
    ],
  )
  assert.deepEqual(
    changeFindings(
      replicaSets,
      set({}),
      (draft: ReplicaSet) => {
        draft.status = { replicas: 1, fullyLabeledReplicas: 2 }
      },
      'status',
    ),
    [`status.fullyLabeledReplicas: Invalid value: 2: ${OVER}`],
  )
  assert.deepEqual(
    changeFindings(
      replicationControllers,
      { spec: { selector: labels, template } },
      (draft: ReplicationController) => {
        draft.status = { replicas: -1 }
      },
      'status',
    ).at(0),
    'status.replicas: Invalid value: -1: must be greater than or equal to 0',
  )
  assert.deepEqual(
    changeFindings(
      statefulSets,
      set({}),
      (draft: StatefulSet) => {
        draft.status = { replicas: 2, readyReplicas: 1, availableReplicas: 2, currentReplicas: 3 }
      },
      'status',
    ),
    [
      `status.currentReplicas: Invalid value: 3: ${OVER}`,
      'status.availableReplicas: Invalid value: 2: cannot be greater than status.readyReplicas',
    ],
  )
  assert.deepEqual(
    changeFindings(
      daemonSets,
      set({}),
      (draft: DaemonSet) => {
        draft.status!.numberReady = -1
      },
      'status',
    ),
    ['status.numberReady: Invalid value: -1: must be greater than or equal to 0'],
  )
})

test('collisions are never forgotten', () => {
  const [before, after] = [3, 2].map((collisionCount) => ({ ...set({}), status: { collisionCount } }) as Deployment)
  assert.deepEqual(
    foundBy((found) => deployments.validateStatusUpdate(after!, before!, found, { nowMs: 0 })).map(({ message }) => message),
    ['Invalid value: 2: cannot be decremented'],
  )
})

test('a set counts its templates in an annotation, whatever a client says', () => {
  const COUNT = 'deprecated.daemonset.template.generation'
  const countOf = ({ metadata }: DaemonSet): string | undefined => metadata?.annotations?.[COUNT]
  const old = made(daemonSets, { spec: { selector: {}, template: {} } })
  assert.equal(countOf(old), '1')
  const update = (draw: (draft: DaemonSet) => void): string | undefined => {
    const draft = structuredClone(old)
    draw(draft)
    daemonSets.default(draft)
    daemonSets.prepareForUpdate(draft, old)
    return countOf(draft)
  }
  assert.equal(
    update(({ metadata }) => void delete metadata!.annotations),
    '1',
  )
  assert.equal(
    update(({ metadata }) => void (metadata!.annotations![COUNT] = '7')),
    '1',
  )
  assert.equal(
    update(({ spec }) => void (spec!.template.spec!.hostNetwork = true)),
    '2',
  )
})

test('what is neither a number nor a share is none', () => {
  const change = (maxUnavailable: string): string[] =>
    findingsOf(statefulSets, {
      spec: {
        selector: { matchLabels: { a: 'b' } },
        template: { metadata: { labels: { a: 'b' } }, spec: { containers: [{ name: 'c', image: 'i' }] } },
        updateStrategy: { rollingUpdate: { maxUnavailable } },
      },
    })
  const CANNOT = 'spec.updateStrategy.rollingUpdate.maxUnavailable: Invalid value: "abc": cannot be 0'
  assert.equal(change('abc').at(-1), CANNOT)
  assert.deepEqual(change('5%'), [])
})
