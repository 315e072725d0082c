import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import test from 'node:test'
import { pathToFileURL } from 'node:url'
import { promisify } from 'node:util'
import { makeBundle } from '../../tools/bundle.ts'

const run = promisify(execFile)
const ROOT = join(import.meta.dirname, '../..')
const START = `
  await using cluster = await startCluster({ nodes: 1 })
  const { body } = await cluster.client.request({ method: 'GET', path: '/api/v1/namespaces' })
  process.stdout.write(JSON.stringify({
    namespaces: body.object.items.map(({ metadata }) => metadata.name),
    builtins: process.moduleLoadList,
`

/** From source: a bundle's chunks hold many modules each. */
const LOADED = `
  import { registerHooks } from 'node:module'
  const files = []
  registerHooks({ load: (url, context, next) => (files.push(url), next(url, context)) })
  const { startCluster } = await import(${JSON.stringify(pathToFileURL(join(ROOT, 'src/cluster/library.ts')))})
  ${START} files }))`

/** What only some clusters need, or only somebody's first request to them: each costs milliseconds and megabytes. */
const LATER = ['cel/', 'addons/', 'cli/', 'testing/', 'apiserver/audit/', 'cluster/etcd/', 'cluster/node/', 'cluster/join/token']
const BUILTINS_LATER = ['sqlite', 'http2', 'https', 'readline', 'worker_threads', 'inspector', 'repl', 'test', 'wasi']

test('a start loads nothing that can wait for its first use', { timeout: 60_000 }, async () => {
  const { stdout } = await run(process.execPath, ['--conditions=source', '--input-type=module', '--eval', LOADED], { cwd: ROOT })
  const { files } = JSON.parse(stdout) as { files: string[] }
  const libraries = files.flatMap((file) => /.*node_modules\/((?:@[^/]+\/)?[^/]+)/.exec(file)?.[1] ?? [])
  const { dependencies } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')) as { dependencies: object }
  // Beside those that these bring along.
  const chosen = new Set(libraries.filter((name) => name in dependencies))
  assert.deepEqual([...chosen].sort(), ['@peculiar/x509', 're2js', 'reflect-metadata'])
  const own = files.flatMap((file) => /\/src\/(.*)/.exec(file)?.[1] ?? [])
  assert.ok(own.includes('apiserver/pipeline.ts'), 'what is loaded is seen')
  assert.deepEqual(
    own.filter((file) => LATER.some((folder) => file.startsWith(folder))),
    [],
  )
})

test('a bundle starts with the code that an earlier process has compiled', { timeout: 120_000 }, async (context) => {
  const folder = mkdtempSync(join(tmpdir(), 't8s-bundle-'))
  context.after(() => rmSync(folder, { recursive: true }))
  await makeBundle(folder)
  const lib = join(folder, 'lib')
  const program = `const { startCluster } = await import(${JSON.stringify(pathToFileURL(join(lib, 'index.js')))})\n${START} }))`
  const start = async (): Promise<{ namespaces: string[]; builtins: string[] }> =>
    JSON.parse((await run(process.execPath, ['--input-type=module', '--eval', program])).stdout)
  const code = join(lib, 'code', readdirSync(join(lib, 'code'))[0]!)
  // A file that is written anew is another file.
  const kept = (): Map<string, number> => new Map(readdirSync(code).map((name) => [name, statSync(join(code, name)).ino]))
  const renewed = (before: ReadonlyMap<string, number>): string[] =>
    [...kept()].filter(([name, ino]) => before.get(name) !== ino).map(([name]) => name)
  const [library = ''] = readdirSync(lib).filter((name) => /^library-.*\.cjs$/.test(name))

  await context.test('it finds every table that the generators made', async () => {
    const ask = `const { startCluster } = await import(${JSON.stringify(pathToFileURL(join(lib, 'index.js')))})
      await using cluster = await startCluster({ nodes: 0 })
      const answered = (path, accept) => cluster.client.request({ method: 'GET', path, headers: { accept } })
      await answered('/api/v1/namespaces', 'application/vnd.kubernetes.protobuf')
      await answered('/openapi/v2', 'application/json')
      await answered('/openapi/v3/apis/apps/v1', 'application/json')`
    await run(process.execPath, ['--input-type=module', '--eval', ask])
  })

  await context.test('the build keeps code for all that a start loads', async () => {
    const before = kept()
    assert.ok(before.has(library))
    const { builtins } = await start()
    assert.ok(builtins.includes('NativeModule tls'), 'what is loaded is seen')
    assert.deepEqual(
      BUILTINS_LATER.filter((name) => builtins.includes(`NativeModule ${name}`)),
      [],
    )
    assert.deepEqual(renewed(before), [])
  })

  await context.test('code that is damaged is not used, and replaced', async () => {
    const before = kept()
    const bytes = readFileSync(join(code, library))
    bytes[bytes.length >> 1]! ^= 1
    writeFileSync(join(code, library), bytes)
    assert.ok((await start()).namespaces.includes('kube-system'))
    assert.deepEqual(renewed(before), [library])
  })

  await context.test('code of another text of the same length is not used', async () => {
    const before = kept()
    const text = readFileSync(join(lib, library), 'utf8')
    writeFileSync(join(lib, library), text.replaceAll('kube-node-lease', 'kube-node-least'))
    assert.ok((await start()).namespaces.includes('kube-node-least'))
    assert.deepEqual(renewed(before), [library])
  })

  await context.test('only a process that serves an API keeps code', async () => {
    rmSync(join(lib, 'code'), { recursive: true })
    const status = run(process.execPath, [join(folder, 't8s.cjs'), 'status', '--data-dir', join(folder, 'none')])
    await assert.rejects(status, { code: 1, stdout: /There is no cluster/ })
    assert.ok(!existsSync(join(lib, 'code')))
    await start()
    assert.ok(existsSync(join(code, library)))
  })
})
