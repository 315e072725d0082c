import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import type { IncomingMessage } from 'node:http'
import { get } from 'node:https'
import { type AddressInfo, createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import test from 'node:test'
import { promisify } from 'node:util'

const run = promisify(execFile)
const ROOT = join(import.meta.dirname, '../..')
const PROGRAM = `
import { startCluster, type Cluster } from 'typernetes'

async function namesIn(cluster: Cluster): Promise<string[]> {
  const { body } = await cluster.client.request({ method: 'GET', path: '/api/v1/namespaces' })
  const list = (body as { object: { items: { metadata: { name: string } }[] } }).object
  return list.items.map(({ metadata }) => metadata.name)
}

await using cluster = await startCluster({ nodes: 2 })
process.stdout.write(JSON.stringify({ names: await namesIn(cluster), kubeconfig: cluster.kubeconfig.includes(cluster.url) }))
`

test('the npm package brings no dependencies, its types and a whole cluster', { timeout: 120_000 }, async (context) => {
  const folder = mkdtempSync(join(tmpdir(), 't8s-package-'))
  context.after(() => rmSync(folder, { recursive: true }))
  await run(process.execPath, [join(ROOT, 'tools/build.ts')])
  const npm = (...words: readonly string[]): Promise<unknown> =>
    run('npm', [...words, '--offline', '--no-audit', '--no-fund'], { cwd: folder })
  await npm('pack', join(ROOT, 'dist'))
  const [archive] = readdirSync(folder)
  writeFileSync(join(folder, 'package.json'), '{"type":"module"}')
  await npm('install', `./${archive}`)
  assert.deepEqual(
    readdirSync(join(folder, 'node_modules')).filter((name) => !name.startsWith('.')),
    ['typernetes'],
  )
  // Node strips types only outside of node_modules; the program is a consumer's own.
  mkdirSync(join(folder, 'app'))
  writeFileSync(join(folder, 'app/main.ts'), PROGRAM)

  await context.test('a program of TypeScript checks against it and runs', async () => {
    const options = [
      '--noEmit',
      '--strict',
      '--target',
      'es2024',
      '--lib',
      'es2024,esnext.disposable',
      '--module',
      'nodenext',
      '--skipLibCheck',
    ]
    const types = ['--types', 'node', '--typeRoots', join(ROOT, 'node_modules/@types')]
    await run(process.execPath, [join(ROOT, 'node_modules/typescript/bin/tsc'), ...options, ...types, 'app/main.ts'], {
      cwd: folder,
    })
    const { stdout } = await run(process.execPath, ['app/main.ts'], { cwd: folder })
    const { names, kubeconfig } = JSON.parse(stdout) as { names: string[]; kubeconfig: boolean }
    assert.deepEqual(
      names.filter((name) => name !== 'default'),
      ['kube-node-lease', 'kube-public', 'kube-system'],
    )
    assert.ok(kubeconfig)
  })

  await context.test('its command starts a cluster on a durable store, and ends it', async () => {
    const t8s = (...words: readonly string[]): Promise<{ stdout: string }> =>
      run(process.execPath, [join(folder, 'node_modules/.bin/t8s'), ...words, '--data-dir', join(folder, 'data')], {
        env: { ...process.env, HOME: folder, KUBECONFIG: join(folder, 'kubeconfig') },
      })
    const port = await freePort()
    await t8s('up', '--runtime', 'simulated', '--api-port', String(port), '--anonymous-auth=false')
    try {
      assert.match((await t8s('status')).stdout, /node node-1 +Ready/)
      // What the API server was told holds until it is told otherwise, at a start of it.
      await t8s('up', '--anonymous-auth=false')
      await assert.rejects(
        t8s('up', '--anonymous-auth=true'),
        /the control plane runs and was told otherwise; run 't8s down' first/,
      )
      await t8s('down')
      await assert.rejects(
        t8s('up', '--anonymous-auth=true', '--authorization-config=/none'),
        /t8s: failed to read the authorization configuration \/none: ENOENT/,
      )
      await t8s('up')
      assert.equal(await statusOf(port), 401)
      await t8s('down')
      await t8s('up', '--anonymous-auth=')
      assert.equal(await statusOf(port), 200)
      assert.match((await t8s('status')).stdout, /node node-1 +Ready/)
    } finally {
      await t8s('reset', '--yes')
    }
  })
})

/** What somebody is answered who says nothing about himself. */
async function statusOf(port: number): Promise<number | undefined> {
  const asked = get({ host: '127.0.0.1', port, path: '/version', rejectUnauthorized: false, agent: false })
  const [response] = (await once(asked, 'response')) as [IncomingMessage]
  response.resume()
  return response.statusCode
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0)
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  server.close()
  return port
}
