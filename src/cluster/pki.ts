import { createHash, createPublicKey, type webcrypto, X509Certificate } from 'node:crypto'
import { isIP } from 'node:net'
import type { Clock, Random } from '#base'
import { loadX509, serialNumber } from '#controllers'

/** A certificate with its private key, both PEM. */
export interface KeyPair {
  readonly certificate: string
  readonly key: string
}

/** A certificate authority that can issue. `certificate` may be published; `key` never leaves the control plane. */
export interface Authority extends KeyPair {
  issue(request: CertificateRequest): Promise<KeyPair>
}

export interface CertificateRequest {
  readonly commonName: string
  readonly organizations?: readonly string[]
  /** DNS names and IP addresses; makes it a serving certificate as well. */
  readonly hosts?: readonly string[]
  readonly usages: readonly ('client' | 'server')[]
}

const YEAR_MS = 365 * 24 * 3600 * 1000
const CA_YEARS = 10
/** Clocks of machines that join may lag behind. */
const BACKDATE_MS = 5 * 60 * 1000
export const SIGNING = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' } as const

/** Makes a new self-signed authority (ECDSA P-256, ten years). */
export async function createAuthority(commonName: string, dependencies: { clock: Clock; random: Random }): Promise<Authority> {
  const x509 = await loadX509()
  const keys = await crypto.subtle.generateKey(SIGNING, true, ['sign', 'verify'])
  const nowMs = dependencies.clock.now()
  const certificate = await x509.X509CertificateGenerator.createSelfSigned({
    serialNumber: serialNumber(dependencies.random),
    name: [{ CN: [commonName] }],
    notBefore: new Date(nowMs - BACKDATE_MS),
    notAfter: new Date(nowMs + CA_YEARS * YEAR_MS),
    signingAlgorithm: SIGNING,
    keys,
    extensions: [
      new x509.BasicConstraintsExtension(true, undefined, true),
      new x509.KeyUsagesExtension(
        x509.KeyUsageFlags.keyCertSign | x509.KeyUsageFlags.digitalSignature | x509.KeyUsageFlags.keyEncipherment,
        true,
      ),
      await x509.SubjectKeyIdentifierExtension.create(keys.publicKey),
    ],
  })
  return openAuthority({ certificate: `${certificate.toString('pem')}\n`, key: await exportKey(keys.privateKey) }, dependencies)
}

/** An authority from its stored key pair. */
export function openAuthority(pair: KeyPair, dependencies: { clock: Clock; random: Random }): Authority {
  return { ...pair, issue: (request) => issue(pair, request, dependencies) }
}

async function issue(
  ca: KeyPair,
  request: CertificateRequest,
  { clock, random }: { clock: Clock; random: Random },
): Promise<KeyPair> {
  const x509 = await loadX509()
  const issuer = new x509.X509Certificate(ca.certificate)
  const der = Buffer.from(ca.key.replace(/-----[^-]+-----|\s/g, ''), 'base64')
  const signingKey = await crypto.subtle.importKey('pkcs8', der, SIGNING, false, ['sign'])
  const keys = await crypto.subtle.generateKey(SIGNING, true, ['sign', 'verify'])
  const usages = request.usages.map((usage) =>
    usage === 'client' ? x509.ExtendedKeyUsage.clientAuth : x509.ExtendedKeyUsage.serverAuth,
  )
  const hosts = request.hosts ?? []
  const certificate = await x509.X509CertificateGenerator.create({
    serialNumber: serialNumber(random),
    subject: [...(request.organizations ?? []).map((organization) => ({ O: [organization] })), { CN: [request.commonName] }],
    issuer: issuer.subjectName,
    notBefore: new Date(clock.now() - BACKDATE_MS),
    // None outlives its authority: whoever renews it then would think that it is good.
    notAfter: new Date(Math.min(clock.now() + YEAR_MS, issuer.notAfter.getTime())),
    signingAlgorithm: SIGNING,
    signingKey,
    publicKey: keys.publicKey,
    extensions: [
      new x509.BasicConstraintsExtension(false, undefined, true),
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.digitalSignature | x509.KeyUsageFlags.keyEncipherment, true),
      new x509.ExtendedKeyUsageExtension(usages),
      await x509.AuthorityKeyIdentifierExtension.create(issuer.publicKey),
      ...(hosts.length > 0
        ? [new x509.SubjectAlternativeNameExtension(hosts.map((value) => ({ type: isIP(value) ? 'ip' : 'dns', value })))]
        : []),
    ],
  })
  return { certificate: `${certificate.toString('pem')}\n`, key: await exportKey(keys.privateKey) }
}

/** A key for signing service-account tokens (ES256), with its public half. */
export async function createSigningKey(): Promise<{ readonly privateKey: string; readonly publicKey: string }> {
  const keys = await crypto.subtle.generateKey(SIGNING, true, ['sign', 'verify'])
  const privateKey = await exportKey(keys.privateKey)
  return { privateKey, publicKey: createPublicKey(privateKey).export({ type: 'spki', format: 'pem' }).toString() }
}

export async function exportKey(key: webcrypto.CryptoKey): Promise<string> {
  const der = Buffer.from(await crypto.subtle.exportKey('pkcs8', key)).toString('base64')
  return `-----BEGIN PRIVATE KEY-----\n${der.replace(/.{64}/g, '$&\n').trimEnd()}\n-----END PRIVATE KEY-----\n`
}

/** The public half of a PEM key, private or public. Throws a sentence that starts with `name`. */
export function publicKeyOf(pem: string, name: string): string {
  try {
    return createPublicKey(pem).export({ type: 'spki', format: 'pem' }).toString()
  } catch (error) {
    throw new Error(`${name} holds no PEM key: ${(error as Error).message}`, { cause: error })
  }
}

/** The public halves of every PEM key, private or public, of a file. Throws a sentence that starts with `name` when there is none. */
export function publicKeysIn(pem: string, name: string): string[] {
  const blocks = pem.match(/-----BEGIN ([A-Z ]*KEY|CERTIFICATE)-----[^-]+-----END \1-----/g) ?? [pem]
  return blocks.map((block) => publicKeyOf(block, name))
}

/** The hash of a certificate's public key that kubeadm pins authorities by: `sha256:` and the hex digest of its SubjectPublicKeyInfo. */
export function publicKeyHash(certificate: string): string {
  const spki = new X509Certificate(certificate).publicKey.export({ type: 'spki', format: 'der' })
  return `sha256:${createHash('sha256').update(spki).digest('hex')}`
}
