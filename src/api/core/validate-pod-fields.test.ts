import assert from 'node:assert/strict'
import test from 'node:test'
import { deepClone } from '#base'
import { type Deployment, deployments, type Pod, pods } from '../index.ts'
import { type Findings, foundBy } from '../validation/findings.ts'

const container = { name: 'c', image: 'nginx:1' }

function pod(spec: object, name = 'p'): Pod {
  const draft = { metadata: { name, namespace: 'default' }, spec: { containers: [deepClone(container)], ...spec } } as Pod
  pods.default(draft)
  return draft
}

const shown = (findings: Findings): string[] => findings.map(({ field, message }) => `${field}: ${message}`)
const findings = (object: Pod): string[] => shown(foundBy((found) => pods.validate(object, found, { nowMs: 0, isNew: true })))

/** Cases in one part of a pod: what the part says, and what is wrong with it, after the part's path. */
function table(
  part: string,
  make: (value: never) => Pod,
  cases: readonly (readonly [what: string, value: unknown, expected: string[]])[],
) {
  for (const [what, value, expected] of cases) {
    test(`pod validation: ${part}: ${what}`, () => {
      assert.deepEqual(findings(make(value as never)), expected)
    })
  }
}

const volume = (source: object): Pod => pod({ volumes: [{ name: 'v', ...source }] })
const V = 'spec.volumes[0]'
const [GATEWAY, TARGET] = [{ gateway: 'g', system: 's', volumeName: 'v' }, { targetPortal: '10.0.0.1' }]

