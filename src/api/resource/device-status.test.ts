import assert from 'node:assert/strict'
import test from 'node:test'
import { deepClone } from '#base'
import { changeFindings, findingsOf, made, updateFindings } from '#testing'
import {
  type AllocatedDeviceStatus,
  type DeviceClass,
  deviceClasses,
  type ResourceResourceClaim,
  type ResourceSlice,
  resourceClaims,
  resourceSlices,
} from '../index.ts'

const SHARE = '01234567-89ab-cdef-0123-456789abcdef'
const claim = { spec: { devices: { requests: [{ name: 'one', exactly: { deviceClassName: 'gpu' } }] } } }
const gpu = { driver: 'gpu.example.com', pool: 'pool', device: 'gpu-0' }
const results = [
  { request: 'one', ...gpu },
  { request: 'one', ...gpu, device: 'gpu-1', shareID: SHARE },
]

const findings = (...devices: object[]): string[] =>
  changeFindings<ResourceResourceClaim>(
    resourceClaims,
    claim,
    (draft) => Object.assign(draft, { status: { allocation: { devices: { results } }, devices } }),
    'status',
  )

const D = 'status.devices[0]'
const SHOWN = '{"Driver":{},"Pool":{},"Device":{},"ShareID":{}}'
const FORM =
  'uid must be in RFC 4122 normalized form, `xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx` with lowercase hexadecimal characters'
const condition = { type: 'Ready', status: 'True', reason: 'Well', lastTransitionTime: '2026-01-01T00:00:00Z' }
const networkOf = (networkData: object): object => ({ ...gpu, networkData })

const cases: readonly (readonly [what: string, devices: readonly object[], refusals: readonly string[]])[] = [
  [
    'all well',
    [
      { ...gpu, conditions: [condition], data: { a: 1 } },
      { ...gpu, device: 'gpu-1', shareID: SHARE, networkData: { interfaceName: 'eth0', ips: ['10.0.0.1/24', 'fd00::1/64'] } },
    ],
    [],
  ],
  [
    'a device that is not the claim’s',
    [{ ...gpu, device: 'gpu-2' }],
    [`${D}: Invalid value: ${SHOWN}: must be an allocated device in the claim`],
  ],
  ['a device twice', [gpu, gpu], [`status.devices[1]: Duplicate value: ${SHOWN}`]],
  [
    'a device without names',
    [{}],
    [
      `${D}.driver: Required value`,
      `${D}.pool: Required value`,
      `${D}.device: Invalid value: "": a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and end with an alphanumeric character (e.g. 'my-name',  or '123-abc', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?')`,
      `${D}: Invalid value: ${SHOWN}: must be an allocated device in the claim`,
    ],
  ],
  ['no data', [{ ...gpu, data: null }], [`${D}.data: Required value`]],
  [
    'data that is no object',
    [{ ...gpu, data: [1] }],
    [`${D}.data: Invalid value: "<value omitted>": must be a valid JSON object`],
  ],
  ['too much data', [{ ...gpu, data: { a: 'x'.repeat(10 * 1024) } }], [`${D}.data: Too long: may not be more than 10240 bytes`]],
  [
    'too many conditions',
    [{ ...gpu, conditions: Array.from({ length: 9 }, (_, index) => ({ ...condition, type: `t${index}` })) }],
    [`${D}.conditions: Too many: 9: must have at most 8 items`],
  ],
  [
    'names that are too long',
    [networkOf({ interfaceName: 'x'.repeat(257), hardwareAddress: 'x'.repeat(129) })],
    [
      `${D}.networkData.interfaceName: Too long: may not be more than 256 bytes`,
      `${D}.networkData.hardwareAddress: Too long: may not be more than 128 bytes`,
    ],
  ],
  [
    'addresses',
    [networkOf({ ips: ['10.0.0.1', '010.0.0.1/24', '::ffff:10.0.0.1/120', 'FD00::1/64', '10.0.0.2/8', '10.0.0.2/8'] })],
    [
      `${D}.networkData.ips[0]: Invalid value: "10.0.0.1": must be a valid address in CIDR form, (e.g. 10.9.8.7/24 or 2001:db8::1/64)`,
      `${D}.networkData.ips[1]: Invalid value: "010.0.0.1/24": must be in canonical form ("10.0.0.1/24")`,
      `${D}.networkData.ips[2]: Invalid value: "::ffff:10.0.0.1/120": must be in canonical form ("10.0.0.1/24")`,
      `${D}.networkData.ips[3]: Invalid value: "FD00::1/64": must be in canonical form ("fd00::1/64")`,
      `${D}.networkData.ips[5]: Duplicate value: "10.0.0.2/8"`,
    ],
  ],
  [
    'too many addresses',
    [networkOf({ ips: Array.from({ length: 17 }, (_, index) => `10.0.0.${index}/24`) })],
    [`${D}.networkData.ips: Too many: 17: must have at most 16 items`],
  ],
]

for (const [what, devices, refusals] of cases) {
  test(`devices of a claim: ${what}`, () => assert.deepEqual(findings(...devices), refusals))
}

test('conditions of a device are whole', () => {
  const [finding] = findings({ ...gpu, conditions: [{ ...condition, reason: '1' }] })
  assert.match(finding!, /^status\.devices\[0\]\.conditions\[0\]\.reason: Invalid value: "1": a condition reason must start/)
})

