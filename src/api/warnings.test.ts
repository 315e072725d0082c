import assert from 'node:assert/strict'
import test from 'node:test'
import type { KubernetesObject } from '#meta'
import { made, statusWarningsOf, warningsOf } from '#testing'
import {
  type CustomResourceDefinition,
  cronJobs,
  csiStorageCapacities,
  customResourceDefinitions,
  deployments,
  endpointSlices,
  endpoints,
  ingresses,
  jobs,
  networkPolicies,
  nodes,
  persistentVolumeClaims,
  persistentVolumes,
  pods,
  type ResourceDefinition,
  resourceSlices,
  serviceAccounts,
  services,
  statefulSets,
  storageClasses,
  validatingAdmissionPolicies,
} from './index.ts'

const image = 'i:1'
const pod = (spec: object, metadata: object = {}): object => ({
  metadata: { name: 'x', namespace: 'default', uid: 'u', ...metadata },
  spec: { containers: [{ name: 'c', image }], ...spec },
})
const template = (spec: object, metadata: object = {}): object => ({
  metadata,
  spec: { containers: [{ name: 'c', image }], restartPolicy: 'Never', ...spec },
})
const DOTTED = 'must not contain dots'
const ARCH = 'beta.kubernetes.io/arch'
const USE_ARCH = 'deprecated since v1.14; use "kubernetes.io/arch" instead'
const port = (fields: object): object => ({ containerPort: 80, ...fields })
const arch = { matchExpressions: [{ key: ARCH, operator: 'Exists' }] }

