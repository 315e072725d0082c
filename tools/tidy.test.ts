import assert from 'node:assert/strict'
import { readdirSync, readFileSync } from 'node:fs'
import { join, relative, sep } from 'node:path'
import test from 'node:test'
import { edited } from './mutations/edit.ts'
import { mutants, testsOf } from './mutations/index.ts'

const root = join(import.meta.dirname, '..')

/** The house rules of ARCHITECTURE.md: a layer imports only what its row names. */
const LAYERS: Readonly<Record<string, readonly string[]>> = {
  base: [],
  meta: ['base'],
  cel: ['base'],
  api: ['base', 'meta', 'cel'],
  store: ['base', 'meta'],
  client: ['base', 'meta', 'api'],
  apiserver: ['base', 'meta', 'cel', 'api', 'store', 'client'],
  controllers: ['base', 'meta', 'cel', 'api', 'client'],
  scheduler: ['base', 'meta', 'api', 'client'],
  kubelet: ['base', 'meta', 'api', 'client'],
  proxy: ['base', 'meta', 'api', 'client'],
  addons: ['base', 'meta', 'api', 'client'],
  cluster: [
    'base',
    'meta',
    'cel',
    'api',
    'store',
    'client',
    'apiserver',
    'controllers',
    'scheduler',
    'kubelet',
    'proxy',
    'addons',
  ],
  cli: ['base', 'meta', 'api', 'client', 'cluster'],
  testing: [
    'base',
    'meta',
    'cel',
    'api',
    'store',
    'client',
    'apiserver',
    'controllers',
    'scheduler',
    'kubelet',
    'proxy',
    'addons',
    'cluster',
    'cli',
  ],
}

/** Where time, chance and the console may be touched directly. */
const GLOBALS = /\b(Date\.now\(\)|new Date\(\)|Math\.random\(\)|setInterval\(|setTimeout\(|console\.(log|error|warn|info)\()/

const FILE_LINES_MAX = 500

interface Source {
  readonly path: string
  readonly text: string
}

const sources: Source[] = ['src', 'test', 'bench', 'tools']
  .flatMap((folder) => filesBelow(join(root, folder)))
  .map((path) => ({
    path: relative(root, path).split(sep).join('/'),
    text: readFileSync(path, 'utf8'),
  }))

const layerOf = (path: string): string | undefined => /^src\/([^/]+)\//.exec(path)?.[1]
const isTest = (path: string): boolean => path.endsWith('.test.ts') || path.startsWith('src/testing/') || !path.startsWith('src/')
const importsOf = (text: string): string[] => [...text.matchAll(/(?:from|import)\s*\(?\s*'([^']+)'/g)].map((match) => match[1]!)

test('every layer is in the table', () => {
  for (const { path } of sources) {
    const layer = layerOf(path)
    if (layer !== undefined) assert.ok(layer in LAYERS, `${path}: no row for ${layer}`)
  }
})

test('a layer imports only layers listed for it, through #layer', () => {
  const problems: string[] = []
  for (const { path, text } of sources) {
    const layer = layerOf(path)
    if (layer === undefined) continue
    for (const specifier of importsOf(text)) {
      if (specifier.startsWith('#')) {
        const target = specifier.slice(1)
        if (target === layer && !isTest(path)) problems.push(`${path}: imports its own layer as ${specifier}; use ./file.ts`)
        else if (target !== layer && !isTest(path) && !LAYERS[layer]!.includes(target))
          problems.push(`${path}: ${layer} may not import ${specifier}`)
      } else if (specifier.startsWith('.')) {
        const resolved = join(path, '..', specifier).split(sep).join('/')
        const crosses = resolved.startsWith('src/') && layerOf(resolved) !== layer
        if (crosses) problems.push(`${path}: reaches into ${resolved}; import #${layerOf(resolved)}`)
        if (!/\.(ts|json)$/.test(specifier)) problems.push(`${path}: import ${specifier} with its extension`)
      }
    }
  }
  assert.deepEqual(problems, [])
})

test('product code takes time, chance and output as arguments', () => {
  const problems: string[] = []
  for (const { path, text } of sources) {
    if (isTest(path) || layerOf(path) === 'base' || layerOf(path) === 'cli') continue
    for (const [index, line] of text.split('\n').entries()) {
      if (GLOBALS.test(line) && !/^\s*(\*|\/\/)/.test(line)) problems.push(`${path}:${index + 1}: ${line.trim()}`)
    }
  }
  assert.deepEqual(problems, [])
})

test('a file holds one noun', () => {
  const long = sources
    .map(({ path, text }) => ({ path, lines: text.split('\n').length }))
    .filter(({ lines }) => lines > FILE_LINES_MAX)
  assert.deepEqual(long, [])
})

test('files are kebab-case nouns', () => {
  const odd = sources.map(({ path }) => path).filter((path) => !/^[a-z0-9./-]+$/.test(path))
  assert.deepEqual(odd, [])
})

test('mutants of the product still fit it, and name tests that are there', () => {
  const texts = new Map(sources.map(({ path, text }) => [path, text]))
  const problems: string[] = []
  for (const mutant of mutants) {
    for (const path of testsOf(mutant)) if (!texts.has(path)) problems.push(`${mutant.name}: there is no ${path}`)
    try {
      edited(texts.get(mutant.file) ?? '', mutant)
    } catch (error) {
      problems.push(`${mutant.name}: ${(error as Error).message}`)
    }
  }
  assert.deepEqual(problems, [])
  assert.equal(new Set(mutants.map(({ name }) => name)).size, mutants.length, 'a name stands for one mutant')
})

test('no test is switched off', () => {
  const problems = sources.filter(
    ({ path, text }) => path.endsWith('.test.ts') && path !== 'tools/tidy.test.ts' && /\btest\.(only|skip|todo)\(/.test(text),
  )
  assert.deepEqual(
    problems.map(({ path }) => path),
    [],
  )
})

function filesBelow(folder: string): string[] {
  let entries: import('node:fs').Dirent[]
  try {
    entries = readdirSync(folder, { withFileTypes: true })
  } catch {
    return []
  }
  return entries.flatMap((entry) => {
    if (entry.name === 'generated' || entry.name === 'node_modules') return []
    const path = join(folder, entry.name)
    if (entry.isDirectory()) return filesBelow(path)
    return /\.tsx?$/.test(entry.name) ? [path] : []
  })
}
