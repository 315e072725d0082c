import type { Service } from '#api'
import type { EventSink } from '#client'
import { allocateNodePorts, compareNodePorts, releaseNodePorts } from './node-port-allocator.ts'
import { ownPorts } from './service.ts'
import type { HookContext } from './types.ts'

export interface NodePortRepair {
  readonly services: () => readonly Service[]
  readonly context: HookContext
  readonly events: EventSink
  /** What leaked is left alone for this long. */
  readonly graceMs: number
  readonly signal: AbortSignal
}

/**
 * Brings Services and the allocated node ports together, once, as a server starts: only a server that died leaves a difference. What is on its way is told
 * from what leaked by a second look.
 */
export async function repairNodePorts({ services, context, events, graceMs, signal }: NodePortRepair): Promise<void> {
  const { clock, log } = context
  const leakedOf = async (): Promise<number[]> => (await compareNodePorts(new Set(services().flatMap(ownPorts)), context)).leaked
  const leaked = await leakedOf()
  await takeMissing(services(), context, events)
  if (leaked.length === 0) return
  await clock.sleep(graceMs, { signal })
  const still = new Set(await leakedOf())
  const ports = leaked.filter((port) => still.has(port))
  if (ports.length > 0) log.warn('Node ports that no Service has are given back', { ports: ports.join(' ') })
  await releaseNodePorts(ports, context)
}

async function takeMissing(services: readonly Service[], context: HookContext, events: EventSink): Promise<void> {
  const { from, to } = context.serviceNodePortRange
  const taken = new Set<number>()
  const { missing } = await compareNodePorts(new Set(services.flatMap(ownPorts)), context)
  for (const service of services) {
    const tell = (reason: string, message: string): void => events.event(service, 'Warning', reason, message)
    for (const port of claimedPorts(service)) {
      if (port < from || port > to) {
        tell('PortOutOfRange', `Port ${port} is not within the port range ${from}-${to}; please recreate service`)
      } else if (taken.has(port)) {
        tell('PortAlreadyAllocated', `Port ${port} was assigned to multiple services; please recreate service`)
      } else if (missing.includes(port)) {
        tell('PortNotAllocated', `Port ${port} is not allocated; repairing`)
        await allocateNodePorts([port], context)
      }
      taken.add(port)
    }
  }
}

/** Node ports of a Service, one for all protocols, and once more where one protocol has it twice. */
function claimedPorts({ spec }: Service): number[] {
  const protocols = new Map<number, Set<string>>()
  const claimed: number[] = []
  const claim = (port: number, protocol: string): void => {
    const known = protocols.get(port) ?? new Set()
    if (known.size === 0 || known.has(protocol)) claimed.push(port)
    protocols.set(port, known.add(protocol))
  }
  for (const { nodePort, protocol = 'TCP' } of spec?.ports ?? []) if (nodePort) claim(nodePort, protocol)
  if (spec?.healthCheckNodePort) claim(spec.healthCheckNodePort, 'TCP')
  return claimed
}
