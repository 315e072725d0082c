import assert from 'node:assert/strict'
import { X509Certificate } from 'node:crypto'
import test from 'node:test'
import {
  type CertificateSigningRequest,
  type CertificateSigningRequestCondition,
  certificateSigningRequests,
  KUBELET_CLIENT,
  KUBELET_SERVING,
  type Node,
  nodes,
} from '#api'
import { seededRandom, VirtualClock } from '#base'
import type { UserInfo } from '#client'
import { createAuthority, createCertificateRequest, publishJoining } from '#cluster'
import { API_SERVER_CLIENT, LEGACY_UNKNOWN } from '#controllers'
import { startTestCluster, type TestCluster } from '#testing'
import { parseRequest } from './request.ts'
import { signRequest } from './sign.ts'
import { signerRules } from './signers.ts'

const CONTROLLERS = [
  'certificatesigningrequest-approving-controller',
  'certificatesigningrequest-cleaner-controller',
  'certificatesigningrequest-signing-controller',
  't8s-node-certificate-approving-controller',
]
const HOUR_MS = 3_600_000
const YEAR_MS = 365 * 24 * HOUR_MS
const CLIENT = ['digital signature', 'client auth']
const SERVER = ['digital signature', 'server auth']

const JOINER: UserInfo = {
  username: 'system:bootstrap:abcdef',
  groups: ['system:bootstrappers', 'system:bootstrappers:kubeadm:default-node-token', 'system:authenticated'],
}
const nodeUser = (name: string): UserInfo => ({
  username: `system:node:${name}`,
  groups: ['system:nodes', 'system:authenticated'],
})

const ca = createAuthority('test-ca', { clock: new VirtualClock(), random: seededRandom(1) })

async function start(): Promise<TestCluster> {
  const pair = await ca
  const authorities = Object.fromEntries(
    [API_SERVER_CLIENT, KUBELET_CLIENT, KUBELET_SERVING, LEGACY_UNKNOWN].map((name) => [name, pair]),
  )
  const signing = { authorities, durationMs: YEAR_MS }
  const cluster = await startTestCluster({ transport: 'in process', signing, controllers: CONTROLLERS })
  const settings = { clusterId: 'a', clusterCIDR: '', clusterDNS: '', clusterDomain: '', clientCA: '' }
  await publishJoining(cluster.client, { server: 'https://192.0.2.1:6443', ca: '', settings })
  return cluster
}

interface Ask {
  readonly signer: string
  readonly usages: readonly string[]
  readonly commonName: string
  readonly organizations?: readonly string[]
  readonly hosts?: readonly string[]
  readonly seconds?: number
}

async function ask(cluster: TestCluster, user: UserInfo, input: Ask): Promise<string> {
  const { request } = await createCertificateRequest(input)
  const created = await cluster.clientFor(user).create(certificateSigningRequests, {
    apiVersion: 'certificates.k8s.io/v1',
    kind: 'CertificateSigningRequest',
    metadata: { generateName: 'csr-' },
    spec: {
      request: Buffer.from(request).toString('base64'),
      signerName: input.signer,
      usages: [...input.usages],
      ...(input.seconds !== undefined && { expirationSeconds: input.seconds }),
    },
  })
  return created.metadata!.name!
}

/** Waits for real: certificates are made off the main thread, beside any virtual clock. */
async function until(
  { client }: TestCluster,
  name: string,
  isThere: (request: CertificateSigningRequest) => boolean,
): Promise<CertificateSigningRequest> {
  const first = await client.get(certificateSigningRequests, name)
  if (isThere(first)) return first
  const since = first.metadata?.resourceVersion
  for await (const event of client.watch(certificateSigningRequests, {
    fieldSelector: `metadata.name=${name}`,
    resourceVersion: since,
  }))
    if (event.type === 'MODIFIED' && isThere(event.object)) return event.object
  throw new Error('the watch ended')
}

const issued = async (cluster: TestCluster, name: string): Promise<X509Certificate> => {
  const request = await until(cluster, name, ({ status }) => Boolean(status?.certificate))
  return new X509Certificate(Buffer.from(request.status!.certificate!, 'base64'))
}

