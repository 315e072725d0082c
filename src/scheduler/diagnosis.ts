import type { Ruling } from './framework/index.ts'

/** Why no node would take a pod, and how that is told. */
export interface Diagnosis {
  readonly nodeCount: number
  /** A plugin rejected the pod before any node was looked at. */
  readonly preFilterMessage?: string | undefined
  readonly rulings: ReadonlyMap<string, Ruling>
  /** What holds for nodes that `rulings` leaves out. */
  readonly others?: Ruling | undefined
  readonly rejectedBy: ReadonlySet<string>
}

export const NO_NODES_MESSAGE = 'no nodes available to schedule pods'

/** `0/3 nodes are available: 1 Insufficient cpu, 2 node(s) were unschedulable. preemption: …` */
export function explain(diagnosis: Diagnosis, postFilterMessage = ''): string {
  if (diagnosis.nodeCount === 0) return NO_NODES_MESSAGE
  let message = `0/${diagnosis.nodeCount} nodes are available:`
  if (diagnosis.preFilterMessage) message += ` ${diagnosis.preFilterMessage}.`
  else {
    const counted = histogram(diagnosis)
    if (counted.length > 0) message += ` ${counted.join(', ')}.`
  }
  return postFilterMessage === '' ? message : `${message} ${postFilterMessage}`
}

/** The ruling on one node of the cluster. */
export function rulingOn(diagnosis: Diagnosis, nodeName: string): Ruling | undefined {
  return diagnosis.rulings.get(nodeName) ?? diagnosis.others
}

function histogram({ nodeCount, rulings, others }: Diagnosis): string[] {
  const counts = new Map<string, number>()
  const count = (ruling: Ruling, times: number): void => {
    for (const reason of ruling.reasons) counts.set(reason, (counts.get(reason) ?? 0) + times)
  }
  for (const ruling of rulings.values()) count(ruling, 1)
  if (others !== undefined && nodeCount > rulings.size) count(others, nodeCount - rulings.size)
  return [...counts].map(([reason, times]) => `${times} ${reason}`).sort(byCodeUnits)
}

function byCodeUnits(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0
}
