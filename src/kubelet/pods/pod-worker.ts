import type { Pod, PodStatus } from '#api'
import { isPodTerminal, pods } from '#api'
import { deepEqual, type Timer } from '#base'
import { isNotFound } from '#meta'
import { killPod } from './kill.ts'
import { nothingObserved, type ObservedPod, observePod } from './observe.ts'
import type { PodDependencies } from './pod-context.ts'
import { PodSync } from './pod-sync.ts'
import { podStatus, type StatusInput } from './status.ts'
import { readTerminationMessage } from './termination-message.ts'

const RETRY_MS_MIN = 500
const RETRY_MS_MAX = 120_000

interface Verdict {
  readonly phase: 'Failed' | 'Succeeded'
  readonly reason: string
  readonly message: string
}

/**
 * Brings one pod to where its spec and its deletion want it, one step after another. `poke` says that something may have changed; steps are
 * level-triggered, so that a poke too many does nothing and a restart of the kubelet goes on where the runtime stands.
 */
export class PodWorker {
  readonly uid: string
  readonly #dependencies: PodDependencies
  readonly #sync: PodSync
  #pod: Pod
  #observed: ObservedPod = nothingObserved
  #removed = false
  #finished = false
  #wake: (() => void) | undefined
  #pending = true
  #timer: Timer | undefined
  #failures = 0
  #verdict: Verdict | undefined
  #killed = false

  constructor(pod: Pod, dependencies: PodDependencies) {
    this.uid = pod.metadata?.uid ?? ''
    this.#pod = pod
    this.#dependencies = dependencies
    this.#sync = new PodSync(dependencies)
  }

  get pod(): Pod {
    return this.#pod
  }

  get observed(): ObservedPod {
    return this.#observed
  }

  get isFinished(): boolean {
    return this.#finished
  }

  update(pod: Pod): void {
    this.#pod = pod
    this.poke()
  }

  /** The pod is gone from the API: whatever still runs is stopped and forgotten. */
  remove(): void {
    this.#removed = true
    this.poke()
  }

  /** Gives the pod up for a reason of the node's own. */
  giveUp(reason: string, message: string): void {
    this.#verdict ??= { phase: 'Failed', reason, message }
    this.poke()
  }

  poke(): void {
    this.#pending = true
    this.#wake?.()
  }

