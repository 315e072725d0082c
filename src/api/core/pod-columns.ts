import { age, ageOf, NONE, name, orNone, text, wide } from '../columns.ts'
import type { Column } from '../definition.ts'
import type { ContainerStateTerminated, ContainerStatus, Pod } from '../generated/types.ts'
import { isPodReady, isPodTerminal, isSidecar, podCondition, podHasCondition } from './pod-facts.ts'

interface Summary {
  readonly ready: number
  readonly total: number
  readonly status: string
  readonly restarts: number
  readonly lastRestart: string | undefined
}

const READY: Column<Pod> = text('Ready', (pod) => {
  const { ready, total } = summaryOf(pod)
  return `${ready}/${total}`
})

export const podColumns: readonly Column<Pod>[] = [
  name,
  READY,
  text('Status', (pod) => summaryOf(pod).status),
  text('Restarts', (pod, nowMs) => {
    const { restarts, lastRestart } = summaryOf(pod)
    return restarts > 0 && lastRestart !== undefined ? `${restarts} (${ageOf(lastRestart, nowMs)} ago)` : `${restarts}`
  }),
  age,
  wide('IP', ({ status }) => orNone(status?.podIPs?.[0]?.ip ?? status?.podIP)),
  wide('Node', ({ spec }) => orNone(spec?.nodeName)),
  wide('Nominated Node', ({ status }) => orNone(status?.nominatedNodeName)),
  wide('Readiness Gates', readinessGates),
]

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
  // Backwards: the first container has the last word.
  for (const container of [...(pod.status?.containerStatuses ?? [])].reverse()) {
    if (isRunning(container)) ready++
    else reason = wordOf(container) ?? reason
  }
  if (reason === 'Completed' && ready > 0) reason = isPodReady(pod) ? 'Running' : 'NotReady'
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
