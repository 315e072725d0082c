import type { Container, Node, Pod } from '#api'
import { milliValue, quantityValue } from '#meta'

/** Amounts by resource name: CPU in thousandths of a core, everything else in its own unit. */
export type Amounts = Map<string, number>

export const DEFAULT_MILLI_CPU = 100
export const DEFAULT_MEMORY_BYTES = 200 * 1024 * 1024

type ResourceList = Readonly<Record<string, string>>

export function amountsOf(list: ResourceList | undefined): Amounts {
  const amounts: Amounts = new Map()
  for (const [name, quantity] of Object.entries(list ?? {})) amounts.set(name, amountOf(name, quantity))
  return amounts
}

export function allocatableOf(node: Node): Amounts {
  return amountsOf(node.status?.allocatable)
}

/**
 * What a pod needs from its node: its containers together, or its hungriest moment during initialisation if that is
 * more (sidecars started before count with each), overridden by pod-level requests, plus the runtime's overhead.
 */
export function podRequests(pod: Pod): Amounts {
  return requestsBy(pod, (container) => containerRequests(pod, container))
}

/** As `podRequests`, with what scoring assumes for containers that ask for no CPU or memory. */
export function podScoringRequests(pod: Pod): Amounts {
  return requestsBy(pod, (container) => {
    const requests = containerRequests(pod, container)
    if (!requests.has('cpu')) requests.set('cpu', DEFAULT_MILLI_CPU)
    if (!requests.has('memory')) requests.set('memory', DEFAULT_MEMORY_BYTES)
    return requests
  })
}

export function addAmounts(to: Amounts, from: Amounts, sign: 1 | -1 = 1): void {
  for (const [name, amount] of from) to.set(name, (to.get(name) ?? 0) + sign * amount)
}

/** Resources that devices or operators advertise: everything with a domain outside kubernetes.io. */
export function isExtendedResource(name: string): boolean {
  return name.includes('/') && !/(^|\.)kubernetes\.io\//.test(name) && !name.startsWith('requests.')
}

function amountOf(name: string, quantity: string): number {
  return name === 'cpu' ? milliValue(String(quantity)) : quantityValue(String(quantity))
}

function requestsBy(pod: Pod, requestsOf: (container: Container) => Amounts): Amounts {
  const total: Amounts = new Map()
  for (const container of pod.spec?.containers ?? []) addAmounts(total, requestsOf(container))
  const sidecars: Amounts = new Map()
  const peak: Amounts = new Map()
  for (const container of pod.spec?.initContainers ?? []) {
    const requests = requestsOf(container)
    if (container.restartPolicy === 'Always') {
      addAmounts(total, requests)
      addAmounts(sidecars, requests)
      raise(peak, sidecars)
    } else {
      addAmounts(requests, sidecars)
      raise(peak, requests)
    }
  }
  raise(total, peak)
  for (const [name, amount] of amountsOf(pod.spec?.resources?.requests)) total.set(name, amount)
  addAmounts(total, amountsOf(pod.spec?.overhead))
  return total
}

/** While a resize is under way a container holds the most of what is wanted, granted and in force. */
function containerRequests(pod: Pod, container: Container): Amounts {
  const requests = amountsOf(container.resources?.requests)
  if (pod.spec?.nodeName === undefined) return requests
  const statuses = [...(pod.status?.containerStatuses ?? []), ...(pod.status?.initContainerStatuses ?? [])]
  const status = statuses.find(({ name }) => name === container.name)
  if (status === undefined) return requests
  raise(requests, amountsOf(status.allocatedResources))
  raise(requests, amountsOf(status.resources?.requests))
  return requests
}

function raise(amounts: Amounts, to: Amounts): void {
  for (const [name, amount] of to) if (amount > (amounts.get(name) ?? 0)) amounts.set(name, amount)
}