  async run(signal: AbortSignal): Promise<void> {
    const onAbort = (): void => this.#wake?.()
    signal.addEventListener('abort', onAbort)
    try {
      while (!signal.aborted && !this.#finished) {
        if (!this.#pending) await new Promise<void>((resolve) => (this.#wake = resolve))
        this.#wake = undefined
        this.#pending = false
        if (signal.aborted) return
        await this.#step(signal)
      }
    } finally {
      this.#timer?.[Symbol.dispose]()
      signal.removeEventListener('abort', onAbort)
    }
  }

  async #step(signal: AbortSignal): Promise<void> {
    this.#timer?.[Symbol.dispose]()
    try {
      const againAtMs = await this.#reconcile(signal)
      this.#failures = 0
      if (againAtMs !== undefined) this.#wakeAt(againAtMs)
    } catch (error) {
      if (signal.aborted) return
      const { log, clock } = this.#dependencies
      const retryMs = Math.min(RETRY_MS_MIN * 2 ** this.#failures++, RETRY_MS_MAX)
      log.warn('A pod could not be synced', { pod: this.#name(), retryMs, error })
      this.#wakeAt(clock.now() + retryMs)
    }
  }

  /** Resolves with the time of the next deadline, if there is one. */
  async #reconcile(signal: AbortSignal): Promise<number | undefined> {
    const { runtime, clock } = this.#dependencies
    this.#observed = await observePod(runtime, this.uid)
    const pod = this.#pod
    if (this.#removed) return this.#tearDown(signal)
    if (pod.metadata?.deletionTimestamp !== undefined) return this.#terminate(signal)
    const deadlineMs = deadlineOf(pod)
    if (deadlineMs !== undefined && clock.now() >= deadlineMs) {
      this.#verdict ??= {
        phase: 'Failed',
        reason: 'DeadlineExceeded',
        message: 'Pod was active on the node longer than the specified deadline',
      }
    }
    const status = this.#status()
    const over = this.#verdict !== undefined || status.phase === 'Failed' || status.phase === 'Succeeded' || isPodTerminal(pod)
    if (over) return this.#finish(signal)
    const { againAtMs } = await this.#sync.sync(pod, this.#observed, signal)
    this.#observed = await observePod(runtime, this.uid)
    await this.#report(this.#status())
    return earliest(againAtMs, deadlineMs)
  }

  /** The pod has run to its end, or was given up: its containers and sandbox stop, its record stays. */
  async #finish(signal: AbortSignal): Promise<undefined> {
    if (this.#verdict !== undefined && !this.#killed) {
      await killPod(this.#pod, this.#observed, graceOf(this.#pod), this.#dependencies, signal)
      this.#killed = true
      this.#observed = await observePod(this.#dependencies.runtime, this.uid)
    }
    const { runtime } = this.#dependencies
    await this.#report(this.#status())
    for (const { id, state } of this.#observed.sandboxes) if (state === 'READY') await runtime.stopPodSandbox(id)
    await this.#releaseVolumes()
    return undefined
  }

  /** Deletion: hooks and signals within the grace, then the record goes with the last container. */
  async #terminate(signal: AbortSignal): Promise<undefined> {
    const pod = this.#pod
    await killPod(pod, this.#observed, pod.metadata?.deletionGracePeriodSeconds ?? 30, this.#dependencies, signal)
    this.#observed = await observePod(this.#dependencies.runtime, this.uid)
    const status = this.#status()
    const phase =
      status.phase === 'Running' || status.phase === 'Pending' ? (hasFailed(status) ? 'Failed' : 'Succeeded') : status.phase
    await this.#report({ ...status, phase } as PodStatus)
    await this.#removeFromRuntime()
    await this.#releaseVolumes()
    await this.#deleteObject()
    this.#finished = true
    return undefined
  }

  async #tearDown(signal: AbortSignal): Promise<undefined> {
    await killPod(this.#pod, this.#observed, graceOf(this.#pod), this.#dependencies, signal)
    await this.#removeFromRuntime()
    await this.#releaseVolumes()
    this.#finished = true
    return undefined
  }

  async #removeFromRuntime(): Promise<void> {
    const { runtime, cgroups, prober, restarts } = this.#dependencies
    for (const statuses of this.#observed.containers.values()) {
      for (const { id } of statuses) {
        prober.forget(id)
        await runtime.removeContainer(id)
      }
    }
    for (const { id } of this.#observed.sandboxes) {
      await runtime.stopPodSandbox(id)
      await runtime.removePodSandbox(id)
    }
    restarts.forget(`${this.uid}/`)
    await cgroups.remove(this.#pod)
    await this.#sync.removeLogs(this.#pod)
  }

  async #releaseVolumes(): Promise<void> {
    await this.#dependencies.volumes.remove(this.uid)
    await this.#dependencies.objects.release(this.uid)
  }

  async #deleteObject(): Promise<void> {
    const { client } = this.#dependencies
    try {
      await client.delete(pods, this.#name(), { gracePeriodSeconds: 0, preconditions: { uid: this.uid } })
    } catch (error) {
      // Gone already, or a new pod has the name.
      if (!isNotFound(error) && (error as { reason?: string }).reason !== 'Conflict') throw error
    }
  }

  #status(): PodStatus {
    const { nodeIPs, clock, prober, volumes } = this.#dependencies
    const input: StatusInput = {
      pod: this.#pod,
      observed: this.#observed,
      waiting: this.#sync.waiting,
      isStarted: (id, container) => prober.isStarted(id, container),
      isReady: (id, container) => prober.isReady(id, container),
      terminationMessage: (container, status) => readTerminationMessage(container, status, volumes.podDirectory(this.uid)),
      hostIPs: nodeIPs,
      nowMs: clock.now(),
      runtimeName: this.#sync.runtimeName,
      verdict: this.#verdict,
    }
    return podStatus(input)
  }

  /** Writes the status if it says anything new. Conditions of others are left to them. */
  async #report(status: PodStatus): Promise<void> {
    const { client } = this.#dependencies
    if (sameStatus(this.#pod.status, status)) return
    try {
      const updated = await client.patch(
        pods,
        this.#name(),
        { metadata: { uid: this.uid }, status: replacing(this.#pod.status, status) },
        { type: 'merge', subresource: 'status' },
      )
      // The informer brings the same object; until then the next step must not write it again.
      if (updated.metadata?.uid === this.uid) this.#pod = updated
    } catch (error) {
      if (!isNotFound(error) && (error as { reason?: string }).reason !== 'Conflict') throw error
    }
  }

  #wakeAt(atMs: number): void {
    const { clock } = this.#dependencies
    this.#timer?.[Symbol.dispose]()
    this.#timer = clock.after(Math.max(0, atMs - clock.now()), () => this.poke())
  }

  #name(): string {
    return `${this.#pod.metadata?.namespace}/${this.#pod.metadata?.name}`
  }
}

/** A merge patch that removes what the old status has and the new one has not. */
function replacing(before: PodStatus | undefined, status: PodStatus): Record<string, unknown> {
  const kept = new Set(['nominatedNodeName', 'resize', 'resourceClaimStatuses', 'extendedResourceClaimStatus'])
  const removed = Object.keys(before ?? {}).filter((key) => !(key in status) && !kept.has(key))
  return { ...status, ...Object.fromEntries(removed.map((key) => [key, null])) }
}

function sameStatus(before: PodStatus | undefined, status: PodStatus): boolean {
  if (before === undefined) return false
  return Object.entries(status).every(([key, value]) => deepEqual(clean((before as Record<string, unknown>)[key]), clean(value)))
}

const clean = (value: unknown): unknown => JSON.parse(JSON.stringify(value ?? null)) as unknown

const graceOf = (pod: Pod): number => pod.spec?.terminationGracePeriodSeconds ?? 30

function deadlineOf(pod: Pod): number | undefined {
  const seconds = pod.spec?.activeDeadlineSeconds
  const start = pod.status?.startTime
  return seconds === undefined || start === undefined ? undefined : Date.parse(start) + seconds * 1000
}

const hasFailed = (status: PodStatus): boolean =>
  (status.containerStatuses ?? []).some(({ state }) => (state?.terminated?.exitCode ?? 0) !== 0)

const earliest = (...times: (number | undefined)[]): number | undefined => {
  const known = times.filter((time) => time !== undefined)
  return known.length === 0 ? undefined : Math.min(...known)
}
