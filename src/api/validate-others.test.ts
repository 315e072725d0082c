import assert from 'node:assert/strict'
import test from 'node:test'
import { changeFindings, findingsOf, warningsOf } from '#testing'
import {
  type EndpointSlice,
  endpointSlices,
  endpoints,
  flowSchemas,
  ingressClasses,
  ipAddresses,
  type Lease,
  leases,
  type PodDisruptionBudget,
  type PriorityClass,
  podDisruptionBudgets,
  priorityClasses,
  priorityLevelConfigurations,
  runtimeClasses,
  type ServiceCIDR,
  serviceCIDRs,
} from './index.ts'

const SUBDOMAIN =
  "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character (e.g. 'example.com', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')"
const LABEL =
  "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and end with an alphanumeric character (e.g. 'my-name',  or '123-abc', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?')"
const toleration = { key: 'a', operator: 'Exists' }
const slice = (fields: object): object => ({ addressType: 'IPv4', endpoints: [{ addresses: ['10.0.0.1'] }], ...fields })
const parent = (fields: object): object => ({
  metadata: { name: '10.0.0.1' },
  spec: { parentRef: { resource: 'services', name: 's', ...fields } },
})
const range = (...cidrs: string[]): object => ({ spec: { cidrs } })
const flow = (subject: object): object => ({
  spec: {
    priorityLevelConfiguration: { name: 'p' },
    rules: [
      { subjects: [subject], resourceRules: [{ verbs: ['get'], apiGroups: [''], resources: ['pods'], namespaces: ['*'] }] },
    ],
  },
})
const level = (limited: object): object => ({
  spec: { type: 'Limited', limited: { limitResponse: { type: 'Reject' }, ...limited } },
})

