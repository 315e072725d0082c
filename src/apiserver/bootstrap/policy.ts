import type { ClusterRole, ClusterRoleBinding, PolicyRule, Role, RoleBinding } from '#api'
import { controllerRules } from './controller-rules.ts'
import { joiningClusterRoles, joiningRoleBindings, joiningRoles } from './joining-policy.ts'

const LABELS = { 'kubernetes.io/bootstrapping': 'rbac-defaults' }
const ANNOTATIONS = { 'rbac.authorization.kubernetes.io/autoupdate': 'true' }
const RBAC = { apiVersion: 'rbac.authorization.k8s.io/v1' } as const
const GROUP = 'rbac.authorization.k8s.io'

const READ = ['get', 'list', 'watch']
const WRITE = ['create', 'delete', 'deletecollection', 'patch', 'update']

/** A rule in short: groups, resources and verbs by spaces; '' is the core group. */
export const rule = (groups: string, resources: string, verbs: string | readonly string[]): PolicyRule => ({
  apiGroups: groups.split(' ').map((group) => (group === 'core' ? '' : group)),
  resources: resources.split(' '),
  verbs: typeof verbs === 'string' ? verbs.split(' ') : [...verbs],
})

const paths = (...nonResourceURLs: string[]): PolicyRule => ({ nonResourceURLs, verbs: ['get'] })

const clusterRole = (name: string, rules: PolicyRule[], labels: Record<string, string> = {}): ClusterRole => ({
  ...RBAC,
  kind: 'ClusterRole',
  metadata: { name, labels: { ...LABELS, ...labels }, annotations: ANNOTATIONS },
  rules,
})

const aggregated = (name: string, label: string, labels: Record<string, string> = {}): ClusterRole => ({
  ...clusterRole(name, [], labels),
  aggregationRule: { clusterRoleSelectors: [{ matchLabels: { [`${GROUP}/aggregate-to-${label}`]: 'true' } }] },
})

type SubjectInput =
  | { readonly kind: 'User' | 'Group'; readonly name: string }
  | { readonly kind: 'ServiceAccount'; readonly name: string; readonly namespace: string }

const subject = (input: SubjectInput) => (input.kind === 'ServiceAccount' ? input : { ...input, apiGroup: GROUP })

const clusterBinding = (name: string, role: string, ...subjects: SubjectInput[]): ClusterRoleBinding => ({
  ...RBAC,
  kind: 'ClusterRoleBinding',
  metadata: { name, labels: LABELS, annotations: ANNOTATIONS },
  roleRef: { apiGroup: GROUP, kind: 'ClusterRole', name: role },
  subjects: subjects.map(subject),
})

const user = (name: string): SubjectInput => ({ kind: 'User', name })
const group = (name: string): SubjectInput => ({ kind: 'Group', name })
const account = (name: string): SubjectInput => ({ kind: 'ServiceAccount', name, namespace: 'kube-system' })

const WORKLOADS = 'daemonsets deployments replicasets statefulsets'
const EDITABLE: readonly (readonly [groups: string, resources: string])[] = [
  [
    'core',
    'configmaps persistentvolumeclaims replicationcontrollers replicationcontrollers/scale secrets serviceaccounts services endpoints events',
  ],
  ['apps', `${WORKLOADS} deployments/rollback deployments/scale replicasets/scale statefulsets/scale`],
  ['autoscaling', 'horizontalpodautoscalers'],
  ['batch', 'cronjobs jobs'],
  ['policy', 'poddisruptionbudgets'],
  ['networking.k8s.io', 'ingresses networkpolicies'],
  ['discovery.k8s.io', 'endpointslices'],
  ['coordination.k8s.io', 'leases'],
]
const VIEWABLE: readonly (readonly [groups: string, resources: string])[] = [
  [
    'core',
    'configmaps endpoints persistentvolumeclaims persistentvolumeclaims/status pods pods/log pods/status replicationcontrollers replicationcontrollers/scale replicationcontrollers/status serviceaccounts services services/status events bindings limitranges namespaces namespaces/status resourcequotas resourcequotas/status',
  ],
  [
    'apps',
    `controllerrevisions ${WORKLOADS} daemonsets/status deployments/scale deployments/status replicasets/scale replicasets/status statefulsets/scale statefulsets/status`,
  ],
  ['autoscaling', 'horizontalpodautoscalers horizontalpodautoscalers/status'],
  ['batch', 'cronjobs cronjobs/status jobs jobs/status'],
  ['policy', 'poddisruptionbudgets poddisruptionbudgets/status'],
  ['networking.k8s.io', 'ingresses ingresses/status networkpolicies'],
  ['discovery.k8s.io', 'endpointslices'],
]

const aggregateTo = (label: string): Record<string, string> => ({ [`${GROUP}/aggregate-to-${label}`]: 'true' })

