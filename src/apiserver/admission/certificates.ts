import { type CertificateSigningRequest, certificateSigningRequests } from '#api'
import { deepEqual } from '#base'
import { forbidden, type KubernetesObject } from '#meta'
import { authorizeBy } from '../authorization/index.ts'
import { subjectOf } from './certificate-request.ts'
import type { AdmissionContext, AdmissionPlugin, Attributes } from './types.ts'

const KUBE_APISERVER_CLIENT = 'kubernetes.io/kube-apiserver-client'

/** Who approves a request must hold the verb `approve` on its signer. */
export const certificateApproval: AdmissionPlugin = {
  name: 'CertificateApproval',
  operations: ['UPDATE'],
  async validate(attributes, context) {
    const { resource, subresource, oldObject } = attributes
    if (resource !== (certificateSigningRequests as unknown) || subresource !== 'approval') return
    await requireSigner('approve', 'approve requests with', signerOf(oldObject), attributes, context)
  },
}

/** Who puts a certificate or a failure into a request's status must hold the verb `sign` on its signer. */
export const certificateSigning: AdmissionPlugin = {
  name: 'CertificateSigning',
  operations: ['UPDATE'],
  async validate(attributes, context) {
    const { resource, subresource, object, oldObject } = attributes
    if (resource !== (certificateSigningRequests as unknown) || subresource !== 'status') return
    const [status, old] = [object, oldObject].map((each) => (each as CertificateSigningRequest).status)
    if (status?.certificate === old?.certificate && deepEqual(status?.conditions, old?.conditions)) return
    await requireSigner('sign', 'sign requests with', signerOf(oldObject), attributes, context)
  },
}

/** Nobody gets a client certificate of the group that no rule can stop. */
export const certificateSubjectRestriction: AdmissionPlugin = {
  name: 'CertificateSubjectRestriction',
  operations: ['CREATE'],
  async validate({ resource, subresource, object, name }) {
    if (resource !== (certificateSigningRequests as unknown) || subresource !== '') return
    const { spec } = object as CertificateSigningRequest
    if (spec?.signerName !== KUBE_APISERVER_CLIENT) return
    const { organizations } = await subjectOf(spec.request).catch((error: Error) => {
      throw forbidden(resource, name, `failed to parse CSR: ${error.message}`)
    })
    if (!organizations.includes('system:masters')) return
    throw forbidden(resource, name, `use of ${KUBE_APISERVER_CLIENT} signer with system:masters group is not allowed`)
  },
}

/** Who publishes roots of trust for a signer must hold the verb `attest` on it. */
export const clusterTrustBundleAttest: AdmissionPlugin = {
  name: 'ClusterTrustBundleAttest',
  operations: ['CREATE', 'UPDATE'],
  async validate(attributes, context) {
    const { resource, subresource, object, oldObject } = attributes
    const isBundle = resource.group === 'certificates.k8s.io' && resource.names.plural === 'clustertrustbundles'
    if (!isBundle || subresource !== '' || deepEqual(specOf(object), specOf(oldObject))) return
    const signer = signerOf(object)
    if (signer !== '') await requireSigner('attest', 'attest for', signer, attributes, context)
  },
}

const specOf = (object: KubernetesObject | undefined): Record<string, unknown> | undefined =>
  (object as { spec?: Record<string, unknown> } | undefined)?.spec

const signerOf = (object: KubernetesObject | undefined): string => (specOf(object)?.['signerName'] as string | undefined) ?? ''

/** The verb on `signers` of the signer's own name, or of its domain as `domain/*`. */
async function requireSigner(
  verb: string,
  action: string,
  signerName: string,
  { user, resource, name }: Attributes,
  { authorizers }: AdmissionContext,
): Promise<void> {
  for (const signer of [signerName, `${signerName.split('/', 1)[0]}/*`]) {
    const { decision } = await authorizeBy(authorizers, {
      user,
      verb,
      isResource: true,
      group: 'certificates.k8s.io',
      version: '*',
      resource: 'signers',
      subresource: '',
      namespace: '',
      name: signer,
    })
    if (decision === 'allow') return
  }
  throw forbidden(resource, name, `user not permitted to ${action} signerName ${JSON.stringify(signerName)}`)
}