const cases: readonly (readonly [name: string, resource: unknown, object: object, expected: readonly string[]])[] = [
  [
    'a system class of another kind',
    priorityClasses,
    { metadata: { name: 'system-node-critical' }, value: 2_000_001_000, globalDefault: true, preemptionPolicy: 'Maybe' },
    [
      "metadata.name: Forbidden: priority class names with 'system-' prefix are reserved for system use only. error: globalDefault of system-node-critical PriorityClass must be false",
      'preemptionPolicy: Unsupported value: "Maybe": supported values: "PreemptLowerPriority", "Never"',
    ],
  ],
  [
    'a runtime of no name',
    runtimeClasses,
    {
      overhead: { podFixed: { cpu: '-1' } },
      scheduling: {
        nodeSelector: { 'a b': 'c' },
        tolerations: [
          toleration,
          { key: 'b', operator: 'Is' },
          { ...toleration, tolerationSeconds: 1, effect: 'NoExecute' },
          toleration,
        ],
      },
    },
    [
      `handler: Invalid value: "": ${LABEL}`,
      'overhead.limits[cpu]: Invalid value: "-1": must be greater than or equal to 0',
      "scheduling.nodeSelector: Invalid value: \"a b\": name part must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]')",
      'scheduling.tolerations.tolerations[1].operator: Unsupported value: "Is": supported values: "Equal", "Exists"',
      'scheduling.tolerations[3]: Duplicate value: {"key":"a","operator":"Exists"}',
    ],
  ],
  ['a lease that nobody coordinates', leases, { spec: { strategy: 'Odd', preferredHolder: 'x' } }, []],
  [
    'a slice in upstream order',
    endpointSlices,
    slice({
      ports: [
        { name: 'A', protocol: 'ICMP', appProtocol: 'a b' },
        { name: 'A', port: 1 },
      ],
      endpoints: [
        {
          addresses: ['fd00::1', '127.0.0.1', 'x'],
          nodeName: 'N',
          hostname: 'a.b',
          deprecatedTopology: { 'a b': '' },
          hints: {
            forZones: [{ name: 'z' }, { name: 'z' }],
            forNodes: Array.from({ length: 9 }, (_, at) => ({ name: `n${at}` })),
          },
        },
        { addresses: [] },
      ],
    }),
    [
      `ports[0].name: Invalid value: "A": ${LABEL}`,
      'ports[0].protocol: Unsupported value: "ICMP": supported values: "SCTP", "TCP", "UDP"',
      "ports[0].appProtocol: Invalid value: \"a b\": name part must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]')",
      `ports[1].name: Invalid value: "A": ${LABEL}`,
      'ports[1].name: Duplicate value: "A"',
      'endpoints[0].addresses[0]: Invalid value: "fd00::1": must be a valid IPv4 address',
      'endpoints[0].addresses[2]: Invalid value: "x": must be a valid IPv4 address',
      "endpoints[0].nodeName: Invalid value: \"N\": a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character (e.g. 'example.com', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')",
      "endpoints[0].deprecatedTopology: Invalid value: \"a b\": name part must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]')",
      'endpoints[0].hostname: Invalid value: "a.b": must not contain dots',
      'endpoints[0].hints.forZones[1].name: Duplicate value: "z"',
      'endpoints[0].hints.forNodes: Too many: 9: must have at most 8 items',
      'endpoints[1].addresses: Required value: must contain at least 1 address',
    ],
  ],
  [
    'domains of one label, of none, and with a dot too many',
    endpointSlices,
    slice({ addressType: 'FQDN', endpoints: [{ addresses: ['localhost', 'a.b.', '', 'a.b..', `${'x'.repeat(64)}.y`] }] }),
    [
      'endpoints[0].addresses[0]: Invalid value: "localhost": should be a domain with at least two segments separated by dots',
      'endpoints[0].addresses[2]: Required value',
      `endpoints[0].addresses[3]: Invalid value: "a.b.": ${SUBDOMAIN}`,
      `endpoints[0].addresses[4]: Invalid value: "${'x'.repeat(64)}": must be no more than 63 characters`,
    ],
  ],
  [
    'endpoints that lead nowhere',
    endpoints,
    {
      metadata: { name: 'e' },
      subsets: [
        {},
        {
          addresses: [{ ip: '169.254.0.1', hostname: 'a.b', nodeName: 'N' }, { ip: 'x' }],
          ports: [{ port: 0 }, { name: 'A', port: 1, protocol: 'ICMP', appProtocol: '' }],
        },
      ],
    },
    [
      'subsets[0]: Required value: must specify `addresses` or `notReadyAddresses`',
      'subsets[1].addresses[0].hostname: Invalid value: "a.b": must not contain dots',
      "subsets[1].addresses[0].nodeName: Invalid value: \"N\": a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character (e.g. 'example.com', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')",
      'subsets[1].addresses[1].ip: Invalid value: "x": must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)',
      'subsets[1].addresses[1].ip: Invalid value: "x": must be a valid IP address',
      'subsets[1].ports[0].name: Required value',
      'subsets[1].ports[0].port: Invalid value: 0: must be between 1 and 65535, inclusive',
      `subsets[1].ports[1].name: Invalid value: "A": ${LABEL}`,
      'subsets[1].ports[1].protocol: Unsupported value: "ICMP": supported values: "SCTP", "TCP", "UDP"',
      'subsets[1].ports[1].appProtocol: Invalid value: "": name part must be non-empty',
      "subsets[1].ports[1].appProtocol: Invalid value: \"\": name part must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]')",
    ],
  ],
  [
    'an address of nothing',
    ipAddresses,
    parent({ group: 'A', resource: 'a/b', name: '', namespace: '..' }),
    [
      "spec.parentRef.group: Invalid value: \"A\": a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character (e.g. 'example.com', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')",
      'spec.parentRef.resource: Invalid value: "a/b": may not contain \'/\'',
      'spec.parentRef.name: Required value',
      'spec.parentRef.namespace: Invalid value: "..": may not be \'..\'',
    ],
  ],
  ['a range of each family', serviceCIDRs, range('10.0.0.0/24', 'fd00:1::/112'), []],
  [
    'three ranges',
    serviceCIDRs,
    range('10.0.0.0/24', 'a', 'b'),
    ['spec.cidrs: Invalid value: {"cidrs":["10.0.0.0/24","a","b"]}: may only hold up to 2 values'],
  ],
  [
    'an address alone',
    serviceCIDRs,
    range('10.0.0.0'),
    ['spec.cidrs[0]: Invalid value: "10.0.0.0": must be a valid CIDR value, (e.g. 10.9.8.0/24 or 2001:db8::/64)'],
  ],
  [
    'a range past all',
    serviceCIDRs,
    range('10.0.0.0/33'),
    ['spec.cidrs[0]: Invalid value: "10.0.0.0/33": must be a valid CIDR value, (e.g. 10.9.8.0/24 or 2001:db8::/64)'],
  ],
  [
    'a range of no number',
    serviceCIDRs,
    range('10.0.0.0/08'),
    ['spec.cidrs[0]: Invalid value: "10.0.0.0/08": must not have leading 0s in IP or prefix length'],
  ],
  [
    'a range that begins within, and spelled at length',
    serviceCIDRs,
    range('10.0.0.1/24'),
    ['spec.cidrs[0]: Invalid value: "10.0.0.1/24": must not have bits set beyond the prefix length'],
  ],
  [
    'a range spelled at length',
    serviceCIDRs,
    range('FD00:0:0::/64'),
    ['spec.cidrs[0]: Invalid value: "FD00:0:0::/64": must be in canonical form ("fd00::/64")'],
  ],
  ['a class of nobody', ingressClasses, { spec: {} }, ['spec.controller: Required value']],
  [
    'a user who is a group',
    flowSchemas,
    flow({ kind: 'User', user: { name: 'u' }, group: { name: 'g' }, serviceAccount: { name: 's', namespace: 'n' } }),
    [
      "spec.rules[0].subjects[0].serviceAccount: Forbidden: serviceAccount is forbidden when subject kind is not 'ServiceAccount'",
      "spec.rules[0].subjects[0].group: Forbidden: group is forbidden when subject kind is not 'Group'",
    ],
  ],
  [
    'a level that takes less than nothing',
    priorityLevelConfigurations,
    level({ nominalConcurrencyShares: -1, lendablePercent: 101, borrowingLimitPercent: -1 }),
    [
      'spec.limited.nominalConcurrencyShares: Invalid value: -1: must be a non-negative integer',
      'spec.limited.lendablePercent: Invalid value: 101: must be between 0 and 100, inclusive',
      'spec.limited.borrowingLimitPercent: Invalid value: -1: if specified, must be a non-negative integer',
    ],
  ],
]