const cases: readonly (readonly [name: string, resource: unknown, object: object, expected: readonly string[]])[] = [
  ['nothing odd', pods, pod({}), []],
  [
    'a name that is no host',
    pods,
    pod({}, { name: 'a.b' }),
    [
      `metadata.name: this is used in the Pod's hostname, which can result in surprising behavior; a DNS label is recommended: [${DOTTED}]`,
    ],
  ],
  [
    'labels with other names',
    pods,
    pod({
      nodeSelector: { [ARCH]: 'x' },
      affinity: {
        nodeAffinity: {
          requiredDuringSchedulingIgnoredDuringExecution: { nodeSelectorTerms: [arch] },
          preferredDuringSchedulingIgnoredDuringExecution: [{ weight: 1, preference: arch }],
        },
        podAffinity: { requiredDuringSchedulingIgnoredDuringExecution: [{ topologyKey: 'a' }] },
        podAntiAffinity: {
          preferredDuringSchedulingIgnoredDuringExecution: [{ weight: 1, podAffinityTerm: { topologyKey: 'a' } }],
        },
      },
      topologySpreadConstraints: [{ maxSkew: 1, topologyKey: ARCH, whenUnsatisfiable: 'DoNotSchedule' }],
    }),
    [
      `spec.nodeSelector[${ARCH}]: ${USE_ARCH}`,
      `spec.affinity.nodeAffinity.requiredDuringSchedulingIgnoredDuringExecution.nodeSelectorTerms[0].matchExpressions[0].key: ${ARCH} is ${USE_ARCH}`,
      `spec.affinity.nodeAffinity.preferredDuringSchedulingIgnoredDuringExecution[0].preference.matchExpressions[0].key: ${ARCH} is ${USE_ARCH}`,
      `spec.topologySpreadConstraints[0].topologyKey: ${ARCH} is ${USE_ARCH}`,
      'spec.topologySpreadConstraints[0].labelSelector: a null labelSelector results in matching no pod',
      'spec.affinity.podAffinity.requiredDuringSchedulingIgnoredDuringExecution[0].labelSelector: a null labelSelector results in matching no pod',
      'spec.affinity.podAntiAffinity.preferredDuringSchedulingIgnoredDuringExecution[0].podAffinityTerm.labelSelector: a null labelSelector results in matching no pod',
    ],
  ],
  [
    'annotations that do nothing',
    deployments,
    {
      spec: {
        template: template(
          {},
          {
            annotations: {
              'scheduler.alpha.kubernetes.io/critical-pod': '',
              'seccomp.security.alpha.kubernetes.io/pod': 'x',
              'container.seccomp.security.alpha.kubernetes.io/c': 'x',
              'container.apparmor.security.beta.kubernetes.io/c': 'unconfined',
            },
          },
        ),
      },
    },
    [
      'spec.template.metadata.annotations[scheduler.alpha.kubernetes.io/critical-pod]: non-functional in v1.16+; use the "priorityClassName" field instead',
      'spec.template.metadata.annotations[seccomp.security.alpha.kubernetes.io/pod]: non-functional in v1.27+; use the "seccompProfile" field instead',
      'spec.template.metadata.annotations[container.seccomp.security.alpha.kubernetes.io/c]: non-functional in v1.27+; use the "seccompProfile" field instead',
      'spec.template.metadata.annotations[container.apparmor.security.beta.kubernetes.io/c]: deprecated since v1.30; use the "appArmorProfile" field instead',
    ],
  ],
  [
    'volumes of drivers that are gone, and two files at one path',
    pods,
    pod({
      volumes: [
        { name: 'a', gitRepo: { repository: 'r' } },
        { name: 'b', glusterfs: { endpoints: 'e', path: 'p' } },
        { name: 'c', ephemeral: { volumeClaimTemplate: { spec: { resources: { requests: { storage: '100m' } } } } } },
        {
          name: 'd',
          projected: {
            sources: [
              { serviceAccountToken: { path: 'token' } },
              { configMap: { name: 'm', items: [{ key: 'k', path: 'token' }] } },
              { downwardAPI: { items: [{ path: 'token', fieldRef: { fieldPath: 'metadata.name' } }] } },
            ],
          },
        },
      ],
    }),
    [
      'spec.volumes[0].gitRepo: deprecated in v1.11',
      'spec.volumes[1].glusterfs: deprecated in v1.25, non-functional in v1.26+',
      'spec.volumes[2].ephemeral.volumeClaimTemplate.spec.resources.requests[storage]: fractional byte value "100m" is invalid, must be an integer',
      'volume "d" (Projected): overlapping paths: "token" (ConfigMap "m") with "token" (ServiceAccountToken)',
      'volume "d" (Projected): overlapping paths: "token" (DownwardAPI) with "token" (ServiceAccountToken)',
      'volume "d" (Projected): overlapping paths: "token" (DownwardAPI) with "token" (ConfigMap "m")',
    ],
  ],
  [
    'the same twice',
    pods,
    pod({
      hostAliases: [{ ip: '1.2.3.4' }, { ip: '1.2.3.4' }],
      imagePullSecrets: [{ name: 'a' }, { name: 'a' }, {}],
      overhead: { memory: '100m' },
      terminationGracePeriodSeconds: -1,
    }),
    [
      'spec.hostAliases[1].ip: duplicate ip "1.2.3.4"',
      'spec.imagePullSecrets[1].name: duplicate name "a"',
      'spec.imagePullSecrets[2].name: invalid empty name ""',
      'spec.overhead[memory]: fractional byte value "100m" is invalid, must be an integer',
      'spec.terminationGracePeriodSeconds: must be >= 0; negative values are invalid and will be treated as 1',
    ],
  ],
  [
    'values that hide others, but for those that lengthen them',
    pods,
    pod({
      initContainers: [
        {
          name: 'i',
          image,
          env: [
            { name: 'A', value: '1' },
            { name: 'A', value: '$(A)2' },
            { name: 'A', value: '$(A)' },
          ],
        },
      ],
    }),
    ['spec.initContainers[0].env[2]: hides previous definition of "A", which may be dropped when using apply'],
  ],
  [
    'ports',
    pods,
    pod({
      containers: [
        { name: 'a', image, ports: [port({ name: 'web', hostPort: 1, hostIP: '1.2.3.4' }), port({ hostIP: '::1' })] },
        { name: 'b', image, ports: [port({ name: 'web', hostPort: 1 }), port({ hostPort: 1 })] },
      ],
    }),
    [
      'spec.containers[0].ports[1]: hostIP set without hostPort: {Name: HostPort:0 ContainerPort:80 Protocol:TCP HostIP:::1}',
      'spec.containers[0].ports[1]: overlapping port definition with spec.containers[0].ports[0]',
      'spec.containers[1].ports[0]: dangerously ambiguous port definition with spec.containers[0].ports[0]',
      'spec.containers[1].ports[0]: overlapping port definition with spec.containers[0].ports[1]',
      'spec.containers[1].ports[1]: dangerously ambiguous port definition with spec.containers[0].ports[0]',
      'spec.containers[1].ports[1]: overlapping port definition with spec.containers[0].ports[1]',
      'spec.containers[1].ports[1]: duplicate port definition with spec.containers[1].ports[0]',
      'spec.containers[1].ports[0]: duplicate port name "web" with spec.containers[0].ports[0], services and probes that select ports by name will use spec.containers[0].ports[0]',
    ],
  ],
  [
    'a Job too wide to keep count of',
    jobs,
    {
      metadata: { name: 'a.b', namespace: 'default', uid: 'u' },
      spec: { template: template({}), completionMode: 'Indexed', completions: 100_001, parallelism: 10_001 },
    },
    [
      `metadata.name: this is used in Pod names and hostnames, which can result in surprising behavior; a DNS label is recommended: [${DOTTED}]`,
      'spec: In Indexed Jobs with a number of completions higher than 10^5 and a parallelism higher than 10^4, Kubernetes might not be able to track completedIndexes when a big number of indexes fail',
    ],
  ],
  [
    'a CronJob',
    cronJobs,
    {
      metadata: { name: 'a.b', namespace: 'default' },
      spec: { schedule: '* * * * *', jobTemplate: { spec: { template: template({ nodeSelector: { [ARCH]: 'x' } }) } } },
    },
    [
      `metadata.name: this is used in Job names, which can result in surprising behavior; a DNS label is recommended: [${DOTTED}]`,
      `spec.jobTemplate.spec.template.spec.nodeSelector[${ARCH}]: ${USE_ARCH}`,
    ],
  ],
  [
    'a set',
    statefulSets,
    {
      spec: {
        template: template({}),
        revisionHistoryLimit: -1,
        volumeClaimTemplates: [{ metadata: { name: 'd' }, spec: { resources: { requests: { storage: '1m' } } } }],
      },
    },
    [
      'spec.volumeClaimTemplates[0].resources.requests[storage]: fractional byte value "1m" is invalid, must be an integer',
      'spec.revisionHistoryLimit: a negative value retains all historical revisions; a value >= 0 is recommended',
    ],
  ],
  [
    'a volume',
    persistentVolumes,
    {
      metadata: { name: 'v', annotations: { 'volume.beta.kubernetes.io/storage-class': 's' } },
      spec: { nodeAffinity: { required: { nodeSelectorTerms: [arch] } }, rbd: { image: 'i', monitors: ['m'] }, storageos: {} },
    },
    [
      'metadata.annotations[volume.beta.kubernetes.io/storage-class]: deprecated since v1.8; use "storageClassName" attribute instead',
      `spec.nodeAffinity.required.nodeSelectorTerms[0].matchExpressions[0].key: ${ARCH} is ${USE_ARCH}`,
      'spec.storageOS: deprecated in v1.22, non-functional in v1.25+',
      'spec.rbd: deprecated in v1.28, non-functional in v1.31+',
    ],
  ],
  [
    'a claim',
    persistentVolumeClaims,
    {
      metadata: { name: 'v', annotations: { 'volume.beta.kubernetes.io/storage-class': 's' } },
      spec: { resources: { limits: { storage: '1m' } } },
    },
    [
      'metadata.annotations[volume.beta.kubernetes.io/storage-class]: deprecated since v1.8; use "storageClassName" attribute instead',
      'spec.resources.limits[storage]: fractional byte value "1m" is invalid, must be an integer',
    ],
  ],
  [
    'a class',
    storageClasses,
    { provisioner: 'p', allowedTopologies: [{ matchLabelExpressions: [{ key: ARCH, values: ['x'] }] }] },
    [`allowedTopologies[0].matchLabelExpressions[0].key: ${USE_ARCH}`],
  ],
  [
    'a capacity',
    csiStorageCapacities,
    { storageClassName: 's', nodeTopology: { ...arch, matchLabels: { [ARCH]: 'x' } } },
    [`nodeTopology.matchExpressions[0].key: ${ARCH} is ${USE_ARCH}`, `nodeTopology.matchLabels.${ARCH}: ${USE_ARCH}`],
  ],
  [
    'a volume of the old days',
    persistentVolumes,
    {
      metadata: { name: 'v', annotations: { 'volume.beta.kubernetes.io/mount-options': 'ro' } },
      spec: { persistentVolumeReclaimPolicy: 'Recycle' },
    },
    [
      'metadata.annotations[volume.beta.kubernetes.io/mount-options]: deprecated since v1.31; use "mountOptions" attribute instead',
      'spec.persistentVolumeReclaimPolicy: The Recycle reclaim policy is deprecated. Instead, the recommended approach is to use dynamic provisioning.',
    ],
  ],
  [
    'files within others, and a source of nothing',
    pods,
    pod({
      volumes: [
        {
          name: 'a',
          configMap: {
            name: 'm',
            items: [
              { key: 'a', path: 'etc/' },
              { key: 'b', path: 'etc/x' },
              { key: 'c', path: 'etcetera' },
            ],
          },
        },
        { name: 'b', projected: { sources: [{}] } },
      ],
    }),
    ['volume "a" (ConfigMap "m"): overlapping paths: "etc/x" with "etc"', 'volume "b" (Projected) has no sources provided'],
  ],
  [
    'addresses and values that are odd',
    pods,
    pod({
      hostAliases: [{ ip: '::FFFF:1.2.3.4' }],
      dnsConfig: { nameservers: ['FD00::1'] },
      affinity: {
        nodeAffinity: {
          preferredDuringSchedulingIgnoredDuringExecution: [
            { weight: 1, preference: { matchExpressions: [{ key: 'a', operator: 'In', values: ['-'] }] } },
          ],
        },
      },
    }),
    [
      `spec.affinity.nodeAffinity.preferredDuringSchedulingIgnoredDuringExecution[0].preference.matchExpressions[0].values[0]: - is invalid, a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyValue',  or 'my_value',  or '12345', regex used for validation is '(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?')`,
      'spec.dnsConfig.nameservers[0]: IPv6 address "FD00::1" should be in RFC 5952 canonical format ("fd00::1")',
      'spec.hostAliases[0].ip: non-standard IP address "::FFFF:1.2.3.4" is invalid: use "1.2.3.4"',
    ],
  ],
  [
    'a headless Service with what it does not use',
    services,
    {
      spec: {
        clusterIP: 'None',
        sessionAffinity: 'ClientIP',
        externalIPs: ['1.2.3.4'],
        loadBalancerIP: '1.2.3.4',
        externalName: 'a',
      },
    },
    [
      'spec.loadBalancerIP is ignored for headless services',
      'spec.externalIPs is ignored for headless services',
      'spec.SessionAffinity is ignored for headless services',
      'spec.externalName is ignored when spec.type is not "ExternalName"',
    ],
  ],
  [
    'a Service of the old days',
    services,
    {
      metadata: { name: 'x', annotations: { 'service.kubernetes.io/topology-aware-hints': 'Auto' } },
      spec: {
        type: 'LoadBalancer',
        ports: [{ port: 80 }],
        clusterIP: 'FD00::1',
        clusterIPs: ['FD00::1'],
        externalIPs: ['::ffff:1.2.3.4'],
        loadBalancerSourceRanges: ['10.0.0.8/24', '::ffff:10.0.0.0/104', 'FD00::/64', 'fd00::1/64', '10.0.0.0/8'],
        trafficDistribution: 'PreferClose',
      },
    },
    [
      'annotation service.kubernetes.io/topology-aware-hints is deprecated, please use service.kubernetes.io/topology-mode instead',
      'spec.clusterIPs[0]: IPv6 address "FD00::1" should be in RFC 5952 canonical format ("fd00::1")',
      'spec.externalIPs[0]: non-standard IP address "::ffff:1.2.3.4" is invalid: use "1.2.3.4"',
      'spec.externalIPs is deprecated and may no longer be implemented in some clusters',
      'spec.loadBalancerSourceRanges[0]: CIDR value "10.0.0.8/24" is ambiguous in this context (should be "10.0.0.0/24" or "10.0.0.8/32"?)',
      'spec.loadBalancerSourceRanges[1]: non-standard CIDR value "::ffff:10.0.0.0/104" is invalid: use "10.0.0.0/8"',
      'spec.loadBalancerSourceRanges[2]: IPv6 CIDR value "FD00::/64" should be in RFC 5952 canonical format ("fd00::/64")',
      'spec.loadBalancerSourceRanges[3]: CIDR value "fd00::1/64" is ambiguous in this context (should be "fd00::/64" or "fd00::1/128"?)',
      'spec.trafficDistribution: "PreferClose" is deprecated; use "PreferSameZone"',
    ],
  ],
  [
    'a Service that is a name',
    services,
    { spec: { type: 'ExternalName', externalName: 'a.b', externalIPs: ['1.2.3.4'] } },
    ['spec.externalIPs is ignored when spec.type is "ExternalName"'],
  ],
  [
    'a node',
    nodes,
    { spec: { externalID: 'x', podCIDRs: ['10.0.0.1/24'] } },
    [
      'spec.externalID: this field is deprecated, and is unused by Kubernetes',
      'spec.podCIDRs[0]: CIDR value "10.0.0.1/24" is ambiguous in this context (should be "10.0.0.0/24" or "10.0.0.1/32"?)',
    ],
  ],
  [
    'a service account that names its Secrets',
    serviceAccounts,
    { metadata: { name: 'x', annotations: { 'kubernetes.io/enforce-mountable-secrets': 'true' } } },
    [
      'metadata.annotations[kubernetes.io/enforce-mountable-secrets]: deprecated in v1.32+; prefer separate namespaces to isolate access to mounted secrets',
    ],
  ],
  [
    'a policy of odd ranges',
    networkPolicies,
    { spec: { egress: [{ to: [{ ipBlock: { cidr: '10.0.0.1/8', except: ['10.1.0.1/16'] } }] }] } },
    [
      'spec.egress[0].to[0].ipBlock.cidr: CIDR value "10.0.0.1/8" is ambiguous in this context (should be "10.0.0.0/8" or "10.0.0.1/32"?)',
      'spec.egress[0].to[0].ipBlock.except[0]: CIDR value "10.1.0.1/16" is ambiguous in this context (should be "10.1.0.0/16" or "10.1.0.1/32"?)',
    ],
  ],
  [
    'devices of a driver that shouts',
    resourceSlices,
    { spec: { driver: 'GPU.example.com' } },
    ['spec.driver: driver names should be lowercase; "GPU.example.com" contains uppercase characters'],
  ],
  ['names for endpoints', endpointSlices, { addressType: 'FQDN' }, ['spec.addressType: FQDN endpoints are deprecated']],
  [
    'a slice that its controller wrote',
    endpointSlices,
    {
      metadata: { name: 'x', labels: { 'endpointslice.kubernetes.io/managed-by': 'endpointslice-controller.k8s.io' } },
      addressType: 'IPv6',
      endpoints: [{ addresses: ['FD00::1'] }],
    },
    [],
  ],
  [
    'endpoints that their controller wrote',
    endpoints,
    {
      metadata: { name: 'x', labels: { 'endpoints.kubernetes.io/managed-by': 'endpoint-controller' } },
      subsets: [{ addresses: [{ ip: 'FD00::1' }] }],
    },
    [],
  ],
  [
    'a name that is for files',
    validatingAdmissionPolicies,
    { metadata: { name: 'a.static.k8s.io' } },
    [
      'metadata.name: names ending with ".static.k8s.io" are reserved for static manifest-based configurations and cannot be managed via the API',
    ],
  ],
]

