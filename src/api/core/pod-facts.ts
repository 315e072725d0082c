import { ownValue } from '#base'
import { addQuantities, compareQuantities, parseQuantity } from '#meta'
import type { Container, Pod, PodCondition, PodSpec, Taint, Toleration } from '../generated/types.ts'

export type ResourceList = Readonly<Record<string, string>>

export type QosClass = 'Guaranteed' | 'Burstable' | 'BestEffort'

export const podCondition = (pod: Pod, type: string): PodCondition | undefined =>
  pod.status?.conditions?.find((condition) => condition.type === type)

export const podHasCondition = (pod: Pod, type: string, status = 'True'): boolean => podCondition(pod, type)?.status === status

export const isPodReady = (pod: Pod): boolean => podHasCondition(pod, 'Ready')

/** Ready without a break for `minReadySeconds`. */
export function isPodAvailable(pod: Pod, minReadySeconds: number, nowMs: number): boolean {
  const ready = podCondition(pod, 'Ready')
  if (ready?.status !== 'True') return false
  if (minReadySeconds === 0) return true
  return ready.lastTransitionTime !== undefined && Date.parse(ready.lastTransitionTime) + minReadySeconds * 1000 <= nowMs
}

/** No container of it will ever run again. */
export const isPodTerminal = ({ status }: Pod): boolean => status?.phase === 'Failed' || status?.phase === 'Succeeded'

export const isPodTerminating = ({ metadata }: Pod): boolean => metadata?.deletionTimestamp !== undefined

/** Counts towards what a controller wants: neither finished nor on its way out. */
export const isPodActive = (pod: Pod): boolean => !isPodTerminal(pod) && !isPodTerminating(pod)

/** A pod that a kubelet runs from a file; the API only shows it. */
export const isMirrorPod = ({ metadata }: Pod): boolean => metadata?.annotations?.['kubernetes.io/config.mirror'] !== undefined

const SYSTEM_CRITICAL_PRIORITY = 2_000_000_000

export const podPriority = ({ spec }: Pod): number => spec?.priority ?? 0

export const isCriticalPod = (pod: Pod): boolean => isMirrorPod(pod) || podPriority(pod) >= SYSTEM_CRITICAL_PRIORITY

/** An init container that keeps running beside the main ones. */
export const isSidecar = (container: Container): boolean => container.restartPolicy === 'Always'

/**
 * Whether a container that ended is started again: the first of its rules that fits says so, else its own policy, else that of its pod
 * (https://kubernetes.io/docs/concepts/workloads/pods/pod-lifecycle/#container-restart-rules).
 */
export function shouldRestart(container: Container, spec: PodSpec | undefined, exitCode: number): boolean {
  if (RESTARTING.has(restartAction(container, exitCode) ?? '')) return true
  const policy = container.restartPolicy ?? spec?.restartPolicy ?? 'Always'
  return policy === 'Always' || (policy === 'OnFailure' && exitCode !== 0)
}

const RESTART_ALL = 'RestartAllContainers'
const RESTARTING: ReadonlySet<string> = new Set(['Restart', RESTART_ALL])

/** Whether a container that ended takes all others of its pod with it, to begin again together. */
export const restartsAll = (container: Container, exitCode: number): boolean => restartAction(container, exitCode) === RESTART_ALL

/** Whether some container of the pod may come to do so. */
export const mayRestartAll = (pod: Pod): boolean =>
  containersOf(pod).some(({ restartPolicyRules }) => restartPolicyRules?.some(({ action }) => action === RESTART_ALL))

/** What the first rule that fits has to say. */
const restartAction = ({ restartPolicyRules }: Container, exitCode: number): string | undefined =>
  restartPolicyRules?.find(({ exitCodes }) => {
    const named = exitCodes?.values?.includes(exitCode) ?? false
    return exitCodes?.operator === 'In' ? named : exitCodes?.operator === 'NotIn' && !named
  })?.action

/** Init containers first, as they run. */
export const containersOf = ({ spec }: Pod): readonly Container[] => [
  ...(spec?.initContainers ?? []),
  ...(spec?.containers ?? []),
]

/** Where a pod has containers, in the order in which upstream visits them. */
export const CONTAINER_LISTS = ['initContainers', 'containers', 'ephemeralContainers'] as const

/** Whether some container of any kind is such. */
export const hasContainer = (spec: PodSpec, isSuch: (container: Container) => boolean): boolean =>
  CONTAINER_LISTS.some((key) => (spec[key] as readonly Container[] | undefined)?.some(isSuch))

/** Containers of every kind with their paths, in upstream's order: for what most pods have nothing of ({@link hasContainer}). */
export const visitedContainers = (spec: PodSpec, field: string): (readonly [Container, string])[] =>
  CONTAINER_LISTS.flatMap((key) =>
    ((spec[key] ?? []) as readonly Container[]).map((container, index) => [container, `${field}.${key}[${index}]`] as const),
  )

