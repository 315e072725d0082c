import assert from 'node:assert/strict'
import test from 'node:test'
import { clusterRoleBindings, clusterRoles } from '#api'
import type { TransportRequest } from '#client'
import type { Status } from '#meta'
import { startTestApiServer, type TestApiServer } from '#testing'

const PATH = '/apis/authentication.k8s.io/v1/selfsubjectreviews'

/** Sends headers as they are on the wire, each as often as it stands there. */
async function ask(
  { server }: TestApiServer,
  username: string,
  headers: readonly (readonly [string, string])[],
): Promise<unknown> {
  const joined: Record<string, string> = { 'content-type': 'application/json' }
  for (const [name, value] of headers) joined[name] = joined[name] === undefined ? value : `${joined[name]}, ${value}`
  const request: TransportRequest = {
    method: 'POST',
    path: PATH,
    headers: joined,
    headerValues: (name) => headers.filter(([each]) => each === name).map(([, value]) => value),
    body: { kind: 'object', object: { apiVersion: 'authentication.k8s.io/v1', kind: 'SelfSubjectReview' } },
  }
  const { status, body } = await server.handle(request, {
    kind: 'in-process',
    user: { username, groups: ['system:authenticated'] },
  })
  assert.ok(body.kind === 'object')
  return status === 201 ? (body.object as { status: { userInfo: unknown } }).status.userInfo : (body.object as Status).message
}

async function withRules(
  rules: readonly { readonly apiGroups: string[]; readonly resources: string[]; readonly resourceNames?: string[] }[],
  body: (api: TestApiServer) => Promise<void>,
): Promise<void> {
  await using api = await startTestApiServer({ featureGates: { ConstrainedImpersonation: false } })
  await api.client.create(clusterRoles, {
    metadata: { name: 'impersonator' },
    rules: rules.map((rule) => ({ ...rule, verbs: ['impersonate'] })),
  })
  await api.client.create(clusterRoleBindings, {
    metadata: { name: 'impersonator' },
    roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: 'impersonator' },
    subjects: [{ apiGroup: 'rbac.authorization.k8s.io', kind: 'User', name: 'ann' }],
  })
  // Whoever is impersonated may ask who it is.
  await api.client.create(clusterRoleBindings, {
    metadata: { name: 'anybody' },
    roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: 'system:basic-user' },
    subjects: [{ apiGroup: 'rbac.authorization.k8s.io', kind: 'Group', name: 'system:unauthenticated' }],
  })
  await body(api)
}

const everything = [
  { apiGroups: [''], resources: ['users', 'groups', 'serviceaccounts'] },
  { apiGroups: ['authentication.k8s.io'], resources: ['uids', 'userextras/acme.com/project', 'userextras/bad%zz'] },
]

test('a user is impersonated with groups, uid and extra, each value as it was sent', () =>
  withRules(everything, async (api) => {
    const headers = [
      ['impersonate-user', 'bob'],
      ['impersonate-group', 'dev, ops'],
      ['impersonate-group', 'staff'],
      ['impersonate-uid', 'u-1'],
      ['impersonate-extra-acme.com%2fproject', 'a, b'],
      ['impersonate-extra-acme.com%2fproject', 'c'],
      ['impersonate-extra-bad%zz', 'kept'],
    ] as const
    assert.deepEqual(await ask(api, 'ann', headers), {
      username: 'bob',
      uid: 'u-1',
      groups: ['dev, ops', 'staff', 'system:authenticated'],
      extra: { 'acme.com/project': ['a, b', 'c'], 'bad%zz': ['kept'] },
    })
  }))

test('groups are those that were asked for; service accounts have their own unless others are named', () =>
  withRules(everything, async (api) => {
    const groupsOf = async (...headers: (readonly [string, string])[]): Promise<unknown> =>
      ((await ask(api, 'ann', headers)) as { groups: unknown }).groups
    const account = ['impersonate-user', 'system:serviceaccount:work:robot'] as const
    assert.deepEqual(await groupsOf(account), ['system:serviceaccounts', 'system:serviceaccounts:work', 'system:authenticated'])
    assert.deepEqual(await groupsOf(account, ['impersonate-group', 'dev']), ['dev', 'system:authenticated'])
    assert.deepEqual(await groupsOf(['impersonate-user', 'system:anonymous']), ['system:unauthenticated'])
    assert.deepEqual(await groupsOf(['impersonate-user', 'bob'], ['impersonate-group', 'system:unauthenticated']), [
      'system:unauthenticated',
    ])
    assert.deepEqual(await groupsOf(['impersonate-user', 'bob'], ['impersonate-group', 'system:authenticated']), [
      'system:authenticated',
    ])
  }))

