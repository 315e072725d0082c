import { type Service, services } from '#api'
import { type FieldError, invalid } from '#meta'
import { AllocationError, allocateClusterIP, releaseClusterIP } from './cluster-ip-allocator.ts'
import { setIPFamilies } from './ip-families.ts'
import { allocateNodePorts, releaseNodePorts } from './node-port-allocator.ts'
import {
  dropOfOtherType,
  hasClusterIP,
  isHeadless,
  keepAllocated,
  normalizeClusterIPs,
  wantsHealthCheckNodePort,
  wantsNodePorts,
} from './service-fields.ts'
import type { Hook, HookContext, Transaction } from './types.ts'

/** Gives Services their cluster IPs and node ports (https://kubernetes.io/docs/reference/networking/virtual-ips/). */
export const serviceHook: Hook<Service> = {
  resource: services,

  async beginCreate(draft, context) {
    normalizeClusterIPs(draft, undefined)
    return allocate(draft, undefined, context)
  },

  async beginUpdate(draft, old, context) {
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

/** Addresses that are this Service's own allocations. */
export const ownAddresses = (service: Service): string[] =>
  hasClusterIP(service) && !isHeadless(service) ? (service.spec?.clusterIPs ?? []) : []

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
    refuse(draft, setIPFamilies(draft))
    await allocateAddress(draft, old, context, undo)
    await allocatePorts(draft, old, context, undo)
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

async function allocateAddress(
  draft: Service,
  old: Service | undefined,
  context: HookContext,
  undo: (() => Promise<void>)[],
): Promise<void> {
  const spec = draft.spec
  if (spec === undefined || !hasClusterIP(draft) || isHeadless(draft)) return
  const wanted = spec.clusterIPs?.[0] || undefined
  if (wanted !== undefined && old !== undefined && ownAddresses(old).includes(wanted)) return
  try {
    const address = await allocateClusterIP(draft, wanted, context)
    undo.push(() => releaseClusterIP(address, context))
    spec.clusterIP = address
    spec.clusterIPs = [address]
  } catch (error) {
    if (!(error instanceof AllocationError)) throw error
    const which = wanted === undefined ? 'a service IP' : `IP ${wanted}`
    refuse(draft, [invalidValue('spec.clusterIPs', spec.clusterIPs ?? [], `failed to allocate ${which}: ${error.message}`)])
  }
}

async function allocatePorts(
  draft: Service,
  old: Service | undefined,
  context: HookContext,
  undo: (() => Promise<void>)[],
): Promise<void> {
  const spec = draft.spec
  if (spec === undefined || !wantsNodePorts(draft)) return
  const had = new Set(old === undefined ? [] : ownPorts(old))
  const ports = spec.ports ?? []
  // One allocation serves all protocols that name the same number.
  const chosen = new Set(ports.map(({ nodePort }) => nodePort).filter((port): port is number => Boolean(port) && !had.has(port!)))
  const open = ports.filter(({ nodePort }) => !nodePort)
  const health = wantsHealthCheckNodePort(draft) && !spec.healthCheckNodePort
  const wanted = [...chosen, ...open.map(() => undefined), ...(health ? [undefined] : [])]
  const { ports: given, failedAt } = await allocateNodePorts(wanted, context)
  if (failedAt !== undefined) {
    const index = ports.findIndex(({ nodePort }) => nodePort === wanted[failedAt.index])
    refuse(draft, [
      invalidValue(`spec.ports[${Math.max(index, 0)}].nodePort`, wanted[failedAt.index] ?? 0, failedAt.error.message),
    ])
  }
  undo.push(() => releaseNodePorts(given, context))
  const fresh = given.slice(chosen.size)
  for (const [index, port] of open.entries()) port.nodePort = fresh[index]!
  if (health) spec.healthCheckNodePort = fresh.at(-1)!
}

const invalidValue = (field: string, value: unknown, detail: string): FieldError => ({
  field,
  reason: 'FieldValueInvalid',
  message: `Invalid value: ${JSON.stringify(value)}: ${detail}`,
})

function refuse(draft: Service, errors: readonly FieldError[]): void {
  if (errors.length > 0) throw invalid({ group: '', kind: 'Service' }, draft.metadata?.name ?? '', errors)
}
