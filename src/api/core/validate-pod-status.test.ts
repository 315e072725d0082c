import assert from 'node:assert/strict'
import test from 'node:test'
import { changeFindings, made } from '#testing'
import { type Pod, type PodStatus, pods } from '../index.ts'

const container = {
  name: 'c',
  image: 'nginx:1',
  resources: { requests: { cpu: '1', 'a.b/gpu': '1' }, limits: { 'a.b/gpu': '1' } },
}
const debugging = { ephemeralContainers: [{ name: 'e', image: 'busybox' }] }

/** What is wrong with a status of a pod of `spec`, whose status was `before` beside what a new pod has. */
function findings(status: object, spec: object = {}, before: object = {}): string[] {
  const sent = { metadata: { name: 'p', namespace: 'default' }, spec: { containers: [container], ...spec } }
  const old = made(pods, sent)
  Object.assign(old.status!, before)
  const prepared = { ...pods, prepareForCreate() {} }
  return changeFindings<Pod>(prepared, old, (draft) => Object.assign(draft.status!, status), 'status')
}

type Case = readonly [
  what: string,
  status: PodStatus | object,
  refusals: readonly (string | RegExp)[],
  spec?: object,
  before?: object,
]

const health = (resource: object, name = 'a.b/gpu'): object => ({
  containerStatuses: [
    { name: 'c', allocatedResourcesStatus: [{ name, resources: [{ resourceID: '1', health: 'Healthy', ...resource }] }] },
  ],
})
const H = 'status.containerStatuses[0].allocatedResourcesStatus[0]'
const user = (linux: object): object => ({ initContainerStatuses: [{ name: 'i', user: { linux } }] })
const U = 'status.initContainerStatuses[0].user.linux'
const claims = {
  resourceClaims: [
    { name: 'x', resourceClaimName: 'one' },
    { name: 'y', resourceClaimTemplateName: 'many' },
  ],
}
const mapping = { containerName: 'c', resourceName: 'a.b/gpu', requestName: 'r' }
const X = 'status.extendedResourceClaimStatus'
const N = 'status.nodeAllocatableResourceClaimStatuses[0]'
const allocatable = (more: object): object => ({
  nodeAllocatableResourceClaimStatuses: [{ resourceClaimName: 'one', containers: ['c'], resources: { cpu: '1' }, ...more }],
})
const IP = 'must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)'

