import { constants, createPublicKey, type KeyObject, verify } from 'node:crypto'
import { DER, type DerElement, elementAt, elementsOf, expectElement, inOrder, objectIdentifier, syntaxError } from './der.ts'
import { firstRequestBlock } from './request-pem.ts'
import { requestedNames, type SubjectNames } from './requested-names.ts'
import { readSubject, type Subject } from './subject.ts'

const UNSUPPORTED = 'x509: cannot verify signature: algorithm unimplemented'

type KeyKind = 'RSA' | 'ECDSA' | 'Ed25519'

interface Algorithm {
  readonly key: KeyKind
  /** Absent where the algorithm hashes by itself, or its parameters name it. */
  readonly hash?: string
}

const RSA_PSS = '1.2.840.113549.1.1.10'
const RSA_MD5 = '1.2.840.113549.1.1.4'

/** Of signatures, as far as Go verifies them (crypto/x509). */
const ALGORITHMS: Readonly<Record<string, Algorithm>> = {
  '1.2.840.113549.1.1.5': { key: 'RSA', hash: 'sha1' },
  '1.2.840.113549.1.1.11': { key: 'RSA', hash: 'sha256' },
  '1.2.840.113549.1.1.12': { key: 'RSA', hash: 'sha384' },
  '1.2.840.113549.1.1.13': { key: 'RSA', hash: 'sha512' },
  [RSA_PSS]: { key: 'RSA' },
  '1.2.840.10045.4.1': { key: 'ECDSA', hash: 'sha1' },
  '1.2.840.10045.4.3.2': { key: 'ECDSA', hash: 'sha256' },
  '1.2.840.10045.4.3.3': { key: 'ECDSA', hash: 'sha384' },
  '1.2.840.10045.4.3.4': { key: 'ECDSA', hash: 'sha512' },
  '1.3.101.112': { key: 'Ed25519' },
}

const HASHES: Readonly<Record<string, string>> = {
  '2.16.840.1.101.3.4.2.1': 'sha256',
  '2.16.840.1.101.3.4.2.2': 'sha384',
  '2.16.840.1.101.3.4.2.3': 'sha512',
}

const CURVES = new Set(['secp224r1', 'prime256v1', 'secp384r1', 'secp521r1'])

const FAILURES: Readonly<Record<KeyKind, string>> = {
  RSA: 'crypto/rsa: verification error',
  ECDSA: 'x509: ECDSA verification failure',
  Ed25519: 'x509: Ed25519 verification failure',
}

const GO_TYPES: Readonly<Record<KeyKind, string>> = {
  RSA: '*rsa.PublicKey',
  ECDSA: '*ecdsa.PublicKey',
  Ed25519: 'ed25519.PublicKey',
}

/**
 * Why `spec.request` is no request for a certificate, or undefined: its first PEM block has to be a PKCS #10 structure (RFC 2986) that is signed with
 * the key it names. As in pkg/apis/certificates/v1/helpers.go, with the messages of Go's crypto/x509.
 */
export function certificateRequestProblem(request: string): string | undefined {
  const block = firstRequestBlock(request)
  if (block === undefined) return 'PEM block type must be CERTIFICATE REQUEST'
  try {
    return signatureProblem(readRequest(block))
  } catch (error) {
    return (error as Error).message
  }
}

/** Whom a request names. */
export interface RequestedIdentity extends SubjectNames, Subject {}

/** Whom a request names. Throws an Error in the words of Go for what is no request, or none that can be read. */
export function certificateRequestIdentity(request: string): RequestedIdentity {
  const block = firstRequestBlock(request)
  if (block === undefined) throw new Error('PEM block type must be CERTIFICATE REQUEST')
  const { subject, attributes } = readRequest(block)
  return { ...subject, ...requestedNames(attributes) }
}

interface ReadRequest {
  /** What is signed. */
  readonly signed: Buffer
  readonly subject: Subject
  readonly key: DerElement
  readonly attributes: DerElement
  readonly algorithm: DerElement
  readonly signature: Buffer
}

