import { ownValue } from '#base'
import { compareQuantities, isQuantity } from '#meta'
import type { PodSpec } from '../generated/types.ts'
import { type Findings, forbid, invalidValue, unsupported } from '../validation/findings.ts'
import { podLimits, podRequests } from './pod-facts.ts'
import type { PodLeniency } from './pod-leniency.ts'
import { isHugePages, type NameRule, validateAnyResourceName, validateResources } from './validate-resources.ts'

/** Resources of a pod as a whole (https://kubernetes.io/docs/concepts/configuration/manage-resources-containers/#pod-level-resource-specification). */
export function validatePodResources(spec: PodSpec, field: string, leniency: PodLeniency, found: Findings): void {
  const { resources, os } = spec
  if (resources === undefined) return
  if (os?.name === 'windows') {
    found.push(forbid(field, 'may not be set for a windows pod'))
    return
  }
  if (resources.claims !== undefined) found.push(forbid(`${field}.claims`, 'claims may not be set for Resources at pod-level'))
  validateResources(resources, ofPod, field, leniency, found)
  fitsContainers(spec, field, found)
}

const SUPPORTED = ['cpu', 'hugepages-', 'memory']

const ofPod: NameRule = (name, field, found) => {
  const before = found.length
  validateAnyResourceName(name, field, found)
  if (found.length === before && name !== 'cpu' && name !== 'memory' && !isHugePages(name))
    found.push(unsupported(field, name, SUPPORTED))
}

/** The whole has at least what its parts have together, and what any one of them may take. */
function fitsContainers(spec: PodSpec, field: string, found: Findings): void {
  const { requests = {}, limits = {} } = spec.resources ?? {}
  const { resources: _resources, overhead: _overhead, ...containers } = spec
  const isLess = (own: string | undefined, parts: string): own is string =>
    own !== undefined && isQuantity(own) && compareQuantities(parts, own) > 0
  if (!areReadable(spec)) return
  for (const [name, sum] of Object.entries(podRequests({ spec: containers }))) {
    const rule = `must be greater than or equal to aggregate container requests of ${sum}`
    const own = ownValue(requests, name)
    if (isLess(own, sum)) found.push(invalidValue(`${field}.requests[${name}]`, own, rule))
  }
  for (const [name, sum] of Object.entries(podLimits({ spec: containers }))) {
    const rule = `must be greater than or equal to aggregate container limits of ${sum}`
    const own = ownValue(limits, name)
    if (isHugePages(name) && isLess(own, sum)) found.push(invalidValue(`${field}.limits[${name}]`, own, rule))
  }
  for (const [index, { resources }] of (spec.containers ?? []).entries()) {
    for (const [name, limit] of Object.entries(resources?.limits ?? {})) {
      const own = ownValue(limits, name)
      const rule = `must be less than or equal to pod limits of ${own}`
      if (isLess(own, limit)) found.push(invalidValue(`${field}.containers[${index}][${name}].limits`, limit, rule))
    }
  }
}

/** What is no amount is told of elsewhere, and can't be added up. */
const areReadable = ({ containers = [], initContainers = [] }: PodSpec): boolean =>
  [...containers, ...initContainers].every(({ resources }) =>
    [...Object.values(resources?.limits ?? {}), ...Object.values(resources?.requests ?? {})].every((value) => isQuantity(value)),
  )
