import { type Lab, ONE, PODS_PATH } from './lab.ts'
import { type Measured, measure, merged, type Request } from './load.ts'
import { podAt, podName } from './pod.ts'
import type { Target } from './process.ts'
import { report } from './report.ts'

const TURNS = 2

export interface WritePlan {
  readonly pods: number
  readonly clients: readonly number[]
  readonly roundMs: number
}

/** Durable creates and patches, beside puts of what is stored of a pod into etcd, and a bare Node server that sends back what it is sent. */
export async function writes(lab: Lab, { pods, clients, roundMs }: WritePlan): Promise<void> {
  using reader = lab.openOne(lab.ours)
  const stored = await reader.send({ path: ONE })
  let name = 1_000_000
  const create = (): Request => ({
    method: 'POST',
    path: PODS_PATH,
    headers: { 'content-type': 'application/json' },
    body: Buffer.from(JSON.stringify(podAt(name++))),
  })
  const patch = (index: number): Request => ({
    method: 'PATCH',
    path: `${PODS_PATH}/${podName(index % pods)}`,
    headers: { 'content-type': 'application/merge-patch+json' },
    body: Buffer.from(JSON.stringify({ metadata: { annotations: { count: String(index) } } })),
  })
  for (const count of clients) {
    const sides: Side[] = [
      { title: `CREATE pod, ${count} clients`, target: lab.ours, requestAt: create },
      { title: `PATCH pod, ${count} clients`, target: lab.ours, requestAt: patch },
      { title: 'bare Node, an echo', target: lab.bare, requestAt: create },
    ]
    const { etcd } = lab
    if (etcd !== undefined) sides.push({ title: 'etcd Put', target: etcd, requestAt: () => etcd.put(podName(name++), stored) })
    const [created, patched, ...others] = await inTurns(lab, sides, count, roundMs)
    report(created!, others)
    report(patched!, others.slice(1))
  }
}

interface Side {
  readonly title: string
  readonly target: Target
  requestAt(index: number): Request
}

async function inTurns(
  lab: Lab,
  sides: readonly Side[],
  clients: number,
  roundMs: number,
): Promise<{ name: string; measured: Measured }[]> {
  const open = sides.map((side) => ({ ...side, connections: lab.open(side.target, clients), rounds: [] as Measured[] }))
  for (let turn = 0; turn <= TURNS; turn++) {
    for (const { target, connections, requestAt, rounds } of open)
      rounds.push(await measure(target, connections, roundMs / TURNS, requestAt))
  }
  for (const { connections } of open) for (const connection of connections) connection[Symbol.dispose]()
  return open.map(({ title, rounds }) => ({ name: title, measured: merged(rounds.slice(1)) }))
}
