import { X509Certificate } from 'node:crypto'

/** Every certificate of a PEM bundle. Throws when there is none. */
export function certificatesIn(pem: string): X509Certificate[] {
  const blocks = pem.match(/-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g) ?? []
  if (blocks.length === 0) throw new Error('data does not contain any valid RSA or ECDSA certificates')
  return blocks.map((block) => new X509Certificate(block))
}
