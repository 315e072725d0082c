import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import test from 'node:test'
import { httpTransport } from './http-transport.ts'
import { connectionOf, type Kubeconfig } from './kubeconfig.ts'

test('a credential plugin is asked once, and again when its token is refused', async () => {
  const seen: string[] = []
  const server = createServer((request, response) => {
    seen.push(request.headers.authorization ?? '')
    response.writeHead(seen.length === 2 ? 401 : 200, { 'content-type': 'application/json' })
    response.end('{}')
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const script = 'console.log(JSON.stringify({ kind: "ExecCredential", status: { token: "t" + process.pid } }))'
  const exec = { apiVersion: 'client.authentication.k8s.io/v1', command: process.execPath, args: ['-e', script] }
  const config: Kubeconfig = {
    clusters: [{ name: 'c', cluster: { server: `http://127.0.0.1:${(server.address() as AddressInfo).port}` } }],
    users: [{ name: 'u', user: { exec } }],
    contexts: [{ name: 'x', context: { cluster: 'c', user: 'u' } }],
    'current-context': 'x',
  }
  {
    await using transport = httpTransport(connectionOf(config, { directory: '/' }))
    for (let call = 0; call < 2; call++) assert.equal((await transport.request({ method: 'GET', path: '/' })).status, 200)
  }
  server.close()
  await once(server, 'close')
  assert.equal(seen.length, 3)
  assert.equal(seen[0], seen[1])
  assert.notEqual(seen[1], seen[2])
})
