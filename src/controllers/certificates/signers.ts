import { KUBELET_CLIENT, KUBELET_SERVING, kubeletClient, kubeletServing } from '#api'
import type { ParsedRequest } from './request.ts'

/** https://kubernetes.io/docs/reference/access-authn-authz/certificate-signing-requests/#kubernetes-signers */
export const API_SERVER_CLIENT = 'kubernetes.io/kube-apiserver-client'
export const LEGACY_UNKNOWN = 'kubernetes.io/legacy-unknown'

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

function apiServerClient(_request: ParsedRequest, usages: readonly string[]): string | undefined {
  const strange = usages.find((usage) => !['digital signature', 'key encipherment', 'client auth'].includes(usage))
  if (strange !== undefined) return `invalid usage for client certificate: ${strange}`
  return usages.includes('client auth') ? undefined : 'missing required usage for client certificate: client auth'
}
