import assert from 'node:assert/strict'
import test from 'node:test'
import {
  certificateSigningRequests,
  clusterRoles,
  configMaps,
  endpointSlices,
  endpoints,
  namespaces,
  nodes,
  pods,
  resourceQuotas,
  serviceAccounts,
  services,
} from '#api'
import { type Client, inProcessTransport, type TransportRequest, type UserInfo } from '#client'
import { createCertificateRequest } from '#cluster'
import { armoured, CERTIFICATE_DER, grant, podOf, refusal, ruleOf, startAdmissionTest, type TestApiServer } from '#testing'

const EVE: UserInfo = { username: 'eve', groups: ['system:authenticated'] }

/** What the server answers to a raw request of eve's: the status code and the message. */
async function raw(
  { server }: TestApiServer,
  method: TransportRequest['method'],
  path: string,
  headers: Record<string, string> = {},
): Promise<readonly [status: number, message: string]> {
  const mark = path.indexOf('?')
  const query = new URLSearchParams(mark === -1 ? '' : path.slice(mark + 1))
  const transport = inProcessTransport(server, { user: EVE })
  const { status, body } = await transport.request({ method, path: mark === -1 ? path : path.slice(0, mark), query, headers })
  const message = body.kind === 'object' ? ((body.object as { message?: string }).message ?? '') : ''
  return [
    status,
    body.kind === 'bytes' ? ((JSON.parse(Buffer.from(body.bytes).toString()) as { message?: string }).message ?? '') : message,
  ]
}

test('who may create pods may not change whose account they run under, nor read its token by other means', async () => {
  await using api = await startAdmissionTest()
  await grant(api.client, 'eve', [ruleOf('core', 'pods', 'create get patch')], { namespace: 'work' })
  const eve = api.clientFor(EVE)
  await eve.create(pods, podOf('mine'))
  assert.match(
    await refusal(eve.patch(pods, 'work/mine', { spec: { serviceAccountName: 'other' } }, { type: 'merge' })),
    /pod updates may not change fields other than/,
  )
  assert.match(
    await refusal(eve.create(pods, podOf('theirs', { serviceAccountName: 'nobody' }))),
    /error looking up service account work\/nobody: serviceaccount "nobody" not found/,
  )
  const request = { apiVersion: 'authentication.k8s.io/v1', kind: 'TokenRequest', spec: {} }
  assert.match(
    await refusal(eve.createSubresource(serviceAccounts, 'work/default', 'token', request)),
    /cannot create resource "serviceaccounts\/token" in API group "" in the namespace "work"/,
  )
  const debug = { spec: { ephemeralContainers: [{ name: 'debug', image: 'i' }] } }
  assert.match(
    await refusal(eve.patch(pods, 'work/mine', debug, { type: 'strategic', subresource: 'ephemeralcontainers' } as never)),
    /cannot patch resource "pods\/ephemeralcontainers"/,
  )
})

test('a stream into a container needs create, also when it begins with a GET', async () => {
  await using api = await startAdmissionTest()
  await api.client.create(pods, podOf('web', { nodeName: 'n1' }))
  await grant(api.client, 'eve', [ruleOf('core', 'pods/exec pods/attach pods/portforward', 'get')], { namespace: 'work' })
  for (const subresource of ['exec', 'attach', 'portforward']) {
    const [status, message] = await raw(api, 'GET', `/api/v1/namespaces/work/pods/web/${subresource}?command=id`)
    assert.equal(status, 403)
    assert.match(message, new RegExp(`cannot create resource "pods/${subresource}" in API group "" in the namespace "work"`))
  }
  await grant(api.client, 'eve', [ruleOf('core', 'pods/exec', 'create')], { name: 'create', namespace: 'work' })
  assert.deepEqual(await raw(api, 'GET', '/api/v1/namespaces/work/pods/web/exec?command=id'), [400, 'Upgrade request required'])
})

