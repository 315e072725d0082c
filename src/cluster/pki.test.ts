import assert from 'node:assert/strict'
import { X509Certificate } from 'node:crypto'
import test from 'node:test'
import { systemClock, systemRandom } from '#base'
import { createAuthority, createSigningKey, openAuthority } from './pki.ts'

const dependencies = { clock: systemClock, random: systemRandom }

test('an authority issues certificates that chain to it and name their subject and hosts', async () => {
  const ca = await createAuthority('kubernetes-ca', dependencies)
  const pair = await openAuthority(ca, dependencies).issue({
    commonName: 'system:node:node-1',
    organizations: ['system:nodes'],
    hosts: ['node-1', '10.0.0.7', '::1'],
    usages: ['client', 'server'],
  })
  const certificate = new X509Certificate(pair.certificate)
  assert.ok(certificate.verify(new X509Certificate(ca.certificate).publicKey))
  assert.ok(certificate.checkIssued(new X509Certificate(ca.certificate)))
  assert.equal(certificate.subject, 'O=system:nodes\nCN=system:node:node-1')
  assert.equal(certificate.checkIP('10.0.0.7'), '10.0.0.7')
  assert.equal(certificate.checkHost('node-1'), 'node-1')
  assert.equal(certificate.checkHost('node-2'), undefined)
  assert.equal(certificate.ca, false)
})

test('a certificate of one authority is not accepted by another of the same name', async () => {
  const [ours, theirs] = await Promise.all([
    createAuthority('kubernetes-ca', dependencies),
    createAuthority('kubernetes-ca', dependencies),
  ])
  const pair = await theirs.issue({ commonName: 'admin', organizations: ['system:masters'], usages: ['client'] })
  assert.equal(new X509Certificate(pair.certificate).verify(new X509Certificate(ours.certificate).publicKey), false)
})

test('a signing key comes with its public half', async () => {
  const { privateKey, publicKey } = await createSigningKey()
  assert.match(privateKey, /^-----BEGIN PRIVATE KEY-----/)
  assert.match(publicKey, /^-----BEGIN PUBLIC KEY-----/)
})