for (const [name, resource, object, expected] of cases) {
  test(`warnings: ${name}`, () => {
    const definition = resource as ResourceDefinition
    const draft = made(definition, object) as KubernetesObject
    assert.deepEqual(warningsOf(definition, draft), expected)
  })
}

test('a change that leaves the spec alone, and any change of a pod, is not warned of again', () => {
  const [old, same, other] = [1, 1, 2].map((generation) => ({
    metadata: { name: 'x', generation },
    spec: { template: template({ terminationGracePeriodSeconds: -1 }) },
  })) as KubernetesObject[]
  const said = (now: KubernetesObject): number => warningsOf(deployments, now as never, old as never).length
  assert.deepEqual([said(same!), said(other!)], [0, 1])
  const draft = made(pods, pod({ terminationGracePeriodSeconds: -1 }))
  assert.deepEqual(warningsOf(pods, draft, draft), [])
})

test('an Ingress that is made with a class of the old days is warned of, and a change of it is not', () => {
  const draft = made(ingresses, { metadata: { name: 'x', annotations: { 'kubernetes.io/ingress.class': 'a' } }, spec: {} })
  const said = 'annotation "kubernetes.io/ingress.class" is deprecated, please use \'spec.ingressClassName\' instead'
  assert.deepEqual(warningsOf(ingresses, draft), [said])
  assert.deepEqual(warningsOf(ingresses, draft, draft), [])
})

