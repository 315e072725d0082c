import { invalidValue, type Service, type ServicePort } from '#api'
import { internalError } from '#meta'
import type { AllocationError } from './cluster-ip-allocator.ts'
import { allocateNodePorts } from './node-port-allocator.ts'
import { allocatesNodePorts, invalidService, mayHaveNodePorts, needsHealthCheckNodePort } from './service-fields.ts'
import type { HookContext } from './types.ts'

/** One number that is asked for, and what is to have it. */
interface PortRequest {
  /** Undefined: any. */
  readonly wanted: number | undefined
  readonly take: (port: number) => void
  /** What is said when it can't be had. */
  readonly refuse: (error: AllocationError) => Error
}

/**
 * Gives the ports of a Service their node ports, and a load balancer that spares itself a hop the port that it is asked for its health at. What was allocated;
 * all or nothing.
 */
export async function allocatePorts(draft: Service, old: Service | undefined, context: HookContext): Promise<number[]> {
  const requests = [
    ...(mayHaveNodePorts(draft) ? (old === undefined ? requestsOfNew(draft) : requestsOfChanged(draft, old)) : []),
    ...healthRequest(draft, old),
  ]
  const { ports, failedAt } = await allocateNodePorts(
    requests.map(({ wanted }) => wanted),
    context,
  )
  if (failedAt !== undefined) throw requests[failedAt.index]!.refuse(failedAt.error)
  for (const [index, { take }] of requests.entries()) take(ports[index]!)
  return ports
}

/** Ports of one number, for several protocols, have one node port unless they name others. */
function requestsOfNew(draft: Service): PortRequest[] {
  const ports = draft.spec?.ports ?? []
  const sharers = new Map<
    number,
    { readonly wanted: number | undefined; readonly takers: ServicePort[]; readonly index: number }
  >()
  const requests: PortRequest[] = []
  for (const [index, port] of ports.entries()) {
    if (!port.nodePort && !allocatesNodePorts(draft)) continue
    const shared = sharers.get(port.port)
    if (shared === undefined) {
      const wanted = ports.find((each) => each.port === port.port && each.nodePort)?.nodePort
      sharers.set(port.port, { wanted, takers: [port], index })
    } else if (!port.nodePort || port.nodePort === shared.wanted) shared.takers.push(port)
    else requests.push(portRequest(draft, index, port.nodePort, [port]))
  }
  return [...[...sharers.values()].map(({ wanted, takers, index }) => portRequest(draft, index, wanted, takers)), ...requests]
}

/** Each by itself; what the Service has already is its own. */
function requestsOfChanged(draft: Service, old: Service): PortRequest[] {
  const had = new Set((old.spec?.ports ?? []).map(({ nodePort }) => nodePort))
  const requests: PortRequest[] = []
  for (const [index, port] of (draft.spec?.ports ?? []).entries()) {
    const wanted = port.nodePort || undefined
    if (wanted === undefined ? !allocatesNodePorts(draft) : had.has(wanted)) continue
    if (wanted !== undefined) had.add(wanted)
    requests.push(portRequest(draft, index, wanted, [port]))
  }
  return requests
}

const portRequest = (draft: Service, index: number, wanted: number | undefined, takers: readonly ServicePort[]): PortRequest => ({
  wanted,
  take(number) {
    for (const port of takers) port.nodePort = number
  },
  refuse: ({ message }) =>
    wanted === undefined
      ? internalError(new Error(`failed to allocate a nodePort: ${message}`))
      : invalidService(draft, [invalidValue(`spec.ports[${index}].nodePort`, wanted, message)]),
})

function healthRequest(draft: Service, old: Service | undefined): PortRequest[] {
  if (!needsHealthCheckNodePort(draft) || (old !== undefined && needsHealthCheckNodePort(old))) return []
  const wanted = draft.spec?.healthCheckNodePort || undefined
  const what = wanted === undefined ? 'a HealthCheck NodePort 0' : `requested HealthCheck NodePort ${wanted}`
  return [
    {
      wanted,
      take(number) {
        draft.spec!.healthCheckNodePort = number
      },
      refuse: ({ message }) => internalError(new Error(`failed to allocate ${what}: ${message}`)),
    },
  ]
}
