import assert from 'node:assert/strict'
import test from 'node:test'
import { certificateSigningRequests, clusterRoles, configMaps, nodes, pods, roleBindings, secrets, serviceAccounts } from '#api'
import type { UserInfo } from '#client'
import { createCertificateRequest } from '#cluster'
import {
  ask,
  askWatch,
  bearer,
  establish,
  grant,
  openDoor,
  podOf,
  refusal,
  ruleOf,
  startAdmissionTest,
  startTestApiServer,
  startTestCluster,
  type TestApiServer,
  whoAmI,
} from '#testing'

const EVE: UserInfo = { username: 'eve', groups: ['system:authenticated'] }
const WORK = '/api/v1/namespaces/work'

/** What eve is answered: the status code, or the names of what she is shown. */
async function seen(api: TestApiServer, line: string): Promise<number | string[]> {
  const { code, object } = await ask(api, line, { user: EVE })
  return code === 200 ? (object.items ?? [object]).map(({ metadata }) => metadata?.name ?? '') : code
}

async function startWithSecrets(): Promise<TestApiServer> {
  const api = await startAdmissionTest()
  for (const name of ['one', 'two'])
    await api.client.create(secrets, { apiVersion: 'v1', kind: 'Secret', metadata: { name, namespace: 'work' } })
  return api
}

test('the right to one name opens no list, however its selector is spelt', async () => {
  await using api = await startWithSecrets()
  await grant(api.client, 'eve', [ruleOf('core', 'secrets', 'get list watch deletecollection', 'one')], { namespace: 'work' })
  const list = (selector: string): Promise<number | string[]> =>
    seen(api, `GET ${WORK}/secrets?fieldSelector=${encodeURIComponent(selector)}`)
  assert.deepEqual(await list('metadata.name=one'), ['one'])
  assert.deepEqual(await list('type=Opaque,metadata.name==one'), ['one'])
  // An escaped comma is part of the value before it.
  assert.equal(await list('type!=x\\,metadata.name=one'), 403)
  assert.equal(await list('type!=x\\,metadata.name=one,type!=y'), 403)
  assert.equal(await list('metadata.name!=two'), 403)
  assert.equal(await list('metadata.namespace=work,metadata.name!=one'), 403)
  assert.equal(await list('xmetadata.name=one'), 403)
  assert.equal(await list('metadata.name=../two'), 403)
  assert.deepEqual(await list('metadata.name=one,metadata.name=two'), [])
  // Terms are read in order, however they are written; and nothing has two names.
  assert.deepEqual(await list('metadata.name=two,metadata.name=one'), [])
  assert.equal(await list('metadata.name=two,metadata.name=three'), 403)
  // Of two selectors in one query, both readers see the first.
  assert.deepEqual(await seen(api, `GET ${WORK}/secrets?fieldSelector=metadata.name%3Done&fieldSelector=type!%3Dx`), ['one'])
  assert.equal(await seen(api, `GET ${WORK}/secrets?fieldSelector=type!%3Dx&fieldSelector=metadata.name%3Done`), 403)
  assert.equal(await seen(api, `GET ${WORK}/secrets?labelSelector=metadata.name%3Done`), 403)
  assert.equal(
    (await ask(api, `DELETE ${WORK}/secrets?fieldSelector=${encodeURIComponent('type!=x\\,metadata.name=one')}`, { user: EVE }))
      .code,
    403,
  )
  assert.equal((await api.client.list(secrets, { namespace: 'work' })).items.length, 2)
})

