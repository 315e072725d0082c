import type { ParsedRequest } from './request.ts'

/** https://kubernetes.io/docs/reference/access-authn-authz/certificate-signing-requests/#kubernetes-signers */
export const KUBELET_SERVING = 'kubernetes.io/kubelet-serving'
export const KUBELET_CLIENT = 'kubernetes.io/kube-apiserver-client-kubelet'
export const API_SERVER_CLIENT = 'kubernetes.io/kube-apiserver-client'
export const LEGACY_UNKNOWN = 'kubernetes.io/legacy-unknown'

export const NODE_USER_PREFIX = 'system:node:'
export const NODES_GROUP = 'system:nodes'

/** What is wrong with a request for this signer, in upstream's words; undefined when nothing is. */
export type SignerRule = (request: ParsedRequest, usages: readonly string[]) => string | undefined

/** Signers by name. Each decides for itself what it would never sign, whoever approved it. */
export const signerRules: Readonly<Record<string, SignerRule>> = {
  [KUBELET_SERVING]: kubeletServing,
  [KUBELET_CLIENT]: kubeletClient,
  [API_SERVER_CLIENT]: apiServerClient,
  [LEGACY_UNKNOWN]: () => undefined,
}

export const SIGNERS: readonly string[] = Object.keys(signerRules)

export function kubeletClient(request: ParsedRequest, usages: readonly string[]): string | undefined {
  if (!isOfNodes(request)) return 'subject organization is not system:nodes'
  if (request.dnsNames.length > 0) return 'DNS subjectAltNames are not allowed'
  if (request.emailAddresses.length > 0) return 'Email subjectAltNames are not allowed'
  if (request.ipAddresses.length > 0) return 'IP subjectAltNames are not allowed'
  if (request.uris.length > 0) return 'URI subjectAltNames are not allowed'
  return nameProblem(request) ?? usageProblem(usages, 'client auth')
}

export function kubeletServing(request: ParsedRequest, usages: readonly string[]): string | undefined {
  if (!isOfNodes(request)) return 'subject organization is not system:nodes'
  if (request.dnsNames.length === 0 && request.ipAddresses.length === 0) return 'DNS or IP subjectAltName is required'
  if (request.emailAddresses.length > 0) return 'Email subjectAltNames are not allowed'
  if (request.uris.length > 0) return 'URI subjectAltNames are not allowed'
  return usageProblem(usages, 'server auth') ?? nameProblem(request)
}

function apiServerClient(_request: ParsedRequest, usages: readonly string[]): string | undefined {
  const strange = usages.find((usage) => !['digital signature', 'key encipherment', 'client auth'].includes(usage))
  if (strange !== undefined) return `invalid usage for client certificate: ${strange}`
  return usages.includes('client auth') ? undefined : 'missing required usage for client certificate: client auth'
}

const isOfNodes = ({ organizations }: ParsedRequest): boolean => organizations.length === 1 && organizations[0] === NODES_GROUP

const nameProblem = ({ commonName }: ParsedRequest): string | undefined =>
  commonName.startsWith(NODE_USER_PREFIX) ? undefined : 'subject common name does not begin with system:node:'

/** Exactly these; key encipherment is for RSA keys only and may be left out. */
function usageProblem(usages: readonly string[], purpose: string): string | undefined {
  const wanted = ['digital signature', 'key encipherment', purpose].sort()
  const given = [...new Set([...usages, 'key encipherment'])].sort()
  return given.join() === wanted.join() ? undefined : `usages did not match [${wanted.join(' ')}]`
}
