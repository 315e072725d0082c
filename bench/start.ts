/**
 * How long until a cluster answers? Starts whole processes: an empty script, a script that loads this project's API layer, and a cluster in one process up to its first
 * answered request and to its nodes being Ready; from source, where types are stripped from a thousand modules, and from the npm package. Ratios are against the
 * empty script of the same run.
 */
import { execFileSync } from 'node:child_process'
import { join } from 'node:path'

const ROUNDS = 7
const root = join(import.meta.dirname, '..')

const PACKAGE = join(root, 'dist/lib/index.js')
const startFrom = (library: string, nodes: number): string =>
  `const c = await (await import('${library}')).startCluster({ nodes: ${nodes} }); await c.client.request({ method: 'GET', path: '/api/v1/namespaces' }); process.exit(0)`

const CASES: Readonly<Record<string, string>> = {
  'empty script': '0',
  'loads the kinds': "await import('#api')",
  'source: control plane answers, no nodes': startFrom('#cluster', 0),
  'source: 3 simulated nodes are Ready': startFrom('#cluster', 3),
  'package: control plane answers, no nodes': startFrom(PACKAGE, 0),
  'package: 3 simulated nodes are Ready': startFrom(PACKAGE, 3),
}

execFileSync(process.execPath, [join(root, 'tools/build.ts')])
let base = 0
for (const [name, script] of Object.entries(CASES)) {
  const times = Array.from({ length: ROUNDS }, () => {
    const startMs = performance.now()
    execFileSync(process.execPath, ['--conditions=source', '--input-type=module', '--eval', script], {
      cwd: root,
      stdio: 'ignore',
    })
    return performance.now() - startMs
  }).sort((a, b) => a - b)
  const medianMs = times[Math.floor(ROUNDS / 2)]!
  base ||= medianMs
  process.stdout.write(
    `${name.padEnd(42)} ${medianMs.toFixed(0).padStart(6)} ms   ${(medianMs / base).toFixed(1).padStart(5)} × empty script\n`,
  )
}
