import assert from 'node:assert/strict'
import test from 'node:test'
import { changeFindings, findingsOf } from '#testing'
import {
  deviceClasses,
  type ResourceClaimTemplate,
  type ResourceDefinition,
  resourceClaims,
  resourceClaimTemplates,
  resourceSlices,
} from '../index.ts'

const LABEL =
  "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and end with an alphanumeric character (e.g. 'my-name',  or '123-abc', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?')"
const IDENTIFIER =
  "a valid C identifier must start with alphabetic character or '_', followed by a string of alphanumeric characters or '_' (e.g. 'my_name',  or 'MY_NAME',  or 'MyName', regex used for validation is '[A-Za-z_][A-Za-z0-9_]*')"
const UNKNOWN = "must be the name of a request in the claim or the name of a request and a subrequest separated by '/'"
const PLACES = 'exactly one of `nodeName`, `nodeSelector`, `allNodes`, `perDeviceNodeSelection` is required'

const exactly = (more: object = {}): object => ({ deviceClassName: 'gpu', ...more })
const claim = (devices: object): object => ({ spec: { devices } })
const slice = (spec: object): object => ({
  spec: { driver: 'gpu.example.com', nodeName: 'node-1', pool: { name: 'pool', generation: 1, resourceSliceCount: 1 }, ...spec },
})

const cases: readonly (readonly [name: string, resource: unknown, object: object, expected: string[]])[] = [
  ['a claim', resourceClaims, claim({ requests: [{ name: 'one', exactly: exactly() }] }), []],
  [
    'requests of neither kind, of both, and twice',
    resourceClaims,
    claim({
      requests: [
        { name: 'one' },
        { name: 'one', exactly: exactly(), firstAvailable: [{ name: 'a', deviceClassName: 'gpu' }] },
        { name: 'Three', exactly: { deviceClassName: '' } },
      ],
    }),
    [
      'spec.devices.requests[0]: Required value: exactly one of `exactly` or `firstAvailable` is required',
      'spec.devices.requests[1]: Invalid value: null: exactly one of `exactly` or `firstAvailable` is required, but multiple fields are set',
      `spec.devices.requests[2].name: Invalid value: "Three": ${LABEL}`,
      'spec.devices.requests[2].exactly.deviceClassName: Required value',
      'spec.devices.requests[1]: Duplicate value: "one"',
    ],
  ],
  [
    'counts and tolerations that contradict themselves',
    resourceClaims,
    claim({
      requests: [
        { name: 'all', exactly: exactly({ allocationMode: 'All', count: 2 }) },
        { name: 'some', exactly: exactly({ allocationMode: 'Some' }) },
        { name: 'few', exactly: exactly({ count: -1, tolerations: [{ operator: 'Exists', value: 'x', effect: 'Never' }] }) },
      ],
    }),
    [
      "spec.devices.requests[0].exactly.count: Invalid value: 2: must not be specified when allocationMode is 'All'",
      'spec.devices.requests[1].exactly.allocationMode: Unsupported value: "Some": supported values: "All", "ExactCount"',
      'spec.devices.requests[2].exactly.count: Invalid value: -1: must be greater than zero',
      'spec.devices.requests[2].exactly.tolerations[0].value: Invalid value: "x": must be empty for operator `Exists`',
      'spec.devices.requests[2].exactly.tolerations[0].effect: Unsupported value: "Never": supported values: "NoExecute", "NoSchedule", "None"',
    ],
  ],
  [
    'more requests than are looked at',
    resourceClaims,
    claim({ requests: Array.from({ length: 33 }, () => ({})) }),
    ['spec.devices.requests: Too many: 33: must have at most 32 items'],
  ],
  [
    'more of anything else than is looked at',
    resourceClaims,
    claim({
      requests: [
        { name: 'one', exactly: exactly({ selectors: Array.from({ length: 33 }, () => ({})) }) },
        { name: 'two', firstAvailable: Array.from({ length: 9 }, () => ({})) },
      ],
      constraints: Array.from({ length: 33 }, () => ({})),
      config: Array.from({ length: 33 }, () => ({})),
    }),
    [
      'spec.devices.requests[0].exactly.selectors: Too many: 33: must have at most 32 items',
      'spec.devices.requests[1].firstAvailable: Too many: 9: must have at most 8 items',
      'spec.devices.constraints: Too many: 33: must have at most 32 items',
      'spec.devices.config: Too many: 33: must have at most 32 items',
    ],
  ],
  [
    'constraints and configurations of what is not requested',
    resourceClaims,
    claim({
      requests: [{ name: 'one', firstAvailable: [{ name: 'a', deviceClassName: 'gpu' }] }],
      constraints: [{ requests: ['one/a', 'two'], matchAttribute: 'model' }, {}],
      config: [{ requests: ['one/b'] }, { opaque: { driver: 'gpu.example.com', parameters: 'text' } }],
    }),
    [
      `spec.devices.constraints[0].requests[1]: Invalid value: "two": ${UNKNOWN}`,
      'spec.devices.constraints[0].matchAttribute: Invalid value: "model": a fully qualified name must be a domain and a name separated by a slash',
      'spec.devices.constraints[1]: Required value: exactly one of "matchAttribute" or "distinctAttribute" is required, but multiple fields are set',
      `spec.devices.config[0].requests[0]: Invalid value: "one/b": ${UNKNOWN}`,
      'spec.devices.config[0].opaque: Required value',
      'spec.devices.config[1].opaque.parameters: Invalid value: "<value omitted>": must be a valid JSON object',
    ],
  ],
  [
    'a template of no claim',
    resourceClaimTemplates,
    { spec: { spec: { devices: { requests: [{ name: 'one' }] } } } },
    ['spec.spec.devices.requests[0]: Required value: exactly one of `exactly` or `firstAvailable` is required'],
  ],
  [
    'a class that selects by nothing',
    deviceClasses,
    { spec: { selectors: [{}], config: [{}], extendedResourceName: 'kubernetes.io/gpu' } },
    [
      'spec.selectors[0].cel: Required value',
      'spec.config[0].opaque: Required value',
      'spec.extendedResourceName: Invalid value: "kubernetes.io/gpu": must be a valid extended resource name',
    ],
  ],
  ['a slice', resourceSlices, slice({ devices: [{ name: 'gpu-0', attributes: { model: { string: 'a' } } }] }), []],
  [
    'a slice of nowhere',
    resourceSlices,
    slice({ nodeName: undefined, driver: '', pool: { name: '', generation: -1, resourceSliceCount: 0 } }),
    [
      'spec.driver: Required value',
      'spec.pool.name: Required value',
      'spec.pool.resourceSliceCount: Invalid value: 0: must be greater than zero',
      'spec.pool.generation: Invalid value: -1: must be greater than or equal to zero',
      `spec: Required value: ${PLACES}`,
    ],
  ],
  [
    'a slice of several places',
    resourceSlices,
    slice({ allNodes: true, perDeviceNodeSelection: false }),
    [
      'spec.perDeviceNodeSelection: Invalid value: false: must be either unset or set to true',
      `spec: Invalid value: "{\`nodeName\`, \`allNodes\`}": ${PLACES}, but multiple fields are set`,
    ],
  ],
  [
    'devices with attributes that are none',
    resourceSlices,
    slice({
      devices: [
        { name: 'a', attributes: { '9': { string: 'x' }, both: { string: 'x', int: 1 }, none: {}, v: { version: '1.2' } } },
        { name: 'a', allNodes: true, taints: [{ key: 'k', effect: '' }], bindingConditions: ['ready'] },
      ],
    }),
    [
      `spec.devices[0].attributes[9]: Invalid value: "9": ${IDENTIFIER}`,
      'spec.devices[0].attributes[both]: Invalid value: {"string":"x","int":1}: exactly one value must be specified',
      'spec.devices[0].attributes[none]: Invalid value: "": exactly one value must be specified',
      'spec.devices[0].attributes[v].version: Invalid value: "1.2": must be a string compatible with semver.org spec 2.0.0',
      'spec.devices[1].taints[0].effect: Required value',
      'spec.devices[1]: Invalid value: null: `nodeName`, `nodeSelector` and `allNodes` can only be set if `perDeviceNodeSelection` is set to true in the ResourceSlice spec',
      'spec.devices[1].bindingFailureConditions: Invalid value: null: bindingFailureConditions are required to use bindingConditions',
      'spec.devices[1]: Duplicate value: "a"',
    ],
  ],
]

