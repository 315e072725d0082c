import type { PolicyRule } from '#api'

/** What upstream grants for nodes that join: TLS bootstrap (https://kubernetes.io/docs/reference/access-authn-authz/kubelet-tls-bootstrapping/) and bootstrap tokens. */

interface NamedRules {
  readonly name: string
  readonly rules: PolicyRule[]
}

const CERTIFICATES = 'certificates.k8s.io'
const REQUESTS = 'certificatesigningrequests'

/** Whether a request is approved by itself depends on its author's right to `create` such a part of a request. */
const selfApproved = (part: string): NamedRules => ({
  name: `system:certificates.k8s.io:${REQUESTS}:${part}`,
  rules: [{ apiGroups: [CERTIFICATES], resources: [`${REQUESTS}/${part}`], verbs: ['create'] }],
})

const approver = (signer: string): NamedRules => ({
  name: `system:certificates.k8s.io:${signer}-approver`,
  rules: [{ apiGroups: [CERTIFICATES], resources: ['signers'], resourceNames: [`kubernetes.io/${signer}`], verbs: ['approve'] }],
})

export const joiningClusterRoles: readonly NamedRules[] = [
  {
    name: 'system:node-bootstrapper',
    rules: [{ apiGroups: [CERTIFICATES], resources: [REQUESTS], verbs: ['create', 'get', 'list', 'watch'] }],
  },
  selfApproved('nodeclient'),
  selfApproved('selfnodeclient'),
  ...['kube-apiserver-client', 'kube-apiserver-client-kubelet', 'kubelet-serving', 'legacy-unknown'].map(approver),
]

const EVENTS: PolicyRule = { apiGroups: ['', 'events.k8s.io'], resources: ['events'], verbs: ['create', 'patch', 'update'] }
const core = (resource: string, verbs: string[], ...resourceNames: string[]): PolicyRule => ({
  apiGroups: [''],
  resources: [resource],
  ...(resourceNames.length > 0 && { resourceNames }),
  verbs,
})

const SIGNER = 'system:controller:bootstrap-signer'
const CLEANER = 'system:controller:token-cleaner'

/** Of the controllers of bootstrap tokens: in their namespaces only. */
export const joiningRoles: readonly (NamedRules & { readonly namespace: string })[] = [
  { name: SIGNER, namespace: 'kube-system', rules: [core('secrets', ['get', 'list', 'watch'])] },
  {
    name: SIGNER,
    namespace: 'kube-public',
    rules: [core('configmaps', ['get', 'list', 'watch']), core('configmaps', ['update'], 'cluster-info'), EVENTS],
  },
  { name: CLEANER, namespace: 'kube-system', rules: [core('secrets', ['get', 'list', 'watch', 'delete']), EVENTS] },
]

/** Each binds the role of its own name. */
export const joiningRoleBindings: readonly {
  readonly name: string
  readonly namespace: string
  readonly serviceAccount: string
}[] = [
  { name: SIGNER, namespace: 'kube-system', serviceAccount: 'bootstrap-signer' },
  { name: SIGNER, namespace: 'kube-public', serviceAccount: 'bootstrap-signer' },
  { name: CLEANER, namespace: 'kube-system', serviceAccount: 'token-cleaner' },
]
