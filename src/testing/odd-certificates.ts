import { createPrivateKey, KeyObject, type webcrypto } from 'node:crypto'
import { systemRandom } from '#base'
import { loadX509, serialNumber } from '#controllers'

interface Pair {
  readonly certificate: string
  readonly key: string
}

const SIGNING = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' } as const

/** A client certificate that no honest authority would make; what is not said is as it should be. */
export interface OddCertificate {
  /** Relative distinguished names in order: `[{ O: ['a'] }, { CN: ['b'] }]`. */
  readonly subject: readonly Readonly<Record<string, string[]>>[]
  readonly notBefore?: Date
  readonly notAfter?: Date
  readonly usages?: readonly ('client' | 'server')[]
  readonly isAuthority?: boolean
  readonly criticalExtension?: string
}

const DAY_MS = 24 * 3600 * 1000

/** Issues it under `ca`. What it returns can sign further ones, whether it may or not. */
export async function issueOdd(ca: Pair, odd: OddCertificate): Promise<Pair> {
  const x509 = await loadX509()
  const [leaf] = ca.certificate.match(/-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/) ?? []
  const issuer = new x509.X509Certificate(leaf!)
  const der = createPrivateKey(ca.key).export({ type: 'pkcs8', format: 'der' })
  const keys = await crypto.subtle.generateKey(SIGNING, true, ['sign', 'verify'])
  const { isAuthority = false, usages = ['client'] } = odd
  const { clientAuth, serverAuth } = x509.ExtendedKeyUsage
  const certificate = await x509.X509CertificateGenerator.create({
    serialNumber: serialNumber(systemRandom),
    subject: odd.subject.map((each) => ({ ...each })),
    issuer: issuer.subjectName,
    notBefore: odd.notBefore ?? new Date(Date.now() - DAY_MS),
    notAfter: odd.notAfter ?? new Date(Date.now() + DAY_MS),
    signingAlgorithm: SIGNING,
    signingKey: await crypto.subtle.importKey('pkcs8', der, SIGNING, false, ['sign']),
    publicKey: keys.publicKey,
    extensions: [
      new x509.BasicConstraintsExtension(isAuthority, undefined, true),
      new x509.KeyUsagesExtension(isAuthority ? x509.KeyUsageFlags.keyCertSign : x509.KeyUsageFlags.digitalSignature, true),
      ...(isAuthority
        ? []
        : [new x509.ExtendedKeyUsageExtension(usages.map((usage) => (usage === 'client' ? clientAuth : serverAuth)))]),
      ...(odd.criticalExtension === undefined ? [] : [new x509.Extension(odd.criticalExtension, true, new Uint8Array([5, 0]))]),
    ],
  })
  const key = KeyObject.from(keys.privateKey as webcrypto.CryptoKey).export({ type: 'pkcs8', format: 'pem' })
  return { certificate: `${certificate.toString('pem')}\n`, key: key.toString() }
}
