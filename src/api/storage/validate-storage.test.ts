import assert from 'node:assert/strict'
import test from 'node:test'
import { changeFindings, findingsOf } from '#testing'
import {
  csiDrivers,
  csiNodes,
  csiStorageCapacities,
  type ResourceDefinition,
  storageClasses,
  volumeAttachments,
  volumeAttributesClasses,
} from '../index.ts'

const attachment = (source: object, rest: object = {}): object => ({
  spec: { attacher: 'a.example.com', nodeName: 'node-1', source, ...rest },
})
const QUALIFIED =
  "must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]')"
const EITHER = 'must specify exactly one of inlineVolumeSpec and persistentVolumeName'

const cases: readonly (readonly [name: string, resource: unknown, object: object, expected: string[]])[] = [
  ['a class', storageClasses, { provisioner: 'Example.com/fake' }, []],
  [
    'a class of nobody',
    storageClasses,
    {
      provisioner: '',
      parameters: { '': 'x' },
      reclaimPolicy: 'Recycle',
      volumeBindingMode: 'Later',
      allowedTopologies: [
        {
          matchLabelExpressions: [
            { key: 'zone', values: ['a', 'a'] },
            { key: 'zone', values: [] },
          ],
        },
      ],
    },
    [
      'provisioner: Required value',
      'parameters: Invalid value: "": field can not be empty.',
      'reclaimPolicy: Unsupported value: "Recycle": supported values: "Delete", "Retain"',
      'volumeBindingMode: Unsupported value: "Later": supported values: "Immediate", "WaitForFirstConsumer"',
      'allowedTopologies[0].matchLabelExpressions[0].values[1]: Duplicate value: "a"',
      'allowedTopologies[0].matchLabelExpressions[1].values: Required value',
      'allowedTopologies[0].matchLabelExpressions[1].key: Duplicate value: "zone"',
    ],
  ],
  [
    'too many parameters',
    storageClasses,
    { provisioner: 'p', parameters: Object.fromEntries(Array.from({ length: 513 }, (_, index) => [`k${index}`, ''])) },
    ['parameters: Too long: may not be more than 512 bytes'],
  ],
  [
    'a driver that asks for tokens',
    csiDrivers,
    {
      spec: {
        fsGroupPolicy: 'Maybe',
        tokenRequests: [
          { audience: 'a', expirationSeconds: 5 },
          { audience: 'a' },
          { audience: 'b', expirationSeconds: 2 ** 33 },
        ],
        volumeLifecycleModes: ['Forever'],
        nodeAllocatableUpdatePeriodSeconds: 9,
      },
    },
    [
      'spec.fsGroupPolicy: Unsupported value: "Maybe": supported values: "File", "None", "ReadWriteOnceWithFSType"',
      'spec.tokenRequests[0].expirationSeconds: Invalid value: 5: may not specify a duration less than 10 minutes',
      'spec.tokenRequests[1].audience: Duplicate value: "a"',
      'spec.tokenRequests[2].expirationSeconds: Invalid value: 8589934592: may not specify a duration larger than 2^32 seconds',
      'spec.volumeLifecycleModes: Unsupported value: "Forever": supported values: "Persistent", "Ephemeral"',
      'spec.nodeAllocatableUpdatePeriodSeconds: Invalid value: 9: must be greater than or equal to 10 seconds',
    ],
  ],
  [
    'drivers of a node',
    csiNodes,
    {
      spec: {
        drivers: [
          { name: 'a.example.com', nodeID: '', allocatable: { count: -1 }, topologyKeys: ['', 'zone', 'zone'] },
          { name: 'a.example.com', nodeID: 'n'.repeat(257) },
          { name: '', nodeID: 'n' },
        ],
      },
    },
    [
      'spec.drivers[0].nodeID: Required value',
      'spec.drivers[0].allocatable.count: Invalid value: -1: must be greater than or equal to 0',
      'spec.drivers[0]: Required value',
      'spec.drivers[0]: Invalid value: "": name part must be non-empty',
      `spec.drivers[0]: Invalid value: "": name part ${QUALIFIED}`,
      'spec.drivers[0]: Duplicate value: "zone"',
      `spec.drivers[1].nodeID: Invalid value: "${'n'.repeat(257)}": must be 256 characters or less`,
      'spec.drivers[1].name: Duplicate value: "a.example.com"',
      'spec.drivers[2].name: Required value',
    ],
  ],
  [
    'a negative capacity',
    csiStorageCapacities,
    { storageClassName: 'fast', capacity: '-1', nodeTopology: { matchExpressions: [{ key: 'zone', operator: 'In' }] } },
    [
      "nodeTopology.matchExpressions[0].values: Required value: must be specified when `operator` is 'In' or 'NotIn'",
      'capacity: Invalid value: "-1": must be greater than or equal to 0',
    ],
  ],
  ['an attachment', volumeAttachments, attachment({ persistentVolumeName: 'pv' }), []],
  ['an attachment of nothing', volumeAttachments, attachment({}), [`spec.source: Required value: ${EITHER}`]],
  [
    'an attachment of two things',
    volumeAttachments,
    attachment({ persistentVolumeName: 'pv', inlineVolumeSpec: {} }),
    [`spec.source: Forbidden: ${EITHER}`],
  ],
  [
    'an attachment of a volume without a name',
    volumeAttachments,
    attachment({ persistentVolumeName: '' }, { attacher: '' }),
    [
      'spec.attacher: Required value',
      'spec.source.persistentVolumeName: Required value: must specify non empty persistentVolumeName',
      `spec.source.persistentVolumeName: Invalid value: "": a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character (e.g. 'example.com', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')`,
    ],
  ],
  [
    'a volume of no object that is none of its own',
    volumeAttachments,
    attachment({
      inlineVolumeSpec: {
        claimRef: {},
        capacity: { storage: '1' },
        accessModes: ['ReadWriteOnce'],
        persistentVolumeReclaimPolicy: 'Delete',
        nodeAffinity: {},
        hostPath: { path: '/x' },
        storageClassName: 's',
        volumeMode: 'Block',
      },
    }),
    [
      'claimRef: Forbidden: may not be specified',
      'capacity: Forbidden: may not be specified',
      'csi: Required value: has to be specified',
      'persistentVolumeReclaimPolicy: Forbidden: may only be Retain',
      'nodeAffinity: Forbidden: may not be specified',
      'storageClassName: Forbidden: may not be specified',
      'volumeMode: Forbidden: may not specify volumeMode other than Filesystem',
    ].map((finding) => `spec.source.inlineVolumeSpec.${finding} in the context of inline volumes`),
  ],
  [
    'the same place twice, and no place',
    storageClasses,
    {
      provisioner: 'p',
      allowedTopologies: [['a', 'b'], ['b', 'a'], undefined].map((values) => ({
        ...(values && { matchLabelExpressions: [{ key: 'zone', values }] }),
      })),
    },
    [
      'allowedTopologies[1].matchLabelExpressions: Duplicate value: ""',
      'allowedTopologies[2].matchLabelExpressions: Duplicate value: ""',
    ],
  ],
  [
    'tokens in secrets that nobody asked for',
    csiDrivers,
    { spec: { serviceAccountTokenInSecrets: true } },
    [
      'spec.serviceAccountTokenInSecrets: Invalid value: true: serviceAccountTokenInSecrets is set but no tokenRequests are specified',
    ],
  ],
  [
    'attributes of nobody',
    volumeAttributesClasses,
    { driverName: '' },
    ['driverName: Required value', 'parameters: Required value: must contain at least one key/value pair'],
  ],
]