const conditionsOf = async (cluster: TestCluster, name: string): Promise<CertificateSigningRequestCondition[]> => {
  await cluster.clock.advance(0)
  return (await cluster.client.get(certificateSigningRequests, name)).status?.conditions ?? []
}

async function decide(cluster: TestCluster, name: string, type: 'Approved' | 'Denied'): Promise<void> {
  const request = await cluster.client.get(certificateSigningRequests, name)
  const status = { ...request.status, conditions: [{ type, status: 'True', reason: 'Admin', message: 'by hand' }] }
  await cluster.client.update(certificateSigningRequests, { ...request, status }, { subresource: 'approval' })
}

const kubeletClient = (node: string, more: Partial<Ask> = {}): Ask => ({
  signer: KUBELET_CLIENT,
  usages: CLIENT,
  commonName: `system:node:${node}`,
  organizations: ['system:nodes'],
  ...more,
})
const kubeletServing = (node: string, hosts: readonly string[]): Ask => ({
  ...kubeletClient(node, { signer: KUBELET_SERVING, usages: SERVER }),
  hosts,
})

const nodeAt = (name: string, ...addresses: string[]): Node => ({
  apiVersion: 'v1',
  kind: 'Node',
  metadata: { name },
  spec: {},
  status: { addresses: addresses.map((address) => ({ type: 'InternalIP', address })) },
})

test('a joiner gets a kubelet client certificate, and the node renews it itself', async () => {
  await using cluster = await start()
  const authority = new X509Certificate((await ca).certificate)
  for (const [user, message] of [
    [JOINER, 'Auto approving kubelet client certificate after SubjectAccessReview.'],
    [nodeUser('a'), 'Auto approving self kubelet client certificate after SubjectAccessReview.'],
  ] as const) {
    const name = await ask(cluster, user, kubeletClient('a'))
    const [condition] = await conditionsOf(cluster, name)
    assert.deepEqual([condition?.type, condition?.reason, condition?.message], ['Approved', 'AutoApproved', message])
    const certificate = await issued(cluster, name)
    assert.ok(certificate.checkIssued(authority) && certificate.verify(authority.publicKey))
    assert.equal(certificate.subject, 'O=system:nodes\nCN=system:node:a')
    assert.deepEqual(certificate.keyUsage, ['1.3.6.1.5.5.7.3.2'])
    assert.equal(certificate.ca, false)
    assert.equal(Date.parse(certificate.validTo), cluster.clock.now() + YEAR_MS - 5 * 60_000)
    assert.equal(Date.parse(certificate.validFrom), cluster.clock.now() - 5 * 60_000)
  }
})

test('the server says who asked, whatever the request says, and nothing is approved by asking', async () => {
  await using cluster = await start()
  const { request } = await createCertificateRequest(kubeletClient('a'))
  const created = await cluster.clientFor(nodeUser('b')).create(certificateSigningRequests, {
    apiVersion: 'certificates.k8s.io/v1',
    kind: 'CertificateSigningRequest',
    metadata: { name: 'forged' },
    spec: {
      request: Buffer.from(request).toString('base64'),
      signerName: KUBELET_CLIENT,
      usages: CLIENT,
      username: 'system:node:a',
      groups: ['system:masters'],
    },
    status: { conditions: [{ type: 'Approved', status: 'True', reason: 'x', message: 'x' }] },
  })
  assert.equal(created.spec?.username, 'system:node:b')
  assert.deepEqual(created.spec?.groups, ['system:nodes', 'system:authenticated'])
  assert.equal(created.status?.conditions, undefined)
  assert.deepEqual(await conditionsOf(cluster, 'forged'), [])
  const status = { conditions: [{ type: 'Approved', status: 'True', reason: 'x', message: 'x' }] }
  await assert.rejects(
    cluster.client.updateStatus(certificateSigningRequests, { ...created, status }),
    /status\.conditions: Forbidden: updates may not add a condition of type "Approved"/,
  )
  assert.deepEqual(await conditionsOf(cluster, 'forged'), [])
})

