import type { PolicyRule } from '#api'
import type { FeatureGates } from '#base'

const rule = (group: string, resources: string, verbs: string): PolicyRule => ({
  apiGroups: [group],
  resources: resources.split(' '),
  verbs: verbs.split(' '),
})

const READ = 'get list watch'

/** What every node may do: the rules of the role `system:node`, which the Node authorizer narrows to what concerns each. */
export const nodeRules: readonly PolicyRule[] = [
  rule('authentication.k8s.io', 'tokenreviews', 'create'),
  rule('authorization.k8s.io', 'localsubjectaccessreviews subjectaccessreviews', 'create'),
  rule('', 'services', READ),
  rule('', 'nodes', `create ${READ}`),
  rule('', 'nodes/status', 'patch update'),
  rule('', 'nodes', 'patch update'),
  rule('', 'events', 'create patch update'),
  rule('', 'pods', READ),
  rule('', 'pods', 'create delete'),
  rule('', 'pods/status', 'patch update'),
  rule('', 'pods/eviction', 'create'),
  rule('', 'configmaps secrets', READ),
  rule('', 'persistentvolumeclaims persistentvolumes', 'get'),
  rule('', 'endpoints', 'get'),
  rule('certificates.k8s.io', 'certificatesigningrequests', `create ${READ}`),
  rule('coordination.k8s.io', 'leases', 'create delete get patch update'),
  rule('storage.k8s.io', 'volumeattachments', 'get'),
  rule('', 'serviceaccounts/token', 'create'),
  rule('', 'persistentvolumeclaims/status', 'get patch update'),
  rule('storage.k8s.io', 'csidrivers', READ),
  rule('storage.k8s.io', 'csinodes', 'create delete get patch update'),
  rule('node.k8s.io', 'runtimeclasses', READ),
  rule('resource.k8s.io', 'resourceclaims', 'get'),
  rule('resource.k8s.io', 'resourceslices', 'deletecollection'),
  rule('', 'serviceaccounts', 'get'),
]

/** Roots of trust are for everybody's eyes. */
const bundleRules: readonly PolicyRule[] = [...nodeRules, rule('certificates.k8s.io', 'clustertrustbundles', READ)]

export const nodeRulesOf = (features: FeatureGates): readonly PolicyRule[] =>
  features.isOn('ClusterTrustBundle') ? bundleRules : nodeRules
