import assert from 'node:assert/strict'
import test from 'node:test'
import { ask, startTestApiServer } from '#testing'

test('whoever uses a kind that is deprecated is told, whatever they do', async () => {
  await using api = await startTestApiServer()
  const all = '/api/v1/namespaces/default/endpoints'
  const object = { metadata: { name: 'e' } }
  const said = '299 - "v1 Endpoints is deprecated in v1.33+; use discovery.k8s.io/v1 EndpointSlice"'
  const requests: readonly (readonly [line: string, object?: object])[] = [
    [`POST ${all}`, object],
    [`GET ${all}`],
    [`GET ${all}?watch=true&timeoutSeconds=1`],
    [`GET ${all}/e`],
    [`PUT ${all}/e`, object],
    [`DELETE ${all}/e`],
    [`DELETE ${all}`],
    [`GET ${all}/e`],
  ]
  const codes: number[] = []
  for (const [line, body] of requests) {
    const { code, headers } = await ask(api, line, { body })
    assert.equal(headers['warning'], said, line)
    codes.push(code)
  }
  assert.deepEqual(codes, [201, 200, 200, 200, 200, 200, 200, 404])
  const { headers } = await ask(api, 'GET /api/v1/componentstatuses')
  assert.equal(headers['warning'], '299 - "v1 ComponentStatus is deprecated in v1.19+"')
  assert.equal((await ask(api, 'GET /api/v1/namespaces/default/services')).headers['warning'], undefined)
})

test('a write to a status is warned of by the rules of the status', async () => {
  await using api = await startTestApiServer()
  const all = '/api/v1/namespaces/default/services'
  const made = await ask(api, `POST ${all}`, {
    body: { metadata: { name: 's' }, spec: { type: 'LoadBalancer', ports: [{ port: 80 }] } },
  })
  assert.deepEqual([made.code, made.headers['warning']], [201, undefined])
  const status = { loadBalancer: { ingress: [{ ip: 'FD00::1' }] } }
  const answer = await ask(api, `PUT ${all}/s/status`, { body: { ...made.object, status } })
  assert.equal(answer.code, 200)
  const said = String.raw`299 - "status.loadBalancer.ingress[0]: IPv6 address \"FD00::1\" should be in RFC 5952 canonical format (\"fd00::1\")"`
  assert.equal(answer.headers['warning'], said)
})
