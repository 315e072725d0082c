import type { Container, ContainerPort, PodSpec } from '../generated/types.ts'
import { NONE } from '../validation/names.ts'
import { CONTAINER_LISTS } from './pod-facts.ts'

interface Placed {
  readonly port: ContainerPort
  readonly path: string
}

/** Containers of a pod share its address: of two ports alike one is out of reach, or nobody knows which. */
export function portWarnings(spec: PodSpec, field: string, warnings: string[]): void {
  if (areApart(spec)) return
  const placed = placedPorts(spec, field)
  const numbered = new Map<string, Placed[]>()
  for (const each of placed) {
    const { port, path } = each
    const { containerPort, protocol = 'TCP', hostIP, hostPort = 0 } = port
    if (hostIP && hostPort === 0) warnings.push(`${path}: hostIP set without hostPort: ${printed(port)}`)
    const key = `${containerPort}/${protocol}`
    const others = numbered.get(key)
    if (others === undefined) numbered.set(key, [each])
    else {
      for (const other of others) clash(other, port, path, warnings)
      others.push(each)
    }
  }
  const named = new Map<string, string>()
  for (const { port, path } of placed) {
    if (!port.name) continue
    const other = named.get(port.name)
    if (other === undefined) named.set(port.name, path)
    else
      warnings.push(
        `${path}: duplicate port name "${port.name}" with ${other}, services and probes that select ports by name will use ${other}`,
      )
  }
}

/** Ports that are compared each with each, which needs no memory. */
const APART_MAX = 16

/** Whether, as in most pods, no two ports have a number or a name in common and none has an address without a port of the host. */
function areApart(spec: PodSpec): boolean {
  const seen: ContainerPort[] = []
  for (const list of CONTAINER_LISTS) {
    const containers = (spec[list] ?? NONE) as readonly Container[]
    for (let at = 0; at < containers.length; at++) {
      const ports = containers[at]!.ports ?? NONE
      for (let index = 0; index < ports.length; index++) {
        const port = ports[index] as ContainerPort
        if (seen.length === APART_MAX || (port.hostIP && !port.hostPort)) return false
        for (let other = 0; other < seen.length; other++) if (areAlike(seen[other]!, port)) return false
        seen.push(port)
      }
    }
  }
  return true
}

const areAlike = (a: ContainerPort, b: ContainerPort): boolean =>
  a.containerPort === b.containerPort || (a.name !== undefined && a.name !== '' && a.name === b.name)

function placedPorts(spec: PodSpec, field: string): Placed[] {
  const placed: Placed[] = []
  for (const list of CONTAINER_LISTS)
    for (const [at, { ports }] of ((spec[list] ?? NONE) as readonly Container[]).entries())
      for (const [index, port] of (ports ?? NONE).entries())
        placed.push({ port, path: `${field}.${list}[${at}].ports[${index}]` })
  return placed
}

function clash({ port: other, path: where }: Placed, port: ContainerPort, path: string, warnings: string[]): void {
  const [ip, otherIP] = [port.hostIP ?? '', other.hostIP ?? '']
  const [number, otherNumber] = [port.hostPort ?? 0, other.hostPort ?? 0]
  if (ip === otherIP && number === otherNumber) warnings.push(`${path}: duplicate port definition with ${where}`)
  // Without a port of the host the definition adds nothing to the other, whatever its address.
  else if (number === 0 || otherNumber === 0) warnings.push(`${path}: overlapping port definition with ${where}`)
  else if (number === otherNumber && (ip === '') !== (otherIP === ''))
    warnings.push(`${path}: dangerously ambiguous port definition with ${where}`)
}

/** As Go prints the struct. */
const printed = ({ name = '', hostPort = 0, containerPort, protocol = 'TCP', hostIP = '' }: ContainerPort): string =>
  `{Name:${name} HostPort:${hostPort} ContainerPort:${containerPort} Protocol:${protocol} HostIP:${hostIP}}`
