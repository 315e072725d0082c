import { admitsNode, isCriticalPod, isPodTerminal, type Node, type Pod, podRequests, qosClass, untoleratedTaints } from '#api'
import { addQuantities, compareQuantities, milliValue, quantityValue } from '#meta'

export interface Refusal {
  readonly reason: string
  readonly message: string
}

/** The node's last word on a pod that was bound to it: it may have filled up, or changed, since the scheduler looked. */
export function admit(pod: Pod, others: readonly Pod[], node: Node | undefined): Refusal | undefined {
  // A pod that runs already was admitted before the kubelet restarted.
  if (
    node === undefined ||
    isPodTerminal(pod) ||
    pod.status?.startTime !== undefined ||
    pod.metadata?.deletionTimestamp !== undefined
  )
    return undefined
  const active = others.filter((other) => !isPodTerminal(other))
  return (
    refusedForPressure(pod, node) ?? refusedForSysctls(pod) ?? refusedForResources(pod, active, node) ?? refusedForNode(pod, node)
  )
}

function refusedForResources(pod: Pod, active: readonly Pod[], node: Node): Refusal | undefined {
  const allocatable = node.status?.allocatable ?? {}
  const podsMax = Number(allocatable['pods'] ?? Number.POSITIVE_INFINITY)
  if (active.length + 1 > podsMax)
    return {
      reason: 'OutOfpods',
      message: `Pod was rejected: Node didn't have enough resource: pods, requested: 1, used: ${active.length}, capacity: ${podsMax}`,
    }
  for (const [name, wanted] of Object.entries(podRequests(pod))) {
    const capacity = allocatable[name] ?? '0'
    const used = active.map((other) => podRequests(other)[name] ?? '0').reduce(addQuantities, '0')
    if (compareQuantities(addQuantities(used, wanted), capacity) <= 0 || compareQuantities(wanted, '0') === 0) continue
    const unit = name === 'cpu' ? milliValue : quantityValue
    return {
      reason: `OutOf${name}`,
      message: `Pod was rejected: Node didn't have enough resource: ${name}, requested: ${unit(wanted)}, used: ${unit(used)}, capacity: ${unit(capacity)}`,
    }
  }
  return undefined
}

function refusedForNode(pod: Pod, node: Node): Refusal | undefined {
  if (!admitsNode(pod, node))
    return {
      reason: 'NodeAffinity',
      message: "Pod was rejected: Predicate NodeAffinity failed: node(s) didn't match Pod's node affinity/selector",
    }
  const [taint] = untoleratedTaints(node.spec?.taints ?? [], pod.spec?.tolerations, ['NoExecute'])
  if (taint !== undefined)
    return {
      reason: 'TaintToleration',
      message: 'Pod was rejected: Predicate TaintToleration failed: node(s) had untolerated taint(s)',
    }
  return undefined
}

/** What a pod may set without being able to harm the node or its other pods (https://kubernetes.io/docs/tasks/administer-cluster/sysctl-cluster/). */
const SAFE_SYSCTLS = new Set([
  'kernel.shm_rmid_forced',
  'net.ipv4.ip_local_port_range',
  'net.ipv4.tcp_syncookies',
  'net.ipv4.ping_group_range',
  'net.ipv4.ip_unprivileged_port_start',
  'net.ipv4.ip_local_reserved_ports',
  'net.ipv4.tcp_keepalive_time',
  'net.ipv4.tcp_fin_timeout',
  'net.ipv4.tcp_keepalive_intvl',
  'net.ipv4.tcp_keepalive_probes',
  'net.ipv4.tcp_rmem',
  'net.ipv4.tcp_wmem',
])

function refusedForSysctls(pod: Pod): Refusal | undefined {
  for (const { name } of pod.spec?.securityContext?.sysctls ?? []) {
    const why =
      pod.spec?.hostNetwork && name.startsWith('net.')
        ? 'not allowed with host net enabled'
        : pod.spec?.hostIPC && name.startsWith('kernel.shm')
          ? 'not allowed with host ipc enabled'
          : SAFE_SYSCTLS.has(name.replaceAll('/', '.'))
            ? undefined
            : 'not allowlisted'
    if (why !== undefined)
      return { reason: 'SysctlForbidden', message: `Pod was rejected: forbidden sysctl: ${JSON.stringify(name)} ${why}` }
  }
  return undefined
}

/** A node that ends pods for want of something takes no new ones that would go first. */
function refusedForPressure(pod: Pod, node: Node): Refusal | undefined {
  const holds = (wanted: string): boolean =>
    node.status?.conditions?.some(({ type, status }) => type === wanted && status === 'True') ?? false
  if (isCriticalPod(pod)) return undefined
  const refuse = (condition: string): Refusal => ({
    reason: 'Evicted',
    message: `Pod was rejected: The node had condition: [${condition}]. `,
  })
  if (holds('DiskPressure')) return refuse('DiskPressure')
  if (!holds('MemoryPressure') || qosClass(pod) !== 'BestEffort') return undefined
  const taint = { key: 'node.kubernetes.io/memory-pressure', effect: 'NoSchedule' }
  return untoleratedTaints([taint], pod.spec?.tolerations, ['NoSchedule']).length === 0 ? undefined : refuse('MemoryPressure')
}