const notApproved: readonly (readonly [what: string, user: UserInfo, ask: Ask])[] = [
  ["a node another node's client certificate", nodeUser('b'), kubeletClient('a')],
  ['a client certificate with names', JOINER, kubeletClient('a', { hosts: ['a'] })],
  ['a client certificate for serving', JOINER, kubeletClient('a', { usages: SERVER })],
  ['a client certificate of another group', JOINER, kubeletClient('a', { organizations: ['system:masters'] })],
  ["a serving certificate for another node's address", nodeUser('a'), kubeletServing('a', ['192.0.2.2'])],
  ['a serving certificate for an address that two nodes report', nodeUser('a'), kubeletServing('a', ['192.0.2.3'])],
  ['a serving certificate for a name of its own choice', nodeUser('a'), kubeletServing('a', ['kubernetes.default'])],
  ['a joiner a serving certificate', JOINER, kubeletServing('a', ['192.0.2.1'])],
  [
    'a node any other client',
    nodeUser('a'),
    { signer: API_SERVER_CLIENT, usages: CLIENT, commonName: 'system:kube-scheduler', seconds: 3600 },
  ],
  [
    'a proxy in a group',
    nodeUser('a'),
    { signer: API_SERVER_CLIENT, usages: CLIENT, commonName: 'system:kube-proxy', organizations: ['x'], seconds: 3600 },
  ],
  ['a proxy for ever', nodeUser('a'), { signer: API_SERVER_CLIENT, usages: CLIENT, commonName: 'system:kube-proxy' }],
  [
    'a proxy of a node that does not exist',
    nodeUser('ghost'),
    { signer: API_SERVER_CLIENT, usages: CLIENT, commonName: 'system:kube-proxy', seconds: 3600 },
  ],
]

for (const [what, user, input] of notApproved) {
  test(`nobody approves for ${what}`, async () => {
    await using cluster = await start()
    await cluster.client.create(nodes, nodeAt('a', '192.0.2.1', '192.0.2.3'))
    await cluster.client.create(nodes, nodeAt('b', '192.0.2.2', '192.0.2.3'))
    assert.deepEqual(await conditionsOf(cluster, await ask(cluster, user, input)), [])
  })
}

test('a kubelet gets its serving certificate once its node reports the addresses; proxy and DNS for a day', async () => {
  await using cluster = await start()
  await cluster.client.create(nodes, nodeAt('a'))
  const name = await ask(cluster, nodeUser('a'), kubeletServing('a', ['a', 'localhost', '192.0.2.1']))
  assert.deepEqual(await conditionsOf(cluster, name), [])
  const node = await cluster.client.get(nodes, 'a')
  await cluster.client.updateStatus(nodes, { ...node, status: nodeAt('a', '192.0.2.1').status! })
  const serving = await issued(cluster, name)
  assert.ok(serving.checkHost('a') && serving.checkIP('192.0.2.1'))
  const seconds = 24 * 3600
  const proxy = await ask(cluster, nodeUser('a'), {
    signer: API_SERVER_CLIENT,
    usages: CLIENT,
    commonName: 'system:kube-proxy',
    seconds,
  })
  const certificate = await issued(cluster, proxy)
  assert.equal(certificate.subject, 'CN=system:kube-proxy')
  assert.equal(Date.parse(certificate.validTo), cluster.clock.now() + seconds * 1000 - 5 * 60_000)
})

const failures: readonly (readonly [message: string, ask: Ask])[] = [
  ['subject organization is not system:nodes', kubeletClient('a', { organizations: ['a'] })],
  ['DNS subjectAltNames are not allowed', kubeletClient('a', { hosts: ['a'] })],
  ['IP subjectAltNames are not allowed', kubeletClient('a', { hosts: ['192.0.2.1'] })],
  ['subject common name does not begin with system:node:', kubeletClient('a', { commonName: 'a' })],
  ['usages did not match [client auth digital signature key encipherment]', kubeletClient('a', { usages: ['client auth'] })],
  ['DNS or IP subjectAltName is required', kubeletServing('a', [])],
  ['usages did not match [digital signature key encipherment server auth]', { ...kubeletServing('a', ['a']), usages: CLIENT }],
  [
    'missing required usage for client certificate: client auth',
    { signer: API_SERVER_CLIENT, usages: ['digital signature'], commonName: 'x' },
  ],
  ['invalid usage for client certificate: server auth', { signer: API_SERVER_CLIENT, usages: SERVER, commonName: 'x' }],
]

