import type {
  ContainerStatus as ApiContainerStatus,
  Container,
  ContainerState,
  Pod,
  PodCondition,
  PodSpec,
  PodStatus,
} from '#api'
import { isSidecar, mayRestartAll, podCondition, qosClass, shouldRestart } from '#api'
import { formatTime } from '#meta'
import type { ContainerStatus } from '../runtimes/runtime.ts'
import type { PendingResize } from './allocations.ts'
import { type ObservedPod, restartCountOf } from './observe.ts'

/** What the worker knows beyond the runtime's view. */
export interface StatusInput {
  readonly pod: Pod
  readonly observed: ObservedPod
  /** Why a container that does not run waits, by name. */
  readonly waiting: ReadonlyMap<string, { readonly reason: string; readonly message?: string | undefined }>
  readonly isStarted: (containerId: string, container: Container) => boolean
  readonly isReady: (containerId: string, container: Container) => boolean
  readonly terminationMessage: (container: Container, status: ContainerStatus) => string
  readonly hostIPs: readonly string[]
  readonly nowMs: number
  readonly runtimeName: string
  /** What a running container was given, if it is known. */
  readonly actualResources: (container: string) => Container['resources'] | undefined
  readonly resize: ResizeState
  readonly restartAll: {
    readonly isUnderWay: boolean
    /** Of containers that it removed, how often they were restarted, by name. */
    readonly counts: ReadonlyMap<string, number>
  }
  /** Set once the kubelet gave the pod up itself (deadline, admission, eviction). */
  readonly verdict?:
    | {
        readonly phase: 'Failed' | 'Succeeded'
        readonly reason: string
        readonly message: string
        readonly isDisruption?: boolean
      }
    | undefined
}

/** How far a change of resources in place has come. */
export interface ResizeState {
  readonly pending: PendingResize | undefined
  readonly inProgress: { readonly error: string | undefined } | undefined
}

/** The whole status of a pod, from what its containers are doing (https://kubernetes.io/docs/concepts/workloads/pods/pod-lifecycle/). */
export function podStatus(input: StatusInput): PodStatus {
  const { pod, verdict } = input
  const spec = pod.spec!
  const initStatuses = (spec.initContainers ?? []).map((container) => containerStatus(container, input, true))
  const statuses = spec.containers.map((container) => containerStatus(container, input, false))
  const ephemeral = (spec.ephemeralContainers ?? []).map((container) => containerStatus(container as Container, input, false))
  const phase = verdict?.phase ?? lastingPhase(pod, phaseOf(pod, statuses, initStatuses))
  const ips = podIPs(input)
  const status: PodStatus = {
    ...(pod.metadata?.generation !== undefined && { observedGeneration: pod.metadata.generation }),
    phase,
    conditions: conditions(input, phase, statuses, initStatuses),
    ...(verdict?.reason && { reason: verdict.reason }),
    ...(verdict?.message && { message: verdict.message }),
    hostIP: input.hostIPs[0] ?? '',
    hostIPs: input.hostIPs.map((ip) => ({ ip })),
    ...(ips.length > 0 && { podIP: ips[0]!, podIPs: ips.map((ip) => ({ ip })) }),
    startTime: pod.status?.startTime ?? formatTime(input.nowMs),
    ...(initStatuses.length > 0 && { initContainerStatuses: initStatuses }),
    containerStatuses: statuses,
    ...(ephemeral.length > 0 && { ephemeralContainerStatuses: ephemeral }),
    qosClass: pod.status?.qosClass ?? qosClass(pod),
  }
  return status
}

/** A pod whose containers all begin again has begun itself before. */
const lastingPhase = (pod: Pod, phase: string): string =>
  phase === 'Pending' && pod.status?.phase === 'Running' && mayRestartAll(pod) ? 'Running' : phase

/** Shown of a container that went for the sake of all. */
export const RESTARTING_ALL = {
  reason: 'RestartingAllContainers',
  message: 'The container is removed because RestartAllContainers in place',
} as const

/** 128 + SIGKILL. */
const KILLED_EXIT_CODE = 137

function podIPs({ pod, observed, hostIPs }: StatusInput): readonly string[] {
  if (pod.spec?.hostNetwork) return hostIPs
  const ips = observed.sandboxes.find(({ state }) => state === 'READY')?.ips ?? []
  // The address stays on record when the pod has ended.
  return ips.length > 0 ? ips : (pod.status?.podIPs ?? []).map(({ ip }) => ip)
}

