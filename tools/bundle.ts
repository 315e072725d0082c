import { execFileSync } from 'node:child_process'
import { chmodSync, copyFileSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { rolldown } from 'rolldown'

const ROOT = join(import.meta.dirname, '..')
const GENERATED = join(ROOT, 'src/api/generated')

const ENTRIES = {
  library: join(ROOT, 'src/cluster/library.ts'),
  program: join(ROOT, 'src/cli/program.ts'),
}

/** Parses on any Node, so that an old one says what it lacks instead of where it stumbled. */
const COMMAND = `#!/usr/bin/env node
const [major, minor] = process.versions.node.split('.').map(Number)
if (major < 24 || (major === 24 && minor < 12)) {
  console.error('t8s: Node.js 24.12 or newer is needed, and this is ' + process.version)
  process.exit(1)
}
import('./lib/main.js')
`

const MAIN = `import { load } from './load.js'

process.exitCode = await load('program.cjs').run(process.argv.slice(2))
`

/**
 * Bundles all layers with everything they use into `directory`: `t8s.cjs`, the command; `lib/index.js`, the library; both over chunks of scripts that `lib/load.js` loads
 * with their compiled code, which is made here for the Node that runs this.
 */
export async function makeBundle(directory: string): Promise<void> {
  const lib = join(directory, 'lib')
  mkdirSync(join(lib, 'generated'), { recursive: true })
  const [names] = await Promise.all([bundleChunks(lib), bundleLoader(lib)])
  writeFileSync(join(lib, 'index.js'), libraryOf(names))
  writeFileSync(join(lib, 'main.js'), MAIN)
  for (const file of readdirSync(GENERATED).filter((name) => name.endsWith('.json')))
    copyFileSync(join(GENERATED, file), join(lib, 'generated', file))
  writeFileSync(join(directory, 't8s.cjs'), COMMAND)
  chmodSync(join(directory, 't8s.cjs'), 0o755)
  writeFileSync(join(directory, 'package.json'), `${JSON.stringify(packageJson(), null, 2)}\n`)
  execFileSync(process.execPath, [join(import.meta.dirname, 'warm-up.ts'), join(lib, 'index.js')])
}

/** Writes the chunks, and returns what the library's exports. */
async function bundleChunks(lib: string): Promise<string[]> {
  const bundle = await rolldown({
    input: ENTRIES,
    platform: 'node',
    resolve: { conditionNames: ['source', 'node', 'import'], mainFields: ['module', 'main'] },
    // Optional parts of libraries (a native WebSocket mask, a pretty printer) that are taken when a user has them.
    external: ['bufferutil', 'utf-8-validate', 'pino-pretty'],
  })
  const { output } = await bundle.generate({
    format: 'cjs',
    entryFileNames: '[name].cjs',
    chunkFileNames: '[name]-[hash].cjs',
    // Whose modules are loaded by a script of one's own has no import().
    dynamicImportInCjs: false,
    comments: { legal: true, annotation: false, jsdoc: false },
    minify: 'dce-only',
  })
  await bundle.close()
  const chunks = output.filter((file) => file.type === 'chunk')
  for (const { fileName, code } of chunks) writeFileSync(join(lib, fileName), toASCII(code))
  return chunks.find(({ fileName }) => fileName === 'library.cjs')!.exports
}

async function bundleLoader(lib: string): Promise<void> {
  const bundle = await rolldown({ input: { load: join(import.meta.dirname, 'loader.ts') }, platform: 'node' })
  await bundle.write({ dir: lib, format: 'esm', entryFileNames: '[name].js' })
  await bundle.close()
}

/** V8 keeps a text with one other character at two bytes for each. */
function toASCII(code: string): string {
  return code.replace(/[^\0-\x7f]/g, (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`)
}

function libraryOf(names: readonly string[]): string {
  const lines = names.map((name) => `export const ${name} = library.${name}\n`)
  return `import { load } from './load.js'\n\nconst library = load('library.cjs')\n${lines.join('')}`
}

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
    exports: { '.': { types: './types/cluster/library.d.ts', default: './lib/index.js' } },
    imports: { '#*': './types/*/index.d.ts' },
  }
}

if (import.meta.main) await makeBundle(process.argv[2]!)
