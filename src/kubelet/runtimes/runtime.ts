import type { Readable, Writable } from 'node:stream'

/**
 * What a kubelet needs of a container runtime, in CRI's vocabulary (https://kubernetes.io/docs/concepts/containers/cri/).
 * `cri` speaks it to containerd or CRI-O, `simulated` plays it without containers. `runtimes/conformance.ts` proves each backend.
 * Ids are opaque. Times are milliseconds since the epoch, 0 when it has not happened. Stop and remove are idempotent.
 * Failures throw `RuntimeError`.
 */
export interface Runtime extends AsyncDisposable {
  /** Rejects while the runtime does not answer. */
  version(signal?: AbortSignal): Promise<RuntimeVersion>
  status(): Promise<RuntimeStatus>

  runPodSandbox(config: PodSandboxConfig, runtimeHandler?: string): Promise<string>
  stopPodSandbox(sandboxId: string): Promise<void>
  removePodSandbox(sandboxId: string): Promise<void>
  podSandboxStatus(sandboxId: string): Promise<PodSandboxStatus>
  listPodSandboxes(filter?: { readonly id?: string; readonly labels?: Labels }): Promise<PodSandbox[]>

  createContainer(sandboxId: string, config: ContainerConfig, sandboxConfig: PodSandboxConfig): Promise<string>
  startContainer(containerId: string): Promise<void>
  /** Sends the stop signal, then SIGKILL after `timeoutSeconds`. Resolves when the container has stopped. */
  stopContainer(containerId: string, timeoutSeconds: number): Promise<void>
  removeContainer(containerId: string): Promise<void>
  containerStatus(containerId: string): Promise<ContainerStatus>
  listContainers(filter?: { readonly sandboxId?: string; readonly labels?: Labels }): Promise<Container[]>
  updateContainerResources(containerId: string, resources: LinuxContainerResources): Promise<void>
  reopenContainerLog(containerId: string): Promise<void>
  containerStats(): Promise<ContainerStats[]>

  /** Runs to the end and collects output. A non-zero exit is a result; a timeout throws code 'DeadlineExceeded'. */
  execSync(containerId: string, command: readonly string[], timeoutSeconds: number): Promise<ExecResult>
  exec(containerId: string, options: ExecOptions): Promise<StreamSession>
  attach(containerId: string, options: Omit<ExecOptions, 'command'>): Promise<StreamSession>
  /** Connects to `port` on the pod's loopback. */
  portForward(sandboxId: string, port: number): Promise<import('node:stream').Duplex>

  /**
   * Answers a network probe or hook in the container's stead; absent where containers have a network of their own. Without containers there is nobody at the
   * address, and no packet may go out to it.
   */
  answerProbe?(containerId: string, kind: 'http' | 'tcp' | 'grpc'): Promise<{ readonly ok: boolean; readonly message: string }>

  /** Resolves with the image's reference as `ContainerConfig.image` takes it. */
  pullImage(image: string, auth: ImageAuth | undefined, signal?: AbortSignal): Promise<string>
  imageStatus(image: string): Promise<Image | undefined>
  listImages(): Promise<Image[]>
  removeImage(image: string): Promise<void>
  imageFilesystem(): Promise<{ readonly mountpoint: string; readonly usedBytes: number; readonly inodesUsed: number }>

  /**
   * Says that something about a sandbox's containers changed; the kubelet then lists. Spurious events are allowed, lost ones are not:
   * after a gap (reconnect) one event without a sandbox id is yielded, which means "list all".
   */
  events(signal: AbortSignal): AsyncIterable<RuntimeEvent>
}

export type Labels = Readonly<Record<string, string>>

export type RuntimeErrorCode =
  | 'NotFound'
  | 'AlreadyExists'
  | 'DeadlineExceeded'
  | 'Unavailable'
  | 'Unimplemented'
  | 'InvalidArgument'
  | 'Unknown'

export class RuntimeError extends Error {
  override readonly name = 'RuntimeError'
  readonly code: RuntimeErrorCode

  constructor(code: RuntimeErrorCode, message: string, options?: ErrorOptions) {
    super(message, options)
    this.code = code
  }
}

export interface RuntimeVersion {
  readonly name: string
  readonly version: string
}

export interface RuntimeStatus {
  readonly runtimeReady: boolean
  readonly networkReady: boolean
  /** Why not, for the node's Ready condition. */
  readonly message: string
}

export interface RuntimeEvent {
  readonly sandboxId: string | undefined
}

export interface PodSandboxConfig {
  readonly metadata: { readonly name: string; readonly namespace: string; readonly uid: string; readonly attempt: number }
  readonly hostname: string
  /** Directory that relative log paths of containers start from. */
  readonly logDirectory: string
  readonly dns: { readonly servers: readonly string[]; readonly searches: readonly string[]; readonly options: readonly string[] }
  readonly portMappings: readonly {
    readonly protocol: 'TCP' | 'UDP' | 'SCTP'
    readonly containerPort: number
    readonly hostPort: number
    readonly hostIP: string
  }[]
  readonly labels: Labels
  readonly annotations: Labels
  readonly cgroupParent: string
  readonly sysctls: Labels
  readonly namespaces: NamespaceOptions
  readonly privileged: boolean
  readonly runAsUser?: number | undefined
  readonly runAsGroup?: number | undefined
  readonly supplementalGroups: readonly number[]
  readonly readonlyRootfs: boolean
  readonly seccomp?: SecurityProfile | undefined
}

