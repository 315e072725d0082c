import type { RequestedIdentity } from './certificate-request.ts'

export const KUBELET_SERVING = 'kubernetes.io/kubelet-serving'
export const KUBELET_CLIENT = 'kubernetes.io/kube-apiserver-client-kubelet'

export const NODE_USER_PREFIX = 'system:node:'
export const NODES_GROUP = 'system:nodes'

/** What is wrong with a kubelet's request for a certificate to call the API server with, in upstream's words. */
export function kubeletClient(request: RequestedIdentity, usages: readonly string[]): string | undefined {
  if (!isOfNodes(request)) return 'subject organization is not system:nodes'
  if (request.dnsNames.length > 0) return 'DNS subjectAltNames are not allowed'
  if (request.emailAddresses.length > 0) return 'Email subjectAltNames are not allowed'
  if (request.ipAddresses.length > 0) return 'IP subjectAltNames are not allowed'
  if (request.uris.length > 0) return 'URI subjectAltNames are not allowed'
  return nameProblem(request) ?? usageProblem(usages, 'client auth')
}

/** The same of one to be called with. */
export function kubeletServing(request: RequestedIdentity, usages: readonly string[]): string | undefined {
  if (!isOfNodes(request)) return 'subject organization is not system:nodes'
  if (request.dnsNames.length === 0 && request.ipAddresses.length === 0) return 'DNS or IP subjectAltName is required'
  if (request.emailAddresses.length > 0) return 'Email subjectAltNames are not allowed'
  if (request.uris.length > 0) return 'URI subjectAltNames are not allowed'
  return usageProblem(usages, 'server auth') ?? nameProblem(request)
}

const isOfNodes = ({ organizations }: RequestedIdentity): boolean =>
  organizations.length === 1 && organizations[0] === NODES_GROUP

const nameProblem = ({ commonName }: RequestedIdentity): string | undefined =>
  commonName.startsWith(NODE_USER_PREFIX) ? undefined : 'subject common name does not begin with system:node:'

/** Exactly these; key encipherment is for RSA keys only and may be left out. */
function usageProblem(usages: readonly string[], purpose: string): string | undefined {
  const wanted = ['digital signature', 'key encipherment', purpose].sort()
  const given = [...new Set([...usages, 'key encipherment'])].sort()
  return given.join() === wanted.join() ? undefined : `usages did not match [${wanted.join(' ')}]`
}
