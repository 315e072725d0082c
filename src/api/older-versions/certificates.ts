import type { KubernetesObject } from '#meta'
import { certificateRequestIdentity } from '../certificates/certificate-request.ts'
import { KUBELET_CLIENT, KUBELET_SERVING, kubeletClient, kubeletServing } from '../certificates/kubelet-request.ts'
import type { CertificateSigningRequest } from '../generated/types.ts'

const USAGES = ['digital signature', 'key encipherment']

/** Of certificates.k8s.io/v1beta1, which had defaults for what v1 requires. */
export function signingRequest(object: KubernetesObject): KubernetesObject {
  const { spec, status } = object as Partial<CertificateSigningRequest>
  const usages = spec?.usages ?? USAGES
  return {
    ...object,
    spec: { ...spec, signerName: spec?.signerName ?? signerOf(spec?.request ?? '', usages), usages },
    ...(status?.conditions && {
      status: { ...status, conditions: status.conditions.map((each) => ({ ...each, status: each.status || 'True' })) },
    }),
  } as KubernetesObject
}

/** Whom a request must be for that names nobody to sign it: what no kubelet would ask for was for whoever signed everything. */
function signerOf(request: string, usages: readonly string[]): string {
  try {
    const identity = certificateRequestIdentity(request)
    if (kubeletClient(identity, usages) === undefined) return KUBELET_CLIENT
    if (kubeletServing(identity, usages) === undefined) return KUBELET_SERVING
  } catch {
    // No request at all.
  }
  return 'kubernetes.io/legacy-unknown'
}
