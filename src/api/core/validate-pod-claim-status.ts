import { compareQuantities } from '#meta'
import type { PodExtendedResourceClaimStatus, PodSpec, PodStatus } from '../generated/types.ts'
import { complaints, duplicateValue, type Findings, invalidValue, required } from '../validation/findings.ts'
import { dnsLabel, subdomainName } from '../validation/names.ts'

/** Which ResourceClaims were made for the pod's own. */
export function validateClaimStatuses({ resourceClaimStatuses: statuses }: PodStatus, spec: PodSpec, found: Findings): void {
  if (statuses === undefined) return
  const names = new Set(spec.resourceClaims?.map(({ name }) => name))
  const seen = new Set<string>()
  for (const [index, { name, resourceClaimName }] of statuses.entries()) {
    const path = `status.resourceClaimStatuses[${index}]`
    if (!names.has(name))
      found.push(invalidValue(`${path}.name`, name, 'must match the name of an entry in `spec.resourceClaims`'))
    if (seen.has(name)) found.push(duplicateValue(`${path}.name`, name))
    seen.add(name)
    if (resourceClaimName !== undefined)
      complaints(subdomainName(resourceClaimName), resourceClaimName, `${path}.resourceClaimName`, found)
  }
}

/** Which ResourceClaim the scheduler made for what containers request as plain resources (KEP-5004). */
export function validateExtendedClaim(
  { requestMappings: mappings = [], resourceClaimName: claim }: PodExtendedResourceClaimStatus,
  { containers = [], initContainers = [] }: PodSpec,
  found: Findings,
): void {
  const field = 'status.extendedResourceClaimStatus'
  const path = `${field}.requestMappings`
  if (mappings.length === 0) found.push(required(path, 'at least one request mapping is required'))
  const byName = new Map([...initContainers, ...containers].map((container) => [container.name, container]))
  const seen = new Set<string>()
  for (const [index, { containerName, resourceName, requestName }] of mappings.entries()) {
    const at = `${path}[${index}]`
    const container = byName.get(containerName)
    if (container === undefined) {
      const rule = 'must match the name of an entry in spec.initContainers.name or spec.containers.name'
      found.push(invalidValue(`${at}.containerName`, containerName, rule))
    } else if (container.resources?.requests?.[resourceName] === undefined) {
      const rule =
        'must match the extended resource name of an entry in spec.initContainers.resources.requests or spec.containers.resources.requests'
      found.push(invalidValue(`${at}.resourceName`, resourceName, rule))
    }
    complaints(dnsLabel(requestName), requestName, `${field}.requestName`, found)
    const key = [containerName, resourceName, requestName].join('\n')
    if (seen.has(key))
      for (const [part, value] of Object.entries({ containerName, resourceName, requestName }))
        found.push(duplicateValue(`${at}.${part}`, value))
    seen.add(key)
  }
  if (!claim) found.push(required(`${field}.resourceClaimName`))
  else complaints(subdomainName(claim), claim, `${field}.resourceClaimName`, found)
}

/** What claims give of a node's own resources (KEP-5517). */
export function validateAllocatableClaims(status: PodStatus, { resourceClaims }: PodSpec, found: Findings): void {
  const statuses = status.nodeAllocatableResourceClaimStatuses ?? []
  for (const [index, { resourceClaimName: claim = '', containers, resources = {} }] of statuses.entries()) {
    const path = `status.nodeAllocatableResourceClaimStatuses[${index}]`
    if (claim === '') found.push(required(`${path}.resourceClaimName`, 'must not be empty'))
    const known = [...(resourceClaims ?? []), ...(status.resourceClaimStatuses ?? [])]
    if (!known.some(({ resourceClaimName }) => resourceClaimName === claim))
      found.push(invalidValue(`${path}.resourceClaimName`, claim, 'no mapping found in pod reference'))
    if (!containers?.length) found.push(required(`${path}.containers`, 'must not be empty'))
    if (Object.keys(resources).length === 0) found.push(required(`${path}.resources`, 'must not be empty'))
    for (const [name, amount] of Object.entries(resources)) {
      if (name.includes('/') && !name.includes('kubernetes.io/'))
        found.push(invalidValue(`${path}.resources[${name}]`, name, 'must be a node allocatable resource name'))
      if (compareQuantities(amount, '0') < 0)
        found.push(invalidValue(`${path}.resources[${name}]`, amount, 'must be non-negative'))
    }
  }
}
