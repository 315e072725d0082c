import { execFileSync } from 'node:child_process'
import { chmodSync, copyFileSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { rolldown } from 'rolldown'

/**
 * Makes the npm package in `dist`: the library and the command bundled with everything they use, so that whoever installs it gets no
 * dependencies and starts in a fraction of the time that a thousand modules take; beside them the types.
 */
const ROOT = join(import.meta.dirname, '..')
const DIST = join(ROOT, 'dist')
const LIB = join(DIST, 'lib')
const GENERATED = join(ROOT, 'src/api/generated')

const ENTRIES = {
  index: join(ROOT, 'src/cluster/index.ts'),
  main: join(ROOT, 'src/cli/main.ts'),
}

/** Parses on any Node, so that an old one says what it lacks instead of where it stumbled. */
const COMMAND = `#!/usr/bin/env node
const [major, minor] = process.versions.node.split('.').map(Number)
if (major < 24 || (major === 24 && minor < 12)) {
  console.error('t8s: Node.js 24.12 or newer is needed, and this is ' + process.version)
  process.exit(1)
}
require('node:module').enableCompileCache()
import('./lib/main.js')
`

rmSync(DIST, { recursive: true, force: true })
const bundle = await rolldown({
  input: ENTRIES,
  platform: 'node',
  resolve: { conditionNames: ['source', 'node', 'import'], mainFields: ['module', 'main'] },
  // Optional parts of libraries (a native WebSocket mask, a pretty printer) that are taken when a user has them.
  external: ['bufferutil', 'utf-8-validate', 'pino-pretty'],
})
await bundle.write({
  dir: LIB,
  format: 'esm',
  entryFileNames: '[name].js',
  chunkFileNames: '[name]-[hash].js',
  minify: 'dce-only',
})
await bundle.close()
mkdirSync(join(LIB, 'generated'))
for (const file of readdirSync(GENERATED).filter((name) => name.endsWith('.json')))
  copyFileSync(join(GENERATED, file), join(LIB, 'generated', file))
for (const file of ['LICENSE', 'README.md']) copyFileSync(join(ROOT, file), join(DIST, file))
writeFileSync(join(DIST, 't8s.cjs'), COMMAND)
chmodSync(join(DIST, 't8s.cjs'), 0o755)
writeFileSync(join(DIST, 'package.json'), `${JSON.stringify(packageJson(), null, 2)}\n`)
execFileSync(
  process.execPath,
  [
    join(ROOT, 'node_modules/typescript/bin/tsc'),
    '--noEmit',
    'false',
    '--declaration',
    '--emitDeclarationOnly',
    '--rootDir',
    'src',
    '--outDir',
    join(DIST, 'types'),
    '-p',
    join(ROOT, 'tools/tsconfig.types.json'),
  ],
  { stdio: 'inherit' },
)

function packageJson(): object {
  const { name, version, description, license, engines } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')) as Record<
    string,
    unknown
  >
  return {
    name,
    version,
    description,
    license,
    type: 'module',
    engines,
    bin: { t8s: './t8s.cjs' },
    exports: { '.': { types: './types/cluster/index.d.ts', default: './lib/index.js' } },
    imports: { '#*': './types/*/index.d.ts' },
  }
}
