import assert from 'node:assert/strict'
import test from 'node:test'
import { pods } from '#api'
import { deny, podOf, startWebhookLab, TEST_ADMIN, TRANSPORTS, validatingWebhooks, webhookTo } from '#testing'

for (const subresource of ['attach', 'exec', 'portforward', 'proxy']) {
  test(`an upgrade to pods/${subresource} is refused by a webhook before anything is connected`, async () => {
    await using lab = await startWebhookLab(() => deny('no', 418))
    const { api, client, server } = lab
    await client.create(pods, podOf('p'))
    const rules = [{ operations: ['CONNECT'], apiGroups: [''], apiVersions: ['v1'], resources: ['pods/*'] }]
    await validatingWebhooks(client, 'deny', webhookTo(server, '/connect', { rules }))
    await using stack = new AsyncDisposableStack()
    const connect = await TRANSPORTS['https']!(api, stack)
    const upgraded = connect(TEST_ADMIN).upgrade!({
      method: 'POST',
      path: `/api/v1/namespaces/work/pods/p/${subresource}`,
      query: new URLSearchParams({ stdin: 'true', command: 'sh', ports: '80' }),
      headers: { upgrade: 'websocket' },
    })
    await assert.rejects(upgraded, { message: 'the server refused the upgrade with 418' })
    assert.deepEqual([server.requests[0]?.operation, server.requests[0]?.subResource], ['CONNECT', subresource])
  })
}