for (const [name, resource, object, expected] of cases) {
  test(`device validation: ${name}`, () => assert.deepEqual(findingsOf(resource as ResourceDefinition, object), expected))
}

test('a claim stands as it was made, and is allocated once', () => {
  const made = claim({ requests: [{ name: 'one', exactly: exactly() }] })
  const [finding] = changeFindings(resourceClaims, made, (draft) => void (draft.spec.devices!.requests = []))
  assert.match(finding!, /^spec: Invalid value: .*: field is immutable$/)
  const result = { request: 'one', driver: 'gpu.example.com', pool: 'pool', device: 'gpu-0' }
  const status = (devices: object): string[] =>
    changeFindings(resourceClaims, made, (draft) => void (draft.status = devices as never), 'status')
  assert.deepEqual(status({ allocation: { devices: { results: [result] } } }), [])
  assert.deepEqual(status({ allocation: { devices: { results: [{ ...result, request: 'two', pool: '' }] } } }), [
    `status.allocation.devices.results[0].request: Invalid value: "two": ${UNKNOWN}`,
    'status.allocation.devices.results[0].pool: Required value',
  ])
  assert.deepEqual(status({ reservedFor: [{ resource: 'pods', name: 'p', uid: '' }] }), [
    'status.reservedFor[0].uid: Required value',
    'status.reservedFor: Forbidden: may not be specified when `allocated` is not set',
  ])
})

test('a template stands as it was made', () => {
  const made = { spec: { spec: { devices: { requests: [{ name: 'one', exactly: exactly() }] } } } }
  const findings = (change: (draft: ResourceClaimTemplate) => void): string[] =>
    changeFindings(resourceClaimTemplates, made, change)
  assert.deepEqual(
    findings((draft) => void (draft.metadata!.labels = { a: 'b' })),
    [],
  )
  assert.match(findings((draft) => void (draft.spec.spec.devices = {}))[0]!, /^spec: Invalid value: .*: field is immutable$/)
})