const USER_ROLES: ClusterRole[] = [
  clusterRole('cluster-admin', [rule('*', '*', '*'), { nonResourceURLs: ['*'], verbs: ['*'] }]),
  aggregated('admin', 'admin'),
  aggregated('edit', 'edit', aggregateTo('admin')),
  aggregated('view', 'view', aggregateTo('edit')),
  clusterRole(
    'system:aggregate-to-admin',
    [rule('authorization.k8s.io', 'localsubjectaccessreviews', 'create'), rule(GROUP, 'roles rolebindings', [...WRITE, ...READ])],
    aggregateTo('admin'),
  ),
  clusterRole(
    'system:aggregate-to-edit',
    [
      rule('core', 'pods/attach pods/exec pods/portforward pods/proxy secrets services/proxy', READ),
      rule('core', 'serviceaccounts', 'impersonate'),
      rule('core', 'pods pods/attach pods/exec pods/portforward pods/proxy', WRITE),
      rule('core', 'pods/eviction serviceaccounts/token', 'create'),
      ...EDITABLE.map(([groups, resources]) => rule(groups, resources, WRITE)),
    ],
    aggregateTo('edit'),
  ),
  clusterRole(
    'system:aggregate-to-view',
    VIEWABLE.map(([groups, resources]) => rule(groups, resources, READ)),
    aggregateTo('view'),
  ),
  clusterRole('system:basic-user', [
    rule('authorization.k8s.io', 'selfsubjectaccessreviews selfsubjectrulesreviews', 'create'),
    rule('authentication.k8s.io', 'selfsubjectreviews', 'create'),
  ]),
  clusterRole('system:discovery', [
    paths(
      '/api',
      '/api/*',
      '/apis',
      '/apis/*',
      '/healthz',
      '/livez',
      '/openapi',
      '/openapi/*',
      '/readyz',
      '/version',
      '/version/',
    ),
  ]),
  clusterRole('system:public-info-viewer', [paths('/healthz', '/livez', '/readyz', '/version', '/version/')]),
  clusterRole('system:monitoring', [
    paths('/healthz', '/healthz/*', '/livez', '/livez/*', '/metrics', '/metrics/slis', '/readyz', '/readyz/*'),
  ]),
  clusterRole('system:service-account-issuer-discovery', [
    paths('/.well-known/openid-configuration', '/.well-known/openid-configuration/', '/openid/v1/jwks', '/openid/v1/jwks/'),
  ]),
  clusterRole('system:auth-delegator', [
    rule('authentication.k8s.io', 'tokenreviews', 'create'),
    rule('authorization.k8s.io', 'subjectaccessreviews', 'create'),
  ]),
]

const EVENTS = rule('core events.k8s.io', 'events', 'create patch update')

const COMPONENT_ROLES: ClusterRole[] = [
  clusterRole('system:node', [
    rule('core', 'nodes', 'create get list watch update patch'),
    rule('core', 'nodes/status', 'patch update'),
    rule('core', 'pods', 'create delete get list watch'),
    rule('core', 'pods/status', 'patch update'),
    rule('core', 'pods/eviction', 'create'),
    rule('core', 'services', READ),
    rule('core', 'configmaps secrets', READ),
    rule('core', 'persistentvolumeclaims persistentvolumes', 'get'),
    rule('core', 'serviceaccounts/token', 'create'),
    rule('coordination.k8s.io', 'leases', 'create delete get patch update'),
    rule('node.k8s.io', 'runtimeclasses', READ),
    rule('certificates.k8s.io', 'certificatesigningrequests', 'create get list watch'),
    rule('authentication.k8s.io', 'tokenreviews', 'create'),
    rule('authorization.k8s.io', 'subjectaccessreviews localsubjectaccessreviews', 'create'),
    EVENTS,
  ]),
  clusterRole('system:node-proxier', [
    rule('core', 'services endpoints', 'list watch'),
    rule('core', 'nodes', READ),
    rule('discovery.k8s.io', 'endpointslices', 'list watch'),
    rule('networking.k8s.io', 'servicecidrs', 'list watch'),
    EVENTS,
  ]),
  clusterRole('system:kubelet-api-admin', [
    rule('core', 'nodes', READ),
    rule('core', 'nodes', 'proxy'),
    rule('core', 'nodes/configz nodes/healthz nodes/log nodes/metrics nodes/pods nodes/proxy nodes/stats', '*'),
  ]),
  clusterRole('system:kube-scheduler', [
    EVENTS,
    rule('coordination.k8s.io', 'leases', 'create get list update watch'),
    rule('core', 'nodes', READ),
    rule('core', 'pods', 'delete get list watch'),
    rule('core', 'pods/binding bindings', 'create'),
    rule('core', 'pods/status', 'patch update'),
    rule('core', 'replicationcontrollers services namespaces persistentvolumeclaims persistentvolumes', READ),
    rule('apps', 'replicasets statefulsets', READ),
    rule('policy', 'poddisruptionbudgets', READ),
    rule('storage.k8s.io', 'csidrivers csinodes csistoragecapacities storageclasses volumeattachments', READ),
    rule('authentication.k8s.io', 'tokenreviews', 'create'),
    rule('authorization.k8s.io', 'subjectaccessreviews', 'create'),
  ]),
  clusterRole('system:kube-controller-manager', [
    EVENTS,
    rule('coordination.k8s.io', 'leases', 'create get list update watch'),
    rule('core', 'secrets serviceaccounts', 'create delete get update'),
    rule('core', 'namespaces configmaps', 'get'),
    rule('core', 'serviceaccounts/token', 'create'),
    rule('authentication.k8s.io', 'tokenreviews', 'create'),
    rule('authorization.k8s.io', 'subjectaccessreviews', 'create'),
    rule('*', '*', 'list watch'),
  ]),
  clusterRole('system:kube-dns', [rule('core', 'endpoints services', 'list watch')]),
  clusterRole('system:coredns', [
    rule('core', 'endpoints services pods namespaces', 'list watch'),
    rule('discovery.k8s.io', 'endpointslices', 'list watch'),
  ]),
]

