import assert from 'node:assert/strict'
import test from 'node:test'
import { changeFindings, findingsOf } from '#testing'
import { type Service, services } from '../index.ts'

const service = (spec: object): object => ({ spec: { ports: [{ port: 80 }], ...spec } })

const RANGES = 'service.beta.kubernetes.io/load-balancer-source-ranges'
const balancer = { type: 'LoadBalancer' }

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
      'spec.ports[1]: Duplicate value: {"Name":"","Protocol":"TCP","AppProtocol":null,"Port":80,"TargetPort":0,"NodePort":0}',
    ],
  ],
  [
    'a distribution that nobody knows',
    { trafficDistribution: 'PreferFar' },
    [
      'spec.trafficDistribution: Unsupported value: "PreferFar": supported values: "PreferClose", "PreferSameZone", "PreferSameNode"',
    ],
  ],
  [
    'affinity by address without an address, and settings of what is off',
    { sessionAffinity: 'ClientIP', sessionAffinityConfig: { clientIP: { timeoutSeconds: 0 } } },
    ['spec.sessionAffinityConfig.clientIP.timeoutSeconds: Invalid value: 0: must be greater than 0 and less than 86400'],
  ],
  [
    'ranges of who may come, where nobody comes from outside',
    { loadBalancerSourceRanges: [' 10.0.0.0/8 ', '10.0.0.1/8', '10.0.0.0/08', '::ffff:10.0.0.0/104', 'x'] },
    [
      "spec.LoadBalancerSourceRanges: Forbidden: may only be used when `type` is 'LoadBalancer'",
      'spec.LoadBalancerSourceRanges[1]: Invalid value: "10.0.0.1/8": must not have bits set beyond the prefix length',
      'spec.LoadBalancerSourceRanges[2]: Invalid value: "10.0.0.0/08": must not have leading 0s in IP or prefix length',
      'spec.LoadBalancerSourceRanges[3]: Invalid value: "::ffff:10.0.0.0/104": must not have an IPv4-mapped IPv6 address',
      'spec.LoadBalancerSourceRanges[4]: Invalid value: "x": must be a valid CIDR value, (e.g. 10.9.8.0/24 or 2001:db8::/64)',
    ],
  ],
  [
    'a class that is no qualified name, and a port for health checks that nobody makes',
    { ...balancer, loadBalancerClass: 'a/b/c', healthCheckNodePort: 30_000 },
    [
      "spec.loadBalancerClass: Invalid value: \"a/b/c\": a valid label key must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]') with an optional DNS subdomain prefix and '/' (e.g. 'example.com/MyName')",
      "spec.healthCheckNodePort: Invalid value: 30000: may only be set when `type` is 'LoadBalancer' and `externalTrafficPolicy` is 'Local'",
    ],
  ],
  ['health checks without a port', { ...balancer, externalTrafficPolicy: 'Local' }, ['spec.healthCheckNodePort: Required value']],
  [
    'spellings that mean different things to different programs',
    { externalIPs: ['010.1.2.3', '::ffff:1.2.3.4', 'fe80::1%eth0', '2001:DB8::0001'] },
    [
      'spec.externalIPs[0]: Invalid value: "010.1.2.3": must not have leading 0s',
      'spec.externalIPs[1]: Invalid value: "::ffff:1.2.3.4": must not be an IPv4-mapped IPv6 address',
      'spec.externalIPs[2]: Invalid value: "fe80::1%eth0": must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)',
    ],
  ],
]

test('annotations of a Service agree with each other and with its type', () => {
  const annotations = {
    'service.kubernetes.io/topology-mode': 'Auto',
    'service.kubernetes.io/topology-aware-hints': 'Disabled',
    [RANGES]: '10.0.0.0/8, x',
  }
  const sent = { metadata: { name: 's', annotations }, spec: { ports: [{ port: 80 }] } }
  assert.deepEqual(findingsOf(services, sent), [
    'metadata.annotations[service.kubernetes.io/topology-mode]: Invalid value: "Auto": must match annotations[service.kubernetes.io/topology-aware-hints] when both are specified',
    `metadata.annotations[${RANGES}]: Forbidden: may only be used when \`type\` is 'LoadBalancer'`,
    `metadata.annotations[${RANGES}]: Invalid value: "x": must be a valid CIDR value, (e.g. 10.9.8.0/24 or 2001:db8::/64)`,
  ])
})

test('a spelling that was there may stay, and no other of the kind comes', () => {
  const old = {
    spec: { ports: [{ port: 80 }], externalIPs: ['010.1.2.3'], ...balancer, loadBalancerSourceRanges: ['10.0.0.1/8 '] },
  }
  const change = (draft: Service): void => {
    draft.spec!.externalIPs!.push('010.1.2.4')
    draft.spec!.loadBalancerSourceRanges!.push('10.0.0.2/8')
  }
  assert.deepEqual(changeFindings(services, old, change), [
    'spec.externalIPs[1]: Invalid value: "010.1.2.4": must not have leading 0s',
    'spec.LoadBalancerSourceRanges[1]: Invalid value: "10.0.0.2/8": must not have bits set beyond the prefix length',
  ])
})

test('where a balancer is found is checked as upstream does, and only a balancer says so', () => {
  const ingress = [
    { ip: '010.0.0.1', ipMode: 'VIP' },
    { ip: '10.0.0.2' },
    { ip: '10.0.0.3', ipMode: 'Else' },
    { hostname: '10.0.0.4', ipMode: 'VIP' },
    { hostname: 'A' },
  ]
  const status = (spec: object): string[] =>
    changeFindings(services, service(spec), (draft) => Object.assign(draft.status!, { loadBalancer: { ingress } }), 'status')
  const path = 'status.loadBalancer.ingress'
  assert.deepEqual(status({}), [`${path}: Forbidden: may only be used when \`spec.type\` is 'LoadBalancer'`])
  assert.deepEqual(status(balancer).slice(0, -1), [
    `${path}[0].ip: Invalid value: "010.0.0.1": must not have leading 0s`,
    `${path}[1].ipMode: Required value: must be specified when \`ip\` is set`,
    `${path}[2].ipMode: Unsupported value: "Else": supported values: "Proxy", "VIP"`,
    `${path}[3].ipMode: Forbidden: may not be specified when \`ip\` is not set`,
    `${path}[3].hostname: Invalid value: "10.0.0.4": must be a DNS name, not an IP address`,
  ])
  assert.match(status(balancer).at(-1)!, /ingress\[4\].hostname: Invalid value: "A": a lowercase RFC 1123 subdomain/)
})

for (const [name, spec, expected] of cases) {
  test(`service validation: ${name}`, () => assert.deepEqual(findingsOf(services, service(spec)), expected))
}
