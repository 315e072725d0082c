import { age, ageOf, NONE, name, orNone, text, wide } from '../columns.ts'
import type { Column, RowCondition } from '../definition.ts'
import type { ContainerStateTerminated, ContainerStatus, Pod } from '../generated/types.ts'
import { isPodReady, isPodTerminal, isSidecar, podCondition, podHasCondition } from './pod-facts.ts'

interface Summary {
  readonly ready: number
  readonly total: number
  readonly status: string
  readonly restarts: number
  readonly lastRestart: string | undefined
}

const READY: Column<Pod> = text(
  'Ready',
  (pod) => {
    const { ready, total } = summaryOf(pod)
    return `${ready}/${total}`
  },
  'The aggregate readiness state of this pod for accepting traffic.',
)

export const podColumns: readonly Column<Pod>[] = [
  name,
  READY,
  text('Status', (pod) => summaryOf(pod).status, 'The aggregate status of the containers in this pod.'),
  text(
    'Restarts',
    (pod, nowMs) => {
      const { restarts, lastRestart } = summaryOf(pod)
      return restarts > 0 && lastRestart !== undefined ? `${restarts} (${ageOf(lastRestart, nowMs)} ago)` : `${restarts}`
    },
    'The number of times the containers in this pod have been restarted and when the last container in this pod has restarted.',
  ),
  age,
  wide('IP', ({ status }) => orNone(status?.podIPs?.[0]?.ip ?? status?.podIP), 'core.v1.PodStatus#podIP'),
  wide('Node', ({ spec }) => orNone(spec?.nodeName), 'core.v1.PodSpec#nodeName'),
  wide('Nominated Node', ({ status }) => orNone(status?.nominatedNodeName), 'core.v1.PodStatus#nominatedNodeName'),
  wide('Readiness Gates', readinessGates, 'core.v1.PodSpec#readinessGates'),
]

/** What a table says of a pod that is done. */
export function podRowConditions({ status }: Pod): RowCondition[] {
  const message = { Succeeded: 'The pod has completed successfully.', Failed: 'The pod failed.' }[status?.phase ?? '']
  return message === undefined ? [] : [{ type: 'Completed', status: 'True', reason: status!.phase!, message }]
}

function readinessGates(pod: Pod): string {
  const gates = pod.spec?.readinessGates ?? []
  if (gates.length === 0) return NONE
  return `${gates.filter(({ conditionType }) => podHasCondition(pod, conditionType)).length}/${gates.length}`
}

/** One word for where the pod is in its life, and what its containers add up to. */
export function summaryOf(pod: Pod): Summary {
  const { spec, status, metadata } = pod
  const sidecars = new Set((spec?.initContainers ?? []).filter(isSidecar).map((container) => container.name))
  const gated = podCondition(pod, 'PodScheduled')?.reason === 'SchedulingGated'
  const reason = gated ? 'SchedulingGated' : status?.reason || status?.phase || ''
  const init = initialisation(pod, sidecars)
  const initialised = init.reason === undefined || podHasCondition(pod, 'Initialized')
  const main = initialised ? mainContainers(pod, init.reason ?? reason) : undefined
  let word = main?.reason ?? init.reason ?? reason
  if (metadata?.deletionTimestamp !== undefined) {
    if (status?.reason === 'NodeLost') word = 'Unknown'
    else if (!isPodTerminal(pod)) word = 'Terminating'
  }
  // Before initialisation is over its own restarts count, after it those of what stays.
  const counted = [
    ...(status?.initContainerStatuses ?? []).filter((each) => !initialised || sidecars.has(each.name)),
    ...(initialised ? (status?.containerStatuses ?? []) : []),
  ]
  return {
    ready: init.ready + (main?.ready ?? 0),
    total: (spec?.containers?.length ?? 0) + sidecars.size,
    status: word,
    restarts: counted.reduce((sum, { restartCount }) => sum + (restartCount ?? 0), 0),
    lastRestart: counted
      .map(({ lastState }) => lastState?.terminated?.finishedAt)
      .filter((time) => time !== undefined)
      .sort()
      .at(-1),
  }
}

/** The first init container that is not done says what the pod waits for. */
function initialisation(pod: Pod, sidecars: ReadonlySet<string>): { ready: number; reason?: string } {
  let ready = 0
  for (const [index, container] of (pod.status?.initContainerStatuses ?? []).entries()) {
    const { terminated, waiting } = container.state ?? {}
    if (terminated?.exitCode === 0) continue
    if (sidecars.has(container.name) && container.started) {
      if (container.ready) ready++
      continue
    }
    if (terminated !== undefined) return { ready, reason: `Init:${endOf(terminated)}` }
    if (waiting?.reason && waiting.reason !== 'PodInitializing') return { ready, reason: `Init:${waiting.reason}` }
    return { ready, reason: `Init:${index}/${pod.spec?.initContainers?.length ?? 0}` }
  }
  return { ready }
}

function mainContainers(pod: Pod, otherwise: string): { ready: number; reason: string } {
  let ready = 0
  let reason = otherwise
  let failure: string | undefined
  // Backwards: the first container has the last word.
  for (const container of [...(pod.status?.containerStatuses ?? [])].reverse()) {
    if (isRunning(container)) ready++
    else reason = wordOf(container) ?? reason
    const { waiting, terminated } = container.state ?? {}
    if (!waiting?.reason && terminated !== undefined && terminated.exitCode !== 0) failure = reason
  }
  // One that completed speaks for all only when none runs and none failed.
  if (reason === 'Completed' && ready > 0 && isPodReady(pod)) reason = 'Running'
  else if (reason === 'Completed') reason = failure ?? (ready > 0 ? 'NotReady' : reason)
  return { ready, reason }
}

const isRunning = ({ ready, state }: ContainerStatus): boolean =>
  ready && state?.running !== undefined && !state.waiting?.reason && state.terminated === undefined

function wordOf({ state }: ContainerStatus): string | undefined {
  if (state?.waiting?.reason) return state.waiting.reason
  return state?.terminated === undefined ? undefined : endOf(state.terminated)
}

function endOf({ reason, signal, exitCode }: ContainerStateTerminated): string {
  if (reason) return reason
  return signal ? `Signal:${signal}` : `ExitCode:${exitCode}`
}
