import { execFileSync } from 'node:child_process'
import { copyFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { makeBundle } from './bundle.ts'

/**
 * Makes the npm package in `dist`: the library and the command bundled with everything they use, so that whoever installs it gets no
 * dependencies and starts in a fraction of the time that a thousand modules take; beside them the types.
 */
const ROOT = join(import.meta.dirname, '..')
const DIST = join(ROOT, 'dist')

rmSync(DIST, { recursive: true, force: true })
await makeBundle(DIST)
for (const file of ['LICENSE', 'README.md']) copyFileSync(join(ROOT, file), join(DIST, file))
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
