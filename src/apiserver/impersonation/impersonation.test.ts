import assert from 'node:assert/strict'
import test from 'node:test'
import { namespaces, nodes, pods, serviceAccounts, type TokenRequest } from '#api'
import type { AuditEvent } from '#apiserver'
import type { UserInfo } from '#client'
import { ask, bearer, grant, openDoor, ruleOf, startTestApiServer, type TestApiServer, whoAmI } from '#testing'

const EVE: UserInfo = { username: 'eve', groups: ['system:authenticated'] }
const AGENT = 'system:serviceaccount:work:agent'

const onUsers = (...verbs: string[]): string => verbs.map((verb) => `impersonate-on:user-info:${verb}`).join(' ')

test('who may list pods of a namespace as somebody may do nothing else as them', async () => {
  await using api = await startTestApiServer()
  await api.client.create(namespaces, { metadata: { name: 'work' } })
  await grant(api.client, 'eve', [ruleOf('authentication.k8s.io', 'users', 'impersonate:user-info', 'jane')])
  await grant(api.client, 'eve', [ruleOf('core', 'pods', onUsers('list', 'get'))], { name: 'eve', namespace: 'work' })
  await grant(api.client, 'jane', [ruleOf('core', 'pods secrets', '*')])
  const as = async (line: string, name = 'jane'): Promise<string | number> => {
    const { code, object } = await ask(api, line, { user: EVE, headers: { 'impersonate-user': name } })
    return code === 403 ? object.message : code
  }
  assert.equal(await as('GET /api/v1/namespaces/work/pods'), 200)
  assert.equal(
    await as('GET /api/v1/pods'),
    'pods is forbidden: User "eve" cannot impersonate-on:user-info:list resource "pods" in API group "" at the cluster scope',
  )
  assert.match(
    String(await as('DELETE /api/v1/namespaces/work/pods/a')),
    /^pods "a" is forbidden: User "eve" cannot impersonate-on:user-info:delete/,
  )
  assert.match(String(await as('GET /api/v1/namespaces/work/secrets')), /cannot impersonate-on:user-info:list resource "secrets"/)
  assert.match(String(await as('GET /version')), /^forbidden: User "eve" cannot impersonate-on:user-info:get path "\/version"$/)
  assert.match(String(await as('GET /api/v1/namespaces/work/pods', 'joe')), /^users.authentication.k8s.io "joe" is forbidden/)
  // Whoever she is then may only do what that user may.
  await grant(api.client, 'eve', [ruleOf('core', 'services', onUsers('list'))], { name: 'more', namespace: 'work' })
  assert.match(String(await as('GET /api/v1/namespaces/work/services')), /^services is forbidden: User "jane" cannot list/)
})

/** The token of a pod of the agent that runs on a node. */
async function tokenOn(api: TestApiServer, nodeName: string): Promise<string> {
  await api.client.create(nodes, { metadata: { name: nodeName } })
  const name = `agent-${nodeName}`
  const containers = [{ name: 'c', image: 'i' }]
  await api.client.create(pods, {
    metadata: { name, namespace: 'work' },
    spec: { nodeName, serviceAccountName: 'agent', containers },
  })
  const request: TokenRequest = {
    kind: 'TokenRequest',
    apiVersion: 'authentication.k8s.io/v1',
    spec: { audiences: [], boundObjectRef: { apiVersion: 'v1', kind: 'Pod', name } },
  }
  const { status } = await api.client.createSubresource(serviceAccounts, 'work/agent', 'token', request)
  return status!.token!
}

test('an agent is the node on which its pod runs, and sees what that node sees', async () => {
  await using api = await startTestApiServer()
  await api.client.create(namespaces, { metadata: { name: 'work' } })
  await api.client.create(serviceAccounts, { metadata: { name: 'agent', namespace: 'work' } })
  await grant(api.client, AGENT, [
    ruleOf('authentication.k8s.io', 'nodes', 'impersonate:associated-node'),
    ruleOf('authentication.k8s.io', 'selfsubjectreviews', 'impersonate-on:associated-node:create'),
    ruleOf('core', 'pods', 'impersonate-on:associated-node:list'),
  ])
  const [one, two] = [await tokenOn(api, 'n1'), await tokenOn(api, 'n2')]
  const as = (token: string, node: string) => ({ ...bearer(token), 'impersonate-user': `system:node:${node}` })
  const groups = ['system:nodes', 'system:authenticated']
  assert.deepEqual(await whoAmI(api, as(one, 'n1')), { username: 'system:node:n1', groups })
  assert.deepEqual(await whoAmI(api, as(two, 'n2')), { username: 'system:node:n2', groups })
  assert.equal(await whoAmI(api, as(one, 'n2')), 403)
  assert.equal(await whoAmI(api, { ...as(one, 'n1'), 'impersonate-group': 'system:nodes' }), 403)
  assert.equal(await whoAmI(api, { ...as(one, 'n1'), 'impersonate-uid': '1' }), 403)
  const listed = async (node: string) => {
    const path = '/api/v1/pods'
    const query = new URLSearchParams({ fieldSelector: `spec.nodeName=${node}` })
    const request = { method: 'GET', path, query, headers: as(one, 'n1') } as const
    const { status, body } = await api.server.handle(request, { kind: 'tls', address: '192.0.2.1' })
    const { items, message } = (body as { object: { items?: { metadata: { name: string } }[]; message: string } }).object
    return status === 200 ? items!.map(({ metadata }) => metadata.name) : message
  }
  assert.deepEqual(await listed('n1'), ['agent-n1'])
  assert.match(String(await listed('n2')), /^pods is forbidden: User "system:node:n1" cannot list resource "pods"/)
})