/** What a pod needs from its node: the sum of what runs together, or more if one moment of initialisation needs more. */
export const podRequests = (pod: Pod): ResourceList => total(pod, 'requests')

/** The most a pod may use; a resource that some container leaves unlimited counts with the others' limits only. */
export const podLimits = (pod: Pod): ResourceList => total(pod, 'limits')

function total(pod: Pod, which: 'requests' | 'limits'): ResourceList {
  const sum: Record<string, string> = {}
  for (const container of pod.spec?.containers ?? []) add(sum, container.resources?.[which])
  const sidecars: Record<string, string> = {}
  const peak: Record<string, string> = {}
  for (const container of pod.spec?.initContainers ?? []) {
    const moment: Record<string, string> = { ...sidecars }
    add(moment, container.resources?.[which])
    raise(peak, moment)
    if (!isSidecar(container)) continue
    // A sidecar stays: it counts with the main containers, and with every init container after it.
    add(sum, container.resources?.[which])
    add(sidecars, container.resources?.[which])
  }
  raise(sum, peak)
  Object.assign(sum, pod.spec?.resources?.[which])
  for (const [name, quantity] of Object.entries(pod.spec?.overhead ?? {})) {
    // Overhead adds to a limit only where there is one.
    if (which === 'requests' || Object.hasOwn(sum, name)) add(sum, { [name]: quantity })
  }
  return sum
}

function add(to: Record<string, string>, list: ResourceList | undefined): void {
  for (const [name, quantity] of Object.entries(list ?? {})) {
    const sum = ownValue(to, name)
    to[name] = sum === undefined ? quantity : addQuantities(sum, quantity)
  }
}

function raise(to: Record<string, string>, list: ResourceList): void {
  for (const [name, quantity] of Object.entries(list)) {
    const most = ownValue(to, name)
    if (most === undefined || compareQuantities(quantity, most) > 0) to[name] = quantity
  }
}

/** https://kubernetes.io/docs/concepts/workloads/pods/pod-qos/ */
export function qosClass({ spec }: Pod): QosClass {
  const own = spec?.resources
  const sum = new ComputeSum()
  if (own?.requests !== undefined || own?.limits !== undefined) sum.add(own)
  else {
    for (const { resources } of spec?.initContainers ?? []) sum.add(resources)
    for (const { resources } of spec?.containers ?? []) sum.add(resources)
  }
  return sum.qosClass
}

/** What those who share a pod ask for and may have of CPU and memory, in nanos; nothing else bears on the class. */
class ComputeSum {
  #requests = { cpu: 0n, memory: 0n }
  #limits = { cpu: 0n, memory: 0n }
  #areAllLimited = true

  add(resources: Container['resources']): void {
    this.#requests.cpu += computeOf(resources?.requests, 'cpu')
    this.#requests.memory += computeOf(resources?.requests, 'memory')
    const cpu = computeOf(resources?.limits, 'cpu')
    const memory = computeOf(resources?.limits, 'memory')
    if (cpu === 0n || memory === 0n) this.#areAllLimited = false
    this.#limits.cpu += cpu
    this.#limits.memory += memory
  }

  get qosClass(): QosClass {
    const [requests, limits] = [this.#requests, this.#limits]
    if (requests.cpu + requests.memory + limits.cpu + limits.memory === 0n) return 'BestEffort'
    const areSame = requests.cpu === limits.cpu && requests.memory === limits.memory
    return this.#areAllLimited && areSame ? 'Guaranteed' : 'Burstable'
  }
}

/** Less than nothing is nothing. */
function computeOf(list: ResourceList | undefined, name: 'cpu' | 'memory'): bigint {
  const amount = ownValue(list, name)
  if (amount === undefined) return 0n
  const { nanos } = parseQuantity(amount)
  return nanos > 0n ? nanos : 0n
}

/** Whether the toleration lets a pod bear the taint. */
export function tolerates(toleration: Toleration, taint: Taint): boolean {
  if (toleration.effect && toleration.effect !== taint.effect) return false
  if (toleration.key && toleration.key !== taint.key) return false
  const operator = toleration.operator || 'Equal'
  if (operator === 'Exists') return true
  const [wanted, has] = [toleration.value ?? '', taint.value ?? '']
  if (operator === 'Equal') return toleration.key !== undefined && toleration.key !== '' && wanted === has
  if (!/^-?\d+$/.test(wanted) || !/^-?\d+$/.test(has)) return false
  return operator === 'Gt' ? BigInt(has) > BigInt(wanted) : operator === 'Lt' && BigInt(has) < BigInt(wanted)
}

/** The taints of the given effects that no toleration bears. */
export const untoleratedTaints = (
  taints: readonly Taint[],
  tolerations: readonly Toleration[] | undefined,
  effects: readonly string[],
): readonly Taint[] =>
  taints.filter((taint) => effects.includes(taint.effect) && !tolerations?.some((toleration) => tolerates(toleration, taint)))
