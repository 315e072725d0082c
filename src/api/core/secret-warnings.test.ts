import assert from 'node:assert/strict'
import { generateKeyPairSync } from 'node:crypto'
import test from 'node:test'
import { systemClock, systemRandom } from '#base'
import { createAuthority } from '#cluster'
import { warningsOf } from '#testing'
import { secrets } from './secret.ts'

const base64 = (text: string): string => Buffer.from(text).toString('base64')
const said = (certificate: string, key: string, type = 'kubernetes.io/tls'): string[] =>
  warningsOf(secrets, { type, data: { 'tls.crt': base64(certificate), 'tls.key': base64(key) } })

test('a pair that no server could use is warned of, in the words of who would load it', async () => {
  const dependencies = { clock: systemClock, random: systemRandom }
  const { certificate, key } = await createAuthority('a', dependencies)
  const other = await createAuthority('b', dependencies)
  const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 })
  const rsa = privateKey.export({ type: 'pkcs1', format: 'pem' }).toString()
  const encrypted = privateKey.export({ type: 'pkcs1', format: 'pem', cipher: 'aes-128-cbc', passphrase: 'p' })
  const odd = (type: string): string => `-----BEGIN ${type}-----\nAAAA\n-----END ${type}-----\n`
  const cases: readonly (readonly [certificate: string, key: string, expected: readonly string[]])[] = [
    [certificate, key, []],
    [`${key}${certificate}${other.certificate}`, `${certificate}${key}`, []],
    ['x', key, ['tls: failed to find any PEM data in certificate input']],
    [
      key,
      certificate,
      [
        'tls: failed to find certificate PEM data in certificate input, but did find a private key; PEM inputs may have been switched',
      ],
    ],
    [
      odd('A') + odd('B'),
      key,
      [
        'tls: failed to find "CERTIFICATE" PEM block in certificate input after skipping PEM blocks of the following types: [A B]',
      ],
    ],
    [certificate, '', ['tls: failed to find any PEM data in key input']],
    [certificate, certificate, ['tls: found a certificate rather than a key in the PEM for the private key']],
    [
      certificate,
      odd('A'),
      [
        'tls: failed to find PEM block with type ending in "PRIVATE KEY" in key input after skipping PEM blocks of the following types: [A]',
      ],
    ],
    [odd('CERTIFICATE'), key, ['x509: malformed certificate']],
    [certificate, odd('PRIVATE KEY'), ['tls: failed to parse private key']],
    [certificate, encrypted.toString(), ['tls: failed to parse private key']],
    [certificate, other.key, ['tls: private key does not match public key']],
    [certificate, rsa, ['tls: private key type does not match public key type']],
  ]
  for (const [crt, pem, expected] of cases) assert.deepEqual(said(crt, pem), expected)
  assert.deepEqual(said('x', 'y', 'Opaque'), [])
})