const cases: readonly Case[] = [
  [
    'what is well',
    {
      conditions: [
        { type: 'Ready', status: 'True', observedGeneration: 1 },
        { type: 'a.b/c', status: 'False' },
      ],
      observedGeneration: 1,
      nominatedNodeName: 'n',
      hostIP: '10.0.0.1',
      hostIPs: [{ ip: '10.0.0.1' }, { ip: 'fd00::1' }],
      podIP: '10.1.0.1',
      podIPs: [{ ip: '10.1.0.1' }, { ip: 'fd01::1' }],
      resourceClaimStatuses: [{ name: 'y', resourceClaimName: 'y-1' }, { name: 'x' }],
    },
    [],
    claims,
  ],
  [
    'conditions',
    {
      conditions: [
        { type: 'not ok', status: 'True' },
        { type: 'Ready', status: 'True', observedGeneration: -1 },
      ],
      observedGeneration: -2,
    },
    [
      /^status\.conditions\[0\]\.Type: Invalid value: "not ok": name part must/,
      'status.conditions[1].observedGeneration: Invalid value: -1: must be a non-negative integer',
      'status.observedGeneration: Invalid value: -2: must be a non-negative integer',
    ],
  ],
  ['a nomination that is no name', { nominatedNodeName: 'N' }, [/^status\.nominatedNodeName: Invalid value: "N": a lowercase/]],
  [
    'a nomination of a pod that has its node',
    { nominatedNodeName: 'n' },
    ['status.nominatedNodeName: Forbidden: may not be set on pods that are already bound to a node'],
    { nodeName: 'm' },
  ],
  ['a nomination that was there', { nominatedNodeName: 'n' }, [], { nodeName: 'm' }, { nominatedNodeName: 'n' }],
  ['a nomination that ends', { nominatedNodeName: '' }, [], { nodeName: 'm' }, { nominatedNodeName: 'n' }],
  ['a class', { qosClass: 'BestEffort' }, ['status.qosClass: Invalid value: "BestEffort": field is immutable']],
  [
    'claims of others',
    { resourceClaimStatuses: [{ name: 'z' }, { name: 'y', resourceClaimName: 'Y' }, { name: 'y' }] },
    [
      'status.resourceClaimStatuses[0].name: Invalid value: "z": must match the name of an entry in `spec.resourceClaims`',
      /^status\.resourceClaimStatuses\[1\]\.resourceClaimName: Invalid value: "Y": a lowercase RFC 1123 subdomain/,
      'status.resourceClaimStatuses[2].name: Duplicate value: "y"',
    ],
    claims,
  ],
  [
    'a claim for what is asked for plainly',
    { extendedResourceClaimStatus: { requestMappings: [mapping], resourceClaimName: 'q' } },
    [],
  ],
  [
    'a claim for nothing',
    { extendedResourceClaimStatus: { requestMappings: [] } },
    [`${X}.requestMappings: Required value: at least one request mapping is required`, `${X}.resourceClaimName: Required value`],
  ],
  [
    'a claim for what nobody asked for',
    {
      extendedResourceClaimStatus: {
        requestMappings: [
          mapping,
          mapping,
          { ...mapping, containerName: 'd' },
          { ...mapping, resourceName: 'a.b/nic', requestName: 'R' },
        ],
        resourceClaimName: 'Q',
      },
    },
    [
      `${X}.requestMappings[1].containerName: Duplicate value: "c"`,
      `${X}.requestMappings[1].resourceName: Duplicate value: "a.b/gpu"`,
      `${X}.requestMappings[1].requestName: Duplicate value: "r"`,
      `${X}.requestMappings[2].containerName: Invalid value: "d": must match the name of an entry in spec.initContainers.name or spec.containers.name`,
      `${X}.requestMappings[3].resourceName: Invalid value: "a.b/nic": must match the extended resource name of an entry in spec.initContainers.resources.requests or spec.containers.resources.requests`,
      /requestName: Invalid value: "R": a lowercase RFC 1123 label/,
      /resourceClaimName: Invalid value: "Q": a lowercase RFC 1123 subdomain/,
    ],
  ],
  ['what a claim gives of a node', allocatable({}), [], claims],
  [
    'what a claim that made one gives',
    { ...allocatable({ resourceClaimName: 'made' }), resourceClaimStatuses: [{ name: 'y', resourceClaimName: 'made' }] },
    [],
    claims,
  ],
  [
    'what no claim gives of a node',
    allocatable({ resourceClaimName: 'two', containers: [], resources: { 'a.b/c': '1', cpu: '-1' } }),
    [
      `${N}.resourceClaimName: Invalid value: "two": no mapping found in pod reference`,
      `${N}.containers: Required value: must not be empty`,
      `${N}.resources[a.b/c]: Invalid value: "a.b/c": must be a node allocatable resource name`,
      `${N}.resources[cpu]: Invalid value: "-1": must be non-negative`,
    ],
    claims,
  ],
  [
    'nothing that a claim gives',
    allocatable({ resourceClaimName: '', resources: {} }),
    [
      `${N}.resourceClaimName: Required value: must not be empty`,
      `${N}.resourceClaimName: Invalid value: "": no mapping found in pod reference`,
      `${N}.resources: Required value: must not be empty`,
    ],
  ],
  ['addresses that are none', { podIP: 'x', podIPs: [{ ip: 'x' }] }, [`status.podIPs[0]: Invalid value: "x": ${IP}`]],
  [
    'addresses of one family',
    { podIPs: [{ ip: '10.0.0.1' }, { ip: '10.0.0.2' }] },
    ['status.podIPs: Invalid value: [{"IP":"10.0.0.1"},{"IP":"10.0.0.2"}]: may specify no more than one IP for each IP family'],
  ],
  [
    'an address in an odd spelling',
    { podIPs: [{ ip: '010.0.0.1' }] },
    [`status.podIPs[0]: Invalid value: "010.0.0.1": must not have leading 0s`],
  ],
  ['an odd spelling that was there', { podIPs: [{ ip: '010.0.0.1' }] }, [], {}, { podIPs: [{ ip: '010.0.0.1' }] }],
  [
    'addresses of another host',
    { hostIP: '10.0.0.2', hostIPs: [{ ip: '10.0.0.1' }, { ip: 'fd00::1' }, { ip: '10.0.0.3' }] },
    [
      'status.hostIPs[0].ip: Invalid value: "10.0.0.1": must be equal to `hostIP`',
      'status.hostIPs: Invalid value: [{"IP":"10.0.0.1"},{"IP":"fd00::1"},{"IP":"10.0.0.3"}]: may specify no more than one IP for each IP family',
    ],
  ],
  ['users', user({ uid: 0, gid: 0, supplementalGroups: [1, 2_147_483_647] }), []],
  [
    'users beyond the last',
    user({ uid: -1, gid: 2_147_483_648, supplementalGroups: [0, -1] }),
    ['uid: Invalid value: -1', 'gid: Invalid value: 2147483648', 'supplementalGroups[1]: Invalid value: -1'].map(
      (what) => `${U}.${what}: must be between 0 and 2147483647, inclusive`,
    ),
  ],
  [
    'users of Linux on Windows',
    user({ uid: -1, gid: 1 }),
    [`${U}: Forbidden: cannot be set for a windows pod`],
    { os: { name: 'windows' } },
  ],
  ['healthy devices', health({ message: 'ok' }), []],
  [
    'devices that are not asked for',
    health({}, 'a.b/nic'),
    [`${H}.name: Invalid value: "a.b/nic": must match one of the container's resource requests`],
  ],
  [
    'devices of unknown health',
    {
      containerStatuses: [
        {
          name: 'c',
          allocatedResourcesStatus: [
            {
              name: 'a.b/gpu',
              resources: [
                { resourceID: '1', message: '' },
                { resourceID: '1', health: 'Unhealthy', message: 'x'.repeat(1025) },
              ],
            },
          ],
        },
      ],
    },
    [
      `${H}.resources[0].health: Unsupported value: "": supported values: "Healthy", "Unhealthy", "Unknown"`,
      `${H}.resources[0].message: Required value: must be non-empty if specified`,
      `${H}.resources[1].message: Too long: may not be more than 1024 bytes`,
      `${H}.resources[1].resourceID: Duplicate value: "1"`,
    ],
  ],
  [
    'devices of a claim that is not its own',
    health({}, 'claim:x'),
    [
      `${H}.name: Invalid value: "claim:x": must match one of the container's resource claims in a format 'claim:<claimName>/<request>' or 'claim:<claimName>' if request is empty`,
    ],
  ],
  [
    'devices of a claim',
    health({}, 'claim:x/r'),
    [],
    { ...claims, containers: [{ ...container, resources: { claims: [{ name: 'x', request: 'r' }] } }] },
  ],
  [
    'devices of who came to help',
    { ephemeralContainerStatuses: [{ name: 'e', allocatedResourcesStatus: [{ name: 'a.b/gpu' }] }] },
    ['status.ephemeralContainerStatuses[0].allocatedResourcesStatus: Forbidden: must not be specified in container status'],
    debugging,
  ],
]