test('a share of a device has an identity in one spelling', () => {
  const said = (shareID: string): string[] =>
    changeFindings<ResourceResourceClaim>(
      resourceClaims,
      claim,
      (draft) => Object.assign(draft, { status: { allocation: { devices: { results: [{ ...results[0], shareID }] } } } }),
      'status',
    ).map((each) => each.replace(/^status.allocation.devices.results\[0\]\.shareID: Invalid value: "[^"]*": /, ''))
  assert.deepEqual(said(SHARE), [])
  assert.deepEqual(said('x'), ['error validating uid: invalid UUID length: 1'])
  assert.deepEqual(said('x'.repeat(36)), ['error validating uid: invalid UUID format'])
  const spellings = [SHARE.toUpperCase(), `{${SHARE}}`, `urn:uuid:${SHARE}`, SHARE.replaceAll('-', '')]
  for (const spelling of spellings) assert.deepEqual(said(spelling), [FORM], spelling)
})

test('of devices that are given back nothing is told', () => {
  const old = { ...claim, status: { allocation: { devices: { results } } } } as unknown as ResourceResourceClaim
  const devices = [gpu, { ...gpu, device: 'gpu-1', shareID: SHARE }, { ...gpu, device: 'gpu-2' }] as AllocatedDeviceStatus[]
  const left = (kept: readonly object[]): unknown => {
    const draft = { ...claim, status: { allocation: { devices: { results: kept } }, devices: [...devices] } }
    resourceClaims.prepareForStatusUpdate(draft as never, old)
    return draft.status.devices?.map(({ device }) => device)
  }
  assert.deepEqual(left(results), ['gpu-0', 'gpu-1', 'gpu-2'])
  assert.deepEqual(left(results.slice(1)), ['gpu-1', 'gpu-2'])
  const draft = { ...claim, status: { devices: [gpu] } }
  resourceClaims.prepareForStatusUpdate(draft as never, old)
  assert.deepEqual(draft.status, {})
})

test('a reservation is a whole: one of another name is new', () => {
  const user = { resource: 'pods', name: 'p', uid: 'u' }
  const was = { ...claim, metadata: { name: 'c', deletionTimestamp: 'x' } }
  const said = (reservedFor: object[]): string[] => {
    const old = made(resourceClaims, was)
    const status = { allocation: { devices: { results } }, reservedFor: [user] }
    const before = { ...old, status } as unknown as ResourceResourceClaim
    const draft = { ...deepClone(before), status: { ...status, reservedFor } } as unknown as ResourceResourceClaim
    const found: { field: string }[] = []
    resourceClaims.validateStatusUpdate(draft, before, found as never, { nowMs: 0 })
    return found.map(({ field }) => field)
  }
  assert.deepEqual(said([]), [])
  assert.deepEqual(said([user]), [])
  assert.deepEqual(said([{ ...user, name: 'q' }]), ['status.reservedFor'])
})

const pool = { name: 'pool', generation: 1, resourceSliceCount: 1 }
const sliceOf = (device: object, more: object = {}): ResourceSlice => {
  const spec = { driver: 'a.b', nodeName: 'n', pool, devices: [{ name: 'd', ...device }], ...more }
  return { metadata: { name: 's' }, spec } as unknown as ResourceSlice
}

test('what is off of devices is dropped, unless it was there', () => {
  const device = { attributes: { a: { strings: ['x'] }, b: { int: 1 } }, nodeAllocatableResourceMappings: { cpu: {} } }
  const after = made(resourceSlices, sliceOf(device)).spec!.devices![0]
  assert.deepEqual(after, { name: 'd', attributes: { a: {}, b: { int: 1 } } })
  const draft = sliceOf(device)
  resourceSlices.prepareForUpdate(draft, sliceOf(device))
  assert.deepEqual(draft, sliceOf(device))
  assert.deepEqual(findingsOf(resourceSlices, sliceOf(device)), [
    'spec.devices[0].attributes[a]: Invalid value: "": exactly one value must be specified',
  ])
})

test('a slice keeps its owner, and taints that were there before their rules', () => {
  const old = sliceOf({ taints: [{ key: 'k', effect: 'Never' }] })
  assert.deepEqual(updateFindings(resourceSlices, sliceOf({ ...old.spec!.devices![0], attributes: { a: { int: 1 } } }), old), [])
  assert.deepEqual(
    updateFindings(
      resourceSlices,
      sliceOf({ taints: [{ key: 'l', effect: 'Never' }] }, { driver: 'b.c', nodeName: 'm', pool: { ...pool, name: 'q' } }),
      old,
    ),
    [
      'spec.pool.name: Invalid value: "q": field is immutable',
      'spec.driver: Invalid value: "b.c": field is immutable',
      'spec.nodeName: Invalid value: "m": field is immutable',
      'spec.devices[0].taints[0].effect: Unsupported value: "Never": supported values: "NoExecute", "NoSchedule", "None"',
    ],
  )
})

test('a long name of an attribute is shown by both its ends', () => {
  const name = `${'a'.repeat(100)}9`
  const [finding] = findingsOf(resourceSlices, sliceOf({ attributes: { [name]: { int: 1 } } }))
  assert.equal(
    finding,
    `spec.devices[0].attributes[${'a'.repeat(47)}...${'a'.repeat(45)}9]: Too long: may not be more than 32 bytes`,
  )
})

test('a class keeps parameters that were too long before', () => {
  const config = [{ opaque: { driver: 'a.b', parameters: { a: 'x'.repeat(10 * 1024) } } }]
  const classOf = (more: object = {}) => made<DeviceClass>(deviceClasses, { spec: { config, ...more } })
  assert.deepEqual(findingsOf(deviceClasses, { spec: { config } }), [
    'spec.config[0].opaque.parameters: Too long: may not be more than 10240 bytes',
  ])
  assert.deepEqual(updateFindings(deviceClasses, classOf({ extendedResourceName: 'a.b/c' }), classOf()), [])
})
