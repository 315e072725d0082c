import assert from 'node:assert/strict'
import test from 'node:test'
import { ask, crdOf, establish, startTestApiServer } from '#testing'

const LONG = '9007199254740993'
const SCHEMA = {
  type: 'object',
  properties: {
    spec: {
      type: 'object',
      'x-kubernetes-preserve-unknown-fields': true,
      properties: {
        id: { type: 'integer', format: 'int64', multipleOf: 3, maximum: 9007199254740996 },
        ids: { type: 'array', items: { type: 'integer' }, 'x-kubernetes-list-type': 'set' },
        share: { type: 'number' },
        name: { type: 'string' },
      },
      'x-kubernetes-validations': [{ rule: '!has(self.id) || self.id != 9007199254740990', message: 'not this one' }],
    },
  },
}

test('integers of custom objects keep their 64 bits, whatever is done to the object', async () => {
  await using api = await startTestApiServer()
  await establish(api.client, crdOf({ schema: SCHEMA }))
  const path = '/apis/example.com/v1/namespaces/default/widgets'
  const head = '"apiVersion":"example.com/v1","kind":"Widget"'
  const send = async (line: `${'POST' | 'PATCH'} ${string}`, body: string, type = 'application/json'): Promise<string> => {
    const [method, url = ''] = line.split(' ') as ['POST' | 'PATCH', string]
    const [plain = '', query = ''] = url.split('?')
    const response = await api.client.request({
      method,
      path: plain,
      query: new URLSearchParams(query),
      headers: { 'content-type': type },
      body: { kind: 'bytes', bytes: Buffer.from(body) },
    })
    const { body: answer } = response
    assert.ok(answer.kind === 'object' || answer.kind === 'bytes')
    const text = Buffer.from(answer.kind === 'bytes' ? answer.bytes : answer.bytes()).toString()
    assert.ok(response.status < 300, text)
    return text
  }
  const spec = `"id":${LONG},"ids":[${LONG},9223372036854775807],"free":{"x":-9223372036854775808}`
  const created = await send(`POST ${path}`, `{${head},"metadata":{"name":"a"},"spec":{${spec}}}`)
  assert.ok(created.includes(`"spec":{${spec}}`), created)

  const merged = await send(`PATCH ${path}/a`, '{"spec":{"name":"b","share":9007199254740993}}', 'application/merge-patch+json')
  assert.ok(merged.includes(`${spec},"name":"b"`), merged)
  const test = `[{"op":"test","path":"/spec/id","value":${LONG}},{"op":"add","path":"/spec/id","value":9007199254740996}]`
  assert.ok((await send(`PATCH ${path}/a`, test, 'application/json-patch+json')).includes('"id":9007199254740996'))
  const applied = `apiVersion: example.com/v1\nkind: Widget\nmetadata: {name: a}\nspec: {id: ${LONG}, ids: [9007199254740997]}`
  const after = await send(`PATCH ${path}/a?fieldManager=me&force=true`, applied, 'application/apply-patch+yaml')
  assert.ok(after.includes(`"id":${LONG}`) && after.includes(`[${LONG},9223372036854775807,9007199254740997]`), after)
  assert.ok(after.includes('v:9007199254740997'), after)

  const yaml = await ask(api, `GET ${path}/a`, { headers: { accept: 'application/yaml' } })
  assert.match(yaml.text, new RegExp(`\\n  id: ${LONG}\\n`))
})

test('rules and bounds see long integers as they are', async () => {
  await using api = await startTestApiServer()
  const [widgets] = await establish(api.client, crdOf({ schema: SCHEMA }))
  const create = (id: bigint): Promise<unknown> =>
    api.client.create(widgets!, {
      apiVersion: 'example.com/v1',
      kind: 'Widget',
      metadata: { name: 'x', namespace: 'default' },
      spec: { id },
    } as never)
  await assert.rejects(create(9007199254740994n), /spec.id in body should be a multiple of 3/)
  await assert.rejects(create(9007199254740999n), /spec.id in body should be less than or equal to 9007199254740996/)
  await assert.rejects(create(9007199254740990n), /not this one/)
  await create(9007199254740993n)
})
