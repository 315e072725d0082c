import assert from 'node:assert/strict'
import test from 'node:test'
import { deepClone } from '#base'
import { findingsOf, made, updateFindings } from '#testing'
import { type Pod, pods } from '../index.ts'
import { foundBy } from '../validation/findings.ts'
import { validatePodCertificate } from './validate-pod-certificate.ts'

const valid = { signerName: 'a.b/c', keyType: 'ED25519', credentialBundlePath: 'x.pem' }

function findings(projection: object): string[] {
  const paths: string[] = []
  const found = foundBy((all) => validatePodCertificate({ ...valid, ...projection }, (path) => paths.push(path), 'p', all))
  return found.map(({ field, message }) => `${field}: ${message}`)
}

test('a certificate for a pod says who signs it, by what key, and where it goes', () => {
  assert.deepEqual(findings({}), [])
  assert.deepEqual(findings({ keyType: 'DSA' }), [
    'p.keyType: Unsupported value: "DSA": supported values: "RSA3072", "RSA4096", "ECDSAP256", "ECDSAP384", "ECDSAP521", "ED25519"',
  ])
  assert.deepEqual(findings({ signerName: 'a' }), [
    `p.signerName: Invalid value: "a": must be a fully qualified domain and path of the form 'example.com/signer-name'`,
  ])
  assert.deepEqual(findings({ credentialBundlePath: '' }), [
    'p: Required value: specify at least one of credentialBundlePath, keyPath, and certificateChainPath',
  ])
  assert.deepEqual(findings({ keyPath: '../a' }), [`p.keyPath: Invalid value: "../a": must not contain '..'`])
})

test('a certificate for a pod has its time', () => {
  const RULE = 'if provided, maxExpirationSeconds must be'
  const lasting = (maxExpirationSeconds: number, signerName = 'a.b/c'): string[] => findings({ maxExpirationSeconds, signerName })
  assert.deepEqual(lasting(3600), [])
  assert.deepEqual(lasting(3599), [`p.maxExpirationSeconds: Invalid value: 3599: ${RULE} >= 3600`])
  assert.deepEqual(lasting(7_862_400), [])
  assert.deepEqual(lasting(7_862_401), [`p.maxExpirationSeconds: Invalid value: 7862401: ${RULE} <= 7862400`])
  assert.deepEqual(lasting(86_401, 'kubernetes.io/x'), [`p.maxExpirationSeconds: Invalid value: 86401: ${RULE} <= 86400`])
  assert.deepEqual(lasting(86_400, 'a.kubernetes.io/x'), [])
})

test('what a signer is told has a domain', () => {
  assert.deepEqual(findings({ userAnnotations: { 'A.b/c': 'd' } }), [])
  assert.deepEqual(findings({ userAnnotations: { c: 'd' } }), [
    'p.userAnnotations: Invalid value: "c": must be a domain-prefixed key (such as "acme.io/foo")',
  ])
  assert.deepEqual(findings({ userAnnotations: { '': 'd' } }), ['p.userAnnotations: Required value'])
  assert.match(findings({ userAnnotations: { 'a b': 'd' } })[0]!, /^p\.userAnnotations: Invalid value: "a b": name part must/)
  assert.deepEqual(findings({ userAnnotations: { 'a.b/c': 'x'.repeat(256 * 1024) } }), [
    'p.userAnnotations: Too long: may not be more than 262144 bytes',
  ])
})

test('certificates of pods are off: a new pod has none, an old one keeps its own', () => {
  const volumes = [{ name: 'v', projected: { sources: [{ podCertificate: valid }] } }]
  const sent = { spec: { containers: [{ name: 'c', image: 'i' }], volumes } }
  assert.deepEqual(made(pods, sent).spec!.volumes, [{ name: 'v', projected: { sources: [{}], defaultMode: 420 } }])
  assert.deepEqual(findingsOf(pods, sent), [])
  const old = { metadata: { name: 'p', namespace: 'default' }, ...deepClone(sent) } as Pod
  pods.default(old)
  const next = deepClone(old)
  pods.prepareForUpdate(next, old)
  assert.deepEqual(next.spec!.volumes, [{ name: 'v', projected: { sources: [{ podCertificate: valid }], defaultMode: 420 } }])
  assert.deepEqual(updateFindings(pods, next, old), [])
})