function containerStatus(container: Container, input: StatusInput, init: boolean): ApiContainerStatus {
  const records = input.observed.containers.get(container.name) ?? []
  const [newest, previous] = records
  const waiting = input.waiting.get(container.name)
  const before = previousStatus(input.pod, container.name)
  const restartCount = input.restartAll.counts.get(container.name)
  const lastKnown: ContainerState | undefined =
    restartCount === undefined
      ? before?.lastState
      : { terminated: { ...RESTARTING_ALL, exitCode: KILLED_EXIT_CODE } as NonNullable<ContainerState['terminated']> }
  if (newest === undefined) {
    return {
      ...emptyStatus(container),
      lastState: lastKnown ?? {},
      restartCount: restartCount ?? before?.restartCount ?? 0,
      state: { waiting: withMessage(waiting ?? { reason: defaultWaiting(input) }) },
    }
  }
  const state = stateOf(container, newest, input)
  const ended = newest.state === 'EXITED'
  // A container about to be started again shows that it waits; how it ended moves to lastState.
  const showsWaiting = ended && waiting !== undefined
  const last = showsWaiting ? state : previous?.state === 'EXITED' ? stateOf(container, previous, input) : lastKnown
  const running = newest.state === 'RUNNING'
  const started = running && input.isStarted(newest.id, container)
  return {
    name: container.name,
    state: showsWaiting ? { waiting: withMessage(waiting) } : state,
    lastState: last ?? {},
    ready:
      init && !isSidecar(container) ? ended && newest.exitCode === 0 : running && started && input.isReady(newest.id, container),
    restartCount: restartCountOf(newest),
    image: newest.image || (container.image ?? ''),
    imageID: newest.imageRef,
    containerID: `${input.runtimeName}://${newest.id}`,
    started,
    ...(container.resources?.requests && { allocatedResources: container.resources.requests }),
    ...resourcesOf(container, running, input),
    volumeMounts: (container.volumeMounts ?? []).map(({ name, mountPath, readOnly }) => ({
      name,
      mountPath,
      ...(readOnly && { readOnly, recursiveReadOnly: 'Disabled' }),
    })),
  } as ApiContainerStatus
}

function resourcesOf(container: Container, running: boolean, input: StatusInput): Pick<ApiContainerStatus, 'resources'> {
  const resources = (running ? input.actualResources(container.name) : undefined) ?? container.resources
  return resources && Object.keys(resources).length > 0 ? { resources } : {}
}

const withMessage = ({ reason, message }: { reason: string; message?: string | undefined }) => ({
  reason,
  ...(message !== undefined && { message }),
})

const defaultWaiting = ({ pod }: StatusInput): string =>
  (pod.spec?.initContainers ?? []).length > 0 ? 'PodInitializing' : 'ContainerCreating'

/** What the API was told last of a container. */
export const previousStatus = (pod: Pod, name: string): ApiContainerStatus | undefined =>
  [
    ...(pod.status?.containerStatuses ?? []),
    ...(pod.status?.initContainerStatuses ?? []),
    ...(pod.status?.ephemeralContainerStatuses ?? []),
  ].find((status) => status.name === name)

const emptyStatus = (container: Container): ApiContainerStatus => ({
  name: container.name,
  ready: false,
  restartCount: 0,
  image: container.image ?? '',
  imageID: '',
  started: false,
})

function stateOf(container: Container, status: ContainerStatus, input: StatusInput): ContainerState {
  const { startedAtMs, finishedAtMs } = status
  switch (status.state) {
    case 'RUNNING':
      return { running: { startedAt: formatTime(startedAtMs) } }
    case 'EXITED':
    case 'UNKNOWN': {
      const message = status.message || input.terminationMessage(container, status)
      return {
        terminated: {
          exitCode: status.exitCode,
          reason: status.reason || (status.exitCode === 0 ? 'Completed' : 'Error'),
          ...(message !== '' && { message }),
          startedAt: startedAtMs === 0 ? undefined : formatTime(startedAtMs),
          finishedAt: finishedAtMs === 0 ? undefined : formatTime(finishedAtMs),
          containerID: `${input.runtimeName}://${status.id}`,
        } as NonNullable<ContainerState['terminated']>,
      }
    }
    case 'CREATED':
      return { waiting: { reason: 'ContainerCreating' } }
  }
}

/** Whether the kubelet is about to start a container again that ended. */
const restartsAny = (spec: PodSpec, statuses: readonly ApiContainerStatus[]): boolean =>
  spec.containers.some((container) => {
    const ended = statuses.find(({ name }) => name === container.name)?.state?.terminated
    return ended !== undefined && shouldRestart(container, spec, ended.exitCode)
  })

/** How a container ended the last time, if it did so itself. */
const endOf = ({ lastState }: ApiContainerStatus): ContainerState['terminated'] =>
  lastState?.terminated?.reason === RESTARTING_ALL.reason ? undefined : lastState?.terminated

export function phaseOf(pod: Pod, statuses: readonly ApiContainerStatus[], initStatuses: readonly ApiContainerStatus[]): string {
  const spec = pod.spec!
  for (const [index, status] of initStatuses.entries()) {
    const container = spec.initContainers![index]!
    const terminated = status.state?.terminated ?? endOf(status)
    if (isSidecar(container)) {
      if (status.started !== true && status.state?.terminated === undefined && !anyStarted(statuses)) return 'Pending'
      continue
    }
    if (status.state?.terminated?.exitCode === 0) continue
    const failed = terminated !== undefined && terminated.exitCode !== 0
    if (failed && !shouldRestart(container, spec, terminated.exitCode)) return 'Failed'
    return 'Pending'
  }
  const counts = { running: 0, waiting: 0, stopped: 0, failed: 0, succeeded: 0 }
  for (const { state, lastState } of statuses) {
    if (state?.running) counts.running++
    else if (state?.terminated) {
      counts.stopped++
      if (state.terminated.exitCode === 0) counts.succeeded++
      else counts.failed++
    } else if (lastState?.terminated) counts.stopped++
    else counts.waiting++
  }
  if (counts.waiting > 0) return 'Pending'
  if (counts.running > 0) return 'Running'
  if (counts.stopped > 0) {
    if (counts.failed + counts.succeeded < statuses.length || restartsAny(spec, statuses)) return 'Running'
    return counts.failed === 0 ? 'Succeeded' : 'Failed'
  }
  return 'Pending'
}

