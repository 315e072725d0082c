/**
 * Whether the behaviour tests can fail: runs them on mutants of the product, one mechanism changed at a time, and lists which behaviours fail on which mutants, and
 * which on none. `node tools/mutate-behaviors.ts [WORD…]` takes the mutants whose name, or files of tests, hold a word; all of them take about a quarter of an hour on two
 * cores. It changes no file.
 */
import { spawn } from 'node:child_process'
import { globSync, readFileSync } from 'node:fs'
import { basename, join } from 'node:path'
import { type Edit, edited } from './mutations/edit.ts'
import { type Mutant, mutants } from './mutations/index.ts'

const ROOT = join(import.meta.dirname, '..')
const AT_ONCE = 2
/** After that a mutant is taken to hang, and what has not passed or failed by then is left out. */
const RUN_MS_MAX = 150_000

/** What does not come at all need not be awaited as long as on a slow cluster. */
const IMPATIENT: readonly Edit[] = [
  { file: 'test/behavior/waiting.ts', from: 'const DEADLINE_MS = 30_000', to: 'const DEADLINE_MS = 6_000' },
  {
    file: 'test/behavior/behavior.ts',
    from: '{ timeout: timeoutMs, skip }',
    to: '{ timeout: Math.min(timeoutMs, 20_000), skip }',
  },
]

interface Run {
  readonly passed: readonly string[]
  readonly failed: readonly string[]
  /** A file whose cluster did not start shows nothing. */
  readonly unstarted: boolean
}

const words = process.argv.slice(2)
const chosen = mutants.filter(
  ({ name, on }) => words.length === 0 || words.some((word) => name.includes(word) || on.includes(word)),
)
const all = globSync('test/behavior/*.test.ts', { cwd: ROOT }).map((file) => basename(file, '.test.ts'))
for (const each of chosen) edited(readFileSync(join(ROOT, each.file), 'utf8'), each)

const files = [...new Set(chosen.flatMap(filesOf))].sort()
const unchanged = await run(files, [])
if (unchanged.failed.length > 0) throw new Error(`without any change there fail: ${unchanged.failed.join('; ')}`)
process.stdout.write(`${unchanged.passed.length} behaviours pass without a change\n`)

const killers = new Map<string, string[]>(unchanged.passed.map((name) => [name, []]))
// Those that are soon done first.
const rest = chosen.toSorted((a, b) => filesOf(a).length - filesOf(b).length).values()
// What is known so far is told to whoever does not want to wait longer.
process.once('SIGINT', () => {
  report()
  process.exit()
})
await Promise.all(Array.from({ length: AT_ONCE }, work))
report()

function filesOf({ on }: Mutant): readonly string[] {
  return on.includes('*') ? all : on
}

async function work(): Promise<void> {
  for (const mutant of rest) {
    const { failed, unstarted } = await run(filesOf(mutant), [mutant])
    if (unstarted) process.stdout.write(`✖ ${mutant.name}: no cluster starts\n`)
    else process.stdout.write(`${failed.length === 0 ? '✖' : '✔'} ${mutant.name}: ${failed.length} fail\n`)
    if (!unstarted) for (const name of failed) killers.get(name)?.push(mutant.name)
  }
}

function report(): void {
  const survivors = [...killers].filter(([, by]) => by.length === 0)
  for (const [name, by] of [...killers].sort()) if (by.length > 0) process.stdout.write(`${name}\n    ${by.join('\n    ')}\n`)
  process.stdout.write(
    `\n${killers.size - survivors.length} of ${killers.size} behaviours fail on one of ${chosen.length} mutants or more\n`,
  )
  for (const [name] of survivors) process.stdout.write(`on none: ${name}\n`)
}

async function run(names: readonly string[], edits: readonly Edit[]): Promise<Run> {
  const hook = join(ROOT, 'tools/mutations/hook.ts')
  const flags = ['--conditions=source', '--import', hook, '--test', '--test-isolation=none', '--test-reporter=tap']
  const paths = names.map((name) => join(ROOT, `test/behavior/${name}.test.ts`))
  const env = {
    ...process.env,
    T8S_MUTATION: JSON.stringify([...IMPATIENT, ...edits.map(({ file, from, to }) => ({ file, from, to }))]),
  }
  const child = spawn(process.execPath, [...flags, ...paths], { cwd: ROOT, env, stdio: ['ignore', 'pipe', 'pipe'] })
  const timer = setTimeout(() => child.kill('SIGKILL'), edits.length === 0 ? RUN_MS_MAX * 3 : RUN_MS_MAX)
  let output = ''
  for (const stream of [child.stdout, child.stderr]) stream.setEncoding('utf8').on('data', (text: string) => (output += text))
  await new Promise((resolve) => child.once('close', resolve))
  clearTimeout(timer)
  const results = [...output.matchAll(/^ {4}(not )?ok \d+ - (.*?)(?: # .*)?$/gm)]
  const named = (failed: boolean): string[] =>
    results.filter(([, not]) => (not !== undefined) === failed).map(([, , name]) => name!.replaceAll('\\', ''))
  return {
    passed: named(false),
    failed: named(true),
    unstarted: results.length === 0 || output.includes("failureType: 'hookFailed'"),
  }
}
