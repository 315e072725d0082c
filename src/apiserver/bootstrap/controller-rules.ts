import type { PolicyRule } from '#api'

const rule = (groups: string, resources: string, verbs: string): PolicyRule => ({
  apiGroups: groups.split(' ').map((group) => (group === 'core' ? '' : group)),
  resources: resources.split(' '),
  verbs: verbs.split(' '),
})

/** Certificate signers by name; admission asks for `approve` and `sign` on them. */
const signers = (verb: string, ...names: string[]): PolicyRule => ({
  apiGroups: ['certificates.k8s.io'],
  resources: ['signers'],
  resourceNames: names.map((name) => `kubernetes.io/${name}`),
  verbs: [verb],
})

const READ = 'get list watch'
const events = rule('core events.k8s.io', 'events', 'create patch update')
const pods = rule('core', 'pods', 'create delete list patch watch get')

/** What each controller's service account may do: exactly what it needs, as upstream's `system:controller:*` roles. */
export const controllerRules: Readonly<Record<string, PolicyRule[]>> = {
  'certificate-controller': [
    rule('certificates.k8s.io', 'certificatesigningrequests', 'delete get list watch'),
    rule('certificates.k8s.io', 'certificatesigningrequests/status certificatesigningrequests/approval', 'update'),
    signers('approve', 'kube-apiserver-client-kubelet'),
    signers('sign', 'legacy-unknown', 'kube-apiserver-client', 'kube-apiserver-client-kubelet', 'kubelet-serving'),
    rule('authorization.k8s.io', 'subjectaccessreviews', 'create'),
    events,
  ],
  'clusterrole-aggregation-controller': [
    rule('rbac.authorization.k8s.io', 'clusterroles', 'escalate get list patch update watch'),
  ],
  'cronjob-controller': [
    rule('batch', 'cronjobs', 'get list update watch'),
    rule('batch', 'jobs', 'create delete get list patch update watch'),
    rule('batch', 'cronjobs/status cronjobs/finalizers', 'update'),
    rule('core', 'pods', 'delete list'),
    events,
  ],
  'daemon-set-controller': [
    rule('apps', 'daemonsets', READ),
    rule('apps', 'daemonsets/status daemonsets/finalizers', 'update'),
    rule('core', 'nodes', 'list watch'),
    rule('core', 'pods/binding', 'create'),
    rule('apps', 'controllerrevisions', 'create delete get list patch update watch'),
    pods,
    events,
  ],
  'deployment-controller': [
    rule('apps', 'deployments', 'get list update watch'),
    rule('apps', 'deployments/status deployments/finalizers', 'update'),
    rule('apps', 'replicasets', 'create delete get list patch update watch'),
    rule('core', 'pods', 'get list update watch'),
    events,
  ],
  'disruption-controller': [
    rule('apps', 'deployments replicasets statefulsets', READ),
    rule('core', 'replicationcontrollers pods', READ),
    rule('policy', 'poddisruptionbudgets', READ),
    rule('policy', 'poddisruptionbudgets/status', 'update'),
    rule('core', 'pods/status', 'patch update'),
    rule('*', '*/scale', 'get'),
    events,
  ],
  'endpoint-controller': [
    rule('core', 'pods services', READ),
    rule('core', 'endpoints', 'create delete get list update watch'),
    rule('core', 'endpoints/restricted', 'create'),
    events,
  ],
  'endpointslice-controller': [
    rule('core', 'nodes pods services', READ),
    rule('core', 'services/finalizers', 'update'),
    rule('discovery.k8s.io', 'endpointslices', 'create delete get list update watch'),
    events,
  ],
  'endpointslicemirroring-controller': [
    rule('core', 'endpoints services', READ),
    rule('core', 'endpoints/finalizers services/finalizers', 'update'),
    rule('discovery.k8s.io', 'endpointslices', 'create delete get list update watch'),
    events,
  ],
  'generic-garbage-collector': [rule('*', '*', 'delete get list patch update watch'), events],
  'job-controller': [
    rule('batch', 'jobs', 'get list patch update watch'),
    rule('batch', 'jobs/status jobs/finalizers', 'update'),
    pods,
    events,
  ],
  'namespace-controller': [
    rule('core', 'namespaces', 'delete get list watch'),
    rule('core', 'namespaces/finalize namespaces/status', 'update'),
    rule('*', '*', 'delete deletecollection get list'),
  ],
  'node-controller': [
    rule('core', 'nodes', 'delete get list patch update watch'),
    rule('core', 'nodes/status pods/status', 'patch update'),
    rule('core', 'pods', 'delete get list watch'),
    rule('coordination.k8s.io', 'leases', READ),
    events,
  ],
  'persistent-volume-binder': [
    rule('core', 'persistentvolumes', 'create delete get list update watch'),
    rule('core', 'persistentvolumeclaims', 'get list update watch'),
    rule('core', 'persistentvolumes/status persistentvolumeclaims/status', 'update'),
    rule('core', 'pods', 'create delete get list watch'),
    rule('core', 'nodes', READ),
    rule('storage.k8s.io', 'storageclasses', READ),
    events,
  ],
  'pod-garbage-collector': [
    rule('core', 'pods', 'delete list watch'),
    rule('core', 'nodes', 'get list watch'),
    rule('core', 'pods/status', 'patch'),
  ],
  'pv-protection-controller': [rule('core', 'persistentvolumes', 'get list update watch'), events],
  'pvc-protection-controller': [
    rule('core', 'persistentvolumeclaims', 'get list update watch'),
    rule('core', 'pods', READ),
    events,
  ],
  'replicaset-controller': [
    rule('apps', 'replicasets', 'get list update watch'),
    rule('apps', 'replicasets/status replicasets/finalizers', 'update'),
    pods,
    events,
  ],
  'replication-controller': [
    rule('core', 'replicationcontrollers', 'get list update watch'),
    rule('core', 'replicationcontrollers/status replicationcontrollers/finalizers', 'update'),
    pods,
    events,
  ],
  'resourcequota-controller': [rule('*', '*', 'list watch'), rule('core', 'resourcequotas/status', 'update'), events],
  'root-ca-cert-publisher': [
    rule('core', 'configmaps', 'create get list update watch'),
    rule('core', 'namespaces', READ),
    events,
  ],
  'service-account-controller': [
    rule('core', 'serviceaccounts', 'create get list watch'),
    rule('core', 'namespaces', READ),
    events,
  ],
  'service-cidrs-controller': [
    rule('networking.k8s.io', 'servicecidrs', 'get list patch update watch'),
    rule('networking.k8s.io', 'servicecidrs/finalizers servicecidrs/status', 'patch update'),
    rule('networking.k8s.io', 'ipaddresses', READ),
    events,
  ],
  'statefulset-controller': [
    rule('core', 'pods', 'list watch get create delete update patch'),
    rule('apps', 'statefulsets', READ),
    rule('apps', 'statefulsets/status statefulsets/finalizers', 'update'),
    rule('apps', 'controllerrevisions', 'create delete get list patch update watch'),
    rule('core', 'persistentvolumeclaims', 'create get list watch update delete'),
    events,
  ],
  'ttl-after-finished-controller': [rule('batch', 'jobs', 'delete get list watch'), events],
  'validatingadmissionpolicy-status-controller': [
    rule('admissionregistration.k8s.io', 'validatingadmissionpolicies', READ),
    rule('admissionregistration.k8s.io', 'validatingadmissionpolicies/status', 'get patch update'),
    events,
  ],
  'volumeattributesclass-protection-controller': [
    rule('storage.k8s.io', 'volumeattributesclasses', 'get list update watch'),
    rule('core', 'persistentvolumeclaims persistentvolumes', READ),
    events,
  ],
  'ttl-controller': [rule('core', 'nodes', 'list patch update watch'), events],
}
