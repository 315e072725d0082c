import type { Pod, PodStatus } from '#api'
import { containersOf, isPodTerminal, isSidecar } from '#api'
import { deepEqual, type Timer } from '#base'
import { removeDead } from './dead-containers.ts'
import { killPod } from './kill.ts'
import { nothingObserved, type ObservedPod, observePod } from './observe.ts'
import type { PodDependencies } from './pod-context.ts'
import { ApiRecord, type PodRecord } from './pod-record.ts'
import { PodSync } from './pod-sync.ts'
import { ResizeProgress } from './resize-progress.ts'
import { RestartAll } from './restart-all.ts'
import { isStaticPod } from './static-pods.ts'
import { podStatus, RESTARTING_ALL, type StatusInput } from './status.ts'
import { readTerminationMessage } from './termination-message.ts'

const RETRY_MS_MIN = 500
const RETRY_MS_MAX = 120_000

interface Verdict extends GivenUp {
  readonly phase: 'Failed' | 'Succeeded'
  readonly reason: string
  readonly message: string
}

/** How a pod is given up. */
interface GivenUp {
  /** Instead of the pod's own grace. */
  readonly graceSeconds?: number
  /** The pod goes for the node's sake, and says so in its conditions. */
  readonly isDisruption?: boolean
}

/**
 * Brings one pod to where its spec and its deletion want it, one step after another. `poke` says that something may have changed; steps are
 * level-triggered, so that a poke too many does nothing and a restart of the kubelet goes on where the runtime stands.
 */
export class PodWorker {
  readonly uid: string
  readonly #dependencies: PodDependencies
  readonly #sync: PodSync
  readonly #resize: ResizeProgress
  readonly #restartAll: RestartAll
  readonly #record: PodRecord
  #pod: Pod
  /** The pod with the resources the node grants it. */
  #granted: Pod
  #observed: ObservedPod = nothingObserved
  #removed = false
  #finished = false
  #wake: (() => void) | undefined
  #pending = true
  #timer: Timer | undefined
  #failures = 0
  #verdict: Verdict | undefined
  /** Ends the step under way when something overtakes it. */
  #interrupt = new AbortController()

  constructor(pod: Pod, dependencies: PodDependencies, record: PodRecord = new ApiRecord(dependencies.client)) {
    this.#record = record
    this.uid = pod.metadata?.uid ?? ''
    this.#pod = pod
    this.#dependencies = dependencies
    this.#granted = pod
    this.#restartAll = new RestartAll(pod, dependencies)
    this.#sync = new PodSync(dependencies, this.#restartAll.counts)
    this.#resize = new ResizeProgress(dependencies.recorder)
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
    const overtakes = isMoreUrgent(this.#pod, pod)
    this.#pod = laterOf(this.#pod, pod)
    if (overtakes) this.#interrupt.abort(OVERTAKEN)
    this.poke()
  }

  /** The pod is gone from the API: whatever still runs is stopped and forgotten. */
  remove(): void {
    this.#removed = true
    // A pod that is being stopped already goes on within its grace.
    if (this.#pod.metadata?.deletionTimestamp === undefined) this.#interrupt.abort(OVERTAKEN)
    this.poke()
  }

  /** Gives the pod up for a reason of the node's own. */
  giveUp(reason: string, message: string, how: GivenUp = {}): void {
    this.#verdict ??= { phase: 'Failed', reason, message, ...how }
    this.#interrupt.abort(OVERTAKEN)
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
        this.#interrupt = new AbortController()
        await this.#step(signal, AbortSignal.any([signal, this.#interrupt.signal]))
      }
    } finally {
      this.#timer?.[Symbol.dispose]()
      signal.removeEventListener('abort', onAbort)
    }
  }

