import type { RulesChange } from '../../changes.ts'
import { type Frontend, frontendKey, type ServiceRules } from '../../rules.ts'

/** Flows that the kernel still remembers, and that would go on where no rule sends them any more. */
export interface StaleFlows {
  readonly family: 'IPv4' | 'IPv6'
  readonly address: string
  readonly port: number
  /** Where they were sent; absent: nowhere, from a time without endpoints. */
  readonly endpoint: string | undefined
}

/** UDP has no end of a connection: a client that keeps its port stays with an endpoint for ever, also with one that is gone. */
export function staleFlows(changes: Iterable<RulesChange>): StaleFlows[] {
  const flows: StaleFlows[] = []
  for (const { before, after } of changes) {
    const [was, is] = [udpFrontends(before), udpFrontends(after)]
    for (const [key, frontend] of was) {
      const left = endpointsOf(is.get(key))
      for (const endpoint of endpointsOf(frontend)) if (!left.has(endpoint)) flows.push(flow(frontend, endpoint))
    }
    for (const [key, frontend] of is)
      if (endpointsOf(frontend).size > 0 && endpointsOf(was.get(key)).size === 0) flows.push(flow(frontend, undefined))
  }
  return flows
}

/** Arguments for conntrack(8). */
export function deleteArguments({ family, address, port, endpoint }: StaleFlows): string[] {
  const target = [
    '-D',
    '-f',
    family === 'IPv4' ? 'ipv4' : 'ipv6',
    '-p',
    'udp',
    '--orig-dst',
    address,
    '--orig-port-dst',
    String(port),
  ]
  return endpoint === undefined ? target : [...target, '--dst-nat', endpoint]
}

function flow({ family, address, port }: Frontend, endpoint: string | undefined): StaleFlows {
  return { family, address, port, endpoint }
}

function udpFrontends(rules: ServiceRules | undefined): Map<string, Frontend> {
  const udp = (rules?.frontends ?? []).filter(({ protocol }) => protocol === 'udp')
  return new Map(udp.map((frontend) => [frontendKey(frontend), frontend]))
}

function endpointsOf(frontend: Frontend | undefined): Set<string> {
  const targets = [frontend?.target, frontend?.inside]
  return new Set(targets.flatMap((target) => (target?.kind === 'balance' ? target.endpoints.map(({ address }) => address) : [])))
}
