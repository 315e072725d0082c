import type { Duplex } from 'node:stream'
import type { Clock, Log } from '#base'
import {
  type Container,
  type ContainerConfig,
  type ContainerStats,
  type ContainerStatus,
  type ExecOptions,
  type ExecResult,
  type Image,
  type ImageAuth,
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
import { CriConnection } from './connection.ts'
import { runtimeEvents } from './events.ts'
import { authMessage, containerConfigMessage, resourcesMessage, sandboxConfigMessage } from './requests.ts'
import {
  type CriContainer,
  type CriContainerStatus,
  type CriImage,
  type CriSandbox,
  type CriStats,
  containerOf,
  containerStatusOf,
  imageOf,
  sandboxOf,
  sandboxStatusOf,
  statsOf,
} from './responses.ts'
import { openPort, openSession } from './streams.ts'

export interface CriRuntimeOptions {
  /** `unix:///run/containerd/containerd.sock` */
  readonly endpoint: string
  readonly clock: Clock
  readonly log: Log
}

/** Upstream's `--runtime-request-timeout`. */
const CALL_MS = 120_000
/** Making a sandbox may pull its image and set up its network. */
const SANDBOX_MS = 2 * CALL_MS
const VERSION_MS = 10_000

/** Talks CRI v1 to containerd or CRI-O. */
export async function openCriRuntime(options: CriRuntimeOptions): Promise<Runtime> {
  return new CriRuntime(await CriConnection.open(options.endpoint), options)
}

class CriRuntime implements Runtime {
  readonly #connection: CriConnection
  readonly #options: CriRuntimeOptions
  readonly #closing = new AbortController()

  constructor(connection: CriConnection, options: CriRuntimeOptions) {
    this.#connection = connection
    this.#options = options
  }

  async version(signal?: AbortSignal): Promise<RuntimeVersion> {
    const request = { version: '0.1.0' }
    const answer = await this.#connection.runtime<Strings>('Version', request, { timeoutMs: VERSION_MS, signal })
    return { name: answer['runtime_name'] ?? '', version: answer['runtime_version'] ?? '' }
  }

  async status(): Promise<RuntimeStatus> {
    const { status } = await this.#call<{ readonly status?: { readonly conditions?: readonly Condition[] } }>('Status', {})
    const conditions = status?.conditions ?? []
    const holds = (type: string): boolean => conditions.some((condition) => condition.type === type && condition.status === true)
    const message = conditions
      .filter((condition) => condition.status !== true)
      .map(({ reason, message: text }) => [reason, text].filter(Boolean).join(': '))
      .join('; ')
    return { runtimeReady: holds('RuntimeReady'), networkReady: holds('NetworkReady'), message }
  }

  async runPodSandbox(config: PodSandboxConfig, runtimeHandler?: string): Promise<string> {
    const request = { config: sandboxConfigMessage(config), runtime_handler: runtimeHandler }
    return (await this.#call<Strings>('RunPodSandbox', request, SANDBOX_MS))['pod_sandbox_id'] ?? ''
  }

  async stopPodSandbox(sandboxId: string): Promise<void> {
    await unlessGone(this.#call('StopPodSandbox', { pod_sandbox_id: sandboxId }))
  }

  async removePodSandbox(sandboxId: string): Promise<void> {
    await unlessGone(this.#call('RemovePodSandbox', { pod_sandbox_id: sandboxId }))
  }

  async podSandboxStatus(sandboxId: string): Promise<PodSandboxStatus> {
    const answer = await this.#call<{ readonly status?: CriSandbox }>('PodSandboxStatus', { pod_sandbox_id: sandboxId })
    return sandboxStatusOf(answer.status ?? {})
  }

  async listPodSandboxes(
    filter: { readonly id?: string; readonly labels?: Readonly<Record<string, string>> } = {},
  ): Promise<PodSandbox[]> {
    const request = { filter: { id: filter.id, label_selector: filter.labels } }
    const { items = [] } = await this.#call<{ readonly items?: readonly CriSandbox[] }>('ListPodSandbox', request)
    return items.map(sandboxOf)
  }

  async createContainer(sandboxId: string, config: ContainerConfig, sandboxConfig: PodSandboxConfig): Promise<string> {
    const request = {
      pod_sandbox_id: sandboxId,
      config: containerConfigMessage(config),
      sandbox_config: sandboxConfigMessage(sandboxConfig),
    }
    return (await this.#call<Strings>('CreateContainer', request))['container_id'] ?? ''
  }

  async startContainer(containerId: string): Promise<void> {
    await this.#call('StartContainer', { container_id: containerId })
  }

  async stopContainer(containerId: string, timeoutSeconds: number): Promise<void> {
    const request = { container_id: containerId, timeout: timeoutSeconds }
    await unlessGone(this.#call('StopContainer', request, CALL_MS + timeoutSeconds * 1000))
  }

  async removeContainer(containerId: string): Promise<void> {
    await unlessGone(this.#call('RemoveContainer', { container_id: containerId }))
  }

  async containerStatus(containerId: string): Promise<ContainerStatus> {
    const answer = await this.#call<{ readonly status?: CriContainerStatus }>('ContainerStatus', { container_id: containerId })
    return containerStatusOf(answer.status ?? {})
  }

  async listContainers(
    filter: { readonly sandboxId?: string; readonly labels?: Readonly<Record<string, string>> } = {},
  ): Promise<Container[]> {
    const request = { filter: { pod_sandbox_id: filter.sandboxId, label_selector: filter.labels } }
    const { containers = [] } = await this.#call<{ readonly containers?: readonly CriContainer[] }>('ListContainers', request)
    return containers.map(containerOf)
  }

  async updateContainerResources(containerId: string, resources: LinuxContainerResources): Promise<void> {
    await this.#call('UpdateContainerResources', { container_id: containerId, linux: resourcesMessage(resources) })
  }

  async reopenContainerLog(containerId: string): Promise<void> {
    await this.#call('ReopenContainerLog', { container_id: containerId })
  }

  async containerStats(): Promise<ContainerStats[]> {
    const { stats = [] } = await this.#call<{ readonly stats?: readonly CriStats[] }>('ListContainerStats', {})
    return stats.map(statsOf)
  }

  async execSync(containerId: string, command: readonly string[], timeoutSeconds: number): Promise<ExecResult> {
    const request = { container_id: containerId, cmd: command, timeout: timeoutSeconds }
    // No time-out of ours when the command has none.
    const limit = timeoutSeconds === 0 ? {} : { timeoutMs: CALL_MS + timeoutSeconds * 1000 }
    const options = { ...limit, signal: this.#closing.signal }
    const answer = await this.#connection.runtime<ExecAnswer>('ExecSync', request, options)
    const bytes = (text = ''): Uint8Array => Buffer.from(text, 'base64')
    return { exitCode: answer.exit_code ?? 0, stdout: bytes(answer.stdout), stderr: bytes(answer.stderr) }
  }

  async exec(containerId: string, options: ExecOptions): Promise<StreamSession> {
    const { command, ...streams } = options
    const request = { container_id: containerId, cmd: command, ...streams, stderr: streams.stderr && !streams.tty }
    const { url = '' } = await this.#call<{ readonly url?: string }>('Exec', request)
    return openSession(url, streams, this.#options.clock)
  }

  async attach(containerId: string, options: Omit<ExecOptions, 'command'>): Promise<StreamSession> {
    const { tty, stdin, stdout, stderr } = options
    const request = { container_id: containerId, tty, stdin, stdout, stderr: stderr && !tty }
    const { url = '' } = await this.#call<{ readonly url?: string }>('Attach', request)
    return openSession(url, options, this.#options.clock)
  }

  async portForward(sandboxId: string, port: number): Promise<Duplex> {
    const { url = '' } = await this.#call<{ readonly url?: string }>('PortForward', { pod_sandbox_id: sandboxId, port: [port] })
    return openPort(url, port, this.#options.clock)
  }

  async pullImage(image: string, auth: ImageAuth | undefined, signal?: AbortSignal): Promise<string> {
    const request = { image: { image }, auth: auth && authMessage(auth) }
    // However long it takes: the kubelet, which sees the progress of its pods, decides when to give up.
    const answer = await this.#connection.image<Strings>('PullImage', request, { signal: this.#until(signal) })
    return answer['image_ref'] ?? ''
  }

  async imageStatus(image: string): Promise<Image | undefined> {
    const request = { image: { image } }
    const answer = await this.#imageCall<{ readonly image?: CriImage }>('ImageStatus', request)
    return answer.image?.id === undefined ? undefined : imageOf(answer.image)
  }

  async listImages(): Promise<Image[]> {
    const { images = [] } = await this.#imageCall<{ readonly images?: readonly CriImage[] }>('ListImages', {})
    return images.map(imageOf)
  }

  async removeImage(image: string): Promise<void> {
    await unlessGone(this.#imageCall('RemoveImage', { image: { image } }))
  }

  async imageFilesystem(): Promise<{ readonly mountpoint: string; readonly usedBytes: number; readonly inodesUsed: number }> {
    const answer = await this.#imageCall<{ readonly image_filesystems?: readonly Filesystem[] }>('ImageFsInfo', {})
    const [first] = answer.image_filesystems ?? []
    return {
      mountpoint: first?.fs_id?.mountpoint ?? '',
      usedBytes: first?.used_bytes?.value ?? 0,
      inodesUsed: first?.inodes_used?.value ?? 0,
    }
  }

  events(signal: AbortSignal): AsyncIterable<RuntimeEvent> {
    const { clock, log } = this.#options
    return runtimeEvents({ connection: this.#connection, clock, log }, this.#until(signal))
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#closing.abort(new DOMException('the runtime connection was closed', 'AbortError'))
    this.#connection[Symbol.dispose]()
  }

  #call<T = unknown>(method: string, request: object, timeoutMs = CALL_MS): Promise<T> {
    return this.#connection.runtime<T>(method, request, { timeoutMs, signal: this.#closing.signal })
  }

  #imageCall<T = unknown>(method: string, request: object): Promise<T> {
    return this.#connection.image<T>(method, request, { timeoutMs: CALL_MS, signal: this.#closing.signal })
  }

  #until(signal: AbortSignal | undefined): AbortSignal {
    return signal === undefined ? this.#closing.signal : AbortSignal.any([signal, this.#closing.signal])
  }
}

type Strings = Readonly<Record<string, string | undefined>>

interface ExecAnswer {
  readonly stdout?: string
  readonly stderr?: string
  readonly exit_code?: number
}

interface Condition {
  readonly type?: string
  readonly status?: boolean
  readonly reason?: string
  readonly message?: string
}

interface Filesystem {
  readonly fs_id?: { readonly mountpoint?: string }
  readonly used_bytes?: { readonly value?: number }
  readonly inodes_used?: { readonly value?: number }
}

/** What is gone is as good as stopped and removed. */
async function unlessGone(call: Promise<unknown>): Promise<void> {
  try {
    await call
  } catch (error) {
    if (!(error instanceof RuntimeError && error.code === 'NotFound')) throw error
  }
}