test('each thing that somebody would be has to be allowed', () =>
  withRules(
    [
      { apiGroups: [''], resources: ['users'], resourceNames: ['bob'] },
      { apiGroups: [''], resources: ['groups'], resourceNames: ['dev', 'ops'] },
      { apiGroups: ['authentication.k8s.io'], resources: ['userextras/scopes'], resourceNames: ['view'] },
    ],
    async (api) => {
      const bob = ['impersonate-user', 'bob'] as const
      assert.ok(
        typeof (await ask(api, 'ann', [bob, ['impersonate-group', 'dev'], ['impersonate-extra-scopes', 'view']])) === 'object',
      )
      const refused = async (...headers: (readonly [string, string])[]): Promise<unknown> => ask(api, 'ann', headers)
      assert.equal(
        await refused(['impersonate-user', 'carl']),
        'users "carl" is forbidden: User "ann" cannot impersonate resource "users" in API group "" at the cluster scope',
      )
      // One group whose name has a comma in it is not the two that are allowed.
      assert.match(
        String(await refused(bob, ['impersonate-group', 'dev, ops'])),
        /^groups "dev, ops" is forbidden: User "ann" cannot impersonate/,
      )
      assert.match(
        String(await refused(bob, ['impersonate-group', 'dev'], ['impersonate-group', 'system:masters'])),
        /^groups "system:masters" is forbidden/,
      )
      assert.equal(
        await refused(bob, ['impersonate-extra-scopes', 'edit']),
        'userextras.authentication.k8s.io "edit" is forbidden: User "ann" cannot impersonate resource "userextras/scopes" in API group "authentication.k8s.io" at the cluster scope',
      )
      assert.match(String(await refused(bob, ['impersonate-uid', '1'])), /^uids\.authentication\.k8s\.io "1" is forbidden/)
      assert.equal(
        await refused(['impersonate-user', 'system:serviceaccount:work:robot']),
        'serviceaccounts "robot" is forbidden: User "ann" cannot impersonate resource "serviceaccounts" in API group "" in the namespace "work"',
      )
    },
  ))

test('what is no username of a service account is one of a user, and what a client sent is quoted in a refusal', () =>
  withRules([], async (api) => {
    const refused = async (username: string): Promise<unknown> => ask(api, 'a<b>&"\u0001', [['impersonate-user', username]])
    const who = 'User "a&lt;b&gt;&amp;\\"\\x01" cannot impersonate'
    assert.equal(
      await refused('system:serviceaccount:Work:robot'),
      `users "system:serviceaccount:Work:robot" is forbidden: ${who} resource "users" in API group "" at the cluster scope`,
    )
    assert.match(String(await refused('system:serviceaccount:wo.rk:robot')), /^users /)
    assert.match(String(await refused('system:serviceaccount:work:Robot')), /^users /)
    assert.match(String(await refused('system:serviceaccount:work:a.b')), /^serviceaccounts "a\.b" /)
    assert.match(String(await refused('"\u200b')), /^users "\\"\\u200b" is forbidden/)
  }))

test('groups, uid and extra alone impersonate nobody', () =>
  withRules(everything, async (api) => {
    assert.equal(
      await ask(api, 'ann', [['impersonate-group', 'system:masters']]),
      'requested [{Group  system:masters    }] without impersonating a user',
    )
    assert.match(String(await ask(api, 'ann', [['impersonate-uid', '1']])), /without impersonating a user$/)
    assert.match(
      String(
        await ask(api, 'ann', [
          ['impersonate-user', ''],
          ['impersonate-extra-a', '1'],
        ]),
      ),
      /without impersonating a user$/,
    )
    assert.deepEqual(await ask(api, 'ann', [['impersonate-user', '']]), { username: 'ann', groups: ['system:authenticated'] })
  }))
