import type { ClusterRole, PolicyRule } from '#api'
import { nodeRules } from '../authorization/index.ts'
import { clusterRole, eventsRule, named, READ, rule, signers } from './make.ts'

const REVIEWS = [
  rule('authentication.k8s.io', 'tokenreviews', 'create'),
  rule('authorization.k8s.io', 'subjectaccessreviews', 'create'),
]

/** Roles of the parts of a cluster (https://kubernetes.io/docs/reference/access-authn-authz/rbac/#core-component-roles). */
export const componentRoles: readonly ClusterRole[] = [
  clusterRole('system:node', nodeRules),
  clusterRole('system:node-proxier', [
    rule('core', 'services endpoints', 'list watch'),
    rule('core', 'nodes', READ),
    eventsRule,
    rule('networking.k8s.io', 'servicecidrs', 'list watch'),
    rule('discovery.k8s.io', 'endpointslices', 'list watch'),
  ]),
  clusterRole('system:node-problem-detector', [rule('core', 'nodes', 'get'), rule('core', 'nodes/status', 'patch'), eventsRule]),
  clusterRole('system:kubelet-api-admin', [
    rule('core', 'nodes', READ),
    rule('core', 'nodes', 'proxy'),
    rule('core', 'nodes/proxy nodes/metrics nodes/stats nodes/log', '*'),
    rule('core', 'nodes/configz nodes/healthz nodes/pods', '*'),
  ]),
  clusterRole('system:kube-scheduler', [
    eventsRule,
    rule('coordination.k8s.io', 'leases', 'create'),
    named('coordination.k8s.io', 'leases', 'get list update watch', 'kube-scheduler'),
    rule('core', 'nodes', READ),
    rule('core', 'pods', `${READ} delete`),
    rule('core', 'pods/binding bindings', 'create'),
    rule('core', 'pods/status', 'patch update'),
    rule('core', 'services replicationcontrollers', READ),
    rule('apps extensions', 'replicasets', READ),
    rule('apps', 'statefulsets', READ),
    rule('policy', 'poddisruptionbudgets', READ),
    rule('core', 'persistentvolumeclaims persistentvolumes', READ),
    ...REVIEWS,
    rule('storage.k8s.io', 'csinodes', READ),
    rule('storage.k8s.io', 'volumeattachments', READ),
    rule('core', 'namespaces', READ),
    rule('storage.k8s.io', 'csidrivers', READ),
    rule('storage.k8s.io', 'csistoragecapacities', READ),
    rule('resource.k8s.io', 'deviceclasses', READ),
    rule('resource.k8s.io', 'resourceclaims', `${READ} patch update`),
    rule('resource.k8s.io', 'resourceclaims/status', `${READ} patch update`),
    rule('resource.k8s.io', 'resourceclaims/binding', 'patch update'),
    rule('core', 'pods/finalizers', `${READ} patch update`),
    rule('resource.k8s.io', 'resourceslices', READ),
  ]),
  clusterRole('system:volume-scheduler', [
    rule('core', 'persistentvolumes', `${READ} patch update`),
    rule('storage.k8s.io', 'storageclasses', READ),
    rule('core', 'persistentvolumeclaims', `${READ} patch update`),
  ]),
  clusterRole('system:kube-controller-manager', [
    eventsRule,
    rule('coordination.k8s.io', 'leases', 'create'),
    named('coordination.k8s.io', 'leases', 'get update', 'kube-controller-manager'),
    rule('core', 'secrets serviceaccounts', 'create'),
    rule('core', 'secrets', 'delete'),
    rule('core', 'namespaces secrets serviceaccounts configmaps', 'get'),
    rule('core', 'secrets serviceaccounts', 'update'),
    ...REVIEWS,
    rule('*', '*', 'list watch'),
    rule('core', 'serviceaccounts/token', 'create'),
  ]),
  clusterRole('system:kube-dns', [rule('core', 'endpoints services', 'list watch')]),
  clusterRole('system:coredns', [
    rule('core', 'endpoints services pods namespaces', 'list watch'),
    rule('discovery.k8s.io', 'endpointslices', 'list watch'),
  ]),
  clusterRole('system:persistent-volume-provisioner', [
    rule('core', 'persistentvolumes', `${READ} create delete`),
    rule('core', 'persistentvolumeclaims', `${READ} update`),
    rule('storage.k8s.io', 'storageclasses', READ),
    rule('core', 'events', 'watch'),
    eventsRule,
  ]),
  clusterRole('system:kube-aggregator', [rule('core', 'services endpoints', READ)]),
  clusterRole('system:heapster', [rule('core', 'events pods nodes namespaces', READ), rule('extensions', 'deployments', READ)]),
  ...joining(),
]

/** Of nodes that join (https://kubernetes.io/docs/reference/access-authn-authz/kubelet-tls-bootstrapping/). */
function joining(): ClusterRole[] {
  const group = 'certificates.k8s.io'
  const requests = 'certificatesigningrequests'
  const about = (name: string, ...rules: PolicyRule[]): ClusterRole => clusterRole(`system:${group}:${name}`, rules)
  return [
    clusterRole('system:node-bootstrapper', [rule(group, requests, `create ${READ}`)]),
    // Whether a request is approved by itself depends on its author's right to create such a part of one.
    about(`${requests}:nodeclient`, rule(group, `${requests}/nodeclient`, 'create')),
    about(`${requests}:selfnodeclient`, rule(group, `${requests}/selfnodeclient`, 'create')),
    ...['kube-apiserver-client', 'kube-apiserver-client-kubelet', 'kubelet-serving', 'legacy-unknown'].map((signer) =>
      about(`${signer}-approver`, signers('approve', signer)),
    ),
  ]
}