table('volumes', volume, [
  [
    'a size below nothing',
    { emptyDir: { sizeLimit: '-1' } },
    [`${V}.emptyDir.sizeLimit: Forbidden: SizeLimit field must be a valid resource quantity`],
  ],
  [
    'a secret without a name',
    { secret: { items: [{}] } },
    [
      `${V}.secret.secretName: Required value`,
      `${V}.secret.items[0].key: Required value`,
      `${V}.secret.items[0].path: Required value`,
    ],
  ],
  [
    'a mode with too many bits',
    { configMap: { name: 'c', defaultMode: 512 } },
    [`${V}.configMap.defaultMode: Invalid value: 512: must be a number between 0 and 0777 (octal), both inclusive`],
  ],
  [
    'keys are whatever a map may hold',
    { configMap: { name: 'c', items: [{ key: 'any key', path: '..data' }] } },
    [`${V}.configMap.items[0].path: Invalid value: "..data": must not start with '..'`],
  ],
  [
    'NFS without anything',
    { nfs: {} },
    [
      `${V}.nfs.server: Required value`,
      `${V}.nfs.path: Required value`,
      `${V}.nfs.path: Invalid value: "": must be an absolute path`,
    ],
  ],
  [
    'iSCSI',
    { iscsi: { ...TARGET, iqn: 'abc', lun: 256, chapAuthSession: true } },
    [
      `${V}.iscsi.iqn: Invalid value: "abc": must be valid format starting with iqn, eui, or naa`,
      `${V}.iscsi.lun: Invalid value: 256: must be between 0 and 255, inclusive`,
      `${V}.iscsi.secretRef: Required value`,
    ],
  ],
  ['iSCSI in order', { iscsi: { ...TARGET, iqn: 'iqn.2015-02.example.com:test', lun: 0 } }, []],
  [
    'fibre channel',
    { fc: { targetWWNs: ['a'], wwids: ['b'] } },
    [
      `${V}.fc.targetWWNs: Invalid value: ["a"]: targetWWNs and wwids can not be specified simultaneously`,
      `${V}.fc.lun: Required value: lun is required if targetWWNs is specified`,
    ],
  ],
  [
    'a disk of Google',
    { gcePersistentDisk: { partition: 256 } },
    [
      `${V}.persistentDisk.pdName: Required value`,
      `${V}.persistentDisk.partition: Invalid value: 256: must be between 1 and 255, inclusive`,
    ],
  ],
  ['RBD', { rbd: {} }, [`${V}.rbd.monitors: Required value`, `${V}.rbd.image: Required value`]],
  ['Ceph', { cephfs: { monitors: [] } }, [`${V}.cephfs.monitors: Required value`]],
  [
    'Cinder',
    { cinder: { secretRef: {} } },
    [`${V}.cinder.volumeID: Required value`, `${V}.cinder.secretRef.name: Required value`],
  ],
  ['Gluster', { glusterfs: {} }, [`${V}.glusterfs.endpoints: Required value`, `${V}.glusterfs.path: Required value`]],
  [
    'a flex volume',
    { flexVolume: { options: { 'a.k8s.io/b': 'c' } } },
    [
      `${V}.flexVolume.driver: Required value`,
      `${V}.flexVolume.options[a.k8s.io/b]: Invalid value: "a.k8s.io/b": kubernetes.io and k8s.io namespaces are reserved`,
    ],
  ],
  [
    'a disk of Azure',
    { azureDisk: { diskName: 'd', diskURI: 'x', cachingMode: 'Some', kind: 'Managed' } },
    [
      `${V}.azureDisk.cachingMode: Unsupported value: "Some": supported values: "None", "ReadOnly", "ReadWrite"`,
      `${V}.azureDisk.diskURI: Unsupported value: "x": supported values: "/subscriptions/{sub-id}/resourcegroups/{group-name}/providers/microsoft.compute/disks/{disk-id}"`,
    ],
  ],
  ['ScaleIO', { scaleIO: { ...GATEWAY, system: '' } }, [`${V}.scaleIO.system: Required value`]],
  ['two types', { scaleIO: GATEWAY, emptyDir: {} }, [`${V}.scaleIO: Forbidden: may not specify more than 1 volume type`]],
  [
    'a projected token that is too short-lived',
    { projected: { sources: [{ serviceAccountToken: { expirationSeconds: 60, path: 't' } }] } },
    [
      `${V}.projected.sources[0].serviceAccountToken.expirationSeconds: Invalid value: 60: may not specify a duration less than 10 minutes`,
      `${V}.projected.sources[0].serviceAccountToken: Forbidden: must not be specified when serviceAccountName is not set`,
    ],
  ],
  [
    'two sources in one',
    { projected: { sources: [{ secret: { name: 'a' }, configMap: { name: 'b' } }] } },
    [`${V}.projected.sources[0]: Forbidden: may not specify more than 1 volume type per source`],
  ],
  [
    'one path twice',
    {
      projected: {
        sources: [
          { secret: { name: 'a', items: [{ key: 'k', path: 'x' }] } },
          { downwardAPI: { items: [{ path: 'x', fieldRef: { fieldPath: 'metadata.name' } }] } },
        ],
      },
    },
    [`${V}.projected: Invalid value: "x": conflicting duplicate paths`],
  ],
  [
    'a bundle by no name',
    { projected: { sources: [{ clusterTrustBundle: { path: 'p' } }] } },
    [`${V}.projected.sources[0].clusterTrustBundle: Required value: either name or signerName must be specified`],
  ],
  [
    'resources of no container in a file',
    { downwardAPI: { items: [{ path: 'a', resourceFieldRef: { resource: 'limits.cpu' } }] } },
    [`${V}.downwardAPI.resourceFieldRef.containerName: Required value`],
  ],
  ['an image without a reference', { image: {} }, [`${V}.image.reference: Required value`]],
  [
    'a claim of its own without storage',
    { ephemeral: { volumeClaimTemplate: { spec: { accessModes: ['ReadWriteOnce'] } } } },
    [`${V}.ephemeral.volumeClaimTemplate.spec.resources[storage]: Required value`],
  ],
])

test('pod validation: a volume that is not in order is not there for mounts', () => {
  const mounting = { ...container, volumeMounts: [{ name: 'v', mountPath: '/v' }] }
  assert.deepEqual(findings(pod({ containers: [mounting], volumes: [{ name: 'v', secret: {} }] })), [
    `${V}.secret.secretName: Required value`,
    'spec.containers[0].volumeMounts[0].name: Not found: "v"',
  ])
})

const VOLUMES = [
  { name: 'v', emptyDir: {} },
  { name: 'claim', persistentVolumeClaim: { claimName: 'c' } },
  { name: 'i', image: { reference: 'x' } },
]
const mounting = (fields: object): Pod => pod({ containers: [{ ...container, ...fields }], volumes: VOLUMES })
const C = 'spec.containers[0]'

