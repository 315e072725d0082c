import { type Container, type Node, type Pod, podRequests as requestsOf } from '#api'
import { milliValue, quantityValue } from '#meta'

/** Amounts by resource name: CPU in thousandths of a core, everything else in its own unit. */
export type Amounts = Map<string, number>

/** What scoring assumes for a container that asks for none: an empty node is not free for ever. */
const ASSUMED_REQUESTS = { cpu: '100m', memory: String(200 * 1024 * 1024) }

type ResourceList = Readonly<Record<string, string>>

export function amountsOf(list: ResourceList | undefined): Amounts {
  const amounts: Amounts = new Map()
  for (const [name, quantity] of Object.entries(list ?? {})) amounts.set(name, amountOf(name, quantity))
  return amounts
}

export function allocatableOf(node: Node): Amounts {
  return amountsOf(node.status?.allocatable)
}

/** What a pod holds of its node. */
export function podAmounts(pod: Pod): Amounts {
  return amountsOf(requestsOf(isResizing(pod) ? mapContainers(pod, (container) => inForce(pod, container)) : pod))
}

/** As `podAmounts`, with what scoring assumes for containers that ask for no CPU or memory. */
export function podScoringAmounts(pod: Pod): Amounts {
  return amountsOf(requestsOf(mapContainers(pod, (container) => ({ ...ASSUMED_REQUESTS, ...container.resources?.requests }))))
}

export function addAmounts(to: Amounts, from: Amounts, sign: 1 | -1 = 1): void {
  for (const [name, amount] of from) to.set(name, (to.get(name) ?? 0) + sign * amount)
}

function amountOf(name: string, quantity: string): number {
  return name === 'cpu' ? milliValue(quantity) : quantityValue(quantity)
}

function mapContainers(pod: Pod, requests: (container: Container) => ResourceList): Pod {
  const adjust = (container: Container): Container => ({
    ...container,
    resources: { ...container.resources, requests: requests(container) },
  })
  const { containers = [], initContainers } = pod.spec ?? {}
  const spec = {
    ...pod.spec,
    containers: containers.map(adjust),
    ...(initContainers && { initContainers: initContainers.map(adjust) }),
  }
  return { ...pod, spec }
}

/** Only a pod on a node can hold something else than it asks for. */
function isResizing({ spec, status }: Pod): boolean {
  if (!spec?.nodeName) return false
  const statuses = [...(status?.containerStatuses ?? []), ...(status?.initContainerStatuses ?? [])]
  return statuses.some(
    ({ allocatedResources, resources }) => allocatedResources !== undefined || resources?.requests !== undefined,
  )
}

/** While a resize is under way a container holds the most of what is wanted, granted and in force. */
function inForce({ status }: Pod, container: Container): ResourceList {
  const most: Record<string, string> = { ...container.resources?.requests }
  const statuses = [...(status?.containerStatuses ?? []), ...(status?.initContainerStatuses ?? [])]
  const found = statuses.find(({ name }) => name === container.name)
  for (const list of [found?.allocatedResources, found?.resources?.requests])
    for (const [name, quantity] of Object.entries(list ?? {}))
      if (most[name] === undefined || amountOf(name, quantity) > amountOf(name, most[name])) most[name] = quantity
  return most
}
