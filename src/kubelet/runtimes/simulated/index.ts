import { AsyncQueue, type Clock, type Random, type Timer } from '#base'
import {
  type Container,
  type ContainerConfig,
  type ContainerStats,
  type ContainerStatus,
  type ExecResult,
  type Image,
  type Labels,
  type LinuxContainerResources,
  type PodSandbox,
  type PodSandboxConfig,
  type PodSandboxStatus,
  type Runtime,
  RuntimeError,
  type RuntimeEvent,
  type RuntimeStatus,
  type RuntimeVersion,
  type StreamSession,
} from '../runtime.ts'
import { type ContainerScript, endOf, scriptFor } from './script.ts'

export interface SimulatedRuntimeOptions {
  readonly clock: Clock
  readonly random: Random
  /** Gives each sandbox its addresses, one of each family; by default counts up in 10.88.0.0/16. */
  readonly nextIPs?: () => readonly string[]
}

interface SimulatedContainer {
  readonly id: string
  readonly sandboxId: string
  readonly config: ContainerConfig
  readonly script: ContainerScript
  state: 'CREATED' | 'RUNNING' | 'EXITED'
  readonly createdAtMs: number
  startedAtMs: number
  finishedAtMs: number
  exitCode: number
  reason: string
  message: string
  timer: Timer | undefined
}

interface SimulatedSandbox {
  readonly id: string
  readonly config: PodSandboxConfig
  readonly createdAtMs: number
  readonly ips: readonly string[]
  state: 'READY' | 'NOTREADY'
}

const EVENTS_WAITING_MAX = 10_000
/** 128 + SIGTERM. */
const TERMINATED_EXIT_CODE = 143

/**
 * A runtime that plays containers without running any: each follows the life its pod declares (script.ts). State lives in the object, so that a
 * second kubelet given the same one finds what the first left.
 */
export class SimulatedRuntime implements Runtime {
  readonly #clock: Clock
  readonly #random: Random
  readonly #nextIPs: () => readonly string[]
  readonly #sandboxes = new Map<string, SimulatedSandbox>()
  readonly #containers = new Map<string, SimulatedContainer>()
  readonly #listeners = new Set<AsyncQueue<RuntimeEvent>>()
  readonly #images = new Map<string, Image>()
  #count = 0

  constructor({ clock, random, nextIPs }: SimulatedRuntimeOptions) {
    this.#clock = clock
    this.#random = random
    this.#nextIPs = nextIPs ?? (() => [`10.88.${Math.floor(++this.#count / 254)}.${(this.#count % 254) + 1}`])
  }

  async version(): Promise<RuntimeVersion> {
    return { name: 'simulated', version: '1.0.0' }
  }

  async status(): Promise<RuntimeStatus> {
    return { runtimeReady: true, networkReady: true, message: '' }
  }

  async runPodSandbox(config: PodSandboxConfig): Promise<string> {
    const id = this.#newId()
    const ips = config.namespaces.network === 'NODE' ? [] : this.#nextIPs()
    this.#sandboxes.set(id, { id, config, createdAtMs: this.#clock.now(), ips, state: 'READY' })
    this.#tell(id)
    return id
  }

