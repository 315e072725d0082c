import type { KubernetesObject } from '#meta'
import type { CertificateSigningRequest } from '../generated/types.ts'

/** Of certificates.k8s.io/v1beta1, which had defaults for what v1 requires. */
export function signingRequest(object: KubernetesObject): KubernetesObject {
  const { spec, status } = object as Partial<CertificateSigningRequest>
  return {
    ...object,
    spec: {
      ...spec,
      signerName: spec?.signerName ?? 'kubernetes.io/legacy-unknown',
      usages: spec?.usages ?? ['digital signature', 'key encipherment'],
    },
    ...(status?.conditions && {
      status: { ...status, conditions: status.conditions.map((each) => ({ ...each, status: each.status || 'True' })) },
    }),
  } as KubernetesObject
}
