import type { ClusterRole } from '#api'
import { aggregated, aggregateTo, clusterRole, paths, READ, rule, WRITE } from './make.ts'

const RBAC = 'rbac.authorization.k8s.io'

const HEALTH = ['/healthz', '/livez', '/readyz']
const VERSION = ['/version', '/version/']

/** Roles of people and programs (https://kubernetes.io/docs/reference/access-authn-authz/rbac/#user-facing-roles). */
export const userRoles: readonly ClusterRole[] = [
  clusterRole('cluster-admin', [rule('*', '*', '*'), { nonResourceURLs: ['*'], verbs: ['*'] }]),
  aggregated('admin'),
  aggregated('edit', aggregateTo('admin')),
  aggregated('view', aggregateTo('edit')),
  clusterRole(
    'system:aggregate-to-admin',
    [rule('authorization.k8s.io', 'localsubjectaccessreviews', 'create'), rule(RBAC, 'roles rolebindings', `${READ} ${WRITE}`)],
    aggregateTo('admin'),
  ),
  clusterRole(
    'system:aggregate-to-edit',
    [
      rule('core', 'pods/attach pods/proxy pods/exec pods/portforward secrets services/proxy', READ),
      rule('core', 'serviceaccounts', 'impersonate'),
      rule('core', 'pods pods/attach pods/proxy pods/exec pods/portforward', WRITE),
      rule('core', 'pods/eviction', 'create'),
      rule(
        'core',
        'replicationcontrollers replicationcontrollers/scale serviceaccounts services services/proxy persistentvolumeclaims configmaps secrets events',
        WRITE,
      ),
      rule('core', 'serviceaccounts/token', 'create'),
      rule(
        'apps',
        'statefulsets statefulsets/scale daemonsets deployments deployments/scale deployments/rollback replicasets replicasets/scale',
        WRITE,
      ),
      rule('autoscaling', 'horizontalpodautoscalers', WRITE),
      rule('batch', 'jobs cronjobs', WRITE),
      rule(
        'extensions',
        'daemonsets deployments deployments/scale deployments/rollback ingresses replicasets replicasets/scale replicationcontrollers/scale networkpolicies',
        WRITE,
      ),
      rule('policy', 'poddisruptionbudgets', WRITE),
      rule('networking.k8s.io', 'networkpolicies ingresses', WRITE),
      rule('coordination.k8s.io', 'leases', `${READ} ${WRITE}`),
      rule('resource.k8s.io', 'resourceclaims resourceclaimtemplates', WRITE),
    ],
    aggregateTo('edit'),
  ),
  clusterRole(
    'system:aggregate-to-view',
    [
      rule(
        'core',
        'pods replicationcontrollers replicationcontrollers/scale serviceaccounts services services/status endpoints persistentvolumeclaims persistentvolumeclaims/status configmaps',
        READ,
      ),
      rule(
        'core',
        'limitranges resourcequotas bindings events pods/status resourcequotas/status namespaces/status replicationcontrollers/status pods/log',
        READ,
      ),
      rule('core', 'namespaces', READ),
      rule('discovery.k8s.io', 'endpointslices', READ),
      rule(
        'apps',
        'controllerrevisions statefulsets statefulsets/status statefulsets/scale daemonsets daemonsets/status deployments deployments/status deployments/scale replicasets replicasets/status replicasets/scale',
        READ,
      ),
      rule('autoscaling', 'horizontalpodautoscalers horizontalpodautoscalers/status', READ),
      rule('batch', 'jobs cronjobs cronjobs/status jobs/status', READ),
      rule(
        'extensions',
        'daemonsets daemonsets/status deployments deployments/scale deployments/status ingresses ingresses/status replicasets replicasets/scale replicasets/status replicationcontrollers/scale networkpolicies',
        READ,
      ),
      rule('policy', 'poddisruptionbudgets poddisruptionbudgets/status', READ),
      rule('networking.k8s.io', 'networkpolicies ingresses ingresses/status', READ),
      rule('resource.k8s.io', 'resourceclaims resourceclaims/status resourceclaimtemplates', READ),
    ],
    aggregateTo('view'),
  ),
  clusterRole('system:basic-user', [
    rule('authorization.k8s.io', 'selfsubjectaccessreviews selfsubjectrulesreviews', 'create'),
    rule('authentication.k8s.io', 'selfsubjectreviews', 'create'),
  ]),
  clusterRole('system:discovery', [paths(...HEALTH, ...VERSION, '/openapi', '/openapi/*', '/api', '/api/*', '/apis', '/apis/*')]),
  clusterRole('system:public-info-viewer', [paths(...HEALTH, ...VERSION)]),
  clusterRole('system:monitoring', [paths('/metrics', '/metrics/slis', ...HEALTH, ...HEALTH.map((path) => `${path}/*`))]),
  clusterRole('system:service-account-issuer-discovery', [
    paths('/.well-known/openid-configuration', '/.well-known/openid-configuration/', '/openid/v1/jwks', '/openid/v1/jwks/'),
  ]),
  clusterRole('system:auth-delegator', [
    rule('authentication.k8s.io', 'tokenreviews', 'create'),
    rule('authorization.k8s.io', 'subjectaccessreviews', 'create'),
  ]),
]