for (const [what, status, refusals, spec, before] of cases) {
  test(`the status of a pod: ${what}`, () => {
    const said = findings(status, spec, before)
    for (const [index, rule] of refusals.entries()) {
      if (typeof rule === 'string') assert.equal(said[index], rule)
      else assert.match(said[index] ?? '', rule)
    }
    assert.equal(said.length, refusals.length, said.join('\n'))
  })
}

test('what has finished is told of where it was', () => {
  const ended = (name: string): object => ({ name, state: { terminated: { exitCode: 0 } } })
  const before = { containerStatuses: [ended('d'), ended('c')] }
  const spec = { restartPolicy: 'Never', containers: [container, { ...container, name: 'd' }] }
  const after = { containerStatuses: [{ name: 'c', state: { running: {} } }, ended('d')] }
  assert.deepEqual(findings(after, spec, before), [
    'status.containerStatuses[1].state: Forbidden: may not be transitioned to non-terminated state',
  ])
  assert.deepEqual(findings({ containerStatuses: [] }, spec, before), [])
})

function written(before: object, status: object, metadata: object = {}): Pod {
  const old = made(pods, {
    metadata: { name: 'p', namespace: 'default', ownerReferences: [{ name: 'o' }] },
    spec: { containers: [container] },
  })
  Object.assign(old.status!, before)
  const draft = { ...old, metadata: { ...old.metadata, ...metadata }, status: { ...status } } as Pod
  pods.prepareForStatusUpdate(draft, old)
  return draft
}

