/** What a certificate signing request asks to be called. */
export interface CertificateSubject {
  readonly commonName: string
  readonly organizations: readonly string[]
}

/** The subject of a base64-encoded PEM request (`spec.request`); undefined for what is none. */
export async function subjectOf(request: string | undefined): Promise<CertificateSubject | undefined> {
  if (request === undefined) return undefined
  await import('reflect-metadata')
  const { Pkcs10CertificateRequest } = await import('@peculiar/x509')
  try {
    const { subjectName } = new Pkcs10CertificateRequest(Buffer.from(request, 'base64').toString())
    return { commonName: subjectName.getField('CN')[0] ?? '', organizations: subjectName.getField('O') }
  } catch {
    return undefined
  }
}
