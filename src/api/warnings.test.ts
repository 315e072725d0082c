import assert from 'node:assert/strict'
import test from 'node:test'
import type { KubernetesObject } from '#meta'
import { made } from '#testing'
import {
  cronJobs,
  csiStorageCapacities,
  deployments,
  jobs,
  persistentVolumeClaims,
  persistentVolumes,
  pods,
  type ResourceDefinition,
  statefulSets,
  storageClasses,
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
const LABEL =
  "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and end with an alphanumeric character (e.g. 'my-name',  or '123-abc', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?')"
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
      `metadata.name: this is used in the Pod's hostname, which can result in surprising behavior; a DNS label is recommended: [${LABEL}]`,
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
      'spec.volumes[3].projected.sources.configMap[0]: has duplicated path with ServiceAccountToken "token"',
      'spec.volumes[3].projected.sources.downwardAPI[0]: has duplicated path with ServiceAccountToken "token"',
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
      'spec.containers[1].ports[0]: duplicate port name "web" with spec.containers[0].ports[0], services and probes that select ports by name will use spec.containers[0].ports[0]',
      'spec.containers[1].ports[0]: dangerously ambiguous port definition with spec.containers[0].ports[0]',
      'spec.containers[1].ports[0]: overlapping port definition with spec.containers[0].ports[1]',
      'spec.containers[1].ports[1]: dangerously ambiguous port definition with spec.containers[0].ports[0]',
      'spec.containers[1].ports[1]: overlapping port definition with spec.containers[0].ports[1]',
      'spec.containers[1].ports[1]: duplicate port definition with spec.containers[1].ports[0]',
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
      `metadata.name: this is used in Pod names and hostnames, which can result in surprising behavior; a DNS label is recommended: [${LABEL}]`,
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
      `metadata.name: this is used in Job names, which can result in surprising behavior; a DNS label is recommended: [${LABEL}]`,
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
]

for (const [name, resource, object, expected] of cases) {
  test(`warnings: ${name}`, () => {
    const definition = resource as ResourceDefinition
    const draft = made(definition, object) as KubernetesObject
    assert.deepEqual([...definition.warnings(draft, undefined)], expected)
  })
}

test('a change that leaves the spec alone, and any change of a pod, is not warned of again', () => {
  const [old, same, other] = [1, 1, 2].map((generation) => ({
    metadata: { name: 'x', generation },
    spec: { template: template({ terminationGracePeriodSeconds: -1 }) },
  })) as KubernetesObject[]
  const said = (now: KubernetesObject): number => [...deployments.warnings(now as never, old as never)].length
  assert.deepEqual([said(same!), said(other!)], [0, 1])
  const draft = made(pods, pod({ terminationGracePeriodSeconds: -1 }))
  assert.deepEqual([...pods.warnings(draft, draft)], [])
})