test('who writes a status and does not know of something leaves it', () => {
  const known = (type: string, observedGeneration: number): object => ({ type, status: 'True', observedGeneration })
  const { status } = written(
    { observedGeneration: 3, conditions: [known('a', 1), known('a', 2), known('b', 3)] },
    { conditions: [{ type: 'b', status: 'False' }, { type: 'a', status: 'True' }, known('a', 4), { type: 'a' }, { type: 'c' }] },
  )
  assert.equal(status!.qosClass, 'Burstable')
  assert.equal(status!.observedGeneration, 3)
  assert.deepEqual(
    status!.conditions!.map(({ observedGeneration }) => observedGeneration),
    [3, 1, 4, undefined, undefined],
  )
  assert.equal(written({ observedGeneration: 3 }, { observedGeneration: 4, qosClass: 'x' }).status!.observedGeneration, 4)
})

test('the status of a pod changes no owners', () => {
  assert.deepEqual(written({}, {}, { ownerReferences: [{ name: 'other' }] }).metadata!.ownerReferences, [{ name: 'o' }])
  const old = made(pods, { spec: { containers: [container] } })
  const draft = { ...old, metadata: { ...old.metadata, ownerReferences: [{ name: 'o' }] } } as unknown as Pod
  pods.prepareForStatusUpdate(draft, old)
  assert.equal('ownerReferences' in draft.metadata!, false)
})

test('what image a volume is of is off, and stays with who had it', () => {
  const status = (): object => ({
    containerStatuses: [
      { name: 'c', volumeMounts: [{ name: 'v', mountPath: '/v', volumeStatus: { image: { imageRef: 'x' } } }] },
    ],
  })
  const mountOf = (pod: Pod): object => pod.status!.containerStatuses![0]!.volumeMounts![0]!
  assert.deepEqual(mountOf(written({}, status())), { name: 'v', mountPath: '/v' })
  assert.deepEqual(mountOf(written(status(), status())), {
    name: 'v',
    mountPath: '/v',
    volumeStatus: { image: { imageRef: 'x' } },
  })
})

test('the first address of a pod and its address are one', () => {
  const addresses = (status: object): object => {
    const draft = { metadata: { name: 'p' }, spec: { containers: [container] }, status } as Pod
    pods.default(draft)
    return { podIP: draft.status!.podIP, podIPs: draft.status!.podIPs }
  }
  assert.deepEqual(addresses({ podIP: '1.1.1.1' }), { podIP: '1.1.1.1', podIPs: [{ ip: '1.1.1.1' }] })
  assert.deepEqual(addresses({ podIPs: [{ ip: '1.1.1.1' }] }), { podIP: '1.1.1.1', podIPs: [{ ip: '1.1.1.1' }] })
  assert.deepEqual(addresses({ podIP: '2.2.2.2', podIPs: [{ ip: '1.1.1.1' }, { ip: 'fd::1' }] }), {
    podIP: '2.2.2.2',
    podIPs: [{ ip: '2.2.2.2' }],
  })
  const both = { podIP: '1.1.1.1', podIPs: [{ ip: '1.1.1.1' }, { ip: 'fd::1' }] }
  assert.deepEqual(addresses(both), both)
  assert.deepEqual(addresses({}), { podIP: undefined, podIPs: undefined })
})
