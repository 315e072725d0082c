import assert from 'node:assert/strict'
import type { webcrypto } from 'node:crypto'
import test from 'node:test'
import { armoured, CERTIFICATE_DER, changeFindings, findingsOf, REQUEST_DER } from '#testing'
import { type CertificateSigningRequest, certificateSigningRequests } from '../index.ts'
import { foundBy } from '../validation/findings.ts'

const asked = (request: string): object => ({ spec: { request, usages: ['client auth'], signerName: 'example.com/web' } })
const problemOf = (request: string): string | undefined => {
  const [finding, ...more] = findingsOf(certificateSigningRequests, asked(request))
  assert.deepEqual(more, [])
  return finding?.replace(/^spec\.request: Invalid value: "[^"]*": /, '')
}

const der = Buffer.from(REQUEST_DER, 'base64')
/** Changes the bytes it is given, or gives others. */
const changed = (change: (bytes: Buffer) => unknown): string => {
  const bytes = Buffer.from(der)
  const others = change(bytes)
  return armoured((Buffer.isBuffer(others) ? others : bytes).toString('base64'))
}
const RULES =
  '{optional:false explicit:false application:false private:false defaultValue:<nil> tag:<nil> stringType:0 timeType:0 set:false omitEmpty:false}'
const TYPE = 'PEM block type must be CERTIFICATE REQUEST'

const table: readonly (readonly [what: string, request: string, problem: string | undefined])[] = [
  ['a request', armoured(REQUEST_DER), undefined],
  ['with text around it', btoa(`Subject: ann\n${atob(armoured(REQUEST_DER))}and more`), undefined],
  ['only the beginning', btoa('-----BEGIN CERTIFICATE REQUEST-----'), TYPE],
  ['of another type', armoured(REQUEST_DER, 'NEW CERTIFICATE REQUEST'), TYPE],
  ['behind a certificate', btoa(atob(armoured('AAAA', 'CERTIFICATE')) + atob(armoured(REQUEST_DER))), TYPE],
  ['nothing', armoured(''), 'asn1: syntax error: sequence truncated'],
  ['cut off', changed((bytes) => bytes.subarray(0, 50)), 'asn1: syntax error: data truncated'],
  ['with more behind it', changed((bytes) => Buffer.concat([bytes, bytes])), 'asn1: syntax error: trailing data'],
  ['of no known length', armoured('MIAAAA=='), 'asn1: syntax error: indefinite length found (not DER)'],
  [
    'a sequence of something else',
    armoured('MAMCAQA='),
    `asn1: structure error: tags don't match (16 vs {class:0 tag:2 length:1 isCompound:false}) ${RULES} tbsCertificateRequest @2`,
  ],
  ['signed for something else', changed((bytes) => void (bytes[20]! ^= 1)), 'x509: ECDSA verification failure'],
  ['of a key off the curve', changed((bytes) => void (bytes[80]! ^= 1)), 'x509: failed to unmarshal elliptic curve point'],
  ['a certificate', armoured(CERTIFICATE_DER), 'asn1: structure error'],
]
for (const [what, request, problem] of table)
  test(`spec.request is ${what}`, () => {
    const found = problemOf(request)
    if (problem === 'asn1: structure error') assert.match(found!, /^asn1: structure error/)
    else assert.equal(found, problem)
  })

test('requests of every kind of key that Go verifies are accepted, and with a broken signature refused', async () => {
  await import('reflect-metadata')
  const { Pkcs10CertificateRequestGenerator } = await import('@peculiar/x509')
  const rsa = { modulusLength: 2048, publicExponent: new Uint8Array([1, 0, 1]) }
  const kinds: readonly (readonly [algorithm: object, failure: string])[] = [
    [{ name: 'RSASSA-PKCS1-v1_5', hash: 'SHA-256', ...rsa }, 'crypto/rsa: verification error'],
    [{ name: 'RSA-PSS', hash: 'SHA-256', saltLength: 32, ...rsa }, 'crypto/rsa: verification error'],
    [{ name: 'ECDSA', namedCurve: 'P-384', hash: 'SHA-384' }, 'x509: ECDSA verification failure'],
    [{ name: 'Ed25519' }, 'x509: Ed25519 verification failure'],
  ]
  for (const [algorithm, failure] of kinds) {
    const keys = (await crypto.subtle.generateKey(algorithm as webcrypto.EcKeyGenParams, true, [
      'sign',
      'verify',
    ])) as webcrypto.CryptoKeyPair
    const options = { name: 'CN=ann', keys, signingAlgorithm: algorithm }
    const bytes = Buffer.from((await Pkcs10CertificateRequestGenerator.create(options as never)).rawData)
    assert.equal(problemOf(armoured(bytes.toString('base64'))), undefined, failure)
    bytes[bytes.length - 1]! ^= 1
    assert.equal(problemOf(armoured(bytes.toString('base64'))), failure)
  }
})

const certificate = armoured(CERTIFICATE_DER, 'CERTIFICATE')
const approved = { type: 'Approved', status: 'True', reason: 'A' }
const failed = { type: 'Failed', status: 'True' }

