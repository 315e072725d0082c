import { deepEqual } from '#base'
import type { EndpointAddress, EndpointPort, Endpoints } from '../generated/types.ts'
import { complaints, type Findings, invalidValue, oneOf, port, required } from '../validation/findings.ts'
import { ipAddress, isReadableAddress } from '../validation/ip.ts'
import { dnsLabel, qualifiedName, subdomainName } from '../validation/names.ts'

/** Subsets that are as they were stay as they are. Where addresses may lead depends on who writes (admission). */
export function validateEndpoints({ subsets }: Endpoints, old: Endpoints | undefined, found: Findings): void {
  if (old !== undefined && deepEqual(old.subsets, subsets)) return
  for (const [index, { addresses = [], notReadyAddresses = [], ports = [] }] of (subsets ?? []).entries()) {
    const path = `subsets[${index}]`
    if (addresses.length === 0 && notReadyAddresses.length === 0) {
      found.push(required(path, 'must specify `addresses` or `notReadyAddresses`'))
    }
    for (const [at, each] of addresses.entries()) validateAddress(each, `${path}.addresses[${at}]`, found)
    for (const [at, each] of notReadyAddresses.entries()) validateAddress(each, `${path}.notReadyAddresses[${at}]`, found)
    for (const [at, each] of ports.entries()) validatePort(each, ports.length > 1, `${path}.ports[${at}]`, found)
  }
}

function validateAddress({ ip = '', hostname, nodeName }: EndpointAddress, field: string, found: Findings): void {
  ipAddress(ip, `${field}.ip`, found)
  if (hostname) complaints(dnsLabel(hostname), hostname, `${field}.hostname`, found)
  if (nodeName !== undefined) complaints(subdomainName(nodeName), nodeName, `${field}.nodeName`, found)
  // Said twice: of the spelling, and of where it leads.
  if (!isReadableAddress(ip)) found.push(invalidValue(`${field}.ip`, ip, 'must be a valid IP address'))
}

function validatePort(each: EndpointPort, needsName: boolean, field: string, found: Findings): void {
  const { name, protocol, appProtocol } = each
  if (name) complaints(dnsLabel(name), name, `${field}.name`, found)
  else if (needsName) found.push(required(`${field}.name`))
  port(each.port ?? 0, `${field}.port`, found)
  oneOf(protocol, ['SCTP', 'TCP', 'UDP'], `${field}.protocol`, found)
  if (appProtocol !== undefined) complaints(qualifiedName(appProtocol), appProtocol, `${field}.appProtocol`, found)
}
