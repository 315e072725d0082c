import assert from 'node:assert/strict'
import test from 'node:test'
import { findingsOf } from '#testing'
import { services } from '../index.ts'

const service = (spec: object): object => ({ spec: { ports: [{ port: 80 }], ...spec } })

const cases: readonly (readonly [name: string, spec: object, expected: string[]])[] = [
  ['a service', {}, []],
  [
    'addresses that differ from the one address',
    { clusterIP: '10.0.0.1', clusterIPs: ['10.0.0.2'] },
    ['spec.clusterIPs: Invalid value: ["10.0.0.2"]: first value must match `clusterIP`'],
  ],
  [
    'addresses without the one address',
    { clusterIPs: ['10.0.0.2'] },
    ['spec.clusterIPs: Invalid value: ["10.0.0.2"]: must be empty when `clusterIP` is not specified'],
  ],
  [
    'two addresses of one family',
    { clusterIP: '10.0.0.1', clusterIPs: ['10.0.0.1', '10.0.0.2'] },
    ['spec.clusterIPs: Invalid value: ["10.0.0.1","10.0.0.2"]: may specify no more than one IP for each IP family'],
  ],
  [
    'an address of another family than said',
    { clusterIP: '10.0.0.1', clusterIPs: ['10.0.0.1'], ipFamilies: ['IPv6'] },
    ['spec.clusterIPs[0]: Invalid value: "10.0.0.1": expected an IPv6 value as indicated by `ipFamilies[0]`'],
  ],
  [
    'None beside an address, and more than there are families',
    { clusterIP: 'None', clusterIPs: ['None', '10.0.0.1', 'x'] },
    [
      `spec.clusterIPs: Invalid value: ["None","10.0.0.1","x"]: 'None' must be the first and only value`,
      'spec.clusterIPs[2]: Invalid value: "x": must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)',
      'spec.clusterIPs: Invalid value: ["None","10.0.0.1","x"]: may only hold up to 2 values',
    ],
  ],
  [
    'families that are none, and twice',
    { ipFamilies: ['IPv5', 'IPv4', 'IPv4'], ipFamilyPolicy: 'Both' },
    [
      'spec.ipFamilies[0]: Unsupported value: "IPv5": supported values: "IPv4", "IPv6"',
      'spec.ipFamilies[2]: Duplicate value: "IPv4"',
      'spec.ipFamilyPolicy: Unsupported value: "Both": supported values: "PreferDualStack", "RequireDualStack", "SingleStack"',
    ],
  ],
  [
    'external addresses of no other machine',
    { externalIPs: ['0.0.0.0', '127.0.0.5', '169.254.1.1', '224.0.0.9', '::1', 'fe80::1', '224.1.0.1', '1.2.3.4'] },
    [
      'spec.externalIPs[0]: Invalid value: "0.0.0.0": may not be unspecified (0.0.0.0)',
      'spec.externalIPs[1]: Invalid value: "127.0.0.5": may not be in the loopback range (127.0.0.0/8, ::1/128)',
      'spec.externalIPs[2]: Invalid value: "169.254.1.1": may not be in the link-local range (169.254.0.0/16, fe80::/10)',
      'spec.externalIPs[3]: Invalid value: "224.0.0.9": may not be in the link-local multicast range (224.0.0.0/24, ff02::/10)',
      'spec.externalIPs[4]: Invalid value: "::1": may not be in the loopback range (127.0.0.0/8, ::1/128)',
      'spec.externalIPs[5]: Invalid value: "fe80::1": may not be in the link-local range (169.254.0.0/16, fe80::/10)',
    ],
  ],
  [
    'families of a name elsewhere',
    { type: 'ExternalName', externalName: 'example.com', ipFamilies: ['IPv4'], ipFamilyPolicy: 'SingleStack' },
    [
      'spec.ipFamilies: Forbidden: may not be set for ExternalName services',
      'spec.ipFamilyPolicy: Forbidden: may not be set for ExternalName services',
    ],
  ],
  [
    'ports that share numbers, told after the type',
    {
      type: 'Inside',
      ports: [
        { name: 'a', port: 80, nodePort: 30_000 },
        { name: 'b', port: 80, nodePort: 30_000 },
      ],
    },
    [
      'spec.type: Unsupported value: "Inside": supported values: "ClusterIP", "ExternalName", "LoadBalancer", "NodePort"',
      'spec.ports[1].nodePort: Duplicate value: 30000',
      'spec.ports[1]: Duplicate value: {"protocol":"TCP","port":80}',
    ],
  ],
  [
    'a distribution that nobody knows',
    { trafficDistribution: 'PreferFar' },
    [
      'spec.trafficDistribution: Unsupported value: "PreferFar": supported values: "PreferClose", "PreferSameNode", "PreferSameZone"',
    ],
  ],
]

for (const [name, spec, expected] of cases) {
  test(`service validation: ${name}`, () => assert.deepEqual(findingsOf(services, service(spec)), expected))
}