test('the right to read one thing is no right to watch it, to list it by another prefix, or to act by another method’s name', async () => {
  await using api = await startWithSecrets()
  await grant(api.client, 'eve', [ruleOf('core', 'secrets', 'get')], { namespace: 'work' })
  assert.deepEqual(await seen(api, `GET ${WORK}/secrets/one`), ['one'])
  const lines = [
    `GET /api/v1/watch/namespaces/work/secrets/one`,
    `GET /api/v1/watch/namespaces/work/secrets`,
    `GET ${WORK}/secrets?watch=true`,
    `GET ${WORK}/secrets/one?watch=true&fieldSelector=metadata.name=one`,
    `GET /api/v1/secrets/one`,
    `GET ${WORK}/secrets/`,
  ]
  for (const line of lines) {
    const { code, object } = await ask(api, line, { user: EVE })
    // A watch of what is named in the path alone is a read of it.
    if (line.includes('/one?watch')) assert.deepEqual([code, object.metadata?.name], [200, 'one'])
    else assert.equal(code, 403, line)
  }
  for (const header of ['x-http-method-override', 'x-method-override', 'x-http-method'])
    assert.equal((await ask(api, `GET ${WORK}/secrets/one`, { user: EVE, headers: { [header]: 'DELETE' } })).code, 200)
  assert.equal((await ask(api, `GET ${WORK}/secrets/one?_method=DELETE`, { user: EVE })).code, 200)
  assert.equal((await api.client.list(secrets, { namespace: 'work' })).items.length, 2)
})