test('impersonation needs the verb for each thing that somebody else is', async () => {
  await using api = await startAdmissionTest()
  await grant(api.client, 'eve', [ruleOf('core', 'users', 'impersonate', 'ann')])
  const as = (headers: Record<string, string>) => raw(api, 'GET', '/api/v1/namespaces/work/pods', headers)
  const [, own] = await as({ 'impersonate-user': 'ann' })
  assert.match(own, /User "ann" cannot list resource "pods"/)
  const [, other] = await as({ 'impersonate-user': 'kubernetes-admin' })
  assert.match(other, /User "eve" cannot impersonate resource "users" in API group ""/)
  const [, masters] = await as({ 'impersonate-user': 'ann', 'impersonate-group': 'system:masters' })
  assert.match(masters, /User "eve" cannot impersonate resource "groups" in API group ""/)
  const [, extra] = await as({ 'impersonate-user': 'ann', 'impersonate-extra-scopes': 'all' })
  assert.match(extra, /User "eve" cannot impersonate resource "userextras\/scopes" in API group "authentication.k8s.io"/)
  const [, account] = await as({ 'impersonate-user': 'system:serviceaccount:kube-system:generic-garbage-collector' })
  assert.match(account, /cannot impersonate resource "serviceaccounts" in API group "" in the namespace "kube-system"/)
})

test('who may approve requests of one signer may not approve those of another', async () => {
  await using api = await startAdmissionTest()
  const all = ruleOf(
    'certificates.k8s.io',
    'certificatesigningrequests certificatesigningrequests/approval certificatesigningrequests/status',
    '*',
  )
  await grant(api.client, 'eve', [all, ruleOf('certificates.k8s.io', 'signers', 'approve sign', 'example.com/mine')])
  const { request: pem } = await createCertificateRequest({ commonName: 'eve' })
  const request = Buffer.from(pem).toString('base64')
  const eve = api.clientFor(EVE)
  const made = await eve.create(certificateSigningRequests, {
    apiVersion: 'certificates.k8s.io/v1',
    kind: 'CertificateSigningRequest',
    metadata: { name: 'a' },
    spec: { request, signerName: 'kubernetes.io/kube-apiserver-client', usages: ['client auth'] },
  })
  assert.equal(made.spec.username, 'eve')
  const condition = { type: 'Approved', status: 'True', reason: 'Mine', message: '' }
  assert.match(
    await refusal(
      eve.update(certificateSigningRequests, { ...made, status: { conditions: [condition] } }, { subresource: 'approval' }),
    ),
    /user not permitted to approve requests with signerName "kubernetes.io\/kube-apiserver-client"/,
  )
  const certificate = { status: { certificate: armoured(CERTIFICATE_DER, 'CERTIFICATE') } }
  assert.match(
    await refusal(eve.patch(certificateSigningRequests, 'a', certificate, { type: 'merge', subresource: 'status' })),
    /user not permitted to sign requests with signerName "kubernetes.io\/kube-apiserver-client"/,
  )
})

test('the right to one part of the kubelet is no right to its proxy, and the proxy of nodes is no right to their other parts', async () => {
  await using api = await startAdmissionTest()
  await api.client.create(nodes, { apiVersion: 'v1', kind: 'Node', metadata: { name: 'n1' } })
  await grant(api.client, 'eve', [ruleOf('core', 'nodes/metrics nodes/log nodes/configz', '*')])
  const [status, message] = await raw(api, 'GET', '/api/v1/nodes/n1/proxy/metrics')
  assert.equal(status, 403)
  assert.match(message, /cannot get resource "nodes\/proxy"/)
})

