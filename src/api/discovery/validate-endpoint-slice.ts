import { isIP } from 'node:net'
import { deepEqual } from '#base'
import type { DiscoveryEndpointPort, Endpoint, EndpointHints, EndpointSlice } from '../generated/types.ts'
import { fullyQualifiedDomain, labels } from '../validation/common.ts'
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
import { dnsLabel, labelValue, qualifiedName, subdomainName } from '../validation/names.ts'

const ENDPOINTS_MAX = 1000
const ADDRESSES_MAX = 100
const PORTS_MAX = 20_000
const TOPOLOGY_LABELS_MAX = 16
const HINTS_MAX = 8
const PROTOCOLS = ['SCTP', 'TCP', 'UDP']

/** Endpoints that are as they were stay as they are: many slices are older than some rules. Where addresses may lead depends on who writes (admission). */
export function validateEndpointSlice(slice: EndpointSlice, old: EndpointSlice | undefined, found: Findings): void {
  const { addressType, endpoints, ports } = slice
  oneOf(addressType, ['FQDN', 'IPv4', 'IPv6'], 'addressType', found)
  validatePorts(ports ?? [], 'ports', found)
  if (old === undefined || !deepEqual(old.endpoints, endpoints))
    validateEndpoints(endpoints ?? [], addressType, 'endpoints', found)
}

function validatePorts(ports: readonly DiscoveryEndpointPort[], field: string, found: Findings): void {
  if (ports.length > PORTS_MAX) {
    found.push(tooMany(field, ports.length, PORTS_MAX))
    return
  }
  const names = new Set<string>()
  for (const [index, { name = '', protocol, appProtocol }] of ports.entries()) {
    const path = `${field}[${index}]`
    if (name !== '') complaints(dnsLabel(name), name, `${path}.name`, found)
    if (names.has(name)) found.push(duplicateValue(`${path}.name`, name))
    names.add(name)
    if (protocol === undefined) found.push(required(`${path}.protocol`))
    else if (!PROTOCOLS.includes(protocol)) found.push(unsupported(`${path}.protocol`, protocol, PROTOCOLS))
    if (appProtocol !== undefined) complaints(qualifiedName(appProtocol), appProtocol, `${path}.appProtocol`, found)
  }
}

function validateEndpoints(endpoints: readonly Endpoint[], addressType: string, field: string, found: Findings): void {
  if (endpoints.length > ENDPOINTS_MAX) {
    found.push(tooMany(field, endpoints.length, ENDPOINTS_MAX))
    return
  }
  for (const [index, endpoint] of endpoints.entries()) {
    const path = `${field}[${index}]`
    const { addresses = [], nodeName, deprecatedTopology: topology, hostname, hints } = endpoint
    if (addresses.length === 0) found.push(required(`${path}.addresses`, 'must contain at least 1 address'))
    else if (addresses.length > ADDRESSES_MAX) found.push(tooMany(`${path}.addresses`, addresses.length, ADDRESSES_MAX))
    for (const [at, address] of addresses.entries()) validateAddress(address, addressType, `${path}.addresses[${at}]`, found)
    if (nodeName !== undefined) complaints(subdomainName(nodeName), nodeName, `${path}.nodeName`, found)
    const count = Object.keys(topology ?? {}).length
    if (count > TOPOLOGY_LABELS_MAX) found.push(tooMany(`${path}.deprecatedTopology`, count, TOPOLOGY_LABELS_MAX))
    labels(topology, `${path}.deprecatedTopology`, found)
    if (hostname !== undefined) complaints(dnsLabel(hostname), hostname, `${path}.hostname`, found)
    if (hints !== undefined) validateHints(hints, `${path}.hints`, found)
  }
}

function validateAddress(address: string, type: string, field: string, found: Findings): void {
  if (type === 'FQDN') fullyQualifiedDomain(address, field, found)
  else if (type === 'IPv4' || type === 'IPv6') {
    if (isIP(address) !== (type === 'IPv4' ? 4 : 6)) found.push(invalidValue(field, address, `must be a valid ${type} address`))
  }
}

function validateHints({ forZones = [], forNodes = [] }: EndpointHints, field: string, found: Findings): void {
  for (const [key, list] of [
    ['forZones', forZones],
    ['forNodes', forNodes],
  ] as const) {
    const path = `${field}.${key}`
    if (list.length > HINTS_MAX) {
      found.push(tooMany(path, list.length, HINTS_MAX))
      continue
    }
    const seen = new Set<string>()
    const rule = key === 'forZones' ? labelValue : subdomainName
    for (const [index, { name }] of list.entries()) {
      if (seen.has(name)) found.push(duplicateValue(`${path}[${index}].name`, name))
      seen.add(name)
      complaints(rule(name), name, `${path}[${index}].name`, found)
    }
  }
}
