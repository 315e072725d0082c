import type { Container, Pod, SecurityContext } from '#api'
import { milliValue, quantityValue } from '#meta'
import {
  CONTAINER_HASH,
  CONTAINER_NAME,
  containerHash,
  GRACE_PERIOD,
  podLabels,
  RESTART_COUNT,
  TERMINATION_MESSAGE_PATH,
  TERMINATION_MESSAGE_POLICY,
} from '../labels.ts'
import type {
  ContainerConfig,
  ContainerSecurityContext,
  Image,
  LinuxContainerResources,
  Mount,
  NamespaceOptions,
  SecurityProfile,
} from '../runtimes/runtime.ts'
import { ConfigError } from './environment.ts'
import { expand } from './expand.ts'

export interface ContainerInput {
  readonly pod: Pod
  readonly container: Container
  readonly image: Image
  readonly imageRef: string
  readonly environment: ReadonlyMap<string, string>
  readonly mounts: readonly Mount[]
  readonly restartCount: number
  /** In bytes: what an out-of-memory score is relative to. */
  readonly nodeMemoryBytes: number
  readonly targetId?: string | undefined
}

/** A container of a pod spec in the runtime's words. */
export function containerConfig(input: ContainerInput): ContainerConfig {
  const { pod, container, environment, restartCount } = input
  const lookUp = (name: string): string | undefined => environment.get(name)
  return {
    metadata: { name: container.name, attempt: restartCount },
    image: input.imageRef,
    userSpecifiedImage: container.image ?? '',
    command: (container.command ?? []).map((word) => expand(word, lookUp)),
    args: (container.args ?? []).map((word) => expand(word, lookUp)),
    workingDir: container.workingDir ?? '',
    envs: [...environment].map(([key, value]) => ({ key, value })),
    mounts: input.mounts,
    devices: [],
    labels: { ...podLabels(pod), [CONTAINER_NAME]: container.name },
    annotations: {
      [CONTAINER_HASH]: containerHash(container),
      [RESTART_COUNT]: String(restartCount),
      [TERMINATION_MESSAGE_PATH]: container.terminationMessagePath ?? '/dev/termination-log',
      [TERMINATION_MESSAGE_POLICY]: container.terminationMessagePolicy ?? 'File',
      [GRACE_PERIOD]: String(pod.spec?.terminationGracePeriodSeconds ?? 30),
    },
    logPath: `${container.name}/${restartCount}.log`,
    stdin: container.stdin ?? false,
    stdinOnce: container.stdinOnce ?? false,
    tty: container.tty ?? false,
    resources: containerResources(pod, container, input.nodeMemoryBytes),
    securityContext: securityContext(input),
  }
}

const CPU_PERIOD_US = 100_000
const SHARES_PER_CPU = 1024
const SHARES_MIN = 2
const QUOTA_MIN_US = 1_000

export const cpuShares = (milliCPU: number): number => Math.max(SHARES_MIN, Math.floor((milliCPU * SHARES_PER_CPU) / 1000))
export const cpuQuotaUs = (milliCPU: number): number => Math.max(QUOTA_MIN_US, Math.floor((milliCPU * CPU_PERIOD_US) / 1000))

export function containerResources(pod: Pod, container: Container, nodeMemoryBytes: number): LinuxContainerResources {
  const { limits = {}, requests = {} } = container.resources ?? {}
  const cpuRequest = requests['cpu'] ?? limits['cpu']
  return {
    cpuShares: cpuRequest === undefined ? SHARES_MIN : cpuShares(milliValue(cpuRequest)),
    ...(limits['cpu'] !== undefined && { cpuPeriod: CPU_PERIOD_US, cpuQuota: cpuQuotaUs(milliValue(limits['cpu'])) }),
    ...(limits['memory'] !== undefined && { memoryLimitBytes: quantityValue(limits['memory']) }),
    oomScoreAdj: oomScore(pod, container, nodeMemoryBytes),
  }
}

