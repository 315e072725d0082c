import assert from 'node:assert/strict'
import { execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { copyFileSync, existsSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import test from 'node:test'

const ROOT = join(import.meta.dirname, '../..')

test('./t8s runs what the sources are now, and a process goes on with what it began with', {
  timeout: 60_000,
}, async (context) => {
  const folder = mkdtempSync(join(tmpdir(), 't8s-checkout-'))
  context.after(() => rmSync(folder, { recursive: true }))
  const write = (path: string, text: string): void => {
    mkdirSync(dirname(join(folder, path)), { recursive: true })
    writeFileSync(join(folder, path), text)
  }
  // Bundles say of which sources they are, and run until their input ends.
  write(
    'tools/bundle.ts',
    `import { readdirSync, writeFileSync } from 'node:fs'
     writeFileSync(process.argv[2] + '/t8s.cjs', "console.log('" + readdirSync('src').sort() + "'); process.stdin.resume()")`,
  )
  write('src/a.ts', '')
  write('src/b.ts', '')
  write('package.json', '{"type":"module"}')
  for (const path of ['tools/loader.ts', 'tools/warm-up.ts', 'node_modules/.t8s-packages']) write(path, '')
  mkdirSync(join(folder, 'script'))
  mkdirSync(join(folder, 'node_modules/.bin'))
  copyFileSync(join(ROOT, 'script/bundle'), join(folder, 'script/bundle'))
  symlinkSync(process.execPath, join(folder, 'node_modules/.bin/node'))
  const bundle = (): string => execFileSync(join(folder, 'script/bundle'), { encoding: 'utf8' }).trim()
  const said = (made: string): string =>
    execFileSync(process.execPath, [join(made, 't8s.cjs')], { input: '', encoding: 'utf8' }).trim()

  const first = bundle()
  assert.equal(said(first), 'a.ts,b.ts')
  assert.equal(bundle(), first)
  const running = spawn(process.execPath, [join(first, 't8s.cjs')], { stdio: ['pipe', 'pipe', 'inherit'] })
  await once(running.stdout, 'data')

  write('src/c.ts', '')
  const second = bundle()
  assert.equal(said(second), 'a.ts,b.ts,c.ts')
  assert.ok(existsSync(first), 'a process runs it')
  running.stdin.end()
  await once(running, 'exit')

  rmSync(join(folder, 'src/a.ts'))
  const third = bundle()
  assert.equal(said(third), 'b.ts,c.ts')
  assert.ok(!existsSync(first) && !existsSync(second))

  write('src/b.test.ts', '')
  write('src/b.ts', 'changed')
  assert.notEqual(bundle(), third)
})