  async stopPodSandbox(sandboxId: string): Promise<void> {
    const sandbox = this.#sandboxes.get(sandboxId)
    if (sandbox === undefined) return
    for (const container of this.#containers.values()) if (container.sandboxId === sandboxId) this.#exit(container, 137, 'Error')
    sandbox.state = 'NOTREADY'
    this.#tell(sandboxId)
  }

  async removePodSandbox(sandboxId: string): Promise<void> {
    await this.stopPodSandbox(sandboxId)
    for (const { id, sandboxId: owner } of this.#containers.values()) if (owner === sandboxId) this.#containers.delete(id)
    if (this.#sandboxes.delete(sandboxId)) this.#tell(sandboxId)
  }

  async podSandboxStatus(sandboxId: string): Promise<PodSandboxStatus> {
    return sandboxStatus(this.#sandbox(sandboxId))
  }

  async listPodSandboxes(filter: { readonly id?: string; readonly labels?: Labels } = {}): Promise<PodSandbox[]> {
    return [...this.#sandboxes.values()]
      .filter(({ id, config }) => (filter.id === undefined || id === filter.id) && hasLabels(config.labels, filter.labels))
      .map(sandboxStatus)
  }

  async createContainer(sandboxId: string, config: ContainerConfig, sandboxConfig: PodSandboxConfig): Promise<string> {
    this.#sandbox(sandboxId)
    const id = this.#newId()
    this.#containers.set(id, {
      id,
      sandboxId,
      config,
      script: scriptFor(sandboxConfig.annotations, config.metadata.name),
      state: 'CREATED',
      createdAtMs: this.#clock.now(),
      startedAtMs: 0,
      finishedAtMs: 0,
      exitCode: 0,
      reason: '',
      message: '',
      timer: undefined,
    })
    return id
  }

  async startContainer(containerId: string): Promise<void> {
    const container = this.#container(containerId)
    if (container.state !== 'CREATED') throw new RuntimeError('InvalidArgument', `container ${containerId} is ${container.state}`)
    container.startedAtMs = this.#clock.now()
    const { script } = container
    if (script.startError !== undefined) {
      container.message = script.startError
      container.state = 'RUNNING'
      this.#exit(container, 128, 'StartError')
      throw new RuntimeError('Unknown', script.startError)
    }
    container.state = 'RUNNING'
    const end = endOf(script, container.config.metadata.attempt)
    if (end !== undefined) {
      const { afterSeconds, exitCode } = end
      container.timer = this.#clock.after(afterSeconds * 1000, () =>
        this.#exit(container, exitCode, exitCode === 0 ? 'Completed' : 'Error'),
      )
    }
    this.#tell(container.sandboxId)
  }

  async stopContainer(containerId: string, _timeoutSeconds: number): Promise<void> {
    const container = this.#containers.get(containerId)
    if (container !== undefined) this.#exit(container, TERMINATED_EXIT_CODE, 'Error')
  }

  async removeContainer(containerId: string): Promise<void> {
    const container = this.#containers.get(containerId)
    if (container === undefined) return
    this.#exit(container, 137, 'Error')
    this.#containers.delete(containerId)
  }

  async containerStatus(containerId: string): Promise<ContainerStatus> {
    return containerStatus(this.#container(containerId))
  }

  async listContainers(filter: { readonly sandboxId?: string; readonly labels?: Labels } = {}): Promise<Container[]> {
    return [...this.#containers.values()]
      .filter(
        ({ sandboxId, config }) =>
          (filter.sandboxId === undefined || sandboxId === filter.sandboxId) && hasLabels(config.labels, filter.labels),
      )
      .map((container) => ({ ...containerStatus(container), sandboxId: container.sandboxId }))
  }

  async updateContainerResources(containerId: string, _resources: LinuxContainerResources): Promise<void> {
    this.#container(containerId)
  }

  async reopenContainerLog(containerId: string): Promise<void> {
    this.#container(containerId)
  }

  async containerStats(): Promise<ContainerStats[]> {
    return []
  }

  async execSync(containerId: string, command: readonly string[]): Promise<ExecResult> {
    const container = this.#container(containerId)
    if (container.state !== 'RUNNING') throw new RuntimeError('NotFound', `container ${containerId} is not running`)
    const { exitCode = 0, stdout = '' } = container.script.exec?.[command.join(' ')] ?? {}
    return { exitCode, stdout: Buffer.from(stdout), stderr: new Uint8Array() }
  }

  async answerProbe(containerId: string): Promise<{ ok: boolean; message: string }> {
    const { state, script, startedAtMs } = this.#container(containerId)
    if (state !== 'RUNNING') return { ok: false, message: 'the container does not run' }
    const healthyAtMs = startedAtMs + (script.healthyAfterSeconds ?? 0) * 1000
    const sickAtMs =
      script.sickAfterSeconds === undefined ? Number.POSITIVE_INFINITY : startedAtMs + script.sickAfterSeconds * 1000
    const ok = this.#clock.now() >= healthyAtMs && this.#clock.now() < sickAtMs
    return { ok, message: ok ? '' : 'HTTP probe failed with statuscode: 500' }
  }

  async exec(): Promise<StreamSession> {
    throw new RuntimeError('Unimplemented', 'simulated containers have nothing to exec in')
  }

  async attach(): Promise<StreamSession> {
    throw new RuntimeError('Unimplemented', 'simulated containers have nothing to attach to')
  }

  async portForward(): Promise<import('node:stream').Duplex> {
    throw new RuntimeError('Unimplemented', 'simulated pods have no ports')
  }

  async pullImage(image: string): Promise<string> {
    return this.#imageOf(image).id
  }

  async imageStatus(image: string): Promise<Image | undefined> {
    return this.#imageOf(image)
  }

  async listImages(): Promise<Image[]> {
    return [...this.#images.values()]
  }

  async removeImage(image: string): Promise<void> {
    this.#images.delete(image)
  }

  async imageFilesystem(): Promise<{ mountpoint: string; usedBytes: number; inodesUsed: number }> {
    return { mountpoint: '/', usedBytes: 0, inodesUsed: 0 }
  }

  async *events(signal: AbortSignal): AsyncIterable<RuntimeEvent> {
    const queue = new AsyncQueue<RuntimeEvent>(EVENTS_WAITING_MAX)
    const onAbort = (): void => queue.close()
    if (signal.aborted) return
    signal.addEventListener('abort', onAbort, { once: true })
    this.#listeners.add(queue)
    try {
      yield { sandboxId: undefined }
      yield* queue
    } finally {
      this.#listeners.delete(queue)
      signal.removeEventListener('abort', onAbort)
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const { timer } of this.#containers.values()) timer?.[Symbol.dispose]()
    for (const queue of this.#listeners) queue.close()
  }

  #exit(container: SimulatedContainer, exitCode: number, reason: string): void {
    if (container.state === 'EXITED') return
    container.timer?.[Symbol.dispose]()
    container.state = 'EXITED'
    container.exitCode = exitCode
    container.reason = reason
    container.finishedAtMs = this.#clock.now()
    this.#tell(container.sandboxId)
  }

  #tell(sandboxId: string): void {
    for (const queue of this.#listeners) queue.push({ sandboxId })
  }

  #newId(): string {
    return Buffer.from(this.#random.bytes(32)).toString('hex')
  }

  #sandbox(id: string): SimulatedSandbox {
    const sandbox = this.#sandboxes.get(id)
    if (sandbox === undefined) throw new RuntimeError('NotFound', `sandbox ${id} not found`)
    return sandbox
  }

  #container(id: string): SimulatedContainer {
    const container = this.#containers.get(id)
    if (container === undefined) throw new RuntimeError('NotFound', `container ${id} not found`)
    return container
  }

  #imageOf(name: string): Image {
    let image = this.#images.get(name)
    if (image === undefined) {
      image = { id: name, repoTags: [name], repoDigests: [], sizeBytes: 0, uid: 1000, pinned: false }
      this.#images.set(name, image)
    }
    return image
  }
}

const hasLabels = (labels: Labels, wanted: Labels | undefined): boolean =>
  Object.entries(wanted ?? {}).every(([key, value]) => labels[key] === value)

const sandboxStatus = ({ id, config, state, createdAtMs, ips }: SimulatedSandbox): PodSandboxStatus => ({
  id,
  metadata: config.metadata,
  state,
  createdAtMs,
  labels: config.labels,
  annotations: config.annotations,
  ips,
})

const containerStatus = ({
  id,
  config,
  state,
  createdAtMs,
  startedAtMs,
  finishedAtMs,
  exitCode,
  reason,
  message,
}: SimulatedContainer): ContainerStatus => ({
  id,
  metadata: config.metadata,
  image: config.userSpecifiedImage,
  imageId: config.image,
  imageRef: config.image,
  state,
  createdAtMs,
  startedAtMs,
  finishedAtMs,
  exitCode,
  reason,
  message,
  labels: config.labels,
  annotations: config.annotations,
  logPath: config.logPath,
  mounts: config.mounts,
})