function readRequest(bytes: Buffer): ReadRequest {
  const whole = expectElement(elementAt(bytes), DER.sequence, 'certificateRequest')
  if (whole.whole.length < bytes.length) throw syntaxError('trailing data')
  const [info, algorithm, signature] = inOrder(whole, [
    [DER.sequence, 'tbsCertificateRequest'],
    [DER.sequence, 'AlgorithmIdentifier'],
    [DER.bitString, 'BitString'],
  ])
  const [, subject, key, attributes] = inOrder(info!, [
    [DER.integer, 'int'],
    [undefined, 'RawValue'],
    [DER.sequence, 'publicKeyInfo'],
    [DER.attributes, ''],
  ])
  return {
    signed: info!.whole,
    subject: readSubject(subject!),
    key: key!,
    attributes: attributes!,
    algorithm: algorithm!,
    signature: bitsOf(signature!),
  }
}

function bitsOf({ content }: DerElement): Buffer {
  if (content.length === 0) throw syntaxError('zero length BIT STRING')
  if (content[0]! > 7) throw syntaxError('invalid padding bits in BIT STRING')
  return content.subarray(1)
}

function signatureProblem({ signed, key: info, attributes, algorithm: identifier, signature }: ReadRequest): string | undefined {
  const key = publicKey(info)
  requestedNames(attributes)
  const [type, parameters] = elementsOf(identifier.content)
  const oid = type?.tag === DER.objectIdentifier ? objectIdentifier(type) : ''
  const algorithm = ALGORITHMS[oid]
  if (oid === RSA_MD5 && key !== undefined) return 'x509: cannot verify signature: insecure algorithm MD5-RSA'
  const hash = oid === RSA_PSS ? pssHash(parameters) : algorithm?.hash
  if (algorithm === undefined || key === undefined || (oid === RSA_PSS && hash === undefined)) return UNSUPPORTED
  if (algorithm.key !== key.kind)
    return `x509: signature algorithm specifies an ${algorithm.key} public key, but have public key of type ${GO_TYPES[key.kind]}`
  const pss = { padding: constants.RSA_PKCS1_PSS_PADDING, saltLength: constants.RSA_PSS_SALTLEN_DIGEST }
  return isSigned(hash, signed, { key: key.key, ...(oid === RSA_PSS && pss) }, signature) ? undefined : FAILURES[key.kind]
}

/** OpenSSL also throws at what can't be a signature of the key. */
function isSigned(hash: string | undefined, signed: Buffer, key: Parameters<typeof verify>[2], signature: Buffer): boolean {
  try {
    return verify(hash, signed, key, signature)
  } catch {
    return false
  }
}

/** What Go says of keys that are none, by their algorithm. */
const BROKEN_KEYS: Readonly<Record<string, string>> = {
  '1.2.840.113549.1.1.1': 'x509: invalid RSA public key',
  '1.2.840.10045.2.1': 'x509: failed to unmarshal elliptic curve point',
  '1.3.101.112': 'x509: wrong Ed25519 public key size',
}

/** undefined for a key of a kind that Go does not know. */
function publicKey(info: DerElement): { readonly kind: KeyKind; readonly key: KeyObject } | undefined {
  const [algorithm] = inOrder(info, [
    [DER.sequence, 'AlgorithmIdentifier'],
    [DER.bitString, 'BitString'],
  ])
  const [type] = inOrder(algorithm!, [[DER.objectIdentifier, 'ObjectIdentifier']])
  const broken = BROKEN_KEYS[objectIdentifier(type!)]
  if (broken === undefined) return undefined
  let key: KeyObject
  try {
    key = createPublicKey({ key: info.whole, format: 'der', type: 'spki' })
  } catch (cause) {
    throw new Error(broken, { cause })
  }
  switch (key.asymmetricKeyType) {
    case 'rsa':
      return { kind: 'RSA', key }
    case 'ec':
      if (!CURVES.has(key.asymmetricKeyDetails?.namedCurve ?? '')) throw new Error('x509: unsupported elliptic curve')
      return { kind: 'ECDSA', key }
    case 'ed25519':
      return { kind: 'Ed25519', key }
    default:
      return undefined
  }
}

/** The hash that parameters of RSASSA-PSS name (RFC 4055): `SEQUENCE { [0] { SEQUENCE { OID … } } … }`. */
function pssHash(parameters: DerElement | undefined): string | undefined {
  if (parameters?.tag !== DER.sequence) return undefined
  const [hash] = elementsOf(parameters.content)
  if (hash?.tag !== 0xa0) return undefined
  const [identifier] = elementsOf(hash.content)
  const [type] = identifier === undefined ? [] : elementsOf(identifier.content)
  return type?.tag === DER.objectIdentifier ? HASHES[objectIdentifier(type)] : undefined
}