test('other spellings of a resource, a group or a path are others: what one may is not read, and what one may not is not found', async () => {
  await using api = await startWithSecrets()
  await grant(api.client, 'eve', [
    ruleOf('core', 'Secrets SECRETS secrets/', 'get list'),
    ruleOf('Apps APPS', 'deployments', 'get list'),
    { nonResourceURLs: ['/version', '/healthz/*'], verbs: ['get'] },
  ])
  for (const path of [
    '/api/v1/secrets',
    '/api/v1/Secrets',
    '/api/v1/SECRETS',
    '/api/V1/secrets',
    '/API/v1/secrets',
    '/api//v1//secrets',
    '/api/v1/secrets/',
    '/api/v1/%73ecrets',
    '/apis/apps/v1/deployments',
    '/apis/APPS/v1/deployments',
    '/apis/Apps/v1/Deployments',
  ]) {
    const answer = await seen(api, `GET ${path}`)
    assert.ok(answer === 403 || answer === 404, `${path}: ${String(answer)}`)
  }
  assert.equal((await ask(api, 'GET /version', { user: EVE })).code, 200)
  for (const path of [
    '/version/../metrics',
    '/version%2f..%2fmetrics',
    '/healthz/../metrics',
    '/healthz/..%2fmetrics',
    '/healthz/%2e%2e/metrics',
    '/healthz/..;/metrics',
    '//metrics',
    '/./metrics',
    '/METRICS',
    '/metrics/',
    '/%6detrics',
    '/metrics%00',
    '/metrics?x',
    '/debug/api_priority_and_fairness/dump_queues',
    '/healthz/../debug/api_priority_and_fairness/dump_queues',
    '/logs/../metrics',
  ]) {
    const { code, text } = await ask(api, `GET ${path}`, { user: EVE })
    assert.ok(code === 403 || code === 404, `${path}: ${code}`)
    assert.doesNotMatch(text, /apiserver_|# TYPE/, path)
  }
})

test('a star means everything only where it stands alone: `pods/*` is the name of nothing', async () => {
  await using api = await startAdmissionTest()
  await api.client.create(pods, podOf('web', { nodeName: 'n1' }))
  const rules = [
    ruleOf('core', 'pods/* po* secret?', 'get list create'),
    ruleOf('core', '*/scale', '*'),
    ruleOf('*s', 'deployments', '*'),
    ruleOf('core', 'configmaps', 'g* *t'),
  ]
  await grant(api.client, 'eve', rules, { namespace: 'work' })
  for (const line of [
    `GET ${WORK}/pods`,
    `GET ${WORK}/pods/web/log`,
    `POST ${WORK}/pods/web/exec`,
    `GET ${WORK}/secrets`,
    `GET ${WORK}/configmaps`,
    `POST ${WORK}/serviceaccounts/default/token`,
    '/apis/apps/v1/namespaces/work/deployments'.replace(/^/, 'GET '),
  ])
    assert.equal((await ask(api, line, { user: EVE, body: line.startsWith('POST') ? {} : undefined })).code, 403, line)
  // Nor does it cover what it does not give.
  await grant(api.client, 'eve', [ruleOf('rbac.authorization.k8s.io', 'roles', 'create')], { name: 'roles', namespace: 'work' })
  const role = (resources: string) =>
    ask(api, 'POST /apis/rbac.authorization.k8s.io/v1/namespaces/work/roles', {
      user: EVE,
      body: { metadata: { name: `r-${resources.length}` }, rules: [ruleOf('core', resources, 'get')] },
    })
  assert.equal((await role('pods/log')).code, 403)
  assert.equal((await role('pods/*')).code, 201)
  assert.equal((await role('*/log')).code, 403)
})

test('a custom kind that looks like a role is none: its labels are gathered by nobody, its rules grant nothing', async () => {
  await using cluster = await startTestCluster({ transport: 'in process', controllers: ['clusterrole-aggregation-controller'] })
  const { client, clock } = cluster
  const eve = cluster.clientFor(EVE)
  const name = 'clusterroles.rbac.example.com'
  const schema = { openAPIV3Schema: { type: 'object', 'x-kubernetes-preserve-unknown-fields': true } }
  const names = { plural: 'clusterroles', singular: 'clusterrole', kind: 'ClusterRole', listKind: 'ClusterRoleList' }
  const [kind] = await establish(client, {
    apiVersion: 'apiextensions.k8s.io/v1',
    kind: 'CustomResourceDefinition',
    metadata: { name },
    spec: { group: 'rbac.example.com', scope: 'Cluster', names, versions: [{ name: 'v1', served: true, storage: true, schema }] },
  })
  await grant(client, 'eve', [ruleOf('rbac.example.com', 'clusterroles', '*')])
  const gathered = 'rbac.authorization.k8s.io/aggregate-to-view'
  const rules = [ruleOf('*', '*', '*')]
  const evil = {
    apiVersion: 'rbac.example.com/v1',
    kind: 'ClusterRole',
    metadata: { name: 'evil', labels: { [gathered]: 'true' } },
    rules,
  }
  await eve.create(kind!, evil)
  // One that is a role is gathered, which shows that the other would have been.
  const part = ruleOf('example.com', 'widgets', 'get')
  const real = {
    apiVersion: 'rbac.authorization.k8s.io/v1',
    kind: 'ClusterRole',
    metadata: { name: 'real', labels: { [gathered]: 'true' } },
    rules: [part],
  }
  assert.match(
    await refusal(eve.create(clusterRoles, real)),
    /cannot create resource "clusterroles" in API group "rbac.authorization.k8s.io"/,
  )
  await client.create(clusterRoles, real)
  await clock.advance(1_000)
  const view = (await client.get(clusterRoles, 'view')).rules ?? []
  assert.ok(view.some(({ apiGroups }) => apiGroups?.includes('example.com')))
  assert.ok(!view.some(({ resources }) => resources?.includes('*')))
  await assert.rejects(eve.list(secrets, { namespace: 'work' }), /cannot list resource "secrets"/)
})

test('whoever may be a node’s user is no node without its group, and a group in other letters is another', async () => {
  await using api = await startWithSecrets()
  await api.client.create(nodes, { apiVersion: 'v1', kind: 'Node', metadata: { name: 'n1' } })
  await grant(api.client, 'eve', [
    ruleOf('core', 'users', 'impersonate', 'system:node:n1', 'system:kube-scheduler'),
    ruleOf('core', 'groups', 'impersonate', 'System:Masters', 'system:masters ', 'SYSTEM:NODES'),
  ])
  const as = (headers: Record<string, string>) => ask(api, 'GET /api/v1/nodes/n1', { user: EVE, headers })
  const node = { 'impersonate-user': 'system:node:n1' }
  assert.match((await as(node)).object.message, /User "system:node:n1" cannot get resource "nodes"/)
  assert.match(
    (await as({ ...node, 'impersonate-group': 'system:nodes' })).object.message,
    /User "eve" cannot impersonate resource "groups"/,
  )
  assert.match((await as({ ...node, 'impersonate-group': 'SYSTEM:NODES' })).object.message, /User "system:node:n1" cannot get/)
  assert.match((await as({ ...node, 'impersonate-group': 'System:Masters' })).object.message, /User "system:node:n1" cannot get/)
  assert.match(
    (await as({ 'impersonate-user': 'system:node:n2' })).object.message,
    /User "eve" cannot impersonate resource "users"/,
  )
  assert.match(
    (await as({ 'impersonate-user': 'SYSTEM:NODE:N1' })).object.message,
    /User "eve" cannot impersonate resource "users"/,
  )
  // A token or a certificate of the name is still not in the group.
  for (const groups of [['system:authenticated'], ['System:Nodes'], ['system:nodes:x']])
    assert.equal((await ask(api, 'GET /api/v1/nodes/n1', { user: { username: 'system:node:n1', groups } })).code, 403)
})

test('a token that is bound to somebody else’s Secret shows nothing of it, and dies with it', async () => {
  await using api = await startWithSecrets()
  await api.client.create(serviceAccounts, {
    apiVersion: 'v1',
    kind: 'ServiceAccount',
    metadata: { name: 'mine', namespace: 'work' },
  })
  await grant(api.client, 'eve', [ruleOf('core', 'serviceaccounts/token', 'create', 'mine')], { namespace: 'work' })
  const token = (account: string, boundObjectRef: object | undefined, more: object = {}) =>
    ask(api, `POST ${WORK}/serviceaccounts/${account}/token`, {
      user: EVE,
      body: {
        apiVersion: 'authentication.k8s.io/v1',
        kind: 'TokenRequest',
        metadata: { name: 'default', namespace: 'kube-system' },
        spec: { ...(boundObjectRef && { boundObjectRef }), ...more },
      },
    })
  const secret = { apiVersion: 'v1', kind: 'Secret', name: 'one' }
  assert.equal((await token('default', secret)).code, 403)
  const made = await token('mine', secret)
  assert.equal(made.code, 201)
  const { status } = made.object as unknown as { status: { token: string } }
  const claims = JSON.parse(Buffer.from(status.token.split('.')[1]!, 'base64url').toString()) as Record<
    string,
    Record<string, object>
  >
  assert.deepEqual(Object.keys(claims['kubernetes.io']!['secret']!), ['name', 'uid'])
  const who = (await whoAmI(api, bearer(status.token))) as UserInfo
  assert.equal(who.username, 'system:serviceaccount:work:mine')
  for (const [reference, code] of [
    [{ ...secret, uid: 'x' }, 409],
    [{ ...secret, name: 'none' }, 404],
    [{ ...secret, kind: 'ConfigMap' }, 400],
    [{ ...secret, kind: 'Pod', name: 'none' }, 404],
    [{ ...secret, name: '../kube-system/x' }, 404],
  ] as const)
    assert.equal((await token('mine', reference)).code, code, JSON.stringify(reference))
  for (const expirationSeconds of [0, 599, 2 ** 33])
    assert.equal((await token('mine', undefined, { expirationSeconds })).code, 422)
  await api.client.delete(secrets, 'work/one')
  assert.equal(await whoAmI(api, bearer(status.token)), 401)
})

test('a request for a certificate is of whoever sends it, whatever it says of its sender, then and later', async () => {
  await using api = await startAdmissionTest()
  await grant(api.client, 'eve', [
    ruleOf(
      'certificates.k8s.io',
      'certificatesigningrequests certificatesigningrequests/status certificatesigningrequests/approval',
      '*',
    ),
  ])
  const eve = api.clientFor(EVE)
  const make = async (organizations: string[], signerName: string, extra: object = {}) => {
    const { request } = await createCertificateRequest({ commonName: 'system:node:n1', organizations })
    const spec = {
      request: Buffer.from(request).toString('base64'),
      signerName,
      usages: ['digital signature', 'client auth'],
      ...extra,
    }
    const kind = { apiVersion: 'certificates.k8s.io/v1', kind: 'CertificateSigningRequest' }
    return eve.create(certificateSigningRequests, { ...kind, metadata: { generateName: 'csr-' }, spec } as never)
  }
  const forged = { username: 'system:node:n1', uid: '0', groups: ['system:nodes', 'system:masters'], extra: { a: ['b'] } }
  const made = await make(['system:nodes'], 'kubernetes.io/kube-apiserver-client-kubelet', forged)
  assert.deepEqual(
    [made.spec.username, made.spec.uid, made.spec.groups, made.spec.extra],
    ['eve', undefined, ['system:authenticated'], undefined],
  )
  assert.match(
    await refusal(make(['system:masters'], 'kubernetes.io/kube-apiserver-client')),
    /use of kubernetes.io\/kube-apiserver-client signer with system:masters group is not allowed/,
  )
  assert.match(await refusal(make(['people'], 'kubernetes.io/legacy-unknown')), /the legacy signerName is not allowed/)
  const later = { ...made, spec: { ...made.spec, ...forged } }
  for (const subresource of ['status', 'approval'] as const) {
    const answer = await eve.update(certificateSigningRequests, later, { subresource }).catch((error: Error) => error)
    if (!(answer instanceof Error)) assert.equal(answer.spec.username, 'eve')
  }
  const stored = await api.client.get(certificateSigningRequests, made.metadata!.name!)
  assert.deepEqual([stored.spec.username, stored.spec.groups], ['eve', ['system:authenticated']])
})

test('a page of another site is told nothing: no origin is allowed, and nothing that it can send along is a credential', async () => {
  await using stack = new AsyncDisposableStack()
  const api = stack.use(await startTestApiServer())
  const door = stack.use(await openDoor(api))
  const close = 'Connection: close\r\n\r\n'
  const origin = 'Host: a\r\nOrigin: https://evil.example.com\r\n'
  for (const head of [
    'GET /version',
    'GET /api/v1/secrets',
    'POST /api/v1/namespaces/default/configmaps',
    'OPTIONS /api/v1/secrets',
  ]) {
    const answer = await door.send(
      `${head} HTTP/1.1\r\n${origin}Access-Control-Request-Method: DELETE\r\nContent-Length: 0\r\n${close}`,
    )
    assert.doesNotMatch(answer, /access-control-/i, head)
  }
  // A form of a page can send neither JSON nor a token.
  const form = 'metadata={"name":"a"}'
  const types = ['application/x-www-form-urlencoded', 'text/plain', 'multipart/form-data; boundary=x']
  for (const type of types)
    assert.match(
      await door.send(
        `POST /api/v1/namespaces/default/configmaps HTTP/1.1\r\n${origin}Content-Type: ${type}\r\nContent-Length: ${form.length}\r\n${close}${form}`,
      ),
      /^HTTP\/1.1 415 /,
      type,
    )
  // A cookie is no credential, also not by a WebSocket.
  const peer = { kind: 'tls', address: '192.0.2.1' } as const
  const cookies = { cookie: 'token=abc; authorization=Bearer abc; session=1', origin: 'https://evil.example.com' }
  const upgrade: Record<string, string> = { connection: 'Upgrade', upgrade: 'websocket' }
  for (const headers of [cookies, { ...cookies, ...upgrade }]) {
    const { status } = await api.server.handle({ method: 'GET', path: '/api/v1/secrets', headers }, peer)
    assert.equal(status, 403)
  }
})

test('a watch that was begun with the right to it goes on when the right is lost, as upstream, and none begins again', async () => {
  await using api = await startAdmissionTest()
  await grant(api.client, 'eve', [ruleOf('core', 'configmaps', 'list watch')], { namespace: 'work' })
  const map = (name: string) => ({ apiVersion: 'v1', kind: 'ConfigMap', metadata: { name, namespace: 'work' } })
  const { object } = await ask(api, `GET ${WORK}/configmaps`, { user: EVE })
  const since = object.metadata.resourceVersion
  await using watch = await askWatch(api, `GET ${WORK}/configmaps?watch=true&resourceVersion=${since}&timeoutSeconds=60`, {
    user: EVE,
  })
  await api.client.create(configMaps, map('before'))
  assert.deepEqual(await watch.told(1), ['ADDED before'])
  await api.client.delete(roleBindings, 'work/eve')
  await api.client.create(configMaps, map('after'))
  assert.deepEqual(await watch.told(1), ['ADDED after'])
  assert.equal(await seen(api, `GET ${WORK}/configmaps?watch=true&resourceVersion=${since}`), 403)
  // Its own end is what ends it.
  await api.clock.advance(61_000)
  assert.deepEqual(await watch.rest(), [])
})