test('a path that climbs is a name that no pod has, however it is encoded', async () => {
  await using api = await startAdmissionTest()
  await api.client.create(pods, podOf('web', { nodeName: 'n1' }))
  await grant(api.client, 'eve', [ruleOf('core', 'pods/log pods/proxy', 'get')], { namespace: 'work' })
  const climbing: Readonly<Record<string, number>> = {
    // A slash is one, however it is written: these are parts of a pod that nobody has, and may read.
    '/api/v1/namespaces/work/pods/..%2f..%2fdefault%2fpods%2fweb/log': 403,
    '/api/v1/namespaces/work/pods/%2e%2e%2f%2e%2e%2fsecrets/log': 403,
    '/api/v1/namespaces/work/pods/..%252f..%252fsecrets/log': 400,
    '/api/v1/namespaces/work/pods/web%00/log': 404,
  }
  for (const [path, code] of Object.entries(climbing)) assert.equal((await raw(api, 'GET', path))[0], code, path)
  // What is left of the path decides whether it may be read: dots are not resolved after authorisation.
  const [status, message] = await raw(api, 'GET', '/api/v1/namespaces/work/pods/../secrets/one')
  assert.equal(status, 403)
  assert.match(message, /forbidden/)
  // The query of a log names no file.
  const [log] = await raw(api, 'GET', '/api/v1/namespaces/work/pods/web/log?path=../../etc/passwd&container=..%2f..%2fetc')
  assert.equal(log, 400)
  const refused: Readonly<Record<string, readonly [number, string]>> = {
    'tailLines=abc': [400, 'strconv.ParseInt: parsing "abc": invalid syntax'],
    'tailLines=-1': [422, 'PodLogOptions "web" is invalid: tailLines: Invalid value: -1: must be greater than or equal to 0'],
  }
  for (const [query, [code, text]] of Object.entries(refused)) {
    const [status, said] = await raw(api, 'GET', `/api/v1/namespaces/work/pods/web/log?${query}`)
    assert.equal(status, code, said)
    assert.ok(said.includes(text), said)
  }
})

test('nobody is led to loopback, link-local or unspecified addresses: not by endpoints, and not by what a pod says of itself', async () => {
  await using api = await startAdmissionTest()
  const { client } = api
  await client.create(services, {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: { name: 'a', namespace: 'work' },
    spec: { ports: [{ port: 80 }] },
  })
  const slice = (address: string, addressType: string) => ({
    apiVersion: 'discovery.k8s.io/v1',
    kind: 'EndpointSlice',
    metadata: { name: 'a', namespace: 'work', labels: { 'kubernetes.io/service-name': 'a' } },
    addressType,
    endpoints: [{ addresses: [address] }],
    ports: [{ port: 6443 }],
  })
  const table: readonly [address: string, family: string, why: string][] = [
    ['127.0.0.1', 'IPv4', 'may not be in the loopback range (127.0.0.0/8, ::1/128)'],
    ['169.254.169.254', 'IPv4', 'may not be in the link-local range (169.254.0.0/16, fe80::/10)'],
    ['224.0.0.5', 'IPv4', 'may not be in the link-local multicast range (224.0.0.0/24, ff02::/10)'],
    ['0.0.0.0', 'IPv4', 'may not be unspecified (0.0.0.0)'],
    ['::1', 'IPv6', 'may not be in the loopback range (127.0.0.0/8, ::1/128)'],
    ['fe80::1', 'IPv6', 'may not be in the link-local range (169.254.0.0/16, fe80::/10)'],
  ]
  for (const [address, family, why] of table) {
    assert.equal(
      await refusal(client.create(endpointSlices, slice(address, family))),
      `EndpointSlice.discovery.k8s.io "a" is invalid: endpoints[0].addresses[0]: Invalid value: "${address}": ${why}`,
    )
  }
  const subsets = [{ addresses: [{ ip: '127.0.0.1' }], notReadyAddresses: [{ ip: '169.254.169.254' }], ports: [{ port: 80 }] }]
  const refused = await refusal(
    client.create(endpoints, { apiVersion: 'v1', kind: 'Endpoints', metadata: { name: 'a', namespace: 'work' }, subsets }),
  )
  assert.match(
    refused,
    /subsets\[0\]\.addresses\[0\]\.ip: Invalid value: "127.0.0.1".*subsets\[0\]\.notReadyAddresses\[0\]\.ip: Invalid value: "169.254.169.254"/,
  )
  await client.create(pods, podOf('web', { nodeName: 'n1' }))
  await grant(client, 'eve', [ruleOf('core', 'pods/proxy', 'get')], { namespace: 'work' })
  for (const podIP of ['127.0.0.1', '169.254.169.254', '::1']) {
    await client.patch(
      pods,
      'work/web',
      { status: { phase: 'Running', podIP, podIPs: [{ ip: podIP }] } },
      { type: 'merge', subresource: 'status' },
    )
    assert.deepEqual(await raw(api, 'GET', '/api/v1/namespaces/work/pods/web:6443/proxy/'), [400, 'address not allowed'])
  }
})