const anyStarted = (statuses: readonly ApiContainerStatus[]): boolean =>
  statuses.some(({ state, lastState }) => state?.running || state?.terminated || lastState?.terminated)

function conditions(
  input: StatusInput,
  phase: string,
  statuses: readonly ApiContainerStatus[],
  initStatuses: readonly ApiContainerStatus[],
): PodCondition[] {
  const { pod, observed } = input
  const over = phase === 'Succeeded' || phase === 'Failed'
  const hasSandbox = observed.sandboxes.some(({ state, ips }) => state === 'READY' && (pod.spec?.hostNetwork || ips.length > 0))
  const unready = over ? [] : statuses.filter(({ ready }) => !ready).map(({ name }) => name)
  const uninitialized = (pod.spec?.initContainers ?? []).filter((container, index) =>
    isSidecar(container) ? initStatuses[index]!.started !== true : initStatuses[index]!.state?.terminated?.exitCode !== 0,
  )
  const wasInitialized = mayRestartAll(pod) && podCondition(pod, 'Initialized')?.status === 'True'
  const initialized = uninitialized.length === 0 || phase === 'Succeeded' || wasInitialized
  const notReady = over
    ? { reason: phase === 'Succeeded' ? 'PodCompleted' : 'PodFailed' }
    : unready.length > 0
      ? { reason: 'ContainersNotReady', message: `containers with unready status: [${unready.join(' ')}]` }
      : undefined
  const gate = (pod.spec?.readinessGates ?? []).find(({ conditionType }) => podCondition(pod, conditionType)?.status !== 'True')
  const notReadyForGate =
    notReady ??
    (gate && {
      reason: 'ReadinessGatesNotReady',
      message: `corresponding condition of pod readiness gate ${JSON.stringify(gate.conditionType)} does not exist.`,
    })
  const computed: PodCondition[] = [
    { type: 'PodReadyToStartContainers', status: hasSandbox && !over ? 'True' : 'False' },
    initialized
      ? { type: 'Initialized', status: 'True', ...(phase === 'Succeeded' && { reason: 'PodCompleted' }) }
      : {
          type: 'Initialized',
          status: 'False',
          reason: 'ContainersNotInitialized',
          message: `containers with incomplete status: [${uninitialized.map(({ name }) => name).join(' ')}]`,
        },
    { type: 'Ready', status: notReadyForGate === undefined ? 'True' : 'False', ...notReadyForGate },
    { type: 'ContainersReady', status: notReady === undefined ? 'True' : 'False', ...notReady },
    { type: 'PodScheduled', status: 'True' },
  ]
  if (mayRestartAll(pod)) computed.push(restartAllCondition(input, phase))
  if (input.verdict?.isDisruption)
    computed.push({ type: 'DisruptionTarget', status: 'True', reason: 'TerminationByKubelet', message: input.verdict.message })
  const own = new Set([...computed.map(({ type }) => type), 'PodResizePending', 'PodResizeInProgress'])
  computed.unshift(...resizeConditions(input))
  const others = (pod.status?.conditions ?? []).filter(({ type }) => !own.has(type))
  return [...computed.map((condition) => withTransition(condition, pod, input.nowMs)), ...others]
}

function restartAllCondition({ restartAll }: StatusInput, phase: string): PodCondition {
  const type = 'AllContainersRestarting'
  if (phase === 'Succeeded' || phase === 'Failed')
    return { type, status: 'False', reason: phase === 'Succeeded' ? 'PodCompleted' : 'PodFailed' }
  return restartAll.isUnderWay
    ? { type, status: 'True', reason: 'RestartAllContainersStarted', message: 'container exited with restart policy rule' }
    : { type, status: 'False' }
}

function resizeConditions({ resize: { pending, inProgress } }: StatusInput): PodCondition[] {
  return [
    ...(pending ? [{ type: 'PodResizePending', status: 'True', reason: pending.reason, message: pending.message }] : []),
    ...(inProgress
      ? [{ type: 'PodResizeInProgress', status: 'True', ...(inProgress.error && { reason: 'Error', message: inProgress.error }) }]
      : []),
  ]
}

function withTransition(condition: PodCondition, pod: Pod, nowMs: number): PodCondition {
  const before = podCondition(pod, condition.type)
  const generation = pod.metadata?.generation
  return {
    ...condition,
    lastTransitionTime:
      before?.status === condition.status && before.lastTransitionTime ? before.lastTransitionTime : formatTime(nowMs),
    ...(generation !== undefined && { observedGeneration: generation }),
  }
}