export interface NamespaceOptions {
  readonly network: 'POD' | 'NODE'
  readonly pid: 'POD' | 'CONTAINER' | 'NODE' | 'TARGET'
  readonly ipc: 'POD' | 'NODE'
  /** Container whose process namespace is joined when `pid` is TARGET. */
  readonly targetId?: string | undefined
}

export interface SecurityProfile {
  readonly type: 'RuntimeDefault' | 'Unconfined' | 'Localhost'
  readonly localhostRef?: string
}

export interface ContainerConfig {
  readonly metadata: { readonly name: string; readonly attempt: number }
  readonly image: string
  /** As the pod spec wrote it. */
  readonly userSpecifiedImage: string
  readonly command: readonly string[]
  readonly args: readonly string[]
  readonly workingDir: string
  readonly envs: readonly { readonly key: string; readonly value: string }[]
  readonly mounts: readonly Mount[]
  readonly devices: readonly { readonly containerPath: string; readonly hostPath: string; readonly permissions: string }[]
  readonly labels: Labels
  readonly annotations: Labels
  readonly logPath: string
  readonly stdin: boolean
  readonly stdinOnce: boolean
  readonly tty: boolean
  readonly resources: LinuxContainerResources
  readonly securityContext: ContainerSecurityContext
}

export interface Mount {
  readonly containerPath: string
  readonly hostPath: string
  readonly readonly: boolean
  readonly propagation: 'PRIVATE' | 'HOST_TO_CONTAINER' | 'BIDIRECTIONAL'
  readonly recursiveReadOnly?: boolean
  /** An image mounted as a volume (KEP-4639); `hostPath` is then ''. */
  readonly image?: string
  readonly imageSubPath?: string
}

export interface ContainerSecurityContext {
  readonly privileged: boolean
  readonly namespaces: NamespaceOptions
  readonly addCapabilities: readonly string[]
  readonly dropCapabilities: readonly string[]
  readonly runAsUser?: number | undefined
  readonly runAsUsername?: string | undefined
  readonly runAsGroup?: number | undefined
  readonly supplementalGroups: readonly number[]
  readonly readonlyRootfs: boolean
  readonly noNewPrivileges: boolean
  readonly maskedPaths: readonly string[]
  readonly readonlyPaths: readonly string[]
  readonly seccomp?: SecurityProfile | undefined
}

export interface LinuxContainerResources {
  readonly cpuPeriod?: number
  readonly cpuQuota?: number
  readonly cpuShares?: number
  readonly memoryLimitBytes?: number
  readonly oomScoreAdj?: number
  readonly cpusetCpus?: string
  readonly cpusetMems?: string
  readonly unified?: Labels
}

export interface PodSandbox {
  readonly id: string
  readonly metadata: PodSandboxConfig['metadata']
  readonly state: 'READY' | 'NOTREADY'
  readonly createdAtMs: number
  readonly labels: Labels
  readonly annotations: Labels
}

export interface PodSandboxStatus extends PodSandbox {
  /** Primary first; empty for the host's network. */
  readonly ips: readonly string[]
}

export type ContainerState = 'CREATED' | 'RUNNING' | 'EXITED' | 'UNKNOWN'

export interface Container {
  readonly id: string
  readonly sandboxId: string
  readonly metadata: ContainerConfig['metadata']
  readonly image: string
  readonly imageId: string
  readonly state: ContainerState
  readonly createdAtMs: number
  readonly labels: Labels
  readonly annotations: Labels
}

export interface ContainerStatus extends Omit<Container, 'sandboxId'> {
  readonly startedAtMs: number
  readonly finishedAtMs: number
  readonly exitCode: number
  /** `Completed`, `Error`, `OOMKilled`, `StartError` ... */
  readonly reason: string
  readonly message: string
  readonly logPath: string
  readonly mounts: readonly Mount[]
  /** What the image is pinned by, e.g. `docker.io/library/busybox@sha256:…`. */
  readonly imageRef: string
  readonly resources?: LinuxContainerResources | undefined
}

export interface ContainerStats {
  readonly containerId: string
  readonly labels: Labels
  readonly timestampMs: number
  readonly cpuUsageNanoseconds: number
  readonly memoryWorkingSetBytes: number
}

export interface ExecResult {
  readonly exitCode: number
  readonly stdout: Uint8Array
  readonly stderr: Uint8Array
}

export interface ExecOptions {
  readonly command: readonly string[]
  readonly tty: boolean
  readonly stdin: boolean
  readonly stdout: boolean
  readonly stderr: boolean
}

/** A running exec or attach. Ending `stdin` half-closes; destroying any stream ends the session. */
export interface StreamSession extends AsyncDisposable {
  readonly stdin: Writable | undefined
  readonly stdout: Readable | undefined
  readonly stderr: Readable | undefined
  resize(width: number, height: number): void
  /** The exit code; rejects with `RuntimeError` when the session broke. Resolves after the output streams ended. */
  readonly done: Promise<number>
}

export interface ImageAuth {
  readonly username?: string
  readonly password?: string
  readonly auth?: string
  readonly identityToken?: string
  readonly registryToken?: string
  readonly serverAddress?: string
}

export interface Image {
  readonly id: string
  readonly repoTags: readonly string[]
  readonly repoDigests: readonly string[]
  readonly sizeBytes: number
  /** The user the image runs as: a number, a name, or neither. */
  readonly uid?: number | undefined
  readonly username?: string | undefined
  readonly pinned: boolean
}