for (const [name, resource, object, expected] of cases) {
  test(`storage validation: ${name}`, () => assert.deepEqual(findingsOf(resource as ResourceDefinition, object), expected))
}

test('what volumes were made by stays as it was', () => {
  const storageClass = { provisioner: 'p', parameters: { a: '1' } }
  const changed = changeFindings(storageClasses, storageClass, (draft) => {
    Object.assign(draft, { provisioner: 'q', parameters: {}, reclaimPolicy: 'Retain', volumeBindingMode: 'WaitForFirstConsumer' })
  })
  assert.deepEqual(changed, [
    'parameters: Invalid value: {}: field is immutable',
    'provisioner: Invalid value: "q": field is immutable',
    'reclaimPolicy: Invalid value: "Retain": field is immutable',
    'volumeBindingMode: Invalid value: "WaitForFirstConsumer": field is immutable',
  ])
  assert.deepEqual(
    changeFindings(csiDrivers, { spec: {} }, ({ spec }) => Object.assign(spec, { attachRequired: false, fsGroupPolicy: 'File' })),
    ['spec.attachedRequired: Invalid value: false: field is immutable'],
  )
})

test('of a driver on a node only the number of its volumes changes', () => {
  const node = { spec: { drivers: [{ name: 'a.example.com', nodeID: 'n', topologyKeys: ['zone'], allocatable: { count: 1 } }] } }
  assert.deepEqual(
    changeFindings(csiNodes, node, ({ spec }) => void (spec.drivers[0]!.allocatable = { count: 2 })),
    [],
  )
  assert.deepEqual(
    changeFindings(csiNodes, node, ({ spec }) => void (spec.drivers[0]!.nodeID = 'm')),
    ['spec.drivers: Invalid value: {"name":"a.example.com","nodeID":"m","topologyKeys":["zone"]}: field is immutable'],
  )
  assert.deepEqual(
    changeFindings(csiNodes, node, ({ spec }) => void (spec.drivers = [])),
    [],
  )
})
