import type {
  Container,
  ContainerState,
  ContainerStats,
  ContainerStatus,
  Image,
  Labels,
  LinuxContainerResources,
  Mount,
  PodSandbox,
  PodSandboxStatus,
} from '../runtime.ts'

/** CRI's messages as they come: what is zero or empty is absent. */
export interface CriSandbox {
  readonly id?: string
  readonly metadata?: { readonly name?: string; readonly namespace?: string; readonly uid?: string; readonly attempt?: number }
  readonly state?: string
  readonly created_at?: number
  readonly labels?: Labels
  readonly annotations?: Labels
  readonly network?: { readonly ip?: string; readonly additional_ips?: readonly { readonly ip?: string }[] }
}

export interface CriContainer {
  readonly id?: string
  readonly pod_sandbox_id?: string
  readonly metadata?: { readonly name?: string; readonly attempt?: number }
  readonly image?: { readonly image?: string; readonly user_specified_image?: string }
  readonly image_ref?: string
  readonly image_id?: string
  readonly state?: string
  readonly created_at?: number
  readonly labels?: Labels
  readonly annotations?: Labels
}

export interface CriContainerStatus extends CriContainer {
  readonly started_at?: number
  readonly finished_at?: number
  readonly exit_code?: number
  readonly reason?: string
  readonly message?: string
  readonly log_path?: string
  readonly mounts?: readonly CriMount[]
  readonly resources?: { readonly linux?: CriResources }
}

interface CriMount {
  readonly container_path?: string
  readonly host_path?: string
  readonly readonly?: boolean
  readonly propagation?: string
  readonly recursive_read_only?: boolean
}

interface CriResources {
  readonly cpu_period?: number
  readonly cpu_quota?: number
  readonly cpu_shares?: number
  readonly memory_limit_in_bytes?: number
  readonly oom_score_adj?: number
  readonly cpuset_cpus?: string
  readonly cpuset_mems?: string
  readonly unified?: Labels
}

export interface CriStats {
  readonly attributes?: { readonly id?: string; readonly labels?: Labels }
  readonly cpu?: { readonly timestamp?: number; readonly usage_core_nano_seconds?: { readonly value?: number } }
  readonly memory?: { readonly timestamp?: number; readonly working_set_bytes?: { readonly value?: number } }
}

export interface CriImage {
  readonly id?: string
  readonly repo_tags?: readonly string[]
  readonly repo_digests?: readonly string[]
  readonly size?: number
  readonly uid?: { readonly value?: number }
  readonly username?: string
  readonly pinned?: boolean
}

export function sandboxOf(message: CriSandbox): PodSandbox {
  const { name = '', namespace = '', uid = '', attempt = 0 } = message.metadata ?? {}
  return {
    id: message.id ?? '',
    metadata: { name, namespace, uid, attempt },
    state: message.state === 'SANDBOX_NOTREADY' ? 'NOTREADY' : 'READY',
    createdAtMs: milliseconds(message.created_at),
    labels: message.labels ?? {},
    annotations: message.annotations ?? {},
  }
}

export function sandboxStatusOf(message: CriSandbox): PodSandboxStatus {
  const { ip = '', additional_ips = [] } = message.network ?? {}
  const ips = [ip, ...additional_ips.map((each) => each.ip ?? '')].filter((address) => address !== '')
  return { ...sandboxOf(message), ips }
}

export function containerOf(message: CriContainer): Container {
  return { ...shared(message), sandboxId: message.pod_sandbox_id ?? '' }
}

export function containerStatusOf(message: CriContainerStatus): ContainerStatus {
  return {
    ...shared(message),
    startedAtMs: milliseconds(message.started_at),
    finishedAtMs: milliseconds(message.finished_at),
    exitCode: message.exit_code ?? 0,
    reason: message.reason ?? '',
    message: message.message ?? '',
    logPath: message.log_path ?? '',
    mounts: (message.mounts ?? []).map(mountOf),
    imageRef: message.image_ref ?? '',
    resources: message.resources?.linux && resourcesOf(message.resources.linux),
  }
}

export function statsOf(message: CriStats): ContainerStats {
  return {
    containerId: message.attributes?.id ?? '',
    labels: message.attributes?.labels ?? {},
    timestampMs: milliseconds(message.cpu?.timestamp ?? message.memory?.timestamp),
    cpuUsageNanoseconds: message.cpu?.usage_core_nano_seconds?.value ?? 0,
    memoryWorkingSetBytes: message.memory?.working_set_bytes?.value ?? 0,
  }
}

export function imageOf(message: CriImage): Image {
  return {
    id: message.id ?? '',
    repoTags: message.repo_tags ?? [],
    repoDigests: message.repo_digests ?? [],
    sizeBytes: message.size ?? 0,
    // A user of 0 is written as an empty wrapper: present means root, absent means not said.
    uid: message.uid === undefined ? undefined : (message.uid.value ?? 0),
    username: message.username || undefined,
    pinned: message.pinned ?? false,
  }
}

function shared(message: CriContainer): Omit<Container, 'sandboxId'> {
  return {
    id: message.id ?? '',
    metadata: { name: message.metadata?.name ?? '', attempt: message.metadata?.attempt ?? 0 },
    image: message.image?.user_specified_image || message.image?.image || '',
    imageId: message.image_id || message.image_ref || '',
    state: containerState(message.state),
    createdAtMs: milliseconds(message.created_at),
    labels: message.labels ?? {},
    annotations: message.annotations ?? {},
  }
}

function containerState(state: string | undefined): ContainerState {
  switch (state) {
    case undefined:
    case 'CONTAINER_CREATED':
      return 'CREATED'
    case 'CONTAINER_RUNNING':
      return 'RUNNING'
    case 'CONTAINER_EXITED':
      return 'EXITED'
    default:
      return 'UNKNOWN'
  }
}

function mountOf(message: CriMount): Mount {
  const propagation = (message.propagation ?? '').replace('PROPAGATION_', '')
  return {
    containerPath: message.container_path ?? '',
    hostPath: message.host_path ?? '',
    readonly: message.readonly ?? false,
    propagation: propagation === 'HOST_TO_CONTAINER' || propagation === 'BIDIRECTIONAL' ? propagation : 'PRIVATE',
    recursiveReadOnly: message.recursive_read_only ?? false,
  }
}

function resourcesOf(message: CriResources): LinuxContainerResources {
  return {
    ...(message.cpu_period !== undefined && { cpuPeriod: message.cpu_period }),
    ...(message.cpu_quota !== undefined && { cpuQuota: message.cpu_quota }),
    ...(message.cpu_shares !== undefined && { cpuShares: message.cpu_shares }),
    ...(message.memory_limit_in_bytes !== undefined && { memoryLimitBytes: message.memory_limit_in_bytes }),
    ...(message.oom_score_adj !== undefined && { oomScoreAdj: message.oom_score_adj }),
    ...(message.cpuset_cpus !== undefined && { cpusetCpus: message.cpuset_cpus }),
    ...(message.cpuset_mems !== undefined && { cpusetMems: message.cpuset_mems }),
    ...(message.unified !== undefined && { unified: message.unified }),
  }
}

/** CRI counts nanoseconds. */
const milliseconds = (nanoseconds: number | undefined): number => Math.floor((nanoseconds ?? 0) / 1_000_000)
