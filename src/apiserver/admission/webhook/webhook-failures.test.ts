import assert from 'node:assert/strict'
import test from 'node:test'
import { configMaps, services, validatingWebhookConfigurations } from '#api'
import { deny, mutating, refusal, settings, startWebhookLab, validating, type WebhookAnswer, webhookTo } from '#testing'

const REFUSED: readonly [name: string, answer: WebhookAnswer, said: RegExp][] = [
  [
    'redirects',
    (_review, response) => void response.writeHead(302, { location: 'https://127.0.0.1:1/' }).end(),
    /the server responded with the status code 302 but did not return more information$/,
  ],
  [
    'returns 10 MB',
    (_review, response) => void response.end(Buffer.alloc(10 * 1024 * 1024, 0x20)),
    /the response is longer than 3145728 bytes$/,
  ],
  ['closes', (_review, response) => void response.destroy(), /Post ".*": (EOF|socket hang up)$/],
  [
    'stops in the middle',
    (_review, response) => {
      response.writeHead(200, { 'content-length': '100' }).write('{')
      response.socket?.end()
    },
    /Post ".*": (unexpected EOF|aborted|EOF)$/,
  ],
  ['is no JSON', (_review, response) => void response.end('<html>'), /the webhook's answer is no JSON: /],
  [
    'fails',
    (_review, response) => void response.writeHead(500).end('oh'),
    /an error on the server \("oh"\) has prevented the request from succeeding$/,
  ],
  [
    'is not there',
    (_review, response) => void response.writeHead(404).end(),
    /the server could not find the requested resource$/,
  ],
  ['lies about whom it answers', { uid: 'other', allowed: true }, /expected response.uid="[\da-f-]+", got "other"$/],
  [
    'answers nothing',
    (review, response) => void response.end(JSON.stringify({ apiVersion: review.apiVersion, kind: 'AdmissionReview' })),
    /webhook response was absent$/,
  ],
  [
    'answers as another kind',
    (_review, response) => void response.end('{"apiVersion":"v1","kind":"Pod"}'),
    /expected webhook response of admission.k8s.io\/v1, Kind=AdmissionReview, got v1, Kind=Pod$/,
  ],
  [
    'patches where it only validates',
    { allowed: true, patchType: 'JSONPatch', patch: 'W10=' },
    /validating webhook may not return response.patch$/,
  ],
]

for (const [name, answer, said] of REFUSED) {
  test(`a webhook that ${name} has failed: closed it refuses, open it is ignored`, async () => {
    await using lab = await startWebhookLab(() => answer)
    const { client, server } = lab
    await validating(client, 'odd', webhookTo(server, '/odd'))
    const message = await refusal(client.create(configMaps, settings('a')))
    assert.match(message, /^Internal error occurred: failed calling webhook "odd.hooks.example": failed to call webhook: /)
    assert.match(message, said)
    await client.patch(
      validatingWebhookConfigurations,
      'odd',
      [{ op: 'replace', path: '/webhooks/0/failurePolicy', value: 'Ignore' }],
      { type: 'json' },
    )
    await client.create(configMaps, settings('a'))
  })
}

test('a webhook that hangs is given up on when its time is over, and its connection closed', async () => {
  const hung: string[] = []
  await using lab = await startWebhookLab(() => (_review, response) => void response.on('close', () => hung.push('closed')))
  const { client, server, api } = lab
  await mutating(client, 'hang', webhookTo(server, '/hang', { timeoutSeconds: 2 }))
  const made = refusal(client.create(configMaps, settings('a')))
  await server.received(1)
  await api.clock.advance(1_999)
  assert.deepEqual(hung, [])
  await api.clock.advance(1)
  assert.match(await made, /context deadline exceeded$/)
})

test('a webhook behind a Service is found by it, and must be who the Service’s name says', async () => {
  await using lab = await startWebhookLab(() => deny('by service'))
  const { client, server } = lab
  const service = { namespace: 'work', name: 'hook', path: '/judge', port: server.port }
  const clientConfig = { service, caBundle: server.caBundle }
  await validating(client, 'svc', webhookTo(server, '/svc', { clientConfig }))
  const create = (): Promise<string> => refusal(client.create(configMaps, settings('a')))
  const about = `Internal error occurred: failed calling webhook "svc.hooks.example": failed to call webhook: Post "https://hook.work.svc:${server.port}/judge?timeout=10s": `
  assert.equal(await create(), `${about}service "hook" not found`)
  const spec = { type: 'ClusterIP', ports: [{ port: server.port }] }
  await client.create(services, { apiVersion: 'v1', kind: 'Service', metadata: { name: 'hook', namespace: 'work' }, spec })
  assert.equal(await create(), `${about}no endpoints available for service "hook"`)
  await client.delete(services, 'work/hook')
  for (const name of ['hook', 'other']) {
    const external = { type: 'ExternalName', externalName: 'localhost' }
    await client.create(services, { apiVersion: 'v1', kind: 'Service', metadata: { name, namespace: 'work' }, spec: external })
  }
  assert.equal(await create(), 'admission webhook "svc.hooks.example" denied the request: by service')
  assert.deepEqual(server.paths, ['/judge?timeout=10s'])
  await client.patch(
    validatingWebhookConfigurations,
    'svc',
    [{ op: 'replace', path: '/webhooks/0/clientConfig/service/name', value: 'other' }],
    { type: 'json' },
  )
  assert.match(await create(), /Hostname\/IP does not match certificate's altnames/)
})