function written(subresource: 'status' | 'approval', before: object, after: object): string[] {
  const old = { ...asked(armoured(REQUEST_DER)), status: before } as CertificateSigningRequest
  const draft = { ...old, status: structuredClone(after) } as CertificateSigningRequest
  if (subresource === 'status') certificateSigningRequests.prepareForStatusUpdate(draft, old)
  const findings = foundBy((found) =>
    subresource === 'status'
      ? certificateSigningRequests.validateStatusUpdate(draft, old, found, { nowMs: 0 })
      : certificateSigningRequests.validateSubresourceUpdate('approval', draft, old, found, { nowMs: 0 }),
  )
  return findings.map(({ field, message }) => `${field}: ${message}`)
}

test('approval decides once and issues nothing; status issues once and decides nothing', () => {
  const rule = 'status.conditions: Forbidden: updates may not'
  assert.deepEqual(written('approval', {}, { conditions: [approved] }), [])
  assert.deepEqual(written('approval', { conditions: [approved] }, {}), [`${rule} remove a condition of type "Approved"`])
  assert.deepEqual(written('approval', { conditions: [failed] }, {}), [`${rule} remove a condition of type "Failed"`])
  assert.deepEqual(written('approval', {}, { certificate }), [
    'status.certificate: Forbidden: updates may not set certificate content',
  ])
  assert.deepEqual(written('status', {}, { certificate, conditions: [failed] }), [])
  assert.deepEqual(written('status', {}, { conditions: [approved] }), [`${rule} add a condition of type "Approved"`])
  assert.deepEqual(written('status', { conditions: [approved] }, { conditions: [failed] }), [
    `${rule} remove a condition of type "Approved"`,
  ])
  // A stale copy of the decision is set right, not refused.
  assert.deepEqual(written('status', { conditions: [approved] }, { conditions: [{ ...approved, reason: 'B' }] }), [])
  const other = btoa(atob(certificate) + atob(certificate))
  assert.deepEqual(written('status', { certificate }, { certificate: other }), [
    'status.certificate: Forbidden: updates may not modify existing certificate content',
  ])
})

test('what is issued are certificates in PEM, and nothing else', () => {
  const issue = (pem: string): string[] => written('status', {}, { certificate: pem })
  const wrong = 'status.certificate: Invalid value: "<certificate data>":'
  assert.deepEqual(issue(btoa('hello')), [`${wrong} must contain at least one CERTIFICATE PEM block`])
  assert.deepEqual(issue(armoured(CERTIFICATE_DER, 'KEY')), [`${wrong} only CERTIFICATE PEM blocks are allowed, found "KEY"`])
  assert.deepEqual(issue(armoured(REQUEST_DER, 'CERTIFICATE')), [`${wrong} x509: malformed certificate`])
  assert.deepEqual(issue(btoa(atob(certificate).replace('-----\n', '-----\nkey: value\n\n'))), [
    `${wrong} no PEM block headers are permitted`,
  ])
})

test('conditions that were wrong before there was a rule may stay, and hold up nothing else', () => {
  const both = [approved, { type: 'Denied', status: 'True' }, approved]
  assert.deepEqual(written('status', { conditions: both }, { conditions: both, certificate }), [])
  const old = { ...asked(armoured(REQUEST_DER)), status: { conditions: both } }
  const label = (draft: CertificateSigningRequest): void => void (draft.metadata!.labels = { a: 'b' })
  assert.deepEqual(changeFindings(certificateSigningRequests, old, label), [])
  assert.deepEqual(written('approval', {}, { conditions: both }), [
    'status.conditions[1].type: Invalid value: "Denied": Approved and Denied conditions are mutually exclusive',
    'status.conditions[2].type: Invalid value: "Approved": Approved and Denied conditions are mutually exclusive',
    'status.conditions[2].type: Duplicate value: "Approved"',
  ])
})

test('a request for names that can not be read is refused, well signed as it is', async () => {
  await import('reflect-metadata')
  const { Extension, Pkcs10CertificateRequestGenerator } = await import('@peculiar/x509')
  const algorithm = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' }
  const keys = (await crypto.subtle.generateKey(algorithm, true, ['sign', 'verify'])) as webcrypto.CryptoKeyPair
  const askingFor = async (names: string): Promise<string> => {
    const extensions = [new Extension('2.5.29.17', false, Buffer.from(names, 'hex'))]
    const request = await Pkcs10CertificateRequestGenerator.create({
      name: 'CN=ann',
      keys,
      signingAlgorithm: algorithm,
      extensions,
    })
    return armoured(Buffer.from(request.rawData).toString('base64'))
  }
  assert.equal(problemOf(await askingFor('3003820161')), undefined)
  assert.equal(problemOf(await askingFor('30038201e4')), 'x509: SAN dNSName is malformed')
  assert.equal(problemOf(await askingFor('3003870161')), 'x509: cannot parse IP address of length 1')
})
