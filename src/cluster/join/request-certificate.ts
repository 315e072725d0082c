import { type CertificateSigningRequest, type CertificateSigningRequestCondition, certificateSigningRequests } from '#api'
import type { Client } from '#client'
import type { KeyPair } from '../pki.ts'
import { createCertificateRequest, type RequestInput } from './certificate-request.ts'

/** A certificate that a component wants to have. */
export interface CertificateWish extends RequestInput {
  readonly signerName: string
  readonly usages: readonly ('client auth' | 'server auth')[]
  /** Shorter than the signer's own. */
  readonly expirationSeconds?: number
}

/** As upstream's kubelet: who is not answered in this time asks anew. */
const ISSUED_WITHIN_SECONDS = 15 * 60

/** Asks the cluster for a certificate and waits until it is issued. Throws a sentence when it was refused. */
export async function requestCertificate(
  client: Client,
  wish: CertificateWish,
  { signal }: { readonly signal?: AbortSignal } = {},
): Promise<KeyPair> {
  const { request, key } = await createCertificateRequest(wish)
  const created = await client.create(
    certificateSigningRequests,
    {
      apiVersion: 'certificates.k8s.io/v1',
      kind: 'CertificateSigningRequest',
      metadata: { generateName: 'csr-' },
      spec: {
        request: Buffer.from(request).toString('base64'),
        signerName: wish.signerName,
        usages: ['digital signature', ...wish.usages],
        ...(wish.expirationSeconds !== undefined && { expirationSeconds: wish.expirationSeconds }),
      },
    },
    { signal },
  )
  const name = created.metadata?.name ?? ''
  const events = client.watch(certificateSigningRequests, {
    fieldSelector: `metadata.name=${name}`,
    resourceVersion: created.metadata?.resourceVersion,
    timeoutSeconds: ISSUED_WITHIN_SECONDS,
    signal,
  })
  for await (const event of events) {
    if (event.type === 'BOOKMARK') continue
    const certificate = event.type === 'DELETED' ? undefined : event.object.status?.certificate
    if (certificate) return { certificate: Buffer.from(certificate, 'base64').toString(), key }
    const refusal = event.type === 'DELETED' ? { message: 'it was deleted' } : refusalOf(event.object)
    if (refusal !== undefined) throw new Error(`the certificate request ${name} came to nothing: ${refusal.message}`)
  }
  signal?.throwIfAborted()
  throw new Error(`nobody decided about the certificate request ${name}; approve it with 'kubectl certificate approve ${name}'`)
}

const refusalOf = ({ status }: CertificateSigningRequest): CertificateSigningRequestCondition | undefined =>
  status?.conditions?.find(({ type }) => type === 'Denied' || type === 'Failed')
