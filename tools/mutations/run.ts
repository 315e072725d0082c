import { spawn } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Edit } from './edit.ts'

const ROOT = join(import.meta.dirname, '../..')
/** After that a run is taken to hang. */
const RUN_MS_MAX = 300_000

/** What does not come at all need not be awaited as long as on a slow cluster. Behaviours that nobody asks for are left out. */
const IMPATIENT: readonly Edit[] = [
  { file: 'test/behavior/waiting.ts', from: 'const DEADLINE_MS = 30_000', to: 'const DEADLINE_MS = 6_000' },
  {
    file: 'test/behavior/behavior.ts',
    from: '{ timeout: timeoutMs, skip }',
    to: "{ timeout: Math.min(timeoutMs, 20_000), skip: skip || !(JSON.parse(process.env['T8S_WANTED']!) ?? [codename]).includes(codename) }",
  },
]

export interface RunOptions {
  /** Left out, the product is as it is. */
  readonly edit?: Edit
  /** Names of behaviours; left out, all. */
  readonly only?: readonly string[]
  /** The first failure ends it. */
  readonly brief?: boolean
}

export interface Run {
  readonly passed: readonly string[]
  readonly failed: readonly string[]
  /** Why the run does not show what passes: no cluster started, or it did not end. */
  readonly broken?: string
}

/** Runs files of tests in one process. What is told of are behaviours, which are in suites, or tests that are in none. */
export async function run(files: readonly string[], { edit, only, brief = false }: RunOptions = {}): Promise<Run> {
  const indent = files.every(isOfBehaviors) ? '    ' : ''
  const scratch = mkdtempSync(join(tmpdir(), 't8s-mutant-'))
  const hook = join(ROOT, 'tools/mutations/hook.ts')
  const flags = ['--conditions=source', '--import', hook, '--test', '--test-isolation=none', '--test-reporter=tap']
  const paths = files.map((file) => join(ROOT, file))
  const { T8S_BEHAVIOR_KUBECONFIG: _, ...inherited } = process.env
  const env = {
    ...inherited,
    TMPDIR: scratch,
    T8S_MUTATION: JSON.stringify([...IMPATIENT, ...(edit ? [{ file: edit.file, from: edit.from, to: edit.to }] : [])]),
    T8S_WANTED: JSON.stringify(only ?? null),
  }
  // In a group of its own: what it has started ends with it.
  const child = spawn(process.execPath, [...flags, ...paths], {
    cwd: ROOT,
    env,
    detached: true,
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  const kill = (): boolean => child.exitCode === null && child.signalCode === null && process.kill(-child.pid!, 'SIGKILL')
  const abandon = (): void => {
    kill()
    rmSync(scratch, { recursive: true, force: true })
  }
  process.once('exit', abandon)
  let late = false
  const timer = setTimeout(() => (late = kill()), RUN_MS_MAX)
  let output = ''
  const read = (text: string): void => {
    output += text
    if (brief && resultsOf(output, indent).failed.length > 0) kill()
  }
  for (const stream of [child.stdout, child.stderr]) stream.setEncoding('utf8').on('data', read)
  await new Promise((resolve) => child.once('close', resolve))
  process.off('exit', abandon)
  clearTimeout(timer)
  rmSync(scratch, { recursive: true, force: true })
  const results = resultsOf(output, indent)
  const broken = brokenBy(output, late, results)
  return broken === undefined ? results : { ...results, broken }
}

const isOfBehaviors = (file: string): boolean => file.startsWith('test/behavior/')

function resultsOf(output: string, indent: string): Run {
  const line = new RegExp(`^${indent}(not )?ok \\d+ - (.*?)( # SKIP.*)?$`, 'gm')
  const results = [...output.matchAll(line)].filter(([, , , skipped]) => !skipped)
  const named = (failed: boolean): string[] =>
    results.filter(([, not]) => (not !== undefined) === failed).map(([, , name]) => name!.replaceAll('\\', ''))
  return { passed: named(false), failed: named(true) }
}

function brokenBy(output: string, late: boolean, { passed, failed }: Run): string | undefined {
  if (output.includes("failureType: 'hookFailed'") || passed.length + failed.length === 0) return 'no cluster starts'
  return late && failed.length === 0 ? 'does not end' : undefined
}
