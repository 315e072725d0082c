import type { ObjectMeta } from '#meta'
import type { PodSpec, ResourceRequirements } from '../generated/types.ts'
import { dnsLabelField } from '../validation/common.ts'
import {
  complaints,
  duplicateValue,
  type Findings,
  forbid,
  invalidValue,
  notFoundValue,
  required,
  WHOLE,
} from '../validation/findings.ts'
import { internalForm } from '../validation/internal-form.ts'
import { dnsLabel, subdomainName } from '../validation/names.ts'
import { isMirrorPod } from './pod-facts.ts'

/** The claims of a pod. Upstream shows a type of its own. */
export function validatePodClaims(
  { resourceClaims = [] }: PodSpec,
  pod: ObjectMeta | undefined,
  field: string,
  found: Findings,
): void {
  if (isMirrorPod({ metadata: pod ?? {} })) {
    for (const _ of resourceClaims) found.push(forbid(WHOLE, 'static pods do not support resource claims'))
    return
  }
  const names = new Set<string>()
  for (const [index, { name, resourceClaimName, resourceClaimTemplateName }] of resourceClaims.entries()) {
    const path = `${field}[${index}]`
    if (name && names.has(name)) found.push(duplicateValue(`${path}.name`, name))
    else dnsLabelField(name, `${path}.name`, found)
    names.add(name)
    const shown = (): object => internalForm(resourceClaims[index]!, 'PodResourceClaim')
    if (resourceClaimName !== undefined && resourceClaimTemplateName !== undefined)
      found.push(
        invalidValue(path, shown(), 'at most one of `resourceClaimName` or `resourceClaimTemplateName` may be specified'),
      )
    if (resourceClaimName === undefined && resourceClaimTemplateName === undefined)
      found.push(invalidValue(path, shown(), 'must specify one of: `resourceClaimName`, `resourceClaimTemplateName`'))
    for (const [key, value] of Object.entries({ resourceClaimName, resourceClaimTemplateName }))
      if (value !== undefined) complaints(subdomainName(value), value, `${path}.${key}`, found)
  }
}

/** What a container uses of the claims of its pod: each as a whole, or some of its requests. */
export function validateUsedClaims(claims: ResourceRequirements['claims'], spec: PodSpec, field: string, found: Findings): void {
  const used = new Set<string>()
  for (const [index, { name, request }] of (claims ?? []).entries()) {
    const path = `${field}[${index}]`
    if (!name) {
      found.push(required(path))
      continue
    }
    if (used.has(name)) found.push(duplicateValue(path, name))
    else {
      const key = request ? `${name}/${request}` : name
      if (request) complaints(dnsLabel(request), request, `${path}.request`, found)
      if (used.has(key)) found.push(duplicateValue(path, key))
      else if (!request) for (const other of used) if (other.startsWith(`${name}/`)) found.push(duplicateValue(path, name))
      used.add(key)
    }
    const names = (spec.resourceClaims ?? []).map((claim) => claim.name)
    if (names.includes(name)) continue
    const known = names.length === 0 ? ' which is empty' : `: ${names.toSorted().join(', ')}`
    found.push(notFoundValue(path, name, `must be one of the names in pod.spec.resourceClaims${known}`))
  }
}
