import assert from 'node:assert/strict'
import test from 'node:test'
import { nodes, pods, secrets, serviceAccounts, type TokenRequest, tokenReviews } from '#api'
import { startTestApiServer } from '#testing'

const request = (spec: object): TokenRequest => ({
  kind: 'TokenRequest',
  apiVersion: 'authentication.k8s.io/v1',
  spec: { audiences: [], ...spec },
})

async function withAccount(
  body: (api: Awaited<ReturnType<typeof startTestApiServer>>, issue: (spec: object) => Promise<string>) => Promise<void>,
): Promise<void> {
  await using api = await startTestApiServer()
  const { client } = api
  for (const name of ['default', 'other']) await client.create(serviceAccounts, { metadata: { name, namespace: 'default' } })
  await body(api, async (spec) => {
    const { status } = await client.createSubresource(serviceAccounts, 'default/default', 'token', request(spec))
    return status!.token!
  })
}

const container = { name: 'c', image: 'i' }

test('a token dies with the pod, the secret or the node that it is bound to', () =>
  withAccount(async ({ client }, issue) => {
    const isAccepted = async (token: string): Promise<boolean> =>
      (await client.create(tokenReviews, { spec: { token } })).status?.authenticated ?? false
    await client.create(nodes, { metadata: { name: 'node-1' } })
    await client.create(secrets, { metadata: { name: 'secret', namespace: 'default' } })
    const namespace = 'default'
    await client.create(pods, { metadata: { name: 'pod', namespace }, spec: { containers: [container] } })
    const bound = {
      secret: [secrets, 'default/secret', 'Secret'],
      pod: [pods, 'default/pod', 'Pod'],
      node: [nodes, 'node-1', 'Node'],
    } as const
    for (const [name, [resource, key, kind]] of Object.entries(bound)) {
      const boundObjectRef = { apiVersion: 'v1', kind, name: key.split('/').at(-1)! }
      const token = await issue({ boundObjectRef })
      assert.equal(await isAccepted(token), true, name)
      await client.delete(resource as typeof pods, key, { gracePeriodSeconds: 0 })
      assert.equal(await isAccepted(token), false, name)
    }
  }))

test('a token is bound only to what is there and runs as its account', () =>
  withAccount(async ({ client }, issue) => {
    const refer = (kind: string, name: string, more = {}): object => ({
      boundObjectRef: { apiVersion: 'v1', kind, name, ...more },
    })
    await assert.rejects(issue(refer('Pod', 'none')), /pods "none" not found/)
    await assert.rejects(issue(refer('ConfigMap', 'c')), /cannot bind token to object of type \/v1, Kind=ConfigMap/)
    const spec = { containers: [container], serviceAccountName: 'other' }
    await client.create(pods, { metadata: { name: 'other', namespace: 'default' }, spec })
    await assert.rejects(
      issue(refer('Pod', 'other')),
      /cannot bind token for serviceaccount "default" to pod running with different serviceaccount name\./,
    )
    await client.create(secrets, { metadata: { name: 'secret', namespace: 'default' } })
    await assert.rejects(
      issue(refer('Secret', 'secret', { uid: 'gone' })),
      /^StatusError: Operation cannot be fulfilled on Secret "secret": the UID in the bound object reference \(gone\) does not match the UID in record/,
    )
    await assert.rejects(
      issue({ expirationSeconds: 599 }),
      /spec.expirationSeconds: Invalid value: 599: may not specify a duration less than 10 minutes/,
    )
    await assert.rejects(issue({ expirationSeconds: 2 ** 33 }), /may not specify a duration larger than 2\^32 seconds/)
  }))
