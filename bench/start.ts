/**
 * How long until a cluster answers? Starts whole processes: an empty script, and a cluster in one process up to its first answered request and to its nodes being Ready;
 * from source, where types are stripped from a thousand modules, and from the npm package, with the code that an earlier process has compiled and without (the first start
 * with another Node). Then the command line, until `t8s up` says that everything is Ready. Beside the time the CPU's, which a busy machine changes less. Ratios are against
 * the empty script of the same run.
 */
import { execFileSync } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { createServer } from 'node:net'
import { loadavg, tmpdir } from 'node:os'
import { join } from 'node:path'

const ROUNDS = 7
const root = join(import.meta.dirname, '..')
const dist = join(root, 'dist')

const PACKAGE = join(dist, 'lib/index.js')
const SPENT = 'const { user, system } = process.cpuUsage(); process.stdout.write(String((user + system) / 1000))'
const startFrom = (library: string, nodes: number): string =>
  `const c = await (await import('${library}')).startCluster({ nodes: ${nodes} }); await c.client.request({ method: 'GET', path: '/api/v1/namespaces' }); ${SPENT}; process.exit(0)`
const forget = (): void => rmSync(join(dist, 'lib/code'), { recursive: true, force: true })

interface Case {
  readonly script: string
  readonly before?: () => void
}

const CASES: Readonly<Record<string, Case>> = {
  'empty script': { script: SPENT },
  'loads the kinds from source': { script: `await import('#api'); ${SPENT}` },
  'source: control plane answers, no nodes': { script: startFrom('#cluster', 0) },
  'source: 3 simulated nodes are Ready': { script: startFrom('#cluster', 3) },
  'package, first start: control plane answers': { script: startFrom(PACKAGE, 0), before: forget },
  'package: control plane answers, no nodes': { script: startFrom(PACKAGE, 0) },
  'package: 3 simulated nodes are Ready': { script: startFrom(PACKAGE, 3) },
}

interface Sample {
  readonly ms: number
  readonly cpuMs?: number
}

execFileSync(process.execPath, [join(root, 'tools/build.ts')])
let base: Sample | undefined
for (const [name, { script, before }] of Object.entries(CASES)) {
  const samples = Array.from({ length: ROUNDS }, () => {
    before?.()
    const startMs = performance.now()
    const cpu = execFileSync(process.execPath, ['--conditions=source', '--input-type=module', '--eval', script], { cwd: root })
    return { ms: performance.now() - startMs, cpuMs: Number(cpu.toString()) }
  })
  print(name, samples)
}
print('t8s up: control plane, 3 simulated nodes Ready', await ups())
process.stdout.write(`load of the machine: ${loadavg()[0]!.toFixed(1)}\n`)

/** With a durable store, certificates and processes of its own, each time a new cluster. */
async function ups(): Promise<Sample[]> {
  const samples: Sample[] = []
  for (let round = 0; round < ROUNDS; round++) {
    const directory = mkdtempSync(join(tmpdir(), 't8s-bench-'))
    const t8s = (...words: readonly string[]): void =>
      void execFileSync(process.execPath, [join(dist, 't8s.cjs'), ...words, '--data-dir', join(directory, 'd')], {
        env: { ...process.env, HOME: directory, KUBECONFIG: join(directory, 'kubeconfig') },
        stdio: 'ignore',
      })
    const port = await freePort()
    const startMs = performance.now()
    t8s('up', '--runtime', 'simulated', '--nodes', '3', '--api-port', String(port))
    samples.push({ ms: performance.now() - startMs })
    t8s('reset', '--yes')
    rmSync(directory, { recursive: true, force: true })
  }
  return samples
}

function freePort(): Promise<number> {
  return new Promise((resolve) => {
    const server = createServer().listen(0, '127.0.0.1', () => {
      const address = server.address()
      server.close(() => resolve(typeof address === 'object' ? address!.port : 0))
    })
  })
}

function print(name: string, samples: readonly Sample[]): void {
  const ms = median(samples.map((each) => each.ms))
  const cpuMs = samples[0]!.cpuMs === undefined ? undefined : median(samples.map((each) => each.cpuMs!))
  base ??= { ms }
  const cpu = cpuMs === undefined ? '' : `${cpuMs.toFixed(0).padStart(6)} ms of CPU`
  process.stdout.write(
    `${name.padEnd(47)} ${ms.toFixed(0).padStart(6)} ms ${`${(ms / base.ms).toFixed(1)} × empty script`.padStart(20)} ${cpu}\n`,
  )
}

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[values.length >> 1]!
}
