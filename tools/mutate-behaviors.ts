/**
 * Whether the behaviour tests can fail: runs them on mutants of the product, one mechanism changed at a time, and lists the mutants on which none fails and the
 * behaviours that fail on none. A mutant is run on the files that its row names: first on what has failed on no mutant yet, then, if
 * all of that passes, on the rest until something fails. It changes no file of ours.
 *
 *     node tools/mutate-behaviors.ts [--results FILE] [WORD…]
 *
 * Words choose the mutants whose name, or files of tests, hold one of them. What FILE holds of a run that was stopped is not run again, except mutants that nothing saw.
 */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { edited } from './mutations/edit.ts'
import { Findings } from './mutations/findings.ts'
import { type Mutant, mutants, testsOf } from './mutations/index.ts'
import { type Run, run } from './mutations/run.ts'

const ROOT = join(import.meta.dirname, '..')
const AT_ONCE = 2

// What has been started is not left behind.
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(1))

const { values, positionals: words } = parseArgs({ options: { results: { type: 'string' } }, allowPositionals: true })
const chosen = mutants.filter(
  ({ name, on }) => words.length === 0 || words.some((word) => name.includes(word) || on.includes(word)),
)
for (const each of chosen) edited(readFileSync(join(ROOT, each.file), 'utf8'), each)

const findings = new Findings(values.results)
const due = chosen.filter(({ name }) => !findings.isSeen(name))
await atOnce([...new Set(due.flatMap(testsOf))].sort(), async (file) => {
  const text = readFileSync(join(ROOT, file), 'utf8')
  if (findings.isKnown(file, text)) return
  const { passed, failed, broken } = await run([file])
  if (failed.length > 0 || broken) throw new Error(`without any change: ${broken ?? `there fail: ${failed.join('; ')}`}`)
  findings.notePassing(file, text, file.startsWith('test/behavior/') ? passed : [])
})
process.stdout.write(`${findings.behaviors().length} behaviours pass without a change\n`)
// Those that are soon done first.
await atOnce(
  due.toSorted((a, b) => testsOf(a).length - testsOf(b).length),
  examine,
)
report()

async function examine(mutant: Mutant): Promise<void> {
  const started = performance.now()
  const { failed, broken } = await runOn(mutant)
  findings.noteMutant(mutant.name, { failed, broken })
  const seconds = ((performance.now() - started) / 1000).toFixed(0)
  process.stdout.write(
    `${findings.isSeen(mutant.name) ? '✔' : '✖'} ${mutant.name}: ${broken ?? `${failed.length} fail`} (${seconds} s)\n`,
  )
}

async function runOn(edit: Mutant): Promise<Run> {
  const files = testsOf(edit)
  if (edit.unit !== undefined) return run(files, { edit, brief: true })
  const open = (file: string): string[] => findings.behaviors([file]).filter((name) => findings.killers(name).length === 0)
  const fresh = files.filter((file) => open(file).length > 0)
  const only = fresh.flatMap(open)
  const first = fresh.length > 0 ? await run(fresh, { edit, only }) : undefined
  const rest = findings.behaviors(files).filter((name) => !only.includes(name))
  if (first !== undefined && (first.failed.length > 0 || first.broken !== undefined || rest.length === 0)) return first
  return run(files, { edit, only: rest, brief: true })
}

function report(): void {
  const unseen = chosen.filter(({ name }) => !findings.isSeen(name)).map(({ name }) => `not seen: ${name}\n`)
  process.stdout.write(`\n${chosen.length - unseen.length} of ${chosen.length} mutants are seen\n${unseen.join('')}`)
  if (unseen.length > 0) process.exitCode = 1
  if (words.length > 0) return
  const never = findings.behaviors().filter((name) => findings.killers(name).length === 0)
  process.stdout.write(
    `${findings.behaviors().length - never.length} of ${findings.behaviors().length} behaviours fail on a mutant\n`,
  )
  for (const name of never) process.stdout.write(`on none: ${name}\n`)
  if (never.length > 0) process.exitCode = 1
}

async function atOnce<T>(items: readonly T[], work: (item: T) => Promise<void>): Promise<void> {
  const rest = items.values()
  const worker = async (): Promise<void> => {
    for (const item of rest) await work(item)
  }
  await Promise.all(Array.from({ length: AT_ONCE }, worker))
}
