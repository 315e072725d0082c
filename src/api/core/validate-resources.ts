import { compareQuantities, isQuantity, parseQuantity } from '#meta'
import type { ResourceRequirements } from '../generated/types.ts'
import { quantity } from '../validation/common.ts'
import { complaints, type Findings, invalidValue, required } from '../validation/findings.ts'
import { qualifiedName } from '../validation/names.ts'

const STANDARD = new Set(['cpu', 'memory', 'ephemeral-storage'])

export const isHugePages = (name: string): boolean => name.startsWith('hugepages-')

/** Resources of a domain outside Kubernetes' own: devices and the like, counted in whole pieces and never shared. */
export const isExtendedResource = (name: string): boolean =>
  name.includes('/') && !/(^|\.)kubernetes\.io\//.test(name) && !name.startsWith('requests.')

export function validateResources(
  resources: ResourceRequirements | undefined,
  validateAmount: AmountRule,
  field: string,
  found: Findings,
): void {
  const { limits, requests } = resources ?? {}
  for (const name in limits) validateAmount(name, limits[name]!, `${field}.limits`, found)
  const path = `${field}.requests`
  for (const name in requests) {
    const request = requests[name]!
    const before = found.length
    validateAmount(name, request, path, found)
    const limit = limits?.[name]
    const exclusive = isExtendedResource(name) || isHugePages(name)
    if (limit === undefined) {
      if (exclusive) found.push(required(`${field}.limits`, 'Limit must be set for non overcommitable resources'))
    } else if (request !== limit && found.length === before && isQuantity(limit)) {
      const difference = compareQuantities(request, limit)
      if (exclusive && difference !== 0) found.push(invalidValue(path, request, `must be equal to ${name} limit of ${limit}`))
      else if (difference > 0) found.push(invalidValue(path, request, `must be less than or equal to ${name} limit of ${limit}`))
    }
  }
}

/** Names that mean a resource of containers, or any that something is counted by. */
const COUNTED = new Set([
  ...STANDARD,
  'storage',
  'pods',
  'services',
  'replicationcontrollers',
  'resourcequotas',
  'secrets',
  'configmaps',
])

export function validateResourceName(name: string, ofContainers: boolean, field: string, found: Findings): void {
  const before = found.length
  complaints(qualifiedName(name), name, field, found)
  if (found.length > before || name.includes('/')) return
  if (!COUNTED.has(name) && !isHugePages(name))
    found.push(invalidValue(field, name, 'must be a standard resource type or fully qualified'))
  if (ofContainers && !STANDARD.has(name) && !isHugePages(name))
    found.push(invalidValue(field, name, 'must be a standard resource for containers'))
}

/** What is wrong with one entry of a list of resources, which is at `list`. */
export type AmountRule = (name: string, value: string, list: string, found: Findings) => void

export const ofContainer: AmountRule = (name, value, list, found) => {
  const field = `${list}[${name}]`
  if (STANDARD.has(name)) {
    quantity(value, field, found)
    return
  }
  complaints(qualifiedName(name), name, list, found)
  if (!name.includes('/') && !isHugePages(name))
    found.push(invalidValue(field, name, 'must be a standard resource for containers'))
  const before = found.length
  quantity(value, field, found)
  if (found.length === before && isExtendedResource(name) && parseQuantity(value).nanos % 1_000_000_000n !== 0n) {
    found.push(invalidValue(field, value, 'must be an integer'))
  }
}
