/**
 * How long until a cluster answers? Starts whole processes: an empty script, a script that loads this project's API layer, and a cluster in one process up to its first
 * answered request and to its nodes being Ready. Ratios are against the empty script of the same run.
 */
import { execFileSync } from 'node:child_process'
import { join } from 'node:path'

const ROUNDS = 5
const root = join(import.meta.dirname, '..')

const CASES: Readonly<Record<string, string>> = {
  'empty script': '0',
  'loads the kinds': "await import('#api')",
  'control plane answers, no nodes':
    "const { startCluster } = await import('#cluster'); const c = await startCluster({ nodes: 0 }); await c.client.list((await import('#api')).namespaces); process.exit(0)",
  'cluster of 3 simulated nodes is Ready':
    "const { startCluster } = await import('#cluster'); await startCluster({ nodes: 3 }); process.exit(0)",
}

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
    `${name.padEnd(40)} ${medianMs.toFixed(0).padStart(6)} ms   ${(medianMs / base).toFixed(1).padStart(5)} × empty script\n`,
  )
}
