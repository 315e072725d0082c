import type { Container, Pod, Probe } from '#api'
import { type Clock, type Log, type Random, TaskGroup } from '#base'
import type { EventSink } from '#client'
import type { Runtime } from '../runtimes/runtime.ts'
import { runProbe } from './run-probe.ts'

type Kind = 'startup' | 'readiness' | 'liveness'

const KINDS: readonly Kind[] = ['startup', 'readiness', 'liveness']
const TITLES = { startup: 'Startup', readiness: 'Readiness', liveness: 'Liveness' } as const

interface Worker {
  readonly controller: AbortController
}

/** Results of one container's probes; undefined: none yet. */
interface Results {
  startup?: boolean
  readiness?: boolean
  liveness?: boolean
}

/** Runs the probes of running containers on the clock and tells when a verdict changes. */
export class Prober implements AsyncDisposable {
  readonly #runtime: Runtime
  readonly #clock: Clock
  readonly #random: Random
  readonly #recorder: EventSink
  readonly #tasks: TaskGroup
  readonly #workers = new Map<string, Map<Kind, Worker>>()
  readonly #results = new Map<string, Results>()
  readonly #onChange: (podUid: string) => void

  constructor(options: {
    runtime: Runtime
    clock: Clock
    random: Random
    log: Log
    recorder: EventSink
    onChange: (podUid: string) => void
  }) {
    this.#runtime = options.runtime
    this.#clock = options.clock
    this.#random = options.random
    this.#recorder = options.recorder
    this.#onChange = options.onChange
    this.#tasks = new TaskGroup({ onError: (error) => options.log.warn('A probe worker failed', { error }) })
  }

  /**
   * Starts whatever probes of the running container are not running; harmless when all are. A container that an earlier kubelet probed
   * keeps the verdicts on record until the first of our own.
   */
  watch(pod: Pod, container: Container, containerId: string, startedAtMs: number, podIP: () => string | undefined): void {
    if (!this.#workers.has(containerId)) {
      const known = recordedVerdicts(pod, containerId)
      if (known !== undefined) this.#results.set(containerId, known)
    }
    const workers = this.#workers.get(containerId) ?? new Map<Kind, Worker>()
    this.#workers.set(containerId, workers)
    for (const kind of KINDS) {
      const probe = probeOf(container, kind)
      if (probe === undefined || workers.has(kind)) continue
      const worker: Worker = { controller: new AbortController() }
      workers.set(kind, worker)
      this.#tasks.spawn((signal) =>
        this.#run(
          { pod, container, containerId, startedAtMs, podIP, kind, probe },
          AbortSignal.any([signal, worker.controller.signal]),
        ),
      )
    }
  }

  /** The container has ended; its verdicts are forgotten. */
  forget(containerId: string): void {
    for (const { controller } of this.#workers.get(containerId)?.values() ?? []) controller.abort()
    this.#workers.delete(containerId)
    this.#results.delete(containerId)
  }

  isStarted(containerId: string, container: Container): boolean {
    return container.startupProbe === undefined || this.#results.get(containerId)?.startup === true
  }

  isReady(containerId: string, container: Container): boolean {
    return container.readinessProbe === undefined || this.#results.get(containerId)?.readiness === true
  }

  /** A message once a liveness or startup probe has given the container up. */
  failed(containerId: string, container: Container): 'liveness' | 'startup' | undefined {
    const results = this.#results.get(containerId)
    if (container.startupProbe !== undefined && results?.startup === false) return 'startup'
    if (container.livenessProbe !== undefined && results?.liveness === false) return 'liveness'
    return undefined
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#tasks[Symbol.asyncDispose]()
  }

  async #run(target: Target, signal: AbortSignal): Promise<void> {
    const { probe, kind, container, containerId, startedAtMs } = target
    const periodMs = (probe.periodSeconds ?? 10) * 1000
    const initialMs = startedAtMs + (probe.initialDelaySeconds ?? 0) * 1000 - this.#clock.now()
    let streak = 0
    let last: boolean | undefined
    // Workers that start together (a kubelet's restart) spread out over their period.
    const spreadMs = this.#clock.now() - startedAtMs > periodMs ? this.#random.float() * periodMs : 0
    try {
      if (initialMs + spreadMs > 0) await this.#clock.sleep(Math.max(initialMs, 0) + spreadMs, { signal })
      while (!signal.aborted) {
        // A started container needs no more startup probes; one that was given up is about to go.
        if (kind === 'startup' && this.#results.get(containerId)?.startup !== undefined) return
        if (kind === 'startup' || this.isStarted(containerId, container)) {
          const outcome = await runProbe(target, { runtime: this.#runtime, clock: this.#clock, signal })
          if (signal.aborted) return
          streak = outcome.ok === last ? streak + 1 : 1
          last = outcome.ok
          if (!outcome.ok)
            this.#recorder.event(target.pod, 'Warning', 'Unhealthy', `${TITLES[kind]} probe failed: ${outcome.message}`)
          const threshold = outcome.ok ? (probe.successThreshold ?? 1) : (probe.failureThreshold ?? 3)
          if (streak >= threshold) this.#settle(target, outcome.ok)
        }
        await this.#clock.sleep(periodMs, { signal })
      }
    } catch (error) {
      if (!signal.aborted) throw error
    }
  }

  #settle({ pod, containerId, kind }: Target, ok: boolean): void {
    const results = this.#results.get(containerId) ?? {}
    this.#results.set(containerId, results)
    if (results[kind] === ok) return
    results[kind] = ok
    this.#onChange(pod.metadata?.uid ?? '')
  }
}

export interface Target {
  readonly pod: Pod
  readonly container: Container
  readonly containerId: string
  readonly startedAtMs: number
  readonly podIP: () => string | undefined
  readonly kind: Kind
  readonly probe: Probe
}

/** What the pod's status says of the container, if that is this one. */
function recordedVerdicts({ status }: Pod, containerId: string): Results | undefined {
  const all = [...(status?.containerStatuses ?? []), ...(status?.initContainerStatuses ?? [])]
  const recorded = all.find(({ containerID }) => containerID?.endsWith(`://${containerId}`))
  if (recorded?.started !== true) return undefined
  return { startup: true, readiness: recorded.ready }
}

const probeOf = (container: Container, kind: Kind): Probe | undefined => container[`${kind}Probe`]
