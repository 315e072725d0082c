/**
 * How much memory is resident? A cluster in one process, from the npm package and from source, idle and with 100 pods on a simulated node; and, for root with containerd, the
 * processes of `./t8s up` half a minute after the node is Ready, in a network namespace of their own. Ratios are against an empty Node process of the same run.
 */
import { execFileSync } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { Machine } from '../test/e2e/machine.ts'

const PODS = 100
const SETTLE_MS = 5_000
const IDLE_MS = 30_000
const root = join(import.meta.dirname, '..')
const PACKAGE = join(root, 'dist/lib/index.js')

const RESIDENT = 'process.memoryUsage().rss'
const WEB = {
  apiVersion: 'apps/v1',
  kind: 'Deployment',
  metadata: { name: 'web', namespace: 'default' },
  spec: {
    replicas: PODS,
    selector: { matchLabels: { app: 'web' } },
    template: { metadata: { labels: { app: 'web' } }, spec: { containers: [{ name: 'web', image: 'web:1' }] } },
  },
}
const programOf = (library: string): string => `
  import { setTimeout as sleep } from 'node:timers/promises'
  const { startCluster } = await import('${library}')
  const cluster = await startCluster({ nodes: 1 })
  await sleep(${SETTLE_MS})
  const idle = ${RESIDENT}
  const path = '/apis/apps/v1/namespaces/default/deployments'
  await cluster.client.request({ method: 'POST', path, body: { kind: 'object', object: ${JSON.stringify(WEB)} } })
  await sleep(${2 * SETTLE_MS})
  const { body } = await cluster.client.request({ method: 'GET', path: path + '/web' })
  const loaded = ${RESIDENT}
  process.stdout.write(JSON.stringify({ idle, loaded, ready: body.object.status.readyReplicas }), () => process.exit(0))`

execFileSync(process.execPath, [join(root, 'tools/build.ts')])
const empty = Number(evaluate(`process.stdout.write(String(${RESIDENT}))`))
print('empty Node process', empty)
for (const [form, library] of [
  ['package', PACKAGE],
  ['source', '#cluster'],
] as const) {
  const { idle, loaded, ready } = JSON.parse(evaluate(programOf(library))) as Record<'idle' | 'loaded' | 'ready', number>
  print(`${form}: one process, idle, 1 simulated node`, idle)
  print(`${form}: the same with ${ready} ready pods`, loaded)
}
if (process.getuid?.() === 0 && existsSync('/usr/bin/containerd')) await measureUp()
else process.stdout.write('./t8s up was not measured: that needs root and containerd\n')

async function measureUp(): Promise<void> {
  await using machine = new Machine('memory')
  for (const start of ['first start', 'started again']) {
    await machine.t8s('up')
    await sleep(IDLE_MS)
    for (const name of ['server', 'node-1']) {
      const status = readFileSync(`/proc/${await machine.pidOf(name)}/status`, 'utf8')
      print(`./t8s up, ${start}: ${name}`, Number(/^VmRSS:\s+(\d+) kB/m.exec(status)?.[1]) * 1024)
    }
    await machine.t8s('down')
  }
}

function evaluate(script: string): string {
  return execFileSync(process.execPath, ['--conditions=source', '--input-type=module', '--eval', script], {
    cwd: root,
    encoding: 'utf8',
  })
}

function print(name: string, bytes: number): void {
  const ratio = `${(bytes / empty).toFixed(2)} × empty process`
  process.stdout.write(`${name.padEnd(44)} ${(bytes / 1e6).toFixed(0).padStart(5)} MB   ${ratio}\n`)
}
