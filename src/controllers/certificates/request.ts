import { type CertificateSigningRequest, certificateRequestIdentity, certificateRequestPem, type RequestedIdentity } from '#api'

export type X509 = typeof import('@peculiar/x509')

/** @peculiar/x509 costs 130 ms to load, so only what reads or issues certificates pays for it. */
export async function loadX509(): Promise<X509> {
  await import('reflect-metadata')
  return await import('@peculiar/x509')
}

/** What a PKCS#10 request asks for. */
export interface ParsedRequest extends RequestedIdentity {
  readonly raw: import('@peculiar/x509').Pkcs10CertificateRequest
}

/** Throws a sentence when `spec.request` is no certificate request. */
export async function parseRequest({ spec }: CertificateSigningRequest): Promise<ParsedRequest> {
  const pem = certificateRequestPem(spec?.request)
  if (pem === undefined) throw new Error('PEM block type must be CERTIFICATE REQUEST')
  const x509 = await loadX509()
  const raw = new x509.Pkcs10CertificateRequest(pem)
  // By our own reader, which finds what Go's finds: whoever judges a request and whoever verifies it must see the same names.
  return { ...certificateRequestIdentity(spec?.request ?? ''), raw }
}