table('mounts', mounting, [
  [
    'no name and no path',
    { volumeMounts: [{}] },
    [
      `${C}.volumeMounts[0].name: Required value`,
      `${C}.volumeMounts[0].name: Not found: ""`,
      `${C}.volumeMounts[0].mountPath: Required value`,
    ],
  ],
  [
    'a path that leaves the volume',
    { volumeMounts: [{ name: 'v', mountPath: '/a', subPath: '/b/..' }] },
    [
      `${C}.volumeMounts.subPath: Invalid value: "/b/..": must be a relative path`,
      `${C}.volumeMounts.subPath: Invalid value: "/b/..": must not contain '..'`,
    ],
  ],
  ['a part of an image', { volumeMounts: [{ name: 'i', mountPath: '/a', subPath: 'b' }] }, []],
  [
    'propagation to the host',
    { volumeMounts: [{ name: 'v', mountPath: '/a', mountPropagation: 'Bidirectional' }] },
    [`${C}.volumeMounts.mountPropagation: Forbidden: Bidirectional mount propagation is available only to privileged containers`],
  ],
  [
    'read-only all the way down',
    { volumeMounts: [{ name: 'v', mountPath: '/a', recursiveReadOnly: 'Enabled', mountPropagation: 'HostToContainer' }] },
    [
      `${C}.volumeMounts.recursiveReadOnly: Forbidden: may only be specified when readOnly is true`,
      `${C}.volumeMounts.recursiveReadOnly: Forbidden: may only be specified when mountPropagation is None or not specified`,
    ],
  ],
  [
    'files as a device',
    { volumeDevices: [{ name: 'v', devicePath: '/dev/../a' }] },
    [
      `${C}.volumeDevices[0].name: Invalid value: "v": can only use volume source type of PersistentVolumeClaim or Ephemeral for block mode`,
      `${C}.volumeDevices[0].devicePath: Invalid value: "/dev/../a": can not contain backsteps ('..')`,
    ],
  ],
  [
    'a volume as both',
    { volumeMounts: [{ name: 'claim', mountPath: '/a' }], volumeDevices: [{ name: 'claim', devicePath: '/b' }] },
    [
      `${C}.volumeMounts[0].name: Invalid value: "claim": must not already exist in volumeDevices`,
      `${C}.volumeDevices[0].name: Invalid value: "claim": must not already exist in volumeMounts`,
    ],
  ],
])

const of = (fields: object): Pod => pod({ containers: [{ ...container, ...fields }] })

table('containers', of, [
  [
    'a restart of nothing',
    {
      resizePolicy: [
        { resourceName: 'cpu', restartPolicy: 'Maybe' },
        { resourceName: 'cpu', restartPolicy: 'NotRequired' },
      ],
    },
    [
      `${C}.resizePolicy: Unsupported value: "Maybe": supported values: "NotRequired", "RestartContainer"`,
      `${C}.resizePolicy[1]: Duplicate value: "cpu"`,
    ],
  ],
  [
    'sources of the environment',
    { envFrom: [{}, { configMapRef: {} }] },
    [
      `${C}.envFrom: Invalid value: "": must specify one of: \`configMapRef\` or \`secretRef\``,
      `${C}.envFrom[1].configMapRef.name: Required value`,
    ],
  ],
  [
    'a resource that nobody counts',
    { env: [{ name: 'A', valueFrom: { resourceFieldRef: { resource: 'limits.gpu' } } }] },
    [
      `${C}.env[0].valueFrom.resourceFieldRef.resource: Unsupported value: "limits.gpu": supported values: "limits.cpu", "limits.ephemeral-storage", "limits.memory", "requests.cpu", "requests.ephemeral-storage", "requests.memory"`,
    ],
  ],
  [
    'a divisor of another kind',
    { env: [{ name: 'A', valueFrom: { resourceFieldRef: { resource: 'limits.cpu', divisor: '1Ki' } } }] },
    [
      `${C}.env[0].valueFrom.resourceFieldRef.divisor: Invalid value: "limits.cpu": only divisor's values 1m and 1 are supported with the cpu resource`,
    ],
  ],
  [
    'huge pages by name',
    { env: [{ name: 'A', valueFrom: { resourceFieldRef: { resource: 'limits.hugepages-2Mi', divisor: '1Mi' } } }] },
    [],
  ],
  [
    'a probe by two means',
    { readinessProbe: { exec: { command: ['a'] }, grpc: { port: 1 }, terminationGracePeriodSeconds: 0 } },
    [
      `${C}.readinessProbe.grpc: Forbidden: may not specify more than 1 handler type`,
      `${C}.readinessProbe.terminationGracePeriodSeconds: Invalid value: 0: must be greater than 0`,
      `${C}.readinessProbe.terminationGracePeriodSeconds: Invalid value: 0: must not be set for readinessProbes`,
    ],
  ],
  [
    'a probe over no protocol',
    { livenessProbe: { httpGet: { path: '/', port: 0, scheme: 'FTP', httpHeaders: [{ name: 'a b', value: '' }] } } },
    [
      `${C}.livenessProbe.httpGet.port: Invalid value: 0: must be between 1 and 65535, inclusive`,
      `${C}.livenessProbe.httpGet.scheme: Unsupported value: "FTP": supported values: "HTTP", "HTTPS"`,
      `${C}.livenessProbe.httpGet.httpHeaders: Invalid value: "a b": a valid HTTP header must consist of alphanumeric characters or '-' (e.g. 'X-Header-Name', regex used for validation is '[-A-Za-z0-9]+')`,
    ],
  ],
  [
    'a sleep past the grace',
    { lifecycle: { preStop: { sleep: { seconds: 31 } } } },
    [`${C}.lifecycle.preStop.sleep: Invalid value: 31: must be non-negative and less than terminationGracePeriodSeconds (30)`],
  ],
  [
    'a name with a space behind',
    { image: 'nginx ' },
    [`${C}.image: Invalid value: "nginx ": must not have leading or trailing whitespace`],
  ],
  [
    'a bare /proc',
    { securityContext: { procMount: 'Unmasked' } },
    [`${C}.securityContext.procMount: Invalid value: "Unmasked": \`hostUsers\` must be false to use \`Unmasked\``],
  ],
  [
    'profiles',
    {
      securityContext: { seccompProfile: { type: 'Localhost' }, appArmorProfile: { type: 'Unconfined', localhostProfile: 'x' } },
    },
    [
      `${C}.securityContext.seccompProfile.localhostProfile: Required value: must be set when seccomp type is Localhost`,
      `${C}.securityContext.appArmorProfile.localhostProfile: Invalid value: "x": can only be set when AppArmor type is Localhost`,
    ],
  ],
  [
    'no escalation, but the means',
    { securityContext: { allowPrivilegeEscalation: false, capabilities: { add: ['CAP_SYS_ADMIN'] } } },
    [
      `${C}.securityContext: Invalid value: {"Capabilities":{"Add":["CAP_SYS_ADMIN"],"Drop":null},"Privileged":null,"SELinuxOptions":null,"WindowsOptions":null,"RunAsUser":null,"RunAsGroup":null,"RunAsNonRoot":null,"ReadOnlyRootFilesystem":null,"AllowPrivilegeEscalation":false,"ProcMount":null,"SeccompProfile":null,"AppArmorProfile":null}: cannot set \`allowPrivilegeEscalation\` to false and \`capabilities.Add\` CAP_SYS_ADMIN`,
    ],
  ],
])