test('a node may be nobody else', async () => {
  await using api = await startTestApiServer()
  const kubelet: UserInfo = { username: 'system:node:n1', groups: ['system:nodes', 'system:authenticated'] }
  for (const name of ['bob', 'system:node:n1', 'system:node:n2', 'system:serviceaccount:work:agent', 'system:anonymous']) {
    const { code, object } = await ask(api, 'GET /version', { user: kubelet, headers: { 'impersonate-user': name } })
    assert.equal(code, 403)
    assert.match(object.message, /^forbidden: User "system:node:n1" cannot impersonate-on:[a-z-]+:get path "\/version"/)
  }
})

test('whoever may do everything is anybody, within limits where he can be', async () => {
  const events: AuditEvent[] = []
  const rules = [{ level: 'Metadata', users: ['kubernetes-admin'] }] as const
  const audit = {
    policy: { rules, omitStages: ['RequestReceived'] as const },
    record: (event: AuditEvent) => void events.push(event),
  }
  await using api = await startTestApiServer({ audit })
  const told = async (headers: Record<string, string>) => {
    events.length = 0
    await ask(api, 'GET /version', { headers })
    return events.map(({ impersonatedUser, authenticationMetadata }) => [impersonatedUser, authenticationMetadata])
  }
  const groups = ['system:authenticated']
  assert.deepEqual(await told({ 'impersonate-user': 'bob', 'impersonate-uid': '7', 'impersonate-extra-a.b%2Fc': 'd' }), [
    [{ username: 'bob', uid: '7', groups, extra: { 'a.b/c': ['d'] } }, { impersonationConstraint: 'impersonate:user-info' }],
  ])
  assert.deepEqual(await told({ 'impersonate-user': 'system:node:n1' }), [
    [
      { username: 'system:node:n1', groups: ['system:nodes', ...groups] },
      { impersonationConstraint: 'impersonate:arbitrary-node' },
    ],
  ])
  assert.deepEqual(await told({ 'impersonate-user': 'bob', 'impersonate-extra-scopes': 'd' }), [
    [{ username: 'bob', groups, extra: { scopes: ['d'] } }, undefined],
  ])
  assert.deepEqual(await told({}), [[undefined, undefined]])
})

test('the gate decides whether impersonation can be constrained, and whether it is counted', async () => {
  for (const ConstrainedImpersonation of [true, false]) {
    await using api = await startTestApiServer({ featureGates: { ConstrainedImpersonation } })
    await grant(api.client, 'eve', [
      ruleOf('authentication.k8s.io', 'users', 'impersonate:user-info'),
      ruleOf('core', 'pods', onUsers('list')),
    ])
    await grant(api.client, 'bob', [ruleOf('core', 'pods', 'list')])
    const { code } = await ask(api, 'GET /api/v1/pods', { user: EVE, headers: { 'impersonate-user': 'bob' } })
    assert.equal(code, ConstrainedImpersonation ? 200 : 403)
    const { text } = await ask(api, 'GET /metrics')
    assert.equal(
      text.includes('apiserver_impersonation_attempts_total{decision="allowed",mode="user-info"} 1\n'),
      ConstrainedImpersonation,
    )
    assert.equal(text.includes('apiserver_impersonation_'), ConstrainedImpersonation)
  }
})

test('names of users are UTF-8 on the wire', async () => {
  await using api = await startTestApiServer()
  await using door = await openDoor(api)
  const body = '{"apiVersion":"authentication.k8s.io/v1","kind":"SelfSubjectReview"}'
  const answered = await door.send(
    [
      'POST /apis/authentication.k8s.io/v1/selfsubjectreviews HTTP/1.1',
      'Host: localhost',
      'Connection: close',
      'Content-Type: application/json',
      `Content-Length: ${body.length}`,
      'Impersonate-User: Zoë 中',
      'Impersonate-Group: système',
      '',
      body,
    ].join('\r\n'),
  )
  assert.match(answered, /"userInfo":\{"username":"Zoë 中","groups":\["système","system:authenticated"\]\}/)
})
