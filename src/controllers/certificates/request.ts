import { type CertificateSigningRequest, certificateRequestPem } from '#api'

export type X509 = typeof import('@peculiar/x509')

/** @peculiar/x509 costs 130 ms to load, so only what reads or issues certificates pays for it. */
export async function loadX509(): Promise<X509> {
  await import('reflect-metadata')
  return await import('@peculiar/x509')
}

/** What a PKCS#10 request asks for. */
export interface ParsedRequest {
  readonly commonName: string
  readonly organizations: readonly string[]
  readonly dnsNames: readonly string[]
  readonly ipAddresses: readonly string[]
  readonly emailAddresses: readonly string[]
  readonly uris: readonly string[]
  readonly raw: import('@peculiar/x509').Pkcs10CertificateRequest
}

const SUBJECT_ALTERNATIVE_NAME = '2.5.29.17'

/** Throws a sentence when `spec.request` is no certificate request. */
export async function parseRequest({ spec }: CertificateSigningRequest): Promise<ParsedRequest> {
  const pem = certificateRequestPem(spec?.request)
  if (pem === undefined) throw new Error('PEM block type must be CERTIFICATE REQUEST')
  const x509 = await loadX509()
  const raw = new x509.Pkcs10CertificateRequest(pem)
  // By its number and anew: the library gives extensions of requests without their classes.
  const extension = raw.extensions.find(({ type }) => type === SUBJECT_ALTERNATIVE_NAME)
  const names = extension === undefined ? [] : new x509.SubjectAlternativeNameExtension(extension.rawData).names.items
  const named = (type: string): string[] => names.filter((each) => each.type === type).map(({ value }) => value)
  return {
    commonName: raw.subjectName.getField('CN').at(-1) ?? '',
    organizations: raw.subjectName.getField('O'),
    dnsNames: named('dns'),
    ipAddresses: named('ip'),
    emailAddresses: named('email'),
    uris: named('url'),
    raw,
  }
}
