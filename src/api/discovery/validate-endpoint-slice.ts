import { isIP } from 'node:net'
import { deepEqual } from '#base'
import type { DiscoveryEndpointPort, Endpoint, EndpointHints, EndpointSlice } from '../generated/types.ts'
import { labels } from '../validation/common.ts'
import {
  complaints,
  duplicateValue,
  type Findings,
  invalidValue,
  oneOf,
  required,
  tooMany,
  unsupported,
} from '../validation/findings.ts'
import { dnsLabel, fullyQualifiedDomain, labelValue, qualifiedName, subdomainName } from '../validation/names.ts'

const ENDPOINTS_MAX = 1000
const ADDRESSES_MAX = 100
const PORTS_MAX = 20_000
const TOPOLOGY_LABELS_MAX = 16
const HINTS_MAX = 8
const PROTOCOLS = ['SCTP', 'TCP', 'UDP']

/** Endpoints that are as they were stay as they are: many slices are older than some rules. Where addresses may lead depends on who writes (admission). */
export function* validateEndpointSlice(slice: EndpointSlice, _context?: unknown, old?: EndpointSlice): Findings {
  const { addressType, endpoints, ports } = slice
  yield* oneOf(addressType, ['FQDN', 'IPv4', 'IPv6'], 'addressType')
  yield* validatePorts(ports ?? [], 'ports')
  if (old === undefined || !deepEqual(old.endpoints, endpoints))
    yield* validateEndpoints(endpoints ?? [], addressType, 'endpoints')
}

function* validatePorts(ports: readonly DiscoveryEndpointPort[], field: string): Findings {
  if (ports.length > PORTS_MAX) {
    yield tooMany(field, ports.length, PORTS_MAX)
    return
  }
  const names = new Set<string>()
  for (const [index, { name = '', protocol, appProtocol }] of ports.entries()) {
    const path = `${field}[${index}]`
    if (name !== '') yield* complaints(dnsLabel(name), name, `${path}.name`)
    if (names.has(name)) yield duplicateValue(`${path}.name`, name)
    names.add(name)
    if (protocol === undefined) yield required(`${path}.protocol`)
    else if (!PROTOCOLS.includes(protocol)) yield unsupported(`${path}.protocol`, protocol, PROTOCOLS)
    if (appProtocol !== undefined) yield* complaints(qualifiedName(appProtocol), appProtocol, `${path}.appProtocol`)
  }
}

function* validateEndpoints(endpoints: readonly Endpoint[], addressType: string, field: string): Findings {
  if (endpoints.length > ENDPOINTS_MAX) {
    yield tooMany(field, endpoints.length, ENDPOINTS_MAX)
    return
  }
  for (const [index, endpoint] of endpoints.entries()) {
    const path = `${field}[${index}]`
    const { addresses = [], nodeName, deprecatedTopology: topology, hostname, hints } = endpoint
    if (addresses.length === 0) yield required(`${path}.addresses`, 'must contain at least 1 address')
    else if (addresses.length > ADDRESSES_MAX) yield tooMany(`${path}.addresses`, addresses.length, ADDRESSES_MAX)
    for (const [at, address] of addresses.entries()) yield* validateAddress(address, addressType, `${path}.addresses[${at}]`)
    if (nodeName !== undefined) yield* complaints(subdomainName(nodeName), nodeName, `${path}.nodeName`)
    const count = Object.keys(topology ?? {}).length
    if (count > TOPOLOGY_LABELS_MAX) yield tooMany(`${path}.deprecatedTopology`, count, TOPOLOGY_LABELS_MAX)
    yield* labels(topology, `${path}.deprecatedTopology`)
    if (hostname !== undefined) yield* complaints(dnsLabel(hostname), hostname, `${path}.hostname`)
    if (hints !== undefined) yield* validateHints(hints, `${path}.hints`)
  }
}

function* validateAddress(address: string, type: string, field: string): Findings {
  if (type === 'FQDN') {
    for (const problem of fullyQualifiedDomain(address)) yield invalidValue(field, address, problem)
  } else if (type === 'IPv4' || type === 'IPv6') {
    if (isIP(address) !== (type === 'IPv4' ? 4 : 6)) yield invalidValue(field, address, `must be a valid ${type} address`)
  }
}

function* validateHints({ forZones = [], forNodes = [] }: EndpointHints, field: string): Findings {
  for (const [key, list] of [
    ['forZones', forZones],
    ['forNodes', forNodes],
  ] as const) {
    const path = `${field}.${key}`
    if (list.length > HINTS_MAX) {
      yield tooMany(path, list.length, HINTS_MAX)
      continue
    }
    const seen = new Set<string>()
    const rule = key === 'forZones' ? labelValue : subdomainName
    for (const [index, { name }] of list.entries()) {
      if (seen.has(name)) yield duplicateValue(`${path}[${index}].name`, name)
      seen.add(name)
      yield* complaints(rule(name), name, `${path}[${index}].name`)
    }
  }
}
