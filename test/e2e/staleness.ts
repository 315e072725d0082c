import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { inside, type ServerLab } from './server-lab.ts'
import type { Distribution, StalenessReport } from './staleness-load.ts'

/** Measures in milliseconds how far servers are behind the one that is written to. */
export async function measureStaleness(lab: ServerLab, writes: number): Promise<StalenessReport> {
  const kubeconfig = join(lab.servers[0]!.machine.data, 'kubeconfig')
  const program = join(import.meta.dirname, 'staleness-load.ts')
  const urls = lab.servers.map(({ url }) => url)
  const load = inside(lab.outside, process.execPath, '--conditions=source', program, kubeconfig, String(writes), ...urls)
  load.stderr!.pipe(process.stderr)
  try {
    return JSON.parse(await text(load.stdout!)) as StalenessReport
  } finally {
    load.kill('SIGKILL')
  }
}

export function describeStaleness({ watches, reads, staleReads }: StalenessReport): string[] {
  return [
    `other servers' watches told of ${watches.count} writes after their acknowledgement by ${shown(watches)}`,
    `reads at resourceVersion=0 from other servers were behind by ${shown(reads)}; ${staleReads} of ${reads.count} behind at all`,
  ]
}

const shown = ({ p50, p90, p99, max }: Distribution): string => `p50 ${p50}, p90 ${p90}, p99 ${p99}, max ${max} ms`
