import assert from 'node:assert/strict'
import { type webcrypto, X509Certificate } from 'node:crypto'
import test from 'node:test'
import {
  type CertificateSigningRequest,
  certificateSigningRequests,
  clusterRoleBindings,
  clusterRoles,
  KUBELET_CLIENT,
} from '#api'
import { seededRandom, VirtualClock } from '#base'
import type { UserInfo } from '#client'
import { createAuthority, publishJoining } from '#cluster'
import { API_SERVER_CLIENT, loadX509 } from '#controllers'
import { isForbidden } from '#meta'
import { startTestCluster, type TestCluster } from '#testing'

const CONTROLLERS = ['certificatesigningrequest-approving-controller', 'certificatesigningrequest-signing-controller']
const CLIENT = ['digital signature', 'client auth']
const UID = '1.3.6.1.4.1.57683.2'

/** Who comes with a bootstrap token whose Secret names these groups. */
const joiner = (id: string, ...groups: readonly string[]): UserInfo => ({
  username: `system:bootstrap:${id}`,
  groups: ['system:bootstrappers', ...groups, 'system:authenticated'],
})
const JOINER = joiner('abcdef', 'system:bootstrappers:kubeadm:default-node-token')
const nodeUser = (name: string): UserInfo => ({
  username: `system:node:${name}`,
  groups: ['system:nodes', 'system:authenticated'],
})

async function start(): Promise<TestCluster> {
  const pair = await createAuthority('test-ca', { clock: new VirtualClock(), random: seededRandom(1) })
  const signing = { authorities: { [KUBELET_CLIENT]: pair, [API_SERVER_CLIENT]: pair }, durationMs: 24 * 3_600_000 }
  const cluster = await startTestCluster({ transport: 'in process', signing, controllers: CONTROLLERS })
  const settings = { clusterId: 'a', clusterCIDR: '', clusterDNS: '', clusterDomain: '', clientCA: '' }
  await publishJoining(cluster.client, { server: 'https://192.0.2.1:6443', ca: '', settings })
  return cluster
}

type Subject = readonly Readonly<Record<string, string[]>>[]

interface Wish {
  readonly subject: Subject
  readonly signer?: string
  readonly usages?: readonly string[]
  /** Whether it asks for what makes an authority, and for a name that no signer knows. */
  readonly isGreedy?: boolean
}

async function pemOf({ subject, isGreedy = false }: Wish): Promise<string> {
  const x509 = await loadX509()
  const signing = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' }
  const keys = (await crypto.subtle.generateKey(signing, true, ['sign', 'verify'])) as webcrypto.CryptoKeyPair
  const greedy = [
    new x509.BasicConstraintsExtension(true, 9, true),
    new x509.KeyUsagesExtension(x509.KeyUsageFlags.keyCertSign | x509.KeyUsageFlags.cRLSign, true),
    new x509.SubjectAlternativeNameExtension([{ type: 'dn', value: 'CN=system:masters' }]),
  ]
  const request = await x509.Pkcs10CertificateRequestGenerator.create({
    name: subject.map((each) => ({ ...each })),
    keys,
    signingAlgorithm: signing,
    extensions: isGreedy ? greedy : [],
  })
  return `${request.toString('pem')}\n`
}

async function ask(cluster: TestCluster, user: UserInfo, wish: Wish): Promise<string> {
  const { metadata } = await cluster.clientFor(user).create(certificateSigningRequests, {
    apiVersion: 'certificates.k8s.io/v1',
    kind: 'CertificateSigningRequest',
    metadata: { generateName: 'csr-' },
    spec: {
      request: Buffer.from(await pemOf(wish)).toString('base64'),
      signerName: wish.signer ?? KUBELET_CLIENT,
      usages: [...(wish.usages ?? CLIENT)],
    },
  })
  return metadata!.name!
}

/** Waits for real: certificates are made off the main thread, beside any virtual clock. */
async function until(
  { client }: TestCluster,
  name: string,
  holds: (request: CertificateSigningRequest) => boolean,
): Promise<CertificateSigningRequest> {
  const first = await client.get(certificateSigningRequests, name)
  if (holds(first)) return first
  const options = { fieldSelector: `metadata.name=${name}`, resourceVersion: first.metadata?.resourceVersion }
  for await (const event of client.watch(certificateSigningRequests, options))
    if (event.type === 'MODIFIED' && holds(event.object)) return event.object
  throw new Error('the watch ended')
}

async function issued(cluster: TestCluster, name: string): Promise<X509Certificate> {
  const { status } = await until(cluster, name, (request) => Boolean(request.status?.certificate))
  return new X509Certificate(Buffer.from(status!.certificate!, 'base64'))
}

async function conditionsOf(cluster: TestCluster, name: string): Promise<string[]> {
  await cluster.clock.advance(0)
  return ((await cluster.client.get(certificateSigningRequests, name)).status?.conditions ?? []).map(({ type }) => type)
}

const OF_NODES = { O: ['system:nodes'] }
const named = (node: string) => ({ CN: [`system:node:${node}`] })

