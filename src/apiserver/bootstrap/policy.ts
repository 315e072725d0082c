import type { ClusterRole, ClusterRoleBinding, Role, RoleBinding } from '#api'
import type { FeatureGates } from '#base'
import { nodeRulesOf } from '../authorization/index.ts'
import { componentRoles } from './component-roles.ts'
import { controllerRules } from './controller-rules.ts'
import {
  account,
  clusterBinding,
  clusterRole,
  eventsRule,
  group,
  named,
  paths,
  READ,
  role,
  roleBinding,
  rule,
  signers,
  user,
} from './make.ts'
import { userRoles } from './user-roles.ts'

export const clusterRoles: readonly ClusterRole[] = [
  ...userRoles,
  ...componentRoles,
  ...Object.entries(controllerRules).map(([name, rules]) => clusterRole(`system:controller:${name}`, rules)),
]

/** Pages about a component, each of a feature. */
const PAGES = [
  ['ComponentFlagz', '/flagz'],
  ['ComponentStatusz', '/statusz'],
] as const

/** The roles that features change, and those that they add. */
export function rolesOf(features: FeatureGates): readonly ClusterRole[] {
  const pages = PAGES.filter(([feature]) => features.isOn(feature)).map(([, path]) => paths(path))
  const known = clusterRoles.map((each) =>
    each.metadata?.name === MONITORING ? clusterRole(MONITORING, [...(each.rules ?? []), ...pages]) : each,
  )
  if (!features.isOn('ClusterTrustBundle')) return known
  return [
    ...known.map((each) => (each.metadata?.name === 'system:node' ? clusterRole('system:node', nodeRulesOf(features)) : each)),
    clusterRole(BUNDLE_READER, [rule('certificates.k8s.io', 'clustertrustbundles', READ)]),
    clusterRole(`system:controller:${BUNDLE_PUBLISHER}`, [
      signers('attest', 'kube-apiserver-serving'),
      rule('certificates.k8s.io', 'clustertrustbundles', 'create update delete list watch'),
      eventsRule,
    ]),
  ]
}

export const bindingsOf = (features: FeatureGates): readonly ClusterRoleBinding[] =>
  features.isOn('ClusterTrustBundle')
    ? [
        ...clusterRoleBindings,
        clusterBinding(BUNDLE_READER, group('system:serviceaccounts')),
        clusterBinding(`system:controller:${BUNDLE_PUBLISHER}`, account(BUNDLE_PUBLISHER)),
      ]
    : clusterRoleBindings

const MONITORING = 'system:monitoring'
const BUNDLE_READER = 'system:cluster-trust-bundle-discovery'
const BUNDLE_PUBLISHER = 'kube-apiserver-serving-clustertrustbundle-publisher'

const AUTHENTICATED = group('system:authenticated')
const SCHEDULER = user('system:kube-scheduler')
const CONTROLLER_MANAGER = user('system:kube-controller-manager')

export const clusterRoleBindings: readonly ClusterRoleBinding[] = [
  clusterBinding('cluster-admin', group('system:masters')),
  clusterBinding('system:monitoring', group('system:monitoring')),
  clusterBinding('system:discovery', AUTHENTICATED),
  clusterBinding('system:basic-user', AUTHENTICATED),
  clusterBinding('system:public-info-viewer', AUTHENTICATED, group('system:unauthenticated')),
  clusterBinding('system:node-proxier', user('system:kube-proxy')),
  clusterBinding('system:kube-controller-manager', CONTROLLER_MANAGER),
  clusterBinding('system:kube-dns', account('kube-dns')),
  clusterBinding('system:kube-scheduler', SCHEDULER),
  clusterBinding('system:volume-scheduler', SCHEDULER),
  // Of nobody: nodes have the Node authorizer. Upstream keeps the name.
  clusterBinding('system:node'),
  clusterBinding('system:service-account-issuer-discovery', group('system:serviceaccounts')),
  // What an installer adds to upstream's.
  clusterBinding('system:kubelet-api-admin', user('kube-apiserver-kubelet-client')),
  clusterBinding('system:coredns', account('coredns')),
  ...Object.keys(controllerRules).map((name) => clusterBinding(`system:controller:${name}`, account(name))),
]

const SYSTEM = 'kube-system'
const PUBLIC = 'kube-public'
const READER = 'extension-apiserver-authentication-reader'
const SIGNER = 'system:controller:bootstrap-signer'
const CLEANER = 'system:controller:token-cleaner'
const CLOUD = 'system:controller:cloud-provider'
const leaderLocking = (component: string): string => `system::leader-locking-${component}`

/** Roles of system namespaces. */
export const systemRoles: readonly Role[] = [
  role(SYSTEM, READER, [named('core', 'configmaps', READ, 'extension-apiserver-authentication')]),
  role(SYSTEM, SIGNER, [rule('core', 'secrets', READ)]),
  role(SYSTEM, CLOUD, [rule('core', 'configmaps', `create ${READ}`)]),
  role(SYSTEM, CLEANER, [rule('core', 'secrets', `${READ} delete`), eventsRule]),
  ...['kube-controller-manager', 'kube-scheduler'].map((component) =>
    role(SYSTEM, leaderLocking(component), [
      rule('core', 'configmaps', 'watch'),
      named('core', 'configmaps', 'get update', component),
    ]),
  ),
  role(PUBLIC, SIGNER, [rule('core', 'configmaps', READ), named('core', 'configmaps', 'update', 'cluster-info'), eventsRule]),
  // The DNS server publishes its own address behind the kube-dns Service.
  role(SYSTEM, 'system:coredns', [
    rule('core', 'services', 'create get'),
    rule('discovery.k8s.io', 'endpointslices', 'create get update patch delete'),
  ]),
]

export const systemRoleBindings: readonly RoleBinding[] = [
  roleBinding(SYSTEM, `system::${READER}`, READER, CONTROLLER_MANAGER, SCHEDULER),
  roleBinding(
    SYSTEM,
    leaderLocking('kube-controller-manager'),
    leaderLocking('kube-controller-manager'),
    CONTROLLER_MANAGER,
    account('kube-controller-manager'),
  ),
  roleBinding(SYSTEM, leaderLocking('kube-scheduler'), leaderLocking('kube-scheduler'), SCHEDULER, account('kube-scheduler')),
  roleBinding(SYSTEM, SIGNER, SIGNER, account('bootstrap-signer')),
  roleBinding(SYSTEM, CLOUD, CLOUD, account('cloud-provider')),
  roleBinding(SYSTEM, CLEANER, CLEANER, account('token-cleaner')),
  roleBinding(PUBLIC, SIGNER, SIGNER, account('bootstrap-signer')),
  roleBinding(SYSTEM, 'system:coredns', 'system:coredns', account('coredns')),
]