export const clusterRoles: readonly ClusterRole[] = [
  ...USER_ROLES,
  ...COMPONENT_ROLES,
  ...joiningClusterRoles.map(({ name, rules }) => clusterRole(name, rules)),
  ...Object.entries(controllerRules).map(([name, rules]) => clusterRole(`system:controller:${name}`, rules)),
]

export const clusterRoleBindings: readonly ClusterRoleBinding[] = [
  clusterBinding('cluster-admin', 'cluster-admin', group('system:masters')),
  clusterBinding('system:monitoring', 'system:monitoring', group('system:monitoring')),
  clusterBinding('system:discovery', 'system:discovery', group('system:authenticated')),
  clusterBinding('system:basic-user', 'system:basic-user', group('system:authenticated')),
  clusterBinding(
    'system:public-info-viewer',
    'system:public-info-viewer',
    group('system:authenticated'),
    group('system:unauthenticated'),
  ),
  clusterBinding(
    'system:service-account-issuer-discovery',
    'system:service-account-issuer-discovery',
    group('system:serviceaccounts'),
  ),
  clusterBinding('system:kubelet-api-admin', 'system:kubelet-api-admin', user('kube-apiserver-kubelet-client')),
  clusterBinding('system:node-proxier', 'system:node-proxier', user('system:kube-proxy')),
  clusterBinding('system:kube-scheduler', 'system:kube-scheduler', user('system:kube-scheduler')),
  clusterBinding('system:kube-controller-manager', 'system:kube-controller-manager', user('system:kube-controller-manager')),
  clusterBinding('system:kube-dns', 'system:kube-dns', account('kube-dns')),
  clusterBinding('system:coredns', 'system:coredns', account('coredns')),
  ...Object.keys(controllerRules).map((name) =>
    clusterBinding(`system:controller:${name}`, `system:controller:${name}`, account(name)),
  ),
]

/** The DNS server publishes its own address behind the kube-dns Service. */
const EXTENSION_READER = 'extension-apiserver-authentication-reader'

export const systemRoles: readonly Role[] = [
  {
    ...RBAC,
    kind: 'Role',
    metadata: { name: EXTENSION_READER, namespace: 'kube-system', labels: LABELS, annotations: ANNOTATIONS },
    rules: [{ ...rule('core', 'configmaps', 'get list watch'), resourceNames: ['extension-apiserver-authentication'] }],
  },
  {
    ...RBAC,
    kind: 'Role',
    metadata: { name: 'system:coredns', namespace: 'kube-system', labels: LABELS, annotations: ANNOTATIONS },
    rules: [rule('core', 'services', 'create get'), rule('discovery.k8s.io', 'endpointslices', 'create get update patch delete')],
  },
  ...joiningRoles.map(
    ({ name, namespace, rules }): Role => ({
      ...RBAC,
      kind: 'Role',
      metadata: { name, namespace, labels: LABELS, annotations: ANNOTATIONS },
      rules,
    }),
  ),
]

export const systemRoleBindings: readonly RoleBinding[] = [
  {
    ...RBAC,
    kind: 'RoleBinding',
    metadata: { name: `system::${EXTENSION_READER}`, namespace: 'kube-system', labels: LABELS, annotations: ANNOTATIONS },
    roleRef: { apiGroup: GROUP, kind: 'Role', name: EXTENSION_READER },
    subjects: ['system:kube-controller-manager', 'system:kube-scheduler'].map((name) => ({
      apiGroup: GROUP,
      kind: 'User',
      name,
    })),
  },
  {
    ...RBAC,
    kind: 'RoleBinding',
    metadata: { name: 'system:coredns', namespace: 'kube-system', labels: LABELS, annotations: ANNOTATIONS },
    roleRef: { apiGroup: GROUP, kind: 'Role', name: 'system:coredns' },
    subjects: [account('coredns')],
  },
  ...joiningRoleBindings.map(
    ({ name, namespace, serviceAccount }): RoleBinding => ({
      ...RBAC,
      kind: 'RoleBinding',
      metadata: { name, namespace, labels: LABELS, annotations: ANNOTATIONS },
      roleRef: { apiGroup: GROUP, kind: 'Role', name },
      subjects: [account(serviceAccount)],
    }),
  ),
]
