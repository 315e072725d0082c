import { type Node, nodes, type Pod, pods } from '#api'
import type { Cache } from './cache.ts'
import { type Change, podId } from './framework/index.ts'
import type { Nominations } from './nominations.ts'
import type { SchedulingQueue } from './queue.ts'

/**
 * Takes what the API server tells about pods and nodes and brings cache, queue and nominations in line, in that order, so that
 * a pod that comes back to the queue finds the change already in the cache.
 */
export class ClusterState {
  readonly #cache: Cache
  readonly #queue: SchedulingQueue
  readonly #nominations: Nominations
  readonly #schedulerName: string

  constructor(options: {
    readonly cache: Cache
    readonly queue: SchedulingQueue
    readonly nominations: Nominations
    readonly schedulerName: string
  }) {
    this.#cache = options.cache
    this.#queue = options.queue
    this.#nominations = options.nominations
    this.#schedulerName = options.schedulerName
  }

  node(change: Change<Node>): void {
    const { before, after } = change
    if (after !== undefined) this.#cache.setNode(after)
    else this.#cache.removeNode(before?.metadata?.name ?? '')
    if (before !== undefined && after !== undefined && sameForScheduling(before, after)) return
    this.#queue.move({ resource: nodes, change })
  }

  pod(change: Change<Pod>): void {
    const { before, after } = change
    // A name may pass to a new pod between two looks: that is one gone and one new.
    if (before !== undefined && after !== undefined && podId(before) !== podId(after)) {
      this.pod({ before })
      this.pod({ after })
      return
    }
    if (after?.spec?.nodeName) this.#placed(after, change)
    else if (after !== undefined) this.#waiting(before, after, change)
    else if (before !== undefined) this.#gone(before, change)
  }

  #placed(after: Pod, change: Change<Pod>): void {
    this.#cache.setPod(after)
    this.#nominations.delete(after)
    this.#queue.delete(after)
    this.#queue.move({ resource: pods, change })
  }

  #waiting(before: Pod | undefined, after: Pod, change: Change<Pod>): void {
    if ((after.spec?.schedulerName || 'default-scheduler') !== this.#schedulerName) return
    // Already decided here; the server will tell in a moment.
    if (this.#cache.isAssumed(after)) return
    const nominated = after.status?.nominatedNodeName
    if (nominated) this.#nominations.set(after, nominated)
    else if (before?.status?.nominatedNodeName) this.#nominations.delete(after)
    if (before === undefined) this.#queue.add(after)
    else this.#queue.update(before, after, { resource: pods, change })
  }

  #gone(before: Pod, change: Change<Pod>): void {
    const counted = this.#cache.has(before)
    this.#cache.removePod(before)
    this.#queue.delete(before)
    const nominated = this.#nominations.nodeOf(before) !== undefined
    this.#nominations.delete(before)
    if (counted || nominated || before.spec?.nodeName) this.#queue.move({ resource: pods, change })
  }
}

/** Heartbeats change a node's conditions every few minutes; nothing is schedulable for that. */
function sameForScheduling(before: Node, after: Node): boolean {
  const facts = ({ metadata, spec, status }: Node): string =>
    JSON.stringify([metadata?.labels, metadata?.annotations, spec?.taints, spec?.unschedulable, status?.allocatable])
  return facts(before) === facts(after)
}
