import assert from 'node:assert/strict'
import test from 'node:test'
import { changeFindings } from '#testing'
import { type ServiceSpec, services } from '../index.ts'

const V4 = '10.0.0.1'
const V6 = 'fd00::1'
const single = { ipFamilyPolicy: 'SingleStack', ipFamilies: ['IPv4'], clusterIP: V4, clusterIPs: [V4] }
const dual = { ipFamilyPolicy: 'RequireDualStack', ipFamilies: ['IPv4', 'IPv6'], clusterIP: V4, clusterIPs: [V4, V6] }
const headless = { ...single, clusterIP: 'None', clusterIPs: ['None'] }

const cases: readonly (readonly [name: string, old: object, change: Partial<ServiceSpec>, expected: string[]])[] = [
  ['a second address', single, dual, []],
  ['a second address that goes, as the policy says', dual, single, []],
  [
    'the one address changes',
    single,
    { clusterIP: '10.0.0.2', clusterIPs: ['10.0.0.2'] },
    ['spec.clusterIPs[0]: Invalid value: ["10.0.0.2"]: may not change once set'],
  ],
  [
    'the second address changes',
    dual,
    { clusterIPs: [V4, 'fd00::2'] },
    ['spec.clusterIPs[1]: Invalid value: ["10.0.0.1","fd00::2"]: may not change once set'],
  ],
  [
    'families change places',
    dual,
    { ipFamilies: ['IPv6', 'IPv4'], clusterIP: V6, clusterIPs: [V6, V4] },
    [
      'spec.clusterIPs[0]: Invalid value: ["fd00::1","10.0.0.1"]: may not change once set',
      'spec.clusterIPs[1]: Invalid value: ["fd00::1","10.0.0.1"]: may not change once set',
      'spec.ipFamilies[0]: Invalid value: ["IPv6","IPv4"]: may not change once set',
      'spec.ipFamilies[0]: Invalid value: ["IPv6","IPv4"]: may not change once set',
    ],
  ],
  [
    'the second address goes under a policy that wants it',
    dual,
    { clusterIPs: [V4], ipFamilies: ['IPv4'] },
    [
      `spec.ipFamilyPolicy: Invalid value: "RequireDualStack": must be set to 'SingleStack' when releasing the secondary clusterIP`,
      `spec.ipFamilyPolicy: Invalid value: "RequireDualStack": must be set to 'SingleStack' when releasing the secondary ipFamily`,
    ],
  ],
  [
    'the first address goes and the second stays',
    dual,
    { ipFamilyPolicy: 'SingleStack', clusterIP: V6, clusterIPs: [V6], ipFamilies: ['IPv6'] },
    [
      'spec.clusterIPs[0]: Invalid value: ["fd00::1"]: may not change once set',
      'spec.ipFamilies[0]: Invalid value: ["fd00::1"]: may not change once set',
    ],
  ],
  [
    'a first address of another family comes before the one',
    single,
    { ...dual, clusterIP: V6, clusterIPs: [V6, V4], ipFamilies: ['IPv6', 'IPv4'] },
    [
      'spec.clusterIPs[0]: Invalid value: ["fd00::1","10.0.0.1"]: may not change once set',
      'spec.ipFamilies[0]: Invalid value: ["fd00::1","10.0.0.1"]: may not change once set',
    ],
  ],
  [
    'all addresses go',
    single,
    { clusterIP: '', clusterIPs: [] },
    ['spec.clusterIPs[0]: Invalid value: []: primary clusterIP can not be unset'],
  ],
  [
    'it becomes headless',
    single,
    { clusterIP: 'None', clusterIPs: ['None'] },
    ['spec.clusterIPs[0]: Invalid value: ["None"]: may not change once set'],
  ],
  ['a headless one gets other families', headless, { ipFamilies: ['IPv6'] }, []],
  [
    'it becomes a mere name',
    dual,
    { type: 'ExternalName', clusterIP: '', clusterIPs: [], ipFamilies: [], externalName: 'example.com' },
    ['spec.ipFamilyPolicy: Forbidden: may not be set for ExternalName services'],
  ],
]

for (const [name, old, change, expected] of cases) {
  test(`a Service's addresses and families: ${name}`, () => {
    const before = { spec: { ports: [{ port: 80 }], ...old } }
    assert.deepEqual(
      changeFindings(services, before, (draft) => Object.assign(draft.spec!, change)),
      expected,
    )
  })
}