test('an annotation that a service account had before is not warned of again', () => {
  const draft = made(serviceAccounts, { metadata: { name: 'x', annotations: { 'kubernetes.io/enforce-mountable-secrets': '' } } })
  assert.deepEqual(warningsOf(serviceAccounts, draft, draft), [])
})

test('of the Secrets that a service account refers to the names are kept', () => {
  const draft = made(serviceAccounts, { secrets: [{ name: 's', namespace: 'other', uid: 'u' }] })
  assert.deepEqual(draft.secrets, [{ name: 's' }])
})

test('odd addresses in a status are warned of', () => {
  const status = { loadBalancer: { ingress: [{ hostname: 'h' }, { ip: 'FD00::1' }] } }
  const said = (path: string): string[] => [`${path}: IPv6 address "FD00::1" should be in RFC 5952 canonical format ("fd00::1")`]
  assert.deepEqual(statusWarningsOf(services, { status }), said('status.loadBalancer.ingress[1]'))
  assert.deepEqual(statusWarningsOf(ingresses, { status }), said('status.loadBalancer.ingress[1]'))
  const hosts = { status: { podIPs: [{ ip: '1.2.3.4' }], hostIPs: [{ ip: 'FD00::1' }] } } as never
  assert.deepEqual(statusWarningsOf(pods, hosts), said('status.hostIPs[0].ip'))
})

