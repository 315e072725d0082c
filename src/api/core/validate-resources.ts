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

export function* validateResources(
  resources: ResourceRequirements | undefined,
  field: string,
  validateAmount: AmountRule = ofContainer,
): Findings {
  const { limits = {}, requests = {} } = resources ?? {}
  for (const [name, value] of Object.entries(limits))
    yield* validateAmount(name, value, `${field}.limits[${name}]`, `${field}.limits`)
  for (const [name, request] of Object.entries(requests)) {
    const path = `${field}.requests`
    const own = [...validateAmount(name, request, `${path}[${name}]`, path)]
    yield* own
    const limit = limits[name]
    const exclusive = isExtendedResource(name) || isHugePages(name)
    if (limit === undefined) {
      if (exclusive) yield required(`${field}.limits`, 'Limit must be set for non overcommitable resources')
    } else if (own.length === 0 && isQuantity(limit)) {
      const difference = compareQuantities(request, limit)
      if (exclusive && difference !== 0) yield invalidValue(path, request, `must be equal to ${name} limit of ${limit}`)
      else if (difference > 0) yield invalidValue(path, request, `must be less than or equal to ${name} limit of ${limit}`)
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

export function* validateResourceName(name: string, ofContainers: boolean, field: string): Findings {
  const own = [...complaints(qualifiedName(name), name, field)]
  yield* own
  if (own.length > 0 || name.includes('/')) return
  if (!COUNTED.has(name) && !isHugePages(name))
    yield invalidValue(field, name, 'must be a standard resource type or fully qualified')
  if (ofContainers && !STANDARD.has(name) && !isHugePages(name))
    yield invalidValue(field, name, 'must be a standard resource for containers')
}

/** What is wrong with one entry at `field` of a list of resources. */
export type AmountRule = (name: string, value: string, field: string, list: string) => Findings

const ofContainer: AmountRule = function* (name, value, field, list) {
  yield* complaints(qualifiedName(name), name, list)
  if (!name.includes('/') && !STANDARD.has(name) && !isHugePages(name)) {
    yield invalidValue(field, name, 'must be a standard resource for containers')
  }
  const own = [...quantity(value, field)]
  yield* own
  if (own.length === 0 && isExtendedResource(name) && parseQuantity(value).nanos % 1_000_000_000n !== 0n) {
    yield invalidValue(field, value, 'must be an integer')
  }
}
