import { type Container, containersOf, type Pod, podHasCondition, restartsAll } from '#api'
import { killContainer } from './kill.ts'
import { type ObservedPod, restartCountOf } from './observe.ts'
import type { PodDependencies } from './pod-context.ts'
import { previousStatus } from './status.ts'

type Dependencies = Pick<PodDependencies, 'runtime' | 'clock' | 'recorder' | 'prober' | 'log' | 'restarts'>

/**
 * Restarts all containers of a pod in place once one of them ends as its rules say
 * (https://kubernetes.io/docs/concepts/workloads/pods/pod-lifecycle/#restart-all-containers): they are killed without grace or hooks and removed from the
 * runtime, so that the pod, its sandbox and volumes kept, begins again with its init containers. A kubelet that starts in the middle of it goes on: the
 * pod's condition says so, and what began it is removed last.
 */
export class RestartAll {
  readonly #dependencies: Dependencies
  #isUnderWay: boolean
  /** How often containers that were removed will have been restarted once they run again, by name. */
  readonly counts = new Map<string, number>()

  constructor(pod: Pod, dependencies: Dependencies) {
    this.#dependencies = dependencies
    this.#isUnderWay = podHasCondition(pod, 'AllContainersRestarting')
  }

  get isUnderWay(): boolean {
    return this.#isUnderWay
  }

  /** Whether the containers have to go now. One that begins it again and again is backed off from like one that crashes. */
  isDue(pod: Pod, observed: ObservedPod): boolean {
    const { restarts } = this.#dependencies
    const begun = causes(pod, observed).filter(({ name }) => {
      const [newest] = observed.containers.get(name)!
      return restarts.remainingMs(keyOf(pod, name), newest!.finishedAtMs) === 0
    })
    if (begun.length > 0) this.#isUnderWay = true
    return this.#isUnderWay
  }

  /** Resolves when the runtime has none of them. */
  async remove(pod: Pod, observed: ObservedPod, signal: AbortSignal): Promise<void> {
    const { runtime, clock, prober, restarts } = this.#dependencies
    const sources = causes(pod, observed)
    const others = containersOf(pod).filter((container) => !sources.includes(container))
    for (const { name } of [...others, ...sources]) this.#count(pod, name, observed)
    await Promise.all(
      others.map(async (container) => {
        const [newest] = observed.containers.get(container.name) ?? []
        if (newest?.state !== 'RUNNING') return
        const how = { graceSeconds: 0, reason: undefined, observed }
        await killContainer(pod, container, newest, how, this.#dependencies, signal)
      }),
    )
    for (const { name } of [...others, ...sources]) {
      for (const { id } of observed.containers.get(name) ?? []) {
        prober.forget(id)
        await runtime.removeContainer(id)
      }
    }
    for (const { name } of sources) restarts.next(keyOf(pod, name), clock.now())
    this.#isUnderWay = false
  }

  /** What a predecessor has removed counts by the status it left: those that never ran wait in it. */
  #count(pod: Pod, name: string, observed: ObservedPod): void {
    const [newest] = observed.containers.get(name) ?? []
    const before = previousStatus(pod, name)
    if (newest !== undefined) this.counts.set(name, restartCountOf(newest) + 1)
    else if (before !== undefined && before.state?.waiting === undefined) this.counts.set(name, before.restartCount + 1)
  }
}

/** Containers that have ended in a way that restarts all. */
const causes = (pod: Pod, { containers }: ObservedPod): readonly Container[] =>
  containersOf(pod).filter((container) => {
    const [newest] = containers.get(container.name) ?? []
    return newest?.state === 'EXITED' && restartsAll(container, newest.exitCode)
  })

const keyOf = ({ metadata }: Pod, container: string): string => `${metadata?.uid}/${container}`
