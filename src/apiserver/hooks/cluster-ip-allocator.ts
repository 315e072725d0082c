import {
  type AddressRange,
  addressAt,
  canonicalAddress,
  type IPAddress,
  type IPFamily,
  ipAddresses,
  ipFamilyOf,
  offsetOf,
  parseRange,
  type Service,
  serviceCIDRs,
} from '#api'
import type { Random } from '#base'
import { isAlreadyExists, isNotFound } from '#meta'
import type { HookContext } from './types.ts'

/** Why an address could not be had, in upstream's words. */
export class AllocationError extends Error {
  override readonly name = 'AllocationError'
}

/** Tries this many random addresses before it looks at all that are taken. */
const RANDOM_TRIES = 16
/** Larger ranges of IPv6 are not allocated from, as upstream's allocator has it. */
const IPV6_BITS_MIN = 64
const UINT32 = 2 ** 32

/**
 * Cluster IPs as IPAddress objects (KEP-1880): the object's name is the address, so the store's "already exists" is the lock, for any number of
 * API servers. Ranges are the ServiceCIDR objects; the lower part of each is left for addresses that users choose (KEP-3070).
 */
export async function allocateClusterIP(
  service: Service,
  { family, wanted }: { readonly family: IPFamily; readonly wanted: string | undefined },
  context: HookContext,
): Promise<string> {
  const ranges = await serviceRanges(family, context)
  if (wanted !== undefined) {
    if (!ranges.some((range) => isUsable(range, wanted)))
      throw new AllocationError('the provided network does not match the current range')
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
    await context.client.delete(ipAddresses, nameOf(address))
  } catch (error) {
    if (!isNotFound(error)) throw error
  }
}

/** Those that addresses may be had from now. One about which nothing is said yet may be used: the controller that says so may not run. */
async function serviceRanges(family: IPFamily, { client, serviceClusterIPRanges }: HookContext): Promise<AddressRange[]> {
  const { items } = await client.list(serviceCIDRs)
  const ready = items.filter(
    ({ metadata, status }) =>
      metadata?.deletionTimestamp === undefined &&
      (status?.conditions?.find(({ type }) => type === 'Ready')?.status ?? 'True') === 'True',
  )
  // Before the first of them exists, the flag speaks.
  const cidrs = items.length === 0 ? serviceClusterIPRanges : ready.flatMap(({ spec }) => spec?.cidrs ?? [])
  return cidrs
    .map(parseRange)
    .filter((range) => range !== undefined)
    .filter((range) => range.family === family && (family === 'IPv4' || range.bits >= IPV6_BITS_MIN))
}

/** Sizes of ranges: the lower band is a sixteenth, at least 16 and at most 256 addresses. */
function staticBand({ size }: AddressRange): bigint {
  if (size <= 16n) return 0n
  const sixteenth = size / 16n
  return sixteenth < 16n ? 16n : sixteenth > 256n ? 256n : sixteenth
}

/** How many addresses follow the network's own. The last of a range of IPv4 is for all of its machines. */
const usable = ({ size, family }: AddressRange): bigint => size - (family === 'IPv4' ? 2n : 1n)

export function isUsable(range: AddressRange, address: string): boolean {
  const offset = offsetOf(range, address)
  return offset !== undefined && offset > 0n && offset <= usable(range)
}

async function allocateIn(range: AddressRange, service: Service, context: HookContext): Promise<string | undefined> {
  const band = staticBand(range)
  const dynamic = usable(range) - band
  for (let attempt = 0; attempt < RANDOM_TRIES && dynamic > 0n; attempt++) {
    const address = addressAt(range, 1n + band + randomBelow(dynamic, context.random))
    if (await claimFor(service, address, context)) return address
  }
  const { items } = await context.client.list(ipAddresses)
  const taken = new Set(items.map(({ metadata }) => metadata?.name))
  for (const offset of inOrder(band, usable(range))) {
    const address = addressAt(range, offset)
    if (!taken.has(address) && (await claimFor(service, address, context))) return address
  }
  return undefined
}

/** Offsets from behind the lower band to the last, then those of the band. */
function* inOrder(band: bigint, last: bigint): Iterable<bigint> {
  for (let offset = band + 1n; offset <= last; offset++) yield offset
  for (let offset = 1n; offset <= band && offset <= last; offset++) yield offset
}

const randomBelow = (limit: bigint, random: Random): bigint =>
  limit <= BigInt(UINT32)
    ? BigInt(random.int(Number(limit)))
    : ((BigInt(random.int(UINT32)) << 32n) | BigInt(random.int(UINT32))) % limit

/** Which addresses are the allocator's to give and to take back. */
export const MANAGED_BY = { label: 'ipaddress.kubernetes.io/managed-by', value: 'ipallocator.k8s.io' } as const

export const FAMILY_LABEL = 'ipaddress.kubernetes.io/ip-family'

/** Takes an address for a Service; false when somebody has it. */
export async function claimFor(service: Service, address: string, context: HookContext): Promise<boolean> {
  const object: IPAddress = {
    apiVersion: 'networking.k8s.io/v1',
    kind: 'IPAddress',
    metadata: {
      name: nameOf(address),
      labels: { [FAMILY_LABEL]: ipFamilyOf(address), [MANAGED_BY.label]: MANAGED_BY.value },
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

/** The object's name is the one spelling of the address, whichever a Service has. */
const nameOf = (address: string): string => canonicalAddress(address) ?? address