table('the spec', pod as (value: never) => Pod, [
  [
    'a port of the host that is another',
    { hostNetwork: true, containers: [{ ...container, ports: [{ containerPort: 80, hostPort: 81 }] }] },
    [`${C}.ports[0].hostPort: Invalid value: 81: must match \`containerPort\` when \`hostNetwork\` is true`],
  ],
  [
    'policies',
    { restartPolicy: 'Sometimes', dnsPolicy: 'Any' },
    [
      'spec.restartPolicy: Unsupported value: "Sometimes": supported values: "Always", "OnFailure", "Never"',
      'spec.dnsPolicy: Unsupported value: "Any": supported values: "ClusterFirstWithHostNet", "ClusterFirst", "Default", "None"',
    ],
  ],
  [
    'claims',
    { resourceClaims: [{ name: 'a' }, { name: 'a', resourceClaimName: 'x' }] },
    [
      'spec.resourceClaims[0]: Invalid value: {"Name":"a","ResourceClaimName":null,"ResourceClaimTemplateName":null}: must specify one of: `resourceClaimName`, `resourceClaimTemplateName`',
      'spec.resourceClaims[1].name: Duplicate value: "a"',
    ],
  ],
  [
    'sysctls of the host',
    { hostNetwork: true, securityContext: { sysctls: [{ name: 'net.ipv4.tcp_syncookies', value: '1' }] } },
    [
      `spec.securityContext.sysctls[0].name: Invalid value: "net.ipv4.tcp_syncookies": may not be specified when 'hostNetwork' is true`,
    ],
  ],
  ['users of its own on the host', { hostUsers: false, hostPID: true }, ['spec.HostPID: Forbidden: when `hostUsers` is false']],
  [
    'Linux on Windows',
    { os: { name: 'windows' }, hostIPC: true, containers: [{ ...container, securityContext: { privileged: true } }] },
    [
      'spec.hostIPC: Forbidden: cannot be set for a windows pod',
      `${C}.securityContext.privileged: Forbidden: cannot be set for a windows pod`,
    ],
  ],
  ['another system', { os: { name: 'plan9' } }, ['spec.os: Unsupported value: "plan9": supported values: "linux", "windows"']],
  [
    'domains',
    { dnsConfig: { searches: ['.', '_a_b.c.', 'a_'] } },
    [
      `spec.dnsConfig.searches[2]: Invalid value: "a_": a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '_', '-' or '.', and must start and end with an alphanumeric character (e.g. 'example.com', regex used for validation is '_?[a-z0-9]([-_a-z0-9]*[a-z0-9])?(\\._?[a-z0-9]([-_a-z0-9]*[a-z0-9])?)*')`,
    ],
  ],
  [
    'a toleration of a value that exists',
    { tolerations: [{ key: 'a', operator: 'Exists', value: 'b' }] },
    [`spec.tolerations[0].operator: Invalid value: "b": value must be empty when \`operator\` is 'Exists'`],
  ],
  [
    'spread twice over one thing',
    {
      topologySpreadConstraints: ['a', 'b'].map((value) => ({
        maxSkew: 1,
        topologyKey: 'zone',
        whenUnsatisfiable: 'DoNotSchedule',
        matchLabelKeys: [value],
        labelSelector: { matchLabels: { a: 'x' } },
      })),
    },
    ['spec.topologySpreadConstraints[0].{topologyKey, whenUnsatisfiable}: Duplicate value: "{zone, DoNotSchedule}"'],
  ],
  [
    'spread by a label whose value the selector says itself',
    {
      topologySpreadConstraints: [
        {
          maxSkew: 1,
          topologyKey: 'zone',
          whenUnsatisfiable: 'DoNotSchedule',
          matchLabelKeys: ['a'],
          labelSelector: { matchLabels: { a: 'x' }, matchExpressions: [{ key: 'a', operator: 'In', values: ['y'] }] },
        },
      ],
    },
    ['spec.topologySpreadConstraints[0][0]: Invalid value: "a": exists in both matchLabelKeys and labelSelector'],
  ],
  [
    'a sidecar that debugs',
    { ephemeralContainers: [{ ...container, name: 'd' }] },
    ['spec.ephemeralContainers: Forbidden: cannot be set on create'],
  ],
  ['pull secrets without a name are only warned of', { imagePullSecrets: [{}] }, []],
])