test('formats of texts that nobody checks are warned of when a definition brings them', () => {
  const definition = (properties: object): CustomResourceDefinition =>
    ({ spec: { versions: [{ schema: { openAPIV3Schema: { type: 'object', properties } } }] } }) as never
  const old = definition({ a: { type: 'string', format: 'shoe-size' } })
  const crd = definition({
    a: { type: 'string', format: 'shoe-size' },
    b: { type: 'array', items: { type: 'string', format: 'hat-size' } },
    c: { type: 'integer', format: 'int64' },
    d: { type: 'string', format: 'date-time' },
    e: { type: 'object', additionalProperties: { anyOf: [{ type: 'string', format: 'x' }] } },
  })
  const said = (before?: CustomResourceDefinition): string[] => warningsOf(customResourceDefinitions, crd, before)
  assert.deepEqual(said(), ['unrecognized format "shoe-size"', 'unrecognized format "hat-size"', 'unrecognized format "x"'])
  assert.deepEqual(said(old), ['unrecognized format "hat-size"', 'unrecognized format "x"'])
})

test('a node that keeps where its kubelet was to find its configuration is warned of it', () => {
  const node = { metadata: { name: 'n' }, spec: { configSource: {} } }
  assert.deepEqual(warningsOf(nodes, node, node), ['spec.configSource: the feature is removed'])
})
