import { certificateRequestPem } from '#api'

/** What a certificate signing request asks to be called. */
export interface CertificateSubject {
  readonly commonName: string
  readonly organizations: readonly string[]
}

/** The subject of a request (`spec.request`), as its signer will read it. Throws a sentence when it is none. */
export async function subjectOf(request: string | undefined): Promise<CertificateSubject> {
  const pem = certificateRequestPem(request)
  if (pem === undefined) throw new Error('PEM block type must be CERTIFICATE REQUEST')
  await import('reflect-metadata')
  const { Pkcs10CertificateRequest } = await import('@peculiar/x509')
  const { subjectName } = new Pkcs10CertificateRequest(pem)
  return { commonName: subjectName.getField('CN')[0] ?? '', organizations: subjectName.getField('O') }
}
