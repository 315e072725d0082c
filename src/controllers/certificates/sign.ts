import { createPrivateKey, type webcrypto } from 'node:crypto'
import type { Random } from '#base'
import { loadX509, type ParsedRequest, type X509 } from './request.ts'

/** A certificate and its private key, both PEM. */
export interface SigningPair {
  readonly certificate: string
  readonly key: string
}

export interface SignOptions {
  readonly usages: readonly string[]
  readonly durationMs: number
  readonly nowMs: number
  readonly random: Random
}

/** Clocks of other machines may lag behind. */
const BACKDATE_MS = 5 * 60_000
/** A certificate that lives shorter than this keeps its whole life after now. */
const SHORT_MS = 8 * 3_600_000

/** Issues what a request asks for, never as an authority and never beyond the life of its issuer. Throws a sentence when the request is not signed by its own key. */
export async function signRequest(issuer: SigningPair, request: ParsedRequest, options: SignOptions): Promise<string> {
  const x509 = await loadX509()
  if (!(await request.raw.verify())) throw new Error('unable to verify certificate request signature')
  const authority = new x509.X509Certificate(issuer.certificate)
  const { signingKey, algorithm } = await importKey(issuer.key)
  const { nowMs, durationMs } = options
  const endMs = nowMs + (durationMs < SHORT_MS ? durationMs : durationMs - BACKDATE_MS)
  const names = [
    ...request.dnsNames.map((value) => ({ type: 'dns', value }) as const),
    ...request.emailAddresses.map((value) => ({ type: 'email', value }) as const),
    ...request.ipAddresses.map((value) => ({ type: 'ip', value }) as const),
    ...request.uris.map((value) => ({ type: 'url', value }) as const),
  ]
  const certificate = await x509.X509CertificateGenerator.create({
    serialNumber: serialNumber(options.random),
    subject: subjectOf(request),
    issuer: authority.subjectName,
    notBefore: new Date(nowMs - BACKDATE_MS),
    notAfter: new Date(Math.min(endMs, authority.notAfter.getTime())),
    signingAlgorithm: algorithm,
    signingKey,
    publicKey: request.raw.publicKey,
    extensions: [
      new x509.BasicConstraintsExtension(false, undefined, true),
      ...usageExtensions(x509, options.usages),
      await x509.AuthorityKeyIdentifierExtension.create(authority.publicKey),
      ...(names.length > 0 ? [new x509.SubjectAlternativeNameExtension(names)] : []),
    ],
  })
  return `${certificate.toString('pem')}\n`
}

/** What a subject may say, in the order in which it is written: short names of the library, or numbers where it has none. */
const ATTRIBUTES = ['C', 'O', 'OU', 'L', 'ST', '2.5.4.9', '2.5.4.17'] as const
const SERIAL_NUMBER = '2.5.4.5'

/**
 * The subject that is signed: as Go's library writes it, of the attributes that it knows and one common name. What else a request has in its subject, as the
 * attribute for a user's UID, is not vouched for by anybody.
 */
function subjectOf({ raw, commonName }: ParsedRequest): Record<string, string[]>[] {
  const all: Record<string, string[]>[] = [
    ...ATTRIBUTES.map((name) => ({ [name]: raw.subjectName.getField(name) })),
    { CN: [commonName] },
    { [SERIAL_NUMBER]: raw.subjectName.getField(SERIAL_NUMBER).slice(-1) },
  ]
  return all.filter((each) => Object.values(each).flat().some(Boolean))
}

/** 128 random bits, positive as RFC 5280 wants. */
export function serialNumber(random: Random): string {
  const bytes = random.bytes(16)
  bytes[0] = (bytes[0]! & 0x7f) | 0x40
  return Buffer.from(bytes).toString('hex')
}

async function importKey(pem: string): Promise<{ signingKey: webcrypto.CryptoKey; algorithm: { name: string; hash: string } }> {
  const key = createPrivateKey(pem)
  const der = key.export({ type: 'pkcs8', format: 'der' })
  const curve = { prime256v1: 'P-256', secp384r1: 'P-384', secp521r1: 'P-521' }[key.asymmetricKeyDetails?.namedCurve ?? '']
  if (key.asymmetricKeyType === 'rsa') {
    const algorithm = { name: 'RSASSA-PKCS1-v1_5', hash: 'SHA-256' }
    return { signingKey: await crypto.subtle.importKey('pkcs8', der, algorithm, false, ['sign']), algorithm }
  }
  if (curve === undefined) throw new Error(`keys of the kind ${key.asymmetricKeyType} can't sign certificates; use RSA or ECDSA`)
  const algorithm = { name: 'ECDSA', hash: 'SHA-256', namedCurve: curve }
  return { signingKey: await crypto.subtle.importKey('pkcs8', der, algorithm, false, ['sign']), algorithm }
}

/** https://kubernetes.io/docs/reference/kubernetes-api/authentication-resources/certificate-signing-request-v1/ names the usages. */
const KEY_USAGES = {
  signing: 'digitalSignature',
  'digital signature': 'digitalSignature',
  'content commitment': 'nonRepudiation',
  'key encipherment': 'keyEncipherment',
  'key agreement': 'keyAgreement',
  'data encipherment': 'dataEncipherment',
  'cert sign': 'keyCertSign',
  'crl sign': 'cRLSign',
  'encipher only': 'encipherOnly',
  'decipher only': 'decipherOnly',
} as const

const EXTENDED_USAGES: Readonly<Record<string, string>> = {
  any: '2.5.29.37.0',
  'server auth': '1.3.6.1.5.5.7.3.1',
  'client auth': '1.3.6.1.5.5.7.3.2',
  'code signing': '1.3.6.1.5.5.7.3.3',
  'email protection': '1.3.6.1.5.5.7.3.4',
  's/mime': '1.3.6.1.5.5.7.3.4',
  'ipsec end system': '1.3.6.1.5.5.7.3.5',
  'ipsec tunnel': '1.3.6.1.5.5.7.3.6',
  'ipsec user': '1.3.6.1.5.5.7.3.7',
  timestamping: '1.3.6.1.5.5.7.3.8',
  'ocsp signing': '1.3.6.1.5.5.7.3.9',
  'microsoft sgc': '1.3.6.1.4.1.311.10.3.3',
  'netscape sgc': '2.16.840.1.113730.4.1',
}

function usageExtensions(x509: X509, usages: readonly string[]): import('@peculiar/x509').Extension[] {
  const strange = usages.filter((usage) => !(usage in KEY_USAGES) && !(usage in EXTENDED_USAGES))
  if (strange.length > 0) throw new Error(`unrecognized usage values: ${JSON.stringify(strange)}`)
  const flags = usages.reduce((sum, usage) => {
    const name = KEY_USAGES[usage as keyof typeof KEY_USAGES]
    return name === undefined ? sum : sum | x509.KeyUsageFlags[name]
  }, 0)
  const extended = [...new Set(usages.flatMap((usage) => EXTENDED_USAGES[usage] ?? []))].sort()
  return [
    ...(flags === 0 ? [] : [new x509.KeyUsagesExtension(flags, true)]),
    ...(extended.length === 0 ? [] : [new x509.ExtendedKeyUsageExtension(extended)]),
  ]
}
