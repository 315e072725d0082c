import { readdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { isMirrorPod, type Pod } from '#api'
import type { TaskGroup } from '#base'
import { POD_NAME, POD_NAMESPACE, POD_UID } from '../labels.ts'
import type { ContainerStatus } from '../runtimes/runtime.ts'
import { admit } from './admission.ts'
import type { PodDependencies } from './pod-context.ts'
import { MirrorRecord, removeNow } from './pod-record.ts'
import { PodWorker } from './pod-worker.ts'
import { isStaticPod } from './static-pods.ts'

/** The pods of the node, each with a worker of its own until it is gone from the runtime as well. */
export class PodWorkers {
  readonly #dependencies: PodDependencies
  readonly #tasks: TaskGroup
  readonly #workers = new Map<string, PodWorker>()
  /** The API's copies of static pods, and static pods whose predecessor of the same name has to go first; by namespace and name. */
  readonly #mirrors = new Map<string, Pod>()
  readonly #successors = new Map<string, Pod>()

  constructor(dependencies: PodDependencies, tasks: TaskGroup) {
    this.#dependencies = dependencies
    this.#tasks = tasks
  }

  [Symbol.iterator](): Iterator<PodWorker> {
    return this.#workers.values()
  }

  get(uid: string): PodWorker | undefined {
    return this.#workers.get(uid)
  }

  /** Something of a sandbox changed, or of any. */
  poke(sandboxId: string | undefined): void {
    const owner = [...this.#workers.values()].find(({ observed }) => observed.sandboxes.some(({ id }) => id === sandboxId))
    if (owner !== undefined) owner.poke()
    else for (const worker of this.#workers.values()) worker.poke()
  }

  /** As the node's own manifests have pods. */
  staticPodChanged(before: Pod | undefined, after: Pod | undefined): void {
    this.#workers.get(before?.metadata?.uid ?? '')?.remove()
    if (after === undefined) this.#successors.delete(keyOf(before!))
    else if (this.find(keyOf(after)) === undefined) this.#startWorker(after)
    else this.#successors.set(keyOf(after), after)
  }

  *runningContainers(): Iterable<ContainerStatus> {
    for (const { observed } of this.#workers.values())
      for (const [newest] of observed.containers.values()) if (newest?.state === 'RUNNING') yield newest
  }

  /** A copy that is of no pod of ours any more goes. */
  #mirrorChanged(key: string, mirror: Pod | undefined): void {
    if (mirror === undefined) this.#mirrors.delete(key)
    else this.#mirrors.set(key, mirror)
    const worker = this.find(key)
    if (worker !== undefined) worker.poke()
    else if (mirror !== undefined) this.#tasks.spawn(() => removeNow(this.#dependencies.client, mirror))
  }

  /** By namespace and name. */
  find(key: string): PodWorker | undefined {
    return [...this.#workers.values()].find(({ pod }) => keyOf(pod) === key)
  }

  /** As the API has pods of this node. */
  podChanged(before: Pod | undefined, after: Pod | undefined): void {
    const any = (after ?? before)!
    if (isMirrorPod(any)) {
      this.#mirrorChanged(keyOf(any), after)
      return
    }
    const uid = (after ?? before)?.metadata?.uid ?? ''
    const worker = this.#workers.get(uid)
    // The same name can be a new pod: the old one is then gone.
    if (before !== undefined && after !== undefined && before.metadata?.uid !== uid)
      this.#workers.get(before.metadata?.uid ?? '')?.remove()
    if (after === undefined) worker?.remove()
    else if (worker !== undefined) worker.update(after)
    else this.#startWorker(after)
    this.#retryDeferred()
  }

  /** Somebody may need less than before. */
  #retryDeferred(): void {
    for (const uid of [...this.#dependencies.allocations.deferred]) this.#workers.get(uid)?.poke()
  }

  #startWorker(pod: Pod): PodWorker {
    const worker = new PodWorker(pod, this.#dependencies, isStaticPod(pod) ? this.#mirrorRecord() : undefined)
    const others = [...this.#workers.values()].map((each) => this.#dependencies.allocations.granted(each.pod))
    this.#workers.set(worker.uid, worker)
    const refusal = admit(pod, others, this.#dependencies.node())
    if (refusal !== undefined) {
      this.#dependencies.recorder.event(pod, 'Warning', refusal.reason, refusal.message)
      worker.giveUp(refusal.reason, refusal.message)
    }
    this.#tasks.spawn(async (signal) => {
      await worker.run(signal)
      if (worker.isFinished) this.#workerFinished(worker)
    })
    return worker
  }

  #workerFinished(worker: PodWorker): void {
    this.#workers.delete(worker.uid)
    this.#retryDeferred()
    const successor = this.#successors.get(keyOf(worker.pod))
    if (successor === undefined) return
    this.#successors.delete(keyOf(worker.pod))
    this.#startWorker(successor)
  }

  #mirrorRecord(): MirrorRecord {
    const { client, node } = this.#dependencies
    return new MirrorRecord({ client, node, mirrorOf: (pod) => this.#mirrors.get(keyOf(pod)) })
  }

  /** Pods that the API forgot while no kubelet was looking are stopped like deleted ones. */
  async adoptOrphans(): Promise<void> {
    for (const { labels } of await this.#dependencies.runtime.listPodSandboxes()) {
      const uid = labels[POD_UID]
      if (uid === undefined || this.#workers.has(uid)) continue
      const pod: Pod = {
        apiVersion: 'v1',
        kind: 'Pod',
        metadata: { uid, name: labels[POD_NAME] ?? '', namespace: labels[POD_NAMESPACE] ?? '' },
        spec: { containers: [], nodeName: this.#dependencies.nodeName },
      }
      this.#startWorker(pod).remove()
    }
    await this.#removeLeftovers()
  }

  /** Files and control groups of pods that even the runtime has forgotten: a crash came between. */
  async #removeLeftovers(): Promise<void> {
    const { volumes, cgroups, podLogs, log } = this.#dependencies
    const uids = new Set(this.#workers.keys())
    for (const uid of volumes.uids()) if (!uids.has(uid)) await volumes.remove(uid)
    cgroups.removeOthers(uids)
    if (podLogs === '') return
    for (const name of readdirSync(podLogs)) {
      // NAMESPACE_NAME_UID
      if (uids.has(name.slice(name.lastIndexOf('_') + 1))) continue
      rmSync(join(podLogs, name), { recursive: true, force: true })
      log.info('Removed the logs of a pod that is gone', { directory: name })
    }
  }
}

const keyOf = ({ metadata }: Pod): string => `${metadata?.namespace}/${metadata?.name}`
