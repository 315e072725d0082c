import assert from 'node:assert/strict'
import { test } from 'node:test'
import { crdOf, establish, startTestApiServer, TEST_ADMIN, type TestApiServer } from '#testing'

async function textOf(api: TestApiServer, target: string): Promise<string> {
  const [path = '', query = ''] = target.split('?')
  const request = { method: 'GET', path, query: new URLSearchParams(query) } as const
  const { body } = await api.server.handle(request, { kind: 'in-process', user: TEST_ADMIN })
  return body.kind === 'object' ? Buffer.from(body.bytes()).toString() : ''
}

test('JSON is a line of its own, unless it is indented', async () => {
  await using api = await startTestApiServer()
  const places = ['/api/v1/namespaces/default', '/api/v1/namespaces', '/api/v1/namespaces/none', '/api/v1', '/apis']
  for (const path of places) {
    assert.match(await textOf(api, path), /^\{.*\}\n$/, path)
    assert.match(await textOf(api, `${path}?pretty=true`), /^\{\n {2}"(.|\n)*[^\n]\n\}$/, path)
  }
})

test('a list of custom objects says that it goes on nowhere', async () => {
  await using api = await startTestApiServer()
  await establish(api.client, crdOf())
  assert.equal(JSON.parse(await textOf(api, '/apis/example.com/v1/widgets')).metadata.continue, '')
  assert.equal(JSON.parse(await textOf(api, '/api/v1/pods')).metadata.continue, undefined)
})
