import assert from 'node:assert/strict'
import test from 'node:test'
import { findingsOf } from '#testing'
import { pods } from '../index.ts'

const R = 'spec.containers[0].resources'
const findings = (resources: object, spec: object = {}): string[] =>
  findingsOf(pods, { spec: { containers: [{ name: 'c', image: 'i', resources }], ...spec } })

const cases: readonly (readonly [what: string, resources: object, refusals: readonly string[], spec?: object])[] = [
  ['pages of a container', { limits: { cpu: '1', 'hugepages-2Mi': '4Mi' } }, []],
  ['pages and nothing that runs', { limits: { 'hugepages-2Mi': '4Mi' } }, [`${R}: Forbidden: HugePages require cpu or memory`]],
  [
    'pages that others may take away',
    { limits: { cpu: '1', 'hugepages-1Gi': '2Gi' }, requests: { cpu: '1', 'hugepages-1Gi': '1Gi' } },
    [`${R}.requests: Invalid value: "1Gi": must be equal to hugepages-1Gi limit of 2Gi`],
  ],
  [
    'pages of no size',
    { limits: { cpu: '1', 'hugepages-x': '1' } },
    ['limits', 'requests'].map(
      (list) => `${R}.${list}[hugepages-x]: Invalid value: "1": 1 is not positive integer multiple of hugepages-x`,
    ),
  ],
  [
    'devices that are asked for and not limited',
    { requests: { 'a.b/gpu': '1' } },
    [`${R}.limits: Required value: Limit must be set for non overcommitable resources`],
  ],
  [
    'parts of devices',
    { limits: { 'a.b/gpu': '1500m' } },
    ['limits', 'requests'].map((list) => `${R}.${list}[a.b/gpu]: Invalid value: "1500m": must be an integer`),
  ],
  [
    'what Kubernetes gives nobody',
    { limits: { storage: '1', 'requests.cpu': '1' } },
    [
      ...['storage', 'requests.cpu'].map(
        (name) => `${R}.limits[${name}]: Invalid value: "${name}": must be a standard resource for containers`,
      ),
      ...['storage', 'requests.cpu'].map(
        (name) => `${R}.requests[${name}]: Invalid value: "${name}": must be a standard resource for containers`,
      ),
    ],
  ],
  [
    'a device named like what a quota is of',
    { limits: { 'requests.a.b/gpu': '1' }, requests: { 'requests.a.b/gpu': '1' } },
    ['limits', 'requests'].map(
      (list) =>
        `${R}.${list}[requests.a.b/gpu]: Invalid value: "requests.a.b/gpu": doesn't follow extended resource name standard`,
    ),
  ],
  ['whatever is below the domain of Kubernetes', { requests: { 'x.kubernetes.io/y': '500m' } }, []],
]

for (const [what, resources, refusals, spec] of cases) {
  test(`resources of a container: ${what}`, () => assert.deepEqual(findings(resources, spec), refusals))
}

test('overhead is measured as limits are', () => {
  assert.deepEqual(findings({}, { overhead: { cpu: '-1', foo: '1' } }), [
    'spec.overhead.limits[cpu]: Invalid value: "-1": must be greater than or equal to 0',
    'spec.overhead.limits[foo]: Invalid value: "foo": must be a standard resource type or fully qualified',
    'spec.overhead.limits[foo]: Invalid value: "foo": must be a standard resource for containers',
  ])
})

test('a container uses claims of its pod, each thing once', () => {
  const spec = { resourceClaims: ['a', 'b'].map((name) => ({ name, resourceClaimName: name })) }
  const used = (...claims: object[]): string[] => findings({ claims }, spec)
  assert.deepEqual(used({ name: 'a' }, { name: 'b', request: 'x' }, { name: 'b', request: 'y' }), [])
  assert.deepEqual(used({ name: '' }), [`${R}.claims[0]: Required value`])
  assert.deepEqual(used({ name: 'a' }, { name: 'a' }), [`${R}.claims[1]: Duplicate value: "a"`])
  assert.deepEqual(used({ name: 'a' }, { name: 'a', request: 'x' }), [`${R}.claims[1]: Duplicate value: "a"`])
  assert.deepEqual(used({ name: 'a', request: 'x' }, { name: 'a' }), [`${R}.claims[1]: Duplicate value: "a"`])
  assert.deepEqual(used({ name: 'a', request: 'x' }, { name: 'a', request: 'x' }), [`${R}.claims[1]: Duplicate value: "a/x"`])
  assert.match(used({ name: 'a', request: 'X' })[0]!, /claims\[0\]\.request: Invalid value: "X": a lowercase RFC 1123 label/)
  assert.deepEqual(used({ name: 'c' }), [
    `${R}.claims[0]: Not found: "c": must be one of the names in pod.spec.resourceClaims: a, b`,
  ])
  assert.deepEqual(findings({ claims: [{ name: 'c' }] }), [
    `${R}.claims[0]: Not found: "c": must be one of the names in pod.spec.resourceClaims which is empty`,
  ])
})

test('a claim of a pod is one that is there, or one to be made', () => {
  const findingsOfClaim = (claim: object): string[] => findings({}, { resourceClaims: [claim] })
  assert.deepEqual(findingsOfClaim({ name: 'a', resourceClaimTemplateName: 'b' }), [])
  assert.deepEqual(findingsOfClaim({ name: 'a', resourceClaimTemplateName: 'b', resourceClaimName: 'c' }), [
    'spec.resourceClaims[0]: Invalid value: {"Name":"a","ResourceClaimName":"c","ResourceClaimTemplateName":"b"}: at most one of `resourceClaimName` or `resourceClaimTemplateName` may be specified',
  ])
  assert.match(
    findingsOfClaim({ name: 'a', resourceClaimName: 'C' })[0]!,
    /^spec\.resourceClaims\[0\]\.resourceClaimName: Invalid value: "C": a lowercase RFC 1123 subdomain/,
  )
})

test('a resource may be named like what every JavaScript object has', () => {
  const rules = ['must be a standard resource type or fully qualified', 'must be a standard resource for containers']
  assert.deepEqual(
    findings({ limits: { constructor: '1' } }),
    ['limits', 'requests'].flatMap((list) =>
      rules.map((rule) => `${R}.${list}[constructor]: Invalid value: "constructor": ${rule}`),
    ),
  )
})
