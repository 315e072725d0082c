import assert from 'node:assert/strict'
import test from 'node:test'
import { systemClock, systemRandom } from '#base'
import { createAuthority } from '#cluster'
import { bundleProblem } from './ca-bundle.ts'

const problem = (pem: string): string | undefined => bundleProblem(Buffer.from(pem).toString('base64'))
const pem = (type: string, body: string): string => `-----BEGIN ${type}-----\n${body}\n-----END ${type}-----\n`

test('a bundle is good when a certificate in it can be read', async () => {
  const { certificate } = await createAuthority('test', { clock: systemClock, random: systemRandom })
  const cannot = 'unable to load root certificates: '
  const broken = pem('CERTIFICATE', 'MIIB')
  assert.equal(problem(certificate), undefined)
  assert.equal(problem(`some words\n${broken}${certificate}`), undefined)
  assert.equal(problem('nothing'), `${cannot}unable to parse bytes as PEM block`)
  // A marker is no certificate.
  assert.equal(problem('-----BEGIN CERTIFICATE-----'), `${cannot}unable to parse bytes as PEM block`)
  assert.equal(problem(broken), `${cannot}failed to parse certificate: x509: malformed certificate`)
  assert.equal(problem(pem('PRIVATE KEY', 'MIIB')), `${cannot}no valid certificate authority data seen`)
})