test('a hundred creates at once never pass a quota, and fill it exactly', async () => {
  await using api = await startAdmissionTest()
  const hard = { 'count/configmaps': '10' }
  await api.client.create(resourceQuotas, {
    apiVersion: 'v1',
    kind: 'ResourceQuota',
    metadata: { name: 'q', namespace: 'work' },
    spec: { hard },
  })
  await api.client.patch(
    resourceQuotas,
    'work/q',
    { status: { hard, used: { 'count/configmaps': '0' } } },
    { type: 'merge', subresource: 'status' },
  )
  const settled = await Promise.allSettled(
    Array.from({ length: 100 }, (_, at) =>
      api.client.create(configMaps, { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: `c-${at}`, namespace: 'work' } }),
    ),
  )
  const failures = settled.flatMap((each) => (each.status === 'rejected' ? [(each.reason as Error).message] : []))
  assert.equal(failures.length, 90)
  for (const message of failures)
    assert.match(
      message,
      /exceeded quota: q, requested: count\/configmaps=1, used: count\/configmaps=10, limited: count\/configmaps=10/,
    )
  assert.equal((await api.client.list(configMaps, { namespace: 'work' })).items.length, 10)
  assert.equal((await api.client.get(resourceQuotas, 'work/q')).status?.used?.['count/configmaps'], '10')
})

test('a namespace is let go of only by who may finalize it, past admission, with finalizers that are names', async () => {
  await using api = await startAdmissionTest({
    admission: {
      functions: [
        {
          type: 'validating',
          rules: [{ operations: ['UPDATE'], apiGroups: [''], apiVersions: ['v1'], resources: ['namespaces/finalize'] }],
          handle: ({ name }) => (name === 'kept' ? { allowed: false, status: { message: 'keep it' } } : undefined),
        },
      ],
    },
  })
  const { client } = api
  const finalize = async (who: Client, name: string, finalizers: string[]): Promise<unknown> =>
    who.update(namespaces, { ...(await client.get(namespaces, name)), spec: { finalizers } }, {
      subresource: 'finalize',
    } as never)
  for (const name of ['kept', 'gone'])
    await client.create(namespaces, { apiVersion: 'v1', kind: 'Namespace', metadata: { name } })
  await grant(client, 'eve', [ruleOf('core', 'namespaces', 'update')])
  assert.match(await refusal(finalize(api.clientFor(EVE), 'gone', [])), /cannot update resource "namespaces\/finalize"/)
  assert.match(await refusal(finalize(client, 'kept', [])), /keep it/)
  assert.match(await refusal(finalize(client, 'gone', ['No Name'])), /spec\.finalizers\[0\]: Invalid value: "No Name"/)
  await client.delete(namespaces, 'gone')
  await finalize(client, 'gone', [])
  assert.equal(await client.find(namespaces, 'gone'), undefined)
})

test('nobody makes themselves an administrator by a role that is there already', async () => {
  await using api = await startAdmissionTest()
  await grant(api.client, 'eve', [ruleOf('rbac.authorization.k8s.io', 'clusterroles', '*', 'system:basic-user')])
  const eve = api.clientFor(EVE)
  // `*` on that one role includes `escalate` on it, as upstream's does; on any other it is nothing.
  await eve.patch(clusterRoles, 'system:basic-user', { metadata: { labels: { a: 'b' } } }, { type: 'merge' })
  const rules = [ruleOf('*', '*', '*')]
  assert.match(
    await refusal(eve.patch(clusterRoles, 'system:discovery', { rules }, { type: 'merge' })),
    /cannot patch resource "clusterroles"/,
  )
})