const affine = (affinity: object): Pod => pod({ affinity })
const [REQUIRED, PREFERRED] = [
  'requiredDuringSchedulingIgnoredDuringExecution',
  'preferredDuringSchedulingIgnoredDuringExecution',
]
const expression = { key: 'a', operator: 'In', values: ['not ok'] }
const LABEL =
  "a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyValue',  or 'my_value',  or '12345', regex used for validation is '(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?')"

table('affinity', affine, [
  [
    'a value that no label has',
    { nodeAffinity: { [REQUIRED]: { nodeSelectorTerms: [{ matchExpressions: [expression] }] } } },
    [
      `spec.affinity.nodeAffinity.${REQUIRED}.nodeSelectorTerms[0].matchExpressions[0].values[0]: Invalid value: "not ok": ${LABEL}`,
    ],
  ],
  [
    'a preference for it',
    { nodeAffinity: { [PREFERRED]: [{ weight: 101, preference: { matchExpressions: [expression] } }] } },
    [`spec.affinity.nodeAffinity.${PREFERRED}[0].weight: Invalid value: 101: must be in the range 1-100`],
  ],
  [
    'keys to match without a selector',
    { podAffinity: { [REQUIRED]: [{ topologyKey: 'zone', matchLabelKeys: ['a'], mismatchLabelKeys: ['a'] }] } },
    [
      `spec.affinity.podAffinity.${REQUIRED}[0].matchLabelKeys: Forbidden: must not be specified when labelSelector is not set`,
      `spec.affinity.podAffinity.${REQUIRED}[0].mismatchLabelKeys: Forbidden: must not be specified when labelSelector is not set`,
      `spec.affinity.podAffinity.${REQUIRED}[0].matchLabelKeys[0]: Invalid value: "a": exists in both matchLabelKeys and mismatchLabelKeys`,
    ],
  ],
])

test('pod validation: a template may leave to its pods what their makers fill in', () => {
  const labels = { app: 'x' }
  const spec = {
    hostNetwork: true,
    containers: [{ ...container, image: 'nginx ', ports: [{ containerPort: 80 }] }],
  }
  const draft = {
    metadata: { name: 'd', namespace: 'default' },
    spec: { selector: { matchLabels: labels }, template: { metadata: { labels }, spec } },
  } as Deployment
  deployments.default(draft)
  delete draft.spec!.template.spec!.containers[0]!.ports![0]!.hostPort
  assert.deepEqual(shown(foundBy((found) => deployments.validate(draft, found, { nowMs: 0, isNew: true }))), [])
})
