/**
 * Runs the behaviour tests and writes what they show into docs/conformance.md; with `--check` compares instead, so that the
 * committed table never says more or less than a run does. What needs processes in pods is shown by another run, with `--containers`
 * on a cluster of ours that has them (test/e2e/behaviors.test.ts); each run leaves the rows of the other as they are.
 */
import { existsSync, globSync, readFileSync, writeFileSync } from 'node:fs'
import { join, relative } from 'node:path'
import { run } from 'node:test'
import { spec } from 'node:test/reporters'

type Result = 'passed' | 'passed in containers' | 'failed' | 'not written'

interface Row {
  readonly codename: string
  readonly area: string
  readonly stage: string
  readonly release: string
}

const ROOT = join(import.meta.dirname, '..')
const TABLE = join(ROOT, 'docs/conformance.md')
const COMMAND = 'npm run conformance'
const STAGES = ['api', 'controllers', 'network', 'pods']
const RESULTS: readonly Result[] = ['passed', 'passed in containers', 'failed', 'not written']

/** The cluster is ours, and its nodes run containers. */
const inContainers = process.argv.includes('--containers')
/** Another cluster's results are its own; see test/behavior/target.ts. */
const foreign = !inContainers && process.env['T8S_BEHAVIOR_KUBECONFIG'] !== undefined

const rows = JSON.parse(readFileSync(join(ROOT, 'tools/data/behaviors.json'), 'utf8')) as Row[]
const results = await resultsOfRun()
if (foreign) process.exit()
const table = render(results)
if (!process.argv.includes('--check')) writeFileSync(TABLE, table)
else if (committedTable().join('\n') !== table) {
  process.stderr.write(
    `${relative(ROOT, TABLE)} differs from what the run shows; write it anew with: ${COMMAND}\n${difference(table)}`,
  )
  process.exitCode = 1
}

async function resultsOfRun(): Promise<ReadonlyMap<string, Result>> {
  const found = new Map<string, Result>()
  const known = new Set(rows.map(({ codename }) => codename))
  const files = globSync(`test/behavior/${inContainers ? 'containers' : '**'}/*.test.ts`, { cwd: ROOT }).sort()
  const stream = run({ cwd: ROOT, files: files.map((file) => join(ROOT, file)), isolation: 'none' })
  const note =
    (result: Result) =>
    ({ name, skip }: { readonly name: string; readonly skip?: string | boolean }): void => {
      if (!known.has(name)) return
      if (found.has(name)) throw new Error(`${name} is tested twice`)
      found.set(name, skip ? committedResult(name) : result)
    }
  stream.on('test:pass', note(inContainers ? 'passed in containers' : 'passed'))
  stream.on('test:fail', note('failed'))
  // A file that can't be loaded would pass for tests that are not written.
  stream.on('test:fail', ({ name, details }) => {
    if (!known.has(name) && details.type !== 'suite') throw new Error(`${name} failed`, { cause: details.error })
  })
  for await (const text of stream.compose(new spec())) process.stdout.write(String(text))
  return found
}

function render(found: ReadonlyMap<string, Result>): string {
  const resultOf = ({ codename }: Row): Result =>
    found.get(codename) ?? (inContainers ? committedResult(codename) : 'not written')
  const tally = (some: readonly Row[]): string =>
    RESULTS.map((each) => some.filter((row) => resultOf(row) === each).length).join(' | ')
  const areas = [...new Set(rows.map(({ area }) => area))]
  const lines = [
    '# Conformance behaviours',
    '',
    `Written by \`${COMMAND}\`, from a run of \`test/behavior\` on a cluster of ours; \`script/test\` fails when a run says something else.`,
    'Each row is one test of the conformance suite of Kubernetes 1.36, by its codename, and what our own test of the same behaviour showed.',
    'The nodes of that cluster are simulated; what needs processes in pods is shown on one whose nodes run containers (`test/e2e/behaviors.test.ts`).',
    'The same tests run on any other cluster whose kubeconfig `T8S_BEHAVIOR_KUBECONFIG` names.',
    '',
    `| stage | behaviours | ${RESULTS.join(' | ')} |`,
    `| --- | ---${' | ---'.repeat(RESULTS.length)} |`,
    ...STAGES.map((stage) => {
      const own = rows.filter((row) => row.stage === stage)
      return `| ${stage} | ${own.length} | ${tally(own)} |`
    }),
    `| all | ${rows.length} | ${tally(rows)} |`,
    ...areas.flatMap((area) => {
      const own = rows.filter((row) => row.area === area)
      const body = own.map(
        (row) => `| ${row.codename.replaceAll('|', '\\|')} | ${row.stage} | ${row.release} | ${resultOf(row)} |`,
      )
      return ['', `## ${area}`, '', '| behaviour | stage | since | result |', '| --- | --- | --- | --- |', ...body]
    }),
  ]
  return `${lines.join('\n')}\n`
}

/** What could not be shown on this machine stays as it was shown on another. */
function committedResult(codename: string): Result {
  const line = committedTable().find((each) => each.startsWith(`| ${codename} |`))
  return RESULTS.find((each) => line?.endsWith(`| ${each} |`)) ?? 'not written'
}

function committedTable(): string[] {
  return existsSync(TABLE) ? readFileSync(TABLE, 'utf8').split('\n') : []
}

function difference(table: string): string {
  const committed = new Set(committedTable())
  return table
    .split('\n')
    .filter((line) => !committed.has(line))
    .map((line) => `+ ${line}\n`)
    .join('')
}
