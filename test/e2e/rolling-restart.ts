import { join } from 'node:path'
import { createInterface } from 'node:readline'
import type { RollingReport } from './rolling-load.ts'
import { inside, type ServerLab } from './server-lab.ts'

export interface RollingRestart extends RollingReport {
  /** How long each server took to end once it was told to, its delay with it. */
  readonly endedMs: readonly number[]
}

/** Restarts one server after the other, as an upgrade does, while clients go on. */
export async function restartInTurn(lab: ServerLab, say: (text: string) => void): Promise<RollingRestart> {
  const kubeconfig = join(lab.servers[0]!.machine.data, 'kubeconfig')
  const program = join(import.meta.dirname, 'rolling-load.ts')
  const urls = lab.servers.map(({ url }) => url)
  const load = inside(lab.outside, process.execPath, '--conditions=source', program, kubeconfig, ...urls)
  load.stderr!.pipe(process.stderr)
  const lines = createInterface({ input: load.stdout! })[Symbol.asyncIterator]()
  const endedMs: number[] = []
  try {
    await lines.next()
    for (const server of lab.servers) {
      const startedMs = performance.now()
      await lab.stop(server)
      endedMs.push(Math.round(performance.now() - startedMs))
      await lab.run(server)
    }
    load.stdin!.write('end\n')
    const line = await lines.next()
    if (line.done) throw new Error('the load ended')
    const report = JSON.parse(line.value) as RollingReport
    say(describe(report, endedMs))
    return { ...report, endedMs }
  } finally {
    load.kill('SIGKILL')
  }
}

function describe({ requests, failed, slowestMs, kubectl, informer }: RollingReport, endedMs: readonly number[]): string {
  return [
    `each of ${endedMs.length} servers restarted in turn, ended within ${endedMs.join(', ')} ms`,
    `${requests} requests, ${failed.length} failed, slowest ${slowestMs} ms`,
    `kubectl: ${kubectl.runs} runs, ${kubectl.failed.length} failed`,
    `informer: told of ${informer.told} objects, ${informer.missing} missing, ${informer.doubled} twice`,
  ].join('; ')
}