test('a certificate vouches for one name and known attributes, whatever else a joiner wrote into its request', async () => {
  await using cluster = await start()
  const subject: Subject = [
    { [UID]: ['of-somebody'] },
    OF_NODES,
    { '0.9.2342.19200300.100.1.1': ['root'] },
    named('a'),
    { E: ['a@b'] },
  ]
  const certificate = await issued(cluster, await ask(cluster, JOINER, { subject, isGreedy: true }))
  assert.equal(certificate.subject, 'O=system:nodes\nCN=system:node:a')
  assert.deepEqual([certificate.ca, certificate.subjectAltName, certificate.keyUsage], [false, undefined, ['1.3.6.1.5.5.7.3.2']])
  // Of several names the last is judged, signed and believed.
  const several = await issued(cluster, await ask(cluster, nodeUser('a'), { subject: [OF_NODES, named('b'), named('a')] }))
  assert.equal(several.subject, 'O=system:nodes\nCN=system:node:a')
  assert.deepEqual(
    await conditionsOf(cluster, await ask(cluster, nodeUser('a'), { subject: [OF_NODES, named('a'), named('b')] })),
    [],
  )
})

test('what any client may be keeps its organisation, place and serial number, in the order of Go’s library', async () => {
  await using cluster = await start()
  const subject: Subject = [
    { CN: ['ann'] },
    { '2.5.4.5': ['7'] },
    { ST: ['s'] },
    { L: ['l'] },
    { OU: ['u'] },
    { O: ['o'] },
    { O: ['p'] },
    { C: ['DE'] },
    { [UID]: ['u-1'] },
  ]
  const name = await ask(cluster, { username: 'ann', groups: ['system:masters'] }, { subject, signer: API_SERVER_CLIENT })
  const request = await cluster.client.get(certificateSigningRequests, name)
  const conditions = [{ type: 'Approved', status: 'True', reason: 'Admin', message: 'by hand' }]
  await cluster.client.update(certificateSigningRequests, { ...request, status: { conditions } }, { subresource: 'approval' })
  const { subject: said } = await issued(cluster, name)
  assert.equal(said.replaceAll(/ \+ |\n/g, ','), 'C=DE,O=o,O=p,OU=u,L=l,ST=s,CN=ann,serialNumber=7')
})

const NOT_APPROVED: Readonly<Record<string, Wish>> = {
  'for a second organisation': { subject: [OF_NODES, { O: ['system:masters'] }, named('a')] },
  'with a name that only begins like a node’s': { subject: [OF_NODES, { CN: ['system:nodes:a'] }] },
  'without a name': { subject: [OF_NODES] },
  'to sign others': { subject: [OF_NODES, named('a')], usages: [...CLIENT, 'cert sign'] },
  'for anything': { subject: [OF_NODES, named('a')], usages: ['any'] },
  'for servers too': { subject: [OF_NODES, named('a')], usages: [...CLIENT, 'server auth'] },
}

test('a joiner’s request for more than a kubelet is, is approved by nobody, and not signed when somebody approves it', async (context) => {
  await using cluster = await start()
  for (const [what, wish] of Object.entries(NOT_APPROVED)) {
    await context.test(what, async () => {
      const name = await ask(cluster, JOINER, wish)
      assert.deepEqual(await conditionsOf(cluster, name), [])
      const request = await cluster.client.get(certificateSigningRequests, name)
      const conditions = [{ type: 'Approved', status: 'True', reason: 'Admin', message: 'by mistake' }]
      await cluster.client.update(certificateSigningRequests, { ...request, status: { conditions } }, { subresource: 'approval' })
      const { status } = await until(cluster, name, (each) => (each.status?.conditions?.length ?? 0) > 1)
      assert.deepEqual(
        [status?.certificate, status?.conditions?.map(({ type, reason }) => `${type} ${reason}`)],
        [undefined, ['Approved Admin', 'Failed SignerValidationFailure']],
      )
    })
  }
})

test('a token of another group may ask for nothing; with the right to ask, nothing of it is approved, nor may it approve', async () => {
  await using cluster = await start()
  const other = joiner('ghijkl', 'system:bootstrappers:other')
  const wish: Wish = { subject: [OF_NODES, named('a')] }
  for (const user of [other, joiner('mnopqr')]) await assert.rejects(ask(cluster, user, wish), isForbidden)
  const name = 'asks-for-certificates'
  await cluster.client.create(clusterRoles, {
    apiVersion: 'rbac.authorization.k8s.io/v1',
    kind: 'ClusterRole',
    metadata: { name },
    rules: [{ apiGroups: ['certificates.k8s.io'], resources: ['certificatesigningrequests'], verbs: ['create', 'get', 'watch'] }],
  })
  await cluster.client.create(clusterRoleBindings, {
    apiVersion: 'rbac.authorization.k8s.io/v1',
    kind: 'ClusterRoleBinding',
    metadata: { name },
    roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name },
    subjects: [{ apiGroup: 'rbac.authorization.k8s.io', kind: 'Group', name: 'system:bootstrappers:other' }],
  })
  await cluster.clock.advance(0)
  const asked = await ask(cluster, other, wish)
  assert.deepEqual(await conditionsOf(cluster, asked), [])
  const request = await cluster.client.get(certificateSigningRequests, asked)
  const status = { conditions: [{ type: 'Approved', status: 'True', reason: 'Mine', message: '' }] }
  for (const user of [other, JOINER])
    await assert.rejects(
      cluster.clientFor(user).update(certificateSigningRequests, { ...request, status }, { subresource: 'approval' }),
      isForbidden,
    )
  // Whoever holds a token of the right group is let in as any node; as a node it gets its own name alone.
  assert.equal((await issued(cluster, await ask(cluster, JOINER, wish))).subject, 'O=system:nodes\nCN=system:node:a')
  assert.deepEqual(await conditionsOf(cluster, await ask(cluster, nodeUser('b'), wish)), [])
})
