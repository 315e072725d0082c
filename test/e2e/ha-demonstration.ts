import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { setTimeout as pause } from 'node:timers/promises'
import type { LossReport, PhaseReport } from './ha-load.ts'
import { restartInTurn } from './rolling-restart.ts'
import { inside, ServerLab, type ServerMachine } from './server-lab.ts'
import { describeStaleness, measureStaleness } from './staleness.ts'

/** What happens to one machine while clients go on. `renewed`: all of its certificates. */
export interface Fault {
  readonly kind: 'cut off' | 'killed' | 'renewed'
  readonly server: number
}

export interface Demonstration {
  readonly phases: readonly PhaseReport[]
  readonly losses: LossReport
}

/** How long a fault lasts, and the quiet before the first. An etcd member whose leader is gone needs up to two seconds to elect another. */
const FAULT_MS = 5_000
/** Of which the parts are told. */
const SLOW_WRITE_MS = 1_000
const STALENESS_WRITES = 1_000

/** Lets clients write and read through all servers while one machine after the other is cut off or killed, and comes back. */
export async function demonstrate(
  lab: ServerLab,
  faults: readonly Fault[],
  { faultMs = FAULT_MS, say }: { readonly faultMs?: number; readonly say: (text: string) => void },
): Promise<Demonstration> {
  const kubeconfig = join(lab.servers[0]!.machine.data, 'kubeconfig')
  const program = join(import.meta.dirname, 'ha-load.ts')
  const urls = lab.servers.map(({ url }) => url)
  const load = inside(lab.outside, process.execPath, '--conditions=source', program, kubeconfig, ...urls)
  load.stderr!.pipe(process.stderr)
  const lines = createInterface({ input: load.stdout! })[Symbol.asyncIterator]()
  const next = async <T>(): Promise<T> => {
    const line = await lines.next()
    if (line.done) throw new Error('the load ended')
    return JSON.parse(line.value) as T
  }
  /** How long a write takes that begins now. */
  const written = (): Promise<number> => {
    load.stdin!.write('written\n')
    return next<number>()
  }
  const phases: PhaseReport[] = []
  const phase = async (name: string): Promise<void> => {
    load.stdin!.write(`phase ${name.replaceAll(' ', '-')}\n`)
    phases.push(await next<PhaseReport>())
    say(describe(phases.at(-1)!))
  }
  try {
    // Before anything fails, so that there is something to compare with.
    await pause(faultMs)
    for (const { kind, server: index } of faults) {
      const server = lab.servers[index]!
      await phase(`${server.name} ${kind}`)
      await begin(lab, server, kind)
      const writtenMs = await written()
      say(`${server.name} is ${kind}: a write that began then was acknowledged after ${writtenMs} ms`)
      await pause(Math.max(0, faultMs - writtenMs))
      if (kind === 'renewed') continue
      await phase(`${server.name} comes back`)
      if (kind === 'cut off') lab.cable(server, 'up')
      else await lab.run(server)
      await answers(server)
      await written()
    }
    load.stdin!.write('end\n')
    phases.push(await next<PhaseReport>())
    say(describe(phases.at(-1)!))
    const losses = await next<LossReport>()
    say(`${losses.acknowledged} acknowledged writes: ${losses.lost.length} lost, ${losses.doubled.length} doubled`)
    return { phases, losses }
  } finally {
    load.kill('SIGKILL')
  }
}

async function begin(lab: ServerLab, server: ServerMachine, kind: Fault['kind']): Promise<void> {
  switch (kind) {
    case 'cut off':
      lab.cable(server, 'down')
      return
    case 'killed':
      return lab.kill(server)
    case 'renewed':
      await server.machine.t8s('certs', 'renew')
  }
}

/** Resolves once a server gives an answer for which etcd was asked; it waits for that itself. */
async function answers({ machine }: ServerMachine): Promise<void> {
  await machine.kubectl('get', '--raw', '/api/v1/namespaces/default', '--request-timeout=60s').catch(async () => {
    await machine.kubectl('get', '--raw', '/api/v1/namespaces/default', '--request-timeout=60s')
  })
}

function describe({ phase, writes, reads, stale, slowestWriteMs, slowestReadMs, slowestWrite, failedOver }: PhaseReport): string {
  const over = Object.entries(failedOver).map(([url, count]) => `${count} by ${url}`)
  const failed = over.length === 0 ? 'every request answered by the server it was sent to' : `not answered: ${over.join(', ')}`
  return `${phase.padEnd(18)} ${String(writes).padStart(5)} writes (slowest ${slowestWriteMs} ms), ${String(reads).padStart(5)} reads (slowest ${slowestReadMs} ms, ${stale} stale); ${failed}${slowestWriteMs > SLOW_WRITE_MS ? `; the slowest write: ${slowestWrite}` : ''}`
}

if (import.meta.main) {
  const say = (text: string): void => void process.stdout.write(`${text}\n`)
  say('three machines, each a network namespace with a server and an etcd member, and clients on a fourth')
  await using lab = await ServerLab.start(3)
  for (const line of describeStaleness(await measureStaleness(lab, STALENESS_WRITES))) say(line)
  await restartInTurn(lab, say)
  const faults = (['cut off', 'killed'] as const).flatMap((kind) => lab.servers.map((_, server) => ({ kind, server })))
  const { losses } = await demonstrate(lab, faults, { say })
  process.exitCode = losses.lost.length + losses.doubled.length === 0 ? 0 : 1
}