/** Who is killed first when memory runs out: best-effort, then whoever asked for little (https://kubernetes.io/docs/concepts/scheduling-eviction/node-pressure-eviction/). */
function oomScore(pod: Pod, container: Container, nodeMemoryBytes: number): number {
  const qos = pod.status?.qosClass
  if (qos === 'Guaranteed') return -997
  if (qos === 'BestEffort') return 1000
  const request = quantityValue(container.resources?.requests?.['memory'] ?? '0')
  return Math.min(999, Math.max(3, Math.round(1000 - (1000 * request) / Math.max(1, nodeMemoryBytes))))
}

export function namespaceOptions({ spec }: Pod, targetId?: string): NamespaceOptions {
  return {
    network: spec?.hostNetwork ? 'NODE' : 'POD',
    pid: targetId !== undefined ? 'TARGET' : spec?.hostPID ? 'NODE' : spec?.shareProcessNamespace ? 'POD' : 'CONTAINER',
    ipc: spec?.hostIPC ? 'NODE' : 'POD',
    targetId,
  }
}

const MASKED = [
  '/proc/asound',
  '/proc/acpi',
  '/proc/interrupts',
  '/proc/kcore',
  '/proc/keys',
  '/proc/latency_stats',
  '/proc/timer_list',
  '/proc/timer_stats',
  '/proc/sched_debug',
  '/proc/scsi',
  '/sys/firmware',
  '/sys/devices/virtual/powercap',
]
const READONLY = ['/proc/bus', '/proc/fs', '/proc/irq', '/proc/sys', '/proc/sysrq-trigger']

function securityContext({ pod, container, image, targetId }: ContainerInput): ContainerSecurityContext {
  const own: SecurityContext = container.securityContext ?? {}
  const shared = pod.spec?.securityContext ?? {}
  const user = own.runAsUser ?? shared.runAsUser
  const unmasked = own.procMount === 'Unmasked' || own.privileged === true
  if (own.runAsNonRoot ?? shared.runAsNonRoot) refuseRoot(pod, container, user, image)
  return {
    privileged: own.privileged ?? false,
    namespaces: namespaceOptions(pod, targetId),
    addCapabilities: own.capabilities?.add ?? [],
    dropCapabilities: own.capabilities?.drop ?? [],
    runAsUser: user ?? image.uid,
    ...(user === undefined && image.uid === undefined && image.username ? { runAsUsername: image.username } : {}),
    runAsGroup: own.runAsGroup ?? shared.runAsGroup,
    supplementalGroups: [...(shared.supplementalGroups ?? []), ...(shared.fsGroup === undefined ? [] : [shared.fsGroup])],
    readonlyRootfs: own.readOnlyRootFilesystem ?? false,
    noNewPrivileges: own.allowPrivilegeEscalation === false,
    maskedPaths: unmasked ? [] : MASKED,
    readonlyPaths: unmasked ? [] : READONLY,
    seccomp: own.privileged ? { type: 'Unconfined' } : seccompProfile(own.seccompProfile ?? shared.seccompProfile),
  }
}

export function seccompProfile(profile: { type: string; localhostProfile?: string } | undefined): SecurityProfile {
  if (profile?.type === 'RuntimeDefault') return { type: 'RuntimeDefault' }
  if (profile?.type === 'Localhost') return { type: 'Localhost', localhostRef: profile.localhostProfile ?? '' }
  return { type: 'Unconfined' }
}

function refuseRoot(pod: Pod, container: Container, user: number | undefined, image: Image): void {
  const what = `(pod: "${pod.metadata?.name}_${pod.metadata?.namespace}(${pod.metadata?.uid})", container: ${container.name})`
  if (user === 0) throw new ConfigError(`container's runAsUser breaks non-root policy ${what}`)
  if (user !== undefined) return
  if (image.uid === 0 || (image.uid === undefined && !image.username))
    throw new ConfigError(`container has runAsNonRoot and image will run as root ${what}`)
  if (image.uid === undefined)
    throw new ConfigError(
      `container has runAsNonRoot and image has non-numeric user (${image.username}), cannot verify user is non-root ${what}`,
    )
}