  /** `stepSignal` also aborts when the step was overtaken: the next one then follows at once. */
  async #step(signal: AbortSignal, stepSignal: AbortSignal): Promise<void> {
    this.#timer?.[Symbol.dispose]()
    try {
      const againAtMs = await this.#reconcile(stepSignal)
      this.#failures = 0
      if (againAtMs !== undefined) this.#wakeAt(againAtMs)
    } catch (error) {
      if (signal.aborted || stepSignal.aborted) return
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
    // Overtaken while it looked: a deletion that began here, hooks and all, would only begin again in the next step.
    signal.throwIfAborted()
    if (this.#removed) return this.#tearDown(signal)
    if (this.#pod.metadata?.deletionTimestamp !== undefined) return this.#terminate(signal)
    const { pod, pending } = this.#dependencies.allocations.grant(this.#pod)
    this.#granted = pod
    this.#resize.noteGrant(pod, pending)
    const deadlineMs = deadlineOf(pod)
    if (deadlineMs !== undefined && clock.now() >= deadlineMs && this.#verdict === undefined && !isPodTerminal(pod)) {
      this.#verdict = { phase: 'Failed', ...DEADLINE_EXCEEDED }
      this.#dependencies.recorder.event(pod, 'Normal', DEADLINE_EXCEEDED.reason, DEADLINE_EXCEEDED.message)
    }
    const status = this.#status()
    if (this.#verdict !== undefined || isOver(status) || isPodTerminal(pod)) return this.#finish(signal)
    // What follows may take long (images, hooks): whoever looks sees that the node has begun.
    if (pod.status?.startTime === undefined) await this.#report(status).catch(ignoredFor(pod))
    else if (this.#resize.noteProgress(pod, this.#resizing(), this.#sync.resizeErrors)) await this.#report(this.#status())
    if (this.#restartAll.isDue(pod, this.#observed)) await this.#removeAll(signal)
    const { againAtMs } = await this.#sync.sync(pod, this.#observed, signal)
    this.#observed = await observePod(runtime, this.uid)
    this.#resize.noteProgress(pod, this.#resizing(), this.#sync.resizeErrors)
    await this.#removeDead()
    const reached = this.#status()
    // A pod has not ended while its sidecars run: the next step stops them before anybody hears of the end.
    if (isOver(reached) && runsAnything(this.#observed)) this.#pending = true
    else await this.#report(reached)
    return earliest(againAtMs, deadlineMs)
  }

  /** Before all containers begin again; whoever looks sees it. */
  async #removeAll(signal: AbortSignal): Promise<void> {
    const { waiting } = this.#sync
    await this.#tell()
    await this.#restartAll.remove(this.#granted, this.#observed, signal)
    this.#observed = await observePod(this.#dependencies.runtime, this.uid)
    for (const { name } of containersOf(this.#granted)) {
      waiting.delete(name)
      if (this.#restartAll.counts.has(name)) waiting.set(name, RESTARTING_ALL)
    }
    await this.#tell()
    for (const { name } of containersOf(this.#granted)) waiting.delete(name)
  }

  /** Reports what is on its way whether or not the API hears of it: it will be told of the end. */
  async #tell(): Promise<void> {
    try {
      await this.#report(this.#status())
    } catch (error) {
      this.#dependencies.log.info('A step of a pod was not reported', { pod: this.#name(), error })
    }
  }

  async #removeDead(): Promise<void> {
    const { runtime, volumes, log } = this.#dependencies
    try {
      await removeDead(this.#observed, { runtime, podDirectory: volumes.podDirectory(this.uid) })
    } catch (error) {
      // The next step finds it again; the pod's state is more urgent.
      log.warn('What is left of ended containers was not removed', { pod: this.#name(), error })
    }
  }

  /** The pod has run to its end, or was given up: what still runs (sidecars, or all of it) stops, its record stays. */
  async #finish(signal: AbortSignal): Promise<undefined> {
    const { runtime } = this.#dependencies
    if (runsAnything(this.#observed)) {
      const graceSeconds = this.#verdict?.graceSeconds ?? graceOf(this.#pod)
      await killPod(this.#pod, this.#observed, graceSeconds, this.#dependencies, signal)
      this.#observed = await observePod(runtime, this.uid)
    }
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
    await this.#record.remove(this.#pod)
    this.#finished = true
    return undefined
  }

  async #tearDown(signal: AbortSignal): Promise<undefined> {
    await killPod(this.#pod, this.#observed, graceOf(this.#pod), this.#dependencies, signal)
    await this.#removeFromRuntime()
    await this.#releaseVolumes()
    if (isStaticPod(this.#pod)) await this.#record.remove(this.#pod)
    this.#finished = true
    return undefined
  }

  async #removeFromRuntime(): Promise<void> {
    const { runtime, cgroups, prober, restarts, allocations } = this.#dependencies
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
    allocations.forget(this.uid)
    await cgroups.remove(this.#pod)
    await this.#sync.removeLogs(this.#pod)
  }

  async #releaseVolumes(): Promise<void> {
    await this.#dependencies.volumes.remove(this.uid)
    await this.#dependencies.objects.release(this.uid)
  }

  /** Containers that run with other resources than they are granted. */
  #resizing(): boolean {
    const { allocations } = this.#dependencies
    return [...(this.#granted.spec?.initContainers ?? []).filter(isSidecar), ...(this.#granted.spec?.containers ?? [])].some(
      (container) =>
        this.#observed.containers.get(container.name)?.[0]?.state === 'RUNNING' && allocations.differs(this.#granted, container),
    )
  }

  #status(): PodStatus {
    const { nodeIPs, clock, prober, volumes, allocations } = this.#dependencies
    const input: StatusInput = {
      // As the API has it, but for what the node has not granted.
      pod: { ...this.#pod, spec: allocations.granted(this.#pod).spec! },
      actualResources: (name) => allocations.actual(this.uid, name),
      resize: this.#resize.state,
      restartAll: this.#restartAll,
      observed: this.#observed,
      waiting: this.#sync.waiting,
      isStarted: (id, container) => prober.isStarted(id, container),
      isReady: (id, container) => prober.isReady(id, container),
      terminationMessage: (container, status) => readTerminationMessage(container, status, volumes.podDirectory(this.uid)),
      hostIPs: nodeIPs,
      nowMs: clock.now(),
      runtimeName: this.#sync.runtimeName,
      verdict: this.#verdict ?? recordedVerdict(this.#pod),
    }
    return podStatus(input)
  }

  /** Writes the status if it says anything new. Conditions of others are left to them. */
  async #report(status: PodStatus): Promise<void> {
    const pod = this.#pod
    if (sameStatus(pod.status, status) && this.#record.isThere(pod)) return
    const updated = await this.#record.writeStatus(pod, replacing(pod.status, status))
    // The informer brings the same object; until then the next step must not write it again. What it brought meanwhile may be newer (a deletion).
    if (updated !== undefined && this.#pod === pod) this.#pod = updated
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

/** An end is final: what an earlier kubelet said of the pod stays, also when its containers can no longer show why. */
function recordedVerdict({ status }: Pod): Verdict | undefined {
  const { phase, reason = '', message = '' } = status ?? {}
  return phase === 'Failed' || phase === 'Succeeded' ? { phase, reason, message } : undefined
}

const OVERTAKEN = new Error('something more urgent came')

const DEADLINE_EXCEEDED = {
  reason: 'DeadlineExceeded',
  message: 'Pod was active on the node longer than the specified deadline',
}

/** Whether the pod has to go now and had not, or has to go sooner. */
function isMoreUrgent({ metadata: before }: Pod, { metadata: after }: Pod): boolean {
  if (after?.deletionTimestamp === undefined) return false
  if (before?.deletionTimestamp === undefined) return true
  return (after.deletionGracePeriodSeconds ?? 0) < (before.deletionGracePeriodSeconds ?? 0)
}

/**
 * The later of two states of one pod. What a worker wrote comes back to it at once, and the watch may still bring what was before; taken for news, an old
 * state would let the deletion begin, hooks and all, a second time.
 */
export function laterOf(known: Pod, seen: Pod): Pod {
  // A deletion is never taken back.
  return known.metadata?.deletionTimestamp !== undefined && seen.metadata?.deletionTimestamp === undefined ? known : seen
}

/** A static pod runs without an API server to tell. */
const ignoredFor =
  (pod: Pod) =>
  (error: unknown): void => {
    if (!isStaticPod(pod)) throw error
  }

const isOver = ({ phase }: PodStatus): boolean => phase === 'Failed' || phase === 'Succeeded'

const runsAnything = ({ containers }: ObservedPod): boolean =>
  [...containers.values()].some(([newest]) => newest?.state === 'RUNNING' || newest?.state === 'CREATED')

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
