import { type IPAddress, ipAddresses, type Service, serviceCIDRs } from '#api'
import { isAlreadyExists, isNotFound } from '#meta'
import { addressAt, offsetOf, parseRange, type Range } from './ipv4.ts'
import type { HookContext } from './types.ts'

/** Why an address could not be had, in upstream's words. */
export class AllocationError extends Error {
  override readonly name = 'AllocationError'
}

/** Tries this many random addresses before it looks at all that are taken. */
const RANDOM_TRIES = 16

/**
 * Cluster IPs as IPAddress objects (KEP-1880): the object's name is the address, so the store's "already exists" is the lock, for any number of
 * API servers. Ranges are the ServiceCIDR objects; the lower part of each is left for addresses that users choose (KEP-3070).
 */
export async function allocateClusterIP(service: Service, wanted: string | undefined, context: HookContext): Promise<string> {
  const ranges = await serviceRanges(context)
  if (wanted !== undefined) {
    if (!ranges.some((range) => isUsable(range, offsetOf(range, wanted)))) {
      const valid = ranges.map(({ cidr }) => cidr).join(', ')
      throw new AllocationError(`the provided IP (${wanted}) is not in the valid range. The range of valid IPs is ${valid}`)
    }
    if (!(await claimFor(service, wanted, context))) throw new AllocationError('provided IP is already allocated')
    return wanted
  }
  for (const range of ranges) {
    const found = await allocateIn(range, service, context)
    if (found !== undefined) return found
  }
  throw new AllocationError('range is full')
}

export async function releaseClusterIP(address: string, context: HookContext): Promise<void> {
  if (context.dryRun) return
  try {
    await context.client.delete(ipAddresses, address)
  } catch (error) {
    if (!isNotFound(error)) throw error
  }
}

async function serviceRanges(context: HookContext): Promise<Range[]> {
  const { items } = await context.client.list(serviceCIDRs)
  const ready = items.filter(
    ({ metadata, status }) =>
      metadata?.deletionTimestamp === undefined &&
      status?.conditions?.some((condition) => condition.type === 'Ready' && condition.status === 'True'),
  )
  const cidrs = ready.flatMap(({ spec }) => spec?.cidrs ?? []).filter((cidr) => cidr.includes('.'))
  return (cidrs.length > 0 ? cidrs : [context.serviceClusterIPRange]).map(parseRange)
}

/** Sizes of ranges: the lower band is a sixteenth, at least 16 and at most 256 addresses. */
function staticBand(range: Range): number {
  if (range.size <= 16) return 0
  return Math.min(Math.max(16, Math.floor(range.size / 16)), 256)
}

/** Neither the network's own address nor its last. */
const isUsable = (range: Range, offset: number | undefined): boolean =>
  offset !== undefined && offset > 0 && offset < range.size - 1

async function allocateIn(range: Range, service: Service, context: HookContext): Promise<string | undefined> {
  const band = staticBand(range)
  const dynamic = range.size - 2 - band
  for (let attempt = 0; attempt < RANDOM_TRIES && dynamic > 0; attempt++) {
    const address = addressAt(range, 1 + band + context.random.int(dynamic))
    if (await claimFor(service, address, context)) return address
  }
  const { items } = await context.client.list(ipAddresses)
  const taken = new Set(items.map(({ metadata }) => metadata?.name))
  const inOrder = [...rangeOf(1 + band, range.size - 1), ...rangeOf(1, 1 + band)]
  for (const offset of inOrder) {
    const address = addressAt(range, offset)
    if (!taken.has(address) && (await claimFor(service, address, context))) return address
  }
  return undefined
}

function* rangeOf(from: number, to: number): Iterable<number> {
  for (let value = from; value < to; value++) yield value
}

/** Which addresses are the allocator's to give and to take back. */
export const MANAGED_BY = { label: 'ipaddress.kubernetes.io/managed-by', value: 'ipallocator.k8s.io' } as const

/** Takes an address for a Service; false when somebody has it. */
export async function claimFor(service: Service, address: string, context: HookContext): Promise<boolean> {
  const object: IPAddress = {
    apiVersion: 'networking.k8s.io/v1',
    kind: 'IPAddress',
    metadata: {
      name: address,
      labels: { 'ipaddress.kubernetes.io/ip-family': 'IPv4', [MANAGED_BY.label]: MANAGED_BY.value },
    },
    spec: {
      parentRef: {
        group: '',
        resource: 'services',
        namespace: service.metadata?.namespace ?? '',
        name: service.metadata?.name ?? '',
      },
    },
  }
  try {
    await context.client.create(ipAddresses, object, { dryRun: context.dryRun })
    return true
  } catch (error) {
    if (isAlreadyExists(error)) return false
    throw error
  }
}
