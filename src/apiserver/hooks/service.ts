import { canonicalAddress, type IPFamily, invalidValue, ipFamilyOf, type ResourceDefinition, type Service, services } from '#api'
import { type FieldError, internalError } from '#meta'
import type { ShowsStored } from '../watch-cache/resource-cache.ts'
import { AllocationError, allocateClusterIP, releaseClusterIP } from './cluster-ip-allocator.ts'
import { asShown, setIPFamilies } from './ip-families.ts'
import { releaseNodePorts } from './node-port-allocator.ts'
import {
  dropOfOtherType,
  hasClusterIP,
  invalidService,
  isHeadless,
  keepAllocated,
  normalizeClusterIPs,
} from './service-fields.ts'
import { allocatePorts } from './service-ports.ts'
import type { Hook, HookContext, Transaction } from './types.ts'

/** Gives Services their cluster IPs and node ports (https://kubernetes.io/docs/reference/networking/virtual-ips/). */
export const serviceHook: Hook<Service> = {
  resource: services,

  async beginCreate(draft, context) {
    normalizeClusterIPs(draft, undefined)
    return allocate(draft, undefined, context)
  },

  async beginUpdate(draft, stored, context) {
    const old = asShown(stored, familiesOf(context)[0] ?? 'IPv4')
    dropOfOtherType(draft, old)
    keepAllocated(draft, old)
    normalizeClusterIPs(draft, old)
    return allocate(draft, old, context)
  },

  async afterDelete(old, context) {
    for (const ip of ownAddresses(old)) await releaseClusterIP(ip, context)
    await releaseNodePorts(ownPorts(old), context)
  },
}

/** How the watch cache shows Services, by the families that they have here. */
export const showsServices = (ranges: readonly string[]): ReadonlyMap<ResourceDefinition, ShowsStored> => {
  const [primary = 'IPv4'] = familiesOf({ serviceClusterIPRanges: ranges })
  return new Map([[services as unknown as ResourceDefinition, (stored) => asShown(stored as Service, primary)]])
}

/** Addresses that are this Service's own allocations, each in its one spelling. */
export function ownAddresses(service: Service): string[] {
  if (!hasClusterIP(service) || isHeadless(service)) return []
  const { clusterIP, clusterIPs } = service.spec ?? {}
  const all = clusterIPs?.length ? clusterIPs : clusterIP ? [clusterIP] : []
  return all.map((ip) => canonicalAddress(ip) ?? ip)
}

/** Node ports of the Service, each once: several protocols may share a number. */
export function ownPorts({ spec }: Service): number[] {
  const ports = (spec?.ports ?? []).map(({ nodePort }) => nodePort)
  return [...new Set([...ports, spec?.healthCheckNodePort].filter((port): port is number => Boolean(port)))]
}

async function allocate(draft: Service, old: Service | undefined, context: HookContext): Promise<Transaction> {
  const undo: (() => Promise<void>)[] = []
  const rollback = async (): Promise<void> => {
    for (const step of undo.reverse()) await step()
  }
  try {
    refuse(draft, setIPFamilies(draft, old, familiesOf(context)))
    await allocateAddresses(draft, old, context, undo)
    const ports = await allocatePorts(draft, old, context)
    undo.push(() => releaseNodePorts(ports, context))
  } catch (error) {
    await rollback()
    throw error
  }
  const freedAddresses = old === undefined ? [] : ownAddresses(old).filter((ip) => !ownAddresses(draft).includes(ip))
  const freedPorts = old === undefined ? [] : ownPorts(old).filter((port) => !ownPorts(draft).includes(port))
  return {
    async commit() {
      for (const ip of freedAddresses) await releaseClusterIP(ip, context)
      await releaseNodePorts(freedPorts, context)
    },
    rollback,
  }
}

/** Of the addresses that Services have here, the default one first. */
const familiesOf = ({ serviceClusterIPRanges }: Pick<HookContext, 'serviceClusterIPRanges'>): IPFamily[] =>
  serviceClusterIPRanges.map(ipFamilyOf)

async function allocateAddresses(
  draft: Service,
  old: Service | undefined,
  context: HookContext,
  undo: (() => Promise<void>)[],
): Promise<void> {
  const { spec } = draft
  for (const index of spec === undefined ? [] : missingAddresses(draft, old)) {
    const family = spec!.ipFamilies![index] as IPFamily
    const wanted = spec!.clusterIPs?.[index]
    try {
      const address = await allocateClusterIP(draft, { family, wanted }, context)
      undo.push(() => releaseClusterIP(address, context))
      spec!.clusterIPs = [...(spec!.clusterIPs ?? []).slice(0, index), address, ...(spec!.clusterIPs ?? []).slice(index + 1)]
      if (index === 0) spec!.clusterIP = address
    } catch (error) {
      if (!(error instanceof AllocationError)) throw error
      if (wanted === undefined) throw internalError(new Error(`failed to allocate a serviceIP: ${error.message}`))
      const rule = `failed to allocate IP ${wanted}: ${error.message}`
      refuse(draft, [invalidValue('spec.clusterIPs', spec!.clusterIPs, rule)])
    }
  }
}

/** Places in `ipFamilies` that need an address now. One that an update merely changed is not among them: validation refuses that. */
function missingAddresses(draft: Service, old: Service | undefined): number[] {
  const families = draft.spec?.ipFamilies ?? []
  if (!hasClusterIP(draft) || isHeadless(draft)) return []
  if (old === undefined || !hasClusterIP(old)) return [...families.keys()]
  return !isHeadless(old) && old.spec?.ipFamilies?.length === 1 && families.length === 2 ? [1] : []
}

function refuse(draft: Service, errors: readonly FieldError[]): void {
  if (errors.length > 0) throw invalidService(draft, errors)
}