for (const [message, input] of failures) {
  test(`an approved request fails for its signer: ${input.signer}: ${message}`, async () => {
    await using cluster = await start()
    const name = await ask(cluster, JOINER, input)
    await decide(cluster, name, 'Approved')
    const { status } = await until(cluster, name, (request) => (request.status?.conditions?.length ?? 0) > 1)
    const failed = status?.conditions?.find(({ type }) => type === 'Failed')
    assert.deepEqual([failed?.status, failed?.reason, failed?.message], ['True', 'SignerValidationFailure', message])
    assert.equal(status?.certificate, undefined)
  })
}

test('durations are what was asked for, from ten minutes to what the signer gives; short ones are not cut by dating back', async () => {
  await using cluster = await start()
  const lifeOf = async (seconds: number): Promise<number> => {
    const certificate = await issued(cluster, await ask(cluster, JOINER, kubeletClient('a', { seconds })))
    return Date.parse(certificate.validTo) - cluster.clock.now()
  }
  assert.equal(await lifeOf(600), 600_000)
  assert.equal(await lifeOf(8 * 3600), 8 * HOUR_MS - 5 * 60_000)
  assert.equal(await lifeOf((3 * YEAR_MS) / 1000), YEAR_MS - 5 * 60_000)
})

test('legacy-unknown signs with every name and usage, and so nobody may ask it for more', async () => {
  const input = {
    signer: LEGACY_UNKNOWN,
    usages: ['server auth', 'code signing', 'key encipherment'],
    commonName: 'anything',
    hosts: ['a.example', '192.0.2.9'],
  }
  await using cluster = await start()
  await assert.rejects(ask(cluster, JOINER, input), {
    message:
      /spec.signerName: Invalid value: "kubernetes.io\/legacy-unknown": the legacy signerName is not allowed via this API version$/,
  })
  const { request } = await createCertificateRequest(input)
  const parsed = await parseRequest({ spec: { request: Buffer.from(request).toString('base64') } } as CertificateSigningRequest)
  assert.equal(signerRules[LEGACY_UNKNOWN]!(parsed, input.usages), undefined)
  const options = { usages: input.usages, durationMs: YEAR_MS, nowMs: cluster.clock.now(), random: cluster.random }
  const certificate = new X509Certificate(await signRequest(await ca, parsed, options))
  assert.ok(certificate.checkHost('a.example') && certificate.checkIP('192.0.2.9'))
  assert.deepEqual(certificate.keyUsage, ['1.3.6.1.5.5.7.3.1', '1.3.6.1.5.5.7.3.3'])
})

test('requests go an hour after they were issued, denied or failed, and a day after they were made', async () => {
  await using cluster = await start()
  const { client, clock } = cluster
  const issuedName = await ask(cluster, JOINER, kubeletClient('a'))
  await issued(cluster, issuedName)
  const denied = await ask(cluster, JOINER, kubeletServing('a', ['a']))
  await decide(cluster, denied, 'Denied')
  const failed = await ask(cluster, JOINER, kubeletServing('a', []))
  await decide(cluster, failed, 'Approved')
  await until(cluster, failed, ({ status }) => (status?.conditions?.length ?? 0) > 1)
  const pending = await ask(cluster, JOINER, kubeletServing('a', ['a']))
  const left = async (): Promise<string[]> =>
    (await client.list(certificateSigningRequests)).items.map(({ metadata }) => metadata!.name!)
  await clock.advance(HOUR_MS - 2_000)
  assert.equal((await left()).length, 4)
  await clock.advance(4_000)
  assert.deepEqual(await left(), [pending])
  await clock.advance(23 * HOUR_MS)
  assert.deepEqual(await left(), [])
})

test('what is no certificate request is refused', async () => {
  await using cluster = await start()
  const creating = cluster.client.create(certificateSigningRequests, {
    apiVersion: 'certificates.k8s.io/v1',
    kind: 'CertificateSigningRequest',
    metadata: { name: 'x' },
    spec: { request: Buffer.from('hello').toString('base64'), signerName: KUBELET_CLIENT, usages: CLIENT },
  })
  await assert.rejects(creating, /spec\.request: Invalid value: .*PEM block type must be CERTIFICATE REQUEST/)
})