for (const [name, resource, object, expected] of cases)
  test(`validation: ${name}`, () => assert.deepEqual(findingsOf(resource as never, object), expected))

test('names of addresses have one spelling', () => {
  const said = (name: string): string[] => [...ipAddresses.validateName(name, false)]
  assert.deepEqual(said('10.0.0.1'), [])
  assert.deepEqual(said('fd00::1'), [])
  for (const name of ['FD00::1', 'fd00:0::1']) assert.deepEqual(said(name), ['must be in canonical form ("fd00::1")'])
  for (const name of ['::ffff:10.0.0.1', '::ffff:a00:1'])
    assert.deepEqual(said(name), ['must not be an IPv4-mapped IPv6 address'])
  assert.deepEqual(said('010.0.0.1'), ['must not have leading 0s'])
  assert.deepEqual(said('x'), ['must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)'])
})

test('what must stay as it was made', () => {
  assert.deepEqual(
    changeFindings(priorityClasses, { value: 1 }, (draft: PriorityClass) => {
      draft.value = 2
      draft.preemptionPolicy = 'Never'
    }),
    ['value: Forbidden: may not be changed in an update.', 'preemptionPolicy: Invalid value: "Never": field is immutable'],
  )
  assert.deepEqual(
    changeFindings(endpointSlices, slice({ endpoints: [{ addresses: ['127.0.0.1'] }] }), (draft: EndpointSlice) => {
      draft.addressType = 'IPv6'
    }),
    ['addressType: Invalid value: "IPv6": field is immutable'],
  )
})

test('a range of Services may be joined by one of the other family, and stays', () => {
  const changed = (from: readonly string[], to: readonly string[]): string[] =>
    changeFindings(serviceCIDRs, range(...from), (draft: ServiceCIDR) => {
      draft.spec!.cidrs = [...to]
    })
  const [v4, v6] = ['10.0.0.0/24', 'fd00::/112']
  assert.deepEqual(changed([v4], [v4, v6]), [])
  assert.deepEqual(changed([v4], ['10.1.0.0/24']), ['spec.cidrs[0]: Invalid value: "10.1.0.0/24": field is immutable'])
  assert.deepEqual(changed([v4], [v6, v4]), [`spec.cidrs[0]: Invalid value: "${v6}": field is immutable`])
  assert.deepEqual(changed([v4, v6], [v4]), [`spec.cidrs: Invalid value: ["${v4}"]: field is immutable`])
})

test('fields of what is off are dropped, but for where they were', () => {
  const lease = { metadata: { name: 'l' }, spec: { strategy: 'x' } } as Lease
  leases.prepareForUpdate(lease, { metadata: { name: 'l' }, spec: {} })
  assert.deepEqual(lease.spec, {})
})

test('the status of a budget', () => {
  assert.deepEqual(
    changeFindings(
      podDisruptionBudgets,
      { spec: {} },
      (draft: PodDisruptionBudget) => {
        draft.status!.expectedPods = -1
        draft.status!.conditions = [{ type: 'A', status: 'True', reason: 'R', message: '', lastTransitionTime: '' }]
      },
      'status',
    ),
    [
      'status.conditions[0].lastTransitionTime: Required value',
      'status.expectedPods: Invalid value: -1: must be greater than or equal to 0',
    ],
  )
})

test('addresses that some read otherwise are warned of', () => {
  const object = {
    metadata: { name: 'x' },
    ...slice({ addressType: 'IPv6', endpoints: [{ addresses: ['FD00::1', '::ffff:10.0.0.1', 'fd00::2'] }] }),
  }
  assert.deepEqual(warningsOf(endpointSlices, object as EndpointSlice), [
    'endpoints[0].addresses[0]: IPv6 address "FD00::1" should be in RFC 5952 canonical format ("fd00::1")',
    'endpoints[0].addresses[1]: non-standard IP address "::ffff:10.0.0.1" is invalid: use "10.0.0.1"',
  ])
})
