import assert from 'node:assert/strict'
import test from 'node:test'
import { type CertificateSigningRequest, certificateSigningRequests, clusterRoleBindings, clusterRoles } from '#api'
import type { UserInfo } from '#client'
import { armoured, CERTIFICATE_DER, refusal, startAdmissionTest, type TestApiServer } from '#testing'

const USER: UserInfo = { username: 'someone', groups: ['system:authenticated'] }
const ANYTHING = {
  apiGroups: ['certificates.k8s.io'],
  resources: ['certificatesigningrequests', 'certificatesigningrequests/approval', 'certificatesigningrequests/status'],
  verbs: ['*'],
}

async function request(organization: string): Promise<string> {
  await import('reflect-metadata')
  const x509 = await import('@peculiar/x509')
  const keys = await crypto.subtle.generateKey({ name: 'ECDSA', namedCurve: 'P-256' }, true, ['sign', 'verify'])
  const made = await x509.Pkcs10CertificateRequestGenerator.create({
    name: `CN=someone, O=${organization}`,
    keys,
    signingAlgorithm: { name: 'ECDSA', hash: 'SHA-256' },
  })
  return Buffer.from(made.toString('pem')).toString('base64')
}

const csr = async (name: string, signerName: string, organization = 'people'): Promise<CertificateSigningRequest> => ({
  apiVersion: 'certificates.k8s.io/v1',
  kind: 'CertificateSigningRequest',
  metadata: { name },
  spec: { request: await request(organization), signerName, usages: ['client auth'] },
})

async function grant({ client }: TestApiServer, name: string, rule: object): Promise<void> {
  const group = 'rbac.authorization.k8s.io'
  await client.create(clusterRoles, {
    apiVersion: `${group}/v1`,
    kind: 'ClusterRole',
    metadata: { name },
    rules: [rule],
  } as never)
  await client.create(clusterRoleBindings, {
    apiVersion: `${group}/v1`,
    kind: 'ClusterRoleBinding',
    metadata: { name },
    roleRef: { apiGroup: group, kind: 'ClusterRole', name },
    subjects: [{ apiGroup: group, kind: 'User', name: USER.username }],
  })
}

const signers = (verb: string, name: string): object => ({
  apiGroups: ['certificates.k8s.io'],
  resources: ['signers'],
  resourceNames: [name],
  verbs: [verb],
})

test('who approves or signs needs the verb on the signer, by its name or its domain', async () => {
  await using api = await startAdmissionTest()
  const user = api.clientFor(USER)
  await grant(api, 'csr', ANYTHING)
  const made = await api.client.create(certificateSigningRequests, await csr('a', 'example.com/web'))
  const condition = { type: 'Approved', status: 'True', reason: 'Test', message: '' }
  const certificate = armoured(CERTIFICATE_DER, 'CERTIFICATE')
  const approve = (): Promise<unknown> =>
    user.update(certificateSigningRequests, { ...made, status: { conditions: [condition] } } as never, {
      subresource: 'approval',
    })
  const sign = (): Promise<unknown> =>
    user.patch(certificateSigningRequests, 'a', { status: { certificate } }, { type: 'merge', subresource: 'status' })
  const about = 'certificatesigningrequests.certificates.k8s.io "a" is forbidden: user not permitted to'
  assert.equal(await refusal(approve()), `${about} approve requests with signerName "example.com/web"`)
  await grant(api, 'approve', signers('approve', 'example.com/*'))
  await approve()
  assert.equal(await refusal(sign()), `${about} sign requests with signerName "example.com/web"`)
  await grant(api, 'sign', signers('sign', 'example.com/web'))
  await sign()
})

test('nobody asks for a client certificate of system:masters', async () => {
  await using api = await startAdmissionTest()
  const make = async (name: string, organization: string): Promise<unknown> =>
    api.client.create(certificateSigningRequests, await csr(name, 'kubernetes.io/kube-apiserver-client', organization))
  assert.equal(
    await refusal(make('a', 'system:masters')),
    'certificatesigningrequests.certificates.k8s.io "a" is forbidden: use of kubernetes.io/kube-apiserver-client signer with system:masters group is not allowed',
  )
  await make('b', 'people')
})

test('a request that is dressed up, in several pieces or encodings, is read as its signer reads it', async () => {
  await using api = await startAdmissionTest()
  const make = async (name: string, pem: string): Promise<string> => {
    const spec = {
      request: Buffer.from(pem).toString('base64'),
      signerName: 'kubernetes.io/kube-apiserver-client',
      usages: ['client auth'],
    }
    const kind = { apiVersion: 'certificates.k8s.io/v1', kind: 'CertificateSigningRequest' }
    return refusal(api.client.create(certificateSigningRequests, { ...kind, metadata: { name }, spec }))
  }
  const pemOf = async (organization: string): Promise<string> => Buffer.from(await request(organization), 'base64').toString()
  const [masters, people] = [await pemOf('system:masters'), await pemOf('people')]
  const dressed = {
    'text before it': `Subject: CN=someone\n\n${masters}`,
    'text behind it': `${masters}\nand more`,
    'a second one behind it': `${masters}\n${people}`,
    'spaces and carriage returns': `  \r\n${masters.replaceAll('\n', '\r\n')}`,
  }
  for (const [what, pem] of Object.entries(dressed))
    assert.match(await make('a', pem), /signer with system:masters group is not allowed$/, what)
  const behind = `-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n${masters}`
  assert.match(await make('a', behind), /PEM block type must be CERTIFICATE REQUEST$/)
  for (const pem of ['', 'AAAA', masters.replace('CERTIFICATE REQUEST', 'NEW CERTIFICATE REQUEST')])
    assert.match(
      await make('a', pem),
      /spec.request: Invalid value: .*PEM block type must be CERTIFICATE REQUEST$|failed to parse CSR: /,
    )
  assert.match(
    await make('a', masters.replace(/\n[A-Za-z0-9+/]{8}/, '\nAAAAAAAA')),
    /spec\.request: Invalid value: .*: asn1: structure error: /,
  )
  // Of several organisations, and in several attributes of one name.
  for (const organization of ['people, O=system:masters', 'people+O=system:masters'])
    assert.match(await make('a', await pemOf(organization)), /signer with system:masters group is not allowed$/, organization)
})
