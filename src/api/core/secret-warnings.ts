import { createPrivateKey, type KeyObject, X509Certificate } from 'node:crypto'
import type { Secret } from '../generated/types.ts'

const BLOCK = /-----BEGIN ([A-Z0-9 ]+)-----\r?\n(?:[A-Za-z0-9-]+:[^\n]*\n)*[A-Za-z0-9+/=\s]+-----END \1-----/g

/** A pair that no server could use is kept all the same; the words are those of Go's `tls.X509KeyPair`. */
export function secretWarnings({ type, data = {} }: Secret, warnings: string[]): void {
  if (type !== 'kubernetes.io/tls') return
  const problem = pairProblem(blocksOf(data['tls.crt']), blocksOf(data['tls.key']))
  if (problem !== undefined) warnings.push(problem)
}

interface Block {
  readonly type: string
  readonly pem: string
}

const blocksOf = (encoded = ''): Block[] =>
  [...Buffer.from(encoded, 'base64').toString('latin1').matchAll(BLOCK)].map(([pem, type]) => ({ type: type!, pem }))

const isKey = ({ type }: Block): boolean => type === 'PRIVATE KEY' || type.endsWith(' PRIVATE KEY')

function pairProblem(certificates: readonly Block[], keys: readonly Block[]): string | undefined {
  const certificate = certificates.find(({ type }) => type === 'CERTIFICATE')
  if (certificate === undefined) {
    if (certificates.length === 0) return 'tls: failed to find any PEM data in certificate input'
    if (certificates.length === 1 && certificates.every(isKey))
      return 'tls: failed to find certificate PEM data in certificate input, but did find a private key; PEM inputs may have been switched'
    return `tls: failed to find "CERTIFICATE" PEM block in certificate input after skipping PEM blocks of the following types: ${typesOf(certificates)}`
  }
  const key = keys.find(isKey)
  if (key === undefined) {
    if (keys.length === 0) return 'tls: failed to find any PEM data in key input'
    if (keys.length === 1 && keys[0]!.type === 'CERTIFICATE')
      return 'tls: found a certificate rather than a key in the PEM for the private key'
    return `tls: failed to find PEM block with type ending in "PRIVATE KEY" in key input after skipping PEM blocks of the following types: ${typesOf(keys)}`
  }
  const read = <T>(make: () => T): T | undefined => {
    try {
      return make()
    } catch {
      return undefined
    }
  }
  const leaf = read(() => new X509Certificate(certificate.pem))
  if (leaf === undefined) return 'x509: malformed certificate'
  const privateKey = read(() => createPrivateKey(key.pem))
  return privateKey === undefined ? 'tls: failed to parse private key' : mismatch(leaf, privateKey)
}

function mismatch(leaf: X509Certificate, privateKey: KeyObject): string | undefined {
  if (leaf.checkPrivateKey(privateKey)) return undefined
  const isSameType = leaf.publicKey.asymmetricKeyType === privateKey.asymmetricKeyType
  return isSameType ? 'tls: private key does not match public key' : 'tls: private key type does not match public key type'
}

const typesOf = (blocks: readonly Block[]): string => `[${blocks.map(({ type }) => type).join(' ')}]`
