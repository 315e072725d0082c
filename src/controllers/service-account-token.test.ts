import assert from 'node:assert/strict'
import test from 'node:test'
import { namespaces, type Secret, secrets, serviceAccounts } from '#api'
import { ServiceAccountKeys } from '#apiserver'
import { nullLog, VirtualClock } from '#base'
import type { UserInfo } from '#client'
import { bearer, startTestApiServer, TEST_ADMIN, whoAmI } from '#testing'
import { startControllers } from './index.ts'

const CA = 'the authority'

const decoded = (text: string | undefined): string => Buffer.from(text ?? '', 'base64').toString()

const tokenSecret = (name: string, account = 'robot', annotations: Record<string, string> = {}): Secret => ({
  apiVersion: 'v1',
  kind: 'Secret',
  metadata: { name, namespace: 'work', annotations: { 'kubernetes.io/service-account.name': account, ...annotations } },
  type: 'kubernetes.io/service-account-token',
})

/** An API server and the controller manager with that one controller, under its own identity. */
async function lab() {
  await using stack = new AsyncDisposableStack()
  const clock = new VirtualClock(Date.UTC(2026, 0, 1, 23))
  const api = stack.use(await startTestApiServer({ clock }))
  const keys = new ServiceAccountKeys({ signingKey: api.signingKey, verificationKeys: [] })
  stack.use(
    await startControllers({
      clientFor: () => api.clientFor(TEST_ADMIN),
      reader: api.clientFor({ username: 'system:kube-controller-manager', groups: ['system:authenticated'] }),
      clock,
      random: api.random,
      log: nullLog,
      rootCA: CA,
      clusterCIDR: '',
      only: ['serviceaccount-token-controller'],
      signToken: (claims) => keys.sign(claims),
    }),
  )
  const { client } = api
  await client.create(namespaces, { metadata: { name: 'work' } })
  const account = await client.create(serviceAccounts, { metadata: { name: 'robot', namespace: 'work' } })
  const who = async (token: string): Promise<unknown> => {
    const found = await whoAmI(api, bearer(token))
    return typeof found === 'number' ? found : found.username
  }
  const made = async (secret: Secret): Promise<Secret> => {
    await client.create(secrets, secret)
    await eventually(async () => {
      await clock.advance(100)
      return (await client.find(secrets, `work/${secret.metadata!.name}`))?.data?.['token'] !== undefined
    })
    return client.get(secrets, `work/${secret.metadata!.name}`)
  }
  const owned = stack.move()
  return { ...api, clock, account, made, who, [Symbol.asyncDispose]: () => owned.disposeAsync() }
}

/** Keys sign on other threads, which the virtual clock does not wait for. */
async function eventually(check: () => Promise<boolean>): Promise<void> {
  while (!(await check())) await new Promise(setImmediate)
}

test('a Secret of an account is filled with a token that never expires, and whose last use is kept', async () => {
  await using api = await lab()
  const { client, clock, account } = api
  const { data, metadata } = await api.made(tokenSecret('old'))
  assert.equal(metadata?.annotations?.['kubernetes.io/service-account.uid'], account.metadata?.uid)
  assert.deepEqual([decoded(data?.['ca.crt']), decoded(data?.['namespace'])], [CA, 'work'])
  const token = decoded(data?.['token'])
  assert.equal((JSON.parse(Buffer.from(token.split('.')[1]!, 'base64url').toString()) as { exp?: number }).exp, undefined)
  const user = (await whoAmI(api, bearer(token))) as UserInfo
  assert.deepEqual(user, {
    username: 'system:serviceaccount:work:robot',
    uid: account.metadata?.uid,
    groups: ['system:serviceaccounts', 'system:serviceaccounts:work', 'system:authenticated'],
  })
  const lastUsed = async (): Promise<string | undefined> =>
    (await client.get(secrets, 'work/old')).metadata?.labels?.['kubernetes.io/legacy-token-last-used']
  await eventually(async () => (await lastUsed()) === '2026-01-01')
  await clock.advance(3_600_000)
  assert.equal(await api.who(token), user.username)
  await eventually(async () => (await lastUsed()) === '2026-01-02')
})

test('a token lives as long as its Secret, which goes with its account', async () => {
  await using api = await lab()
  const { client, clock } = api
  const [one, another] = [await api.made(tokenSecret('one')), await api.made(tokenSecret('another'))]
  const tokens = [one, another].map(({ data }) => decoded(data?.['token']))
  await client.delete(secrets, 'work/one')
  assert.deepEqual(await Promise.all(tokens.map(api.who)), [401, 'system:serviceaccount:work:robot'])
  await client.delete(serviceAccounts, 'work/robot')
  await clock.advance(1_000)
  assert.equal(await api.who(tokens[1]!), 401)
  assert.equal(await client.find(secrets, 'work/another'), undefined)
})

test('a Secret that names nobody, or somebody who was before, is deleted; one of another type is left alone', async () => {
  await using api = await lab()
  const { client, clock } = api
  await client.create(secrets, tokenSecret('nobody', 'none'))
  await client.create(secrets, tokenSecret('former', 'robot', { 'kubernetes.io/service-account.uid': 'former' }))
  await client.create(secrets, { ...tokenSecret('plain', 'none'), type: 'Opaque' })
  await clock.advance(1_000)
  const left = await client.list(secrets, { namespace: 'work' })
  assert.deepEqual(
    left.items.map(({ metadata }) => metadata?.name),
    ['plain'],
  )
})

test('a token that was marked invalid, or that is not the one in its Secret, is refused', async () => {
  await using api = await lab()
  const { client } = api
  const { data } = await api.made(tokenSecret('old'))
  const token = decoded(data?.['token'])
  const patch = (labels: object): Promise<unknown> =>
    client.patch(secrets, 'work/old', { metadata: { labels } }, { type: 'merge' })
  await patch({ 'kubernetes.io/legacy-token-invalid-since': '2026-01-01' })
  assert.equal(await api.who(token), 401)
  await patch({ 'kubernetes.io/legacy-token-invalid-since': null })
  assert.equal(await api.who(token), 'system:serviceaccount:work:robot')
  const keys = new ServiceAccountKeys({ signingKey: api.signingKey, verificationKeys: [] })
  const claims = JSON.parse(Buffer.from(token.split('.')[1]!, 'base64url').toString()) as Record<string, unknown>
  assert.equal(await api.who(await keys.sign({ ...claims, jti: 'x' })), 401)
  assert.equal(await api.who(await keys.sign({ ...claims, 'kubernetes.io/serviceaccount/secret.name': undefined })), 401)
  assert.equal(await api.who(await keys.sign({ ...claims, sub: 'system:serviceaccount:kube-system:robot' })), 401)
})
