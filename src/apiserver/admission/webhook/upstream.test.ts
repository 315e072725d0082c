import assert from 'node:assert/strict'
import test from 'node:test'
import { configMaps } from '#api'
import {
  deny,
  mutatingWebhooks,
  refusal,
  settings,
  startWebhookLab,
  validatingWebhooks,
  type WebhookAnswer,
  webhookTo,
} from '#testing'
import { documentIn } from '../../webhook-answer.ts'

/* What upstream's webhook plugins answer; test/upstream/webhooks.test.ts compares with them. */

/** How a webhook that answers so is told of. */
async function said(answer: WebhookAnswer, more: object = {}): Promise<string> {
  await using lab = await startWebhookLab(() => answer)
  await mutatingWebhooks(lab.client, 'c', webhookTo(lab.server, '/x', { name: 'h.hooks.example', ...more }))
  const message = await refusal(lab.client.create(configMaps, settings('a')))
  return message
    .replace('Internal error occurred: failed calling webhook "h.hooks.example": ', '')
    .replace(/[\da-f]{8}-[\da-f-]{27}/, 'UID')
}

const raw =
  (body: string): WebhookAnswer =>
  (_review, response) =>
    void response.writeHead(200, { 'content-type': 'application/json' }).end(body)

test('an answer is read as upstream reads it, and told of so', async () => {
  const failed = 'failed to call webhook: '
  assert.equal(await said(raw('')), `${failed}0-length response with status code: 200 and content type: application/json`)
  assert.equal(await said(raw('{')), `${failed}couldn't get version/kind; json parse error: unexpected end of JSON input`)
  assert.match(
    await said(raw('<html>')),
    /json parse error: json: cannot unmarshal string into Go value of type struct \{ APIVersion string/,
  )
  assert.equal(await said(raw('null')), 'received invalid webhook response: webhook response was absent')
  assert.equal(
    await said({ allowed: true, warnings: [1] }),
    `${failed}json: cannot unmarshal number into Go struct field AdmissionResponse.response.warnings of type string`,
  )
  assert.equal(
    await said({ allowed: false, status: { code: '404' } }),
    `${failed}json: cannot unmarshal string into Go struct field Status.response.status.code of type int32`,
  )
  assert.equal(
    await said({ uid: undefined, allowed: true }),
    'received invalid webhook response: expected response.uid="UID", got ""',
  )
  assert.equal(
    await said(
      { allowed: true },
      {
        admissionReviewVersions: ['v1'],
        timeoutSeconds: 1,
        failurePolicy: 'Fail',
        clientConfig: { url: 'https://127.0.0.1:1/x' },
      },
    ),
    `${failed}Post "https://127.0.0.1:1/x?timeout=1s": dial tcp 127.0.0.1:1: connect: connection refused`,
  )
})

test('a status that is no success is told by its code, or by a Status in the body', async () => {
  const told = async (status: number, type: string | undefined, body = 'oh'): Promise<string> => {
    const headers = type === undefined ? {} : { 'content-type': type }
    const error = await documentIn({ status, headers, body }).catch((failure: unknown) => failure as Error)
    return (error as Error).message
  }
  assert.equal(await told(415, 'application/json'), 'unknown')
  assert.equal(await told(403, 'text/plain'), 'oh')
  assert.equal(await told(406, undefined, ''), 'the server was unable to respond with a content type that the client supports')
  assert.equal(await told(500, undefined), 'an error on the server ("oh") has prevented the request from succeeding')
  assert.equal(
    await told(500, 'application/json'),
    'an error on the server ("unknown") has prevented the request from succeeding',
  )
  assert.equal(
    await told(302, undefined, ''),
    'the server responded with the status code 302 but did not return more information',
  )
  const status = JSON.stringify({ apiVersion: 'v1', kind: 'Status', status: 'Failure', message: 'from status', code: 409 })
  assert.equal(await told(404, 'application/json', status), 'from status')
})

test('a server is asked under the name and port that it goes by', async () => {
  const heads: (string | undefined)[] = []
  await using lab = await startWebhookLab(() => (review, response) => {
    heads.push(response.req.headers.host, response.req.headers['user-agent'])
    const { apiVersion, request } = review
    response.end(JSON.stringify({ apiVersion, kind: 'AdmissionReview', response: { uid: request.uid, allowed: true } }))
  })
  await validatingWebhooks(lab.client, 'c', webhookTo(lab.server, '/x'))
  await lab.client.create(configMaps, settings('a'))
  assert.deepEqual(heads, [`127.0.0.1:${lab.server.port}`, 'kube-apiserver-admission'])
})

test('conditions are judged before any validating webhook is asked', async () => {
  await using lab = await startWebhookLab(() => deny('no'))
  const matchConditions = [{ name: 'c', expression: "object.data.nothing == ''" }]
  await validatingWebhooks(lab.client, 'a', webhookTo(lab.server, '/a'))
  await validatingWebhooks(lab.client, 'b', webhookTo(lab.server, '/b', { matchConditions }))
  assert.equal(
    await refusal(lab.client.create(configMaps, settings('a'))),
    `configmaps "a" is forbidden: expression 'object.data.nothing == ''' resulted in error: no such key: data`,
  )
  assert.equal(lab.server.requests.length, 0)
})

test('a patch makes no object of another kind', async () => {
  const patch = (value: string): WebhookAnswer => ({
    allowed: true,
    patchType: 'JSONPatch',
    patch: Buffer.from(JSON.stringify([{ op: 'replace', path: '/kind', value }])).toString('base64'),
  })
  assert.match(
    await said(patch('Secret')),
    /failed to convert object: converting \(v1.Secret\) to \(v1.ConfigMap\): unknown conversion$/,
  )
  assert.match(await said(patch('Nothing')), /no kind "Nothing" is registered for version "v1" in scheme/)
})
