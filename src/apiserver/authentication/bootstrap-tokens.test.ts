import assert from 'node:assert/strict'
import test from 'node:test'
import { type Secret, secrets } from '#api'
import { VirtualClock } from '#base'
import { bearer, startTestApiServer, whoAmI } from '#testing'

const NAME = 'kube-system/bootstrap-token-abcdef'
const TOKEN = 'abcdef.0123456789abcdef'

const secret = (more: Record<string, string>, type = 'bootstrap.kubernetes.io/token'): Secret => ({
  apiVersion: 'v1',
  kind: 'Secret',
  metadata: { namespace: 'kube-system', name: 'bootstrap-token-abcdef' },
  type,
  stringData: {
    'token-id': 'abcdef',
    'token-secret': '0123456789abcdef',
    'usage-bootstrap-authentication': 'true',
    ...more,
  },
})

async function start() {
  const clock = new VirtualClock()
  const api = await startTestApiServer({ clock })
  return {
    ...api,
    clock,
    whoAmI: (token: string) => whoAmI(api, bearer(token)),
    [Symbol.asyncDispose]: () => api[Symbol.asyncDispose](),
  }
}

test('a bootstrap token is the user and the groups that its Secret gives it', async () => {
  await using api = await start()
  await api.client.create(secrets, secret({ 'auth-extra-groups': 'system:bootstrappers:worker,system:bootstrappers:kubeadm:a' }))
  assert.deepEqual(await api.whoAmI(TOKEN), {
    username: 'system:bootstrap:abcdef',
    groups: ['system:bootstrappers', 'system:bootstrappers:kubeadm:a', 'system:bootstrappers:worker', 'system:authenticated'],
  })
})

const refused: readonly (readonly [name: string, secret: Secret, token?: string])[] = [
  ['another secret part', secret({}), 'abcdef.0123456789abcdeX'],
  ['a wrong secret part', secret({}), 'abcdef.0123456789abcdee'],
  ['another id in the Secret', secret({ 'token-id': 'abcdeg' })],
  ['a Secret of another type', secret({}, 'Opaque')],
  ['a token that is not for authentication', secret({ 'usage-bootstrap-authentication': 'false' })],
  ['a group outside system:bootstrappers', secret({ 'auth-extra-groups': 'system:masters' })],
  ['a group that only begins like one', secret({ 'auth-extra-groups': 'system:bootstrappers:a,system:bootstrappers-b' })],
  ['a time of expiry that can not be read', secret({ expiration: 'tomorrow' })],
]

for (const [name, object, token = TOKEN] of refused) {
  test(`bootstrap tokens: ${name} is refused`, async () => {
    await using api = await start()
    await api.client.create(secrets, object)
    assert.equal(await api.whoAmI(token), 401)
  })
}

test('bootstrap tokens: one that has expired or is gone is refused from that moment', async () => {
  await using api = await start()
  const expiration = new Date(api.clock.now() + 60_000).toISOString()
  await api.client.create(secrets, secret({ expiration }))
  assert.notEqual(await api.whoAmI(TOKEN), 401)
  await api.clock.advance(60_000)
  assert.equal(await api.whoAmI(TOKEN), 401)
  await api.client.patch(secrets, NAME, { data: { expiration: null } }, { type: 'merge' })
  assert.notEqual(await api.whoAmI(TOKEN), 401)
  await api.client.delete(secrets, NAME)
  assert.equal(await api.whoAmI(TOKEN), 401)
})
