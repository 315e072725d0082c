import { ownValue } from '#base'
import { compareQuantities, isQuantity, parseQuantity } from '#meta'
import type { ResourceRequirements } from '../generated/types.ts'
import { quantity } from '../validation/common.ts'
import { complaints, type Findings, forbid, invalidValue, required } from '../validation/findings.ts'
import { NONE, qualifiedName } from '../validation/names.ts'
import type { PodLeniency } from './pod-leniency.ts'

const OF_CONTAINERS = new Set(['cpu', 'memory', 'ephemeral-storage'])

export const isHugePages = (name: string): boolean => name.startsWith('hugepages-')

/** What Kubernetes itself knows, by its place or its domain. */
const isNative = (name: string): boolean => !name.includes('/') || name.includes('kubernetes.io/')

/** Resources of a domain outside Kubernetes' own: devices and the like, counted in whole pieces and never shared. */
export const isExtendedResource = (name: string): boolean =>
  !isNative(name) && !name.startsWith('requests.') && qualifiedName(`requests.${name}`) === NONE

/** A limit that is not there, or is more than what is asked for, would be taken from others. */
export const mayBeOvercommitted = (name: string): boolean => isNative(name) && !isHugePages(name)

/** What an amount of huge pages must be: pages. */
export function isDivisible(name: string, amount: string): boolean {
  const size = name.slice('hugepages-'.length)
  if (!isQuantity(size) || !isQuantity(amount)) return false
  const [page, whole] = [parseQuantity(size).nanos, parseQuantity(amount).nanos]
  return page > 0n && page % ONE === 0n && whole % page === 0n
}

const ONE = 1_000_000_000n

/** What is wrong with a name at its place. */
export type NameRule = (name: string, field: string, found: Findings) => void

export function validateResources(
  resources: Pick<ResourceRequirements, 'limits' | 'requests'> | undefined,
  validateName: NameRule,
  field: string,
  leniency: PodLeniency,
  found: Findings,
): void {
  const { limits, requests } = resources ?? {}
  for (const name in limits)
    if (!isPlain(name, limits[name]!))
      validateEntry(name, limits[name]!, validateName, `${field}.limits[${name}]`, leniency, found)
  for (const name in requests) {
    const request = requests[name]!
    if (isPlain(name, request)) compareWithLimit(name, request, ownValue(limits, name), field, found)
    else
      validateEntry(name, request, validateName, `${field}.requests[${name}]`, leniency, found, () =>
        compareWithLimit(name, request, ownValue(limits, name), field, found),
      )
  }
  needsCompute(limits, requests, field, found)
}

/** The common resources by their common amounts need no look, and no place to be told of. */
const isPlain = (name: string, value: string): boolean => (name === 'cpu' || name === 'memory') && PLAIN_AMOUNT.test(value)

const PLAIN_AMOUNT = /^\d{1,9}(m|[kMGT]|[KMGT]i)?$/

function validateEntry(
  name: string,
  value: string,
  validateName: NameRule,
  field: string,
  leniency: PodLeniency,
  found: Findings,
  compare?: () => void,
): void {
  if (!OF_CONTAINERS.has(name) || name === 'ephemeral-storage') validateName(name, field, found)
  if (!OF_CONTAINERS.has(name) || !PLAIN_AMOUNT.test(value)) validateAmount(name, value, field, found)
  compare?.()
  if (isHugePages(name) && !isDivisible(name, value) && !leniency.indivisibleHugePages)
    found.push(invalidValue(field, value, `${value} is not positive integer multiple of ${name}`))
}

/** Nothing below zero, and no part of what comes in pieces. */
export function validateAmount(name: string, value: string, field: string, found: Findings): void {
  const before = found.length
  quantity(value, field, found)
  if (found.length === before && isCounted(name) && parseQuantity(value).nanos % ONE !== 0n)
    found.push(invalidValue(field, value, 'must be an integer'))
}

function compareWithLimit(name: string, request: string, limit: string | undefined, field: string, found: Findings): void {
  const isShared = mayBeOvercommitted(name)
  if (limit === undefined) {
    if (!isShared) found.push(required(`${field}.limits`, 'Limit must be set for non overcommitable resources'))
    return
  }
  if (request === limit || !isQuantity(request) || !isQuantity(limit)) return
  const difference = compareQuantities(request, limit)
  if (difference !== 0 && !isShared)
    found.push(invalidValue(`${field}.requests`, request, `must be equal to ${name} limit of ${limit}`))
  else if (difference > 0)
    found.push(invalidValue(`${field}.requests`, request, `must be less than or equal to ${name} limit of ${limit}`))
}

type List = ResourceRequirements['limits']

/** What uses pages also runs. */
function needsCompute(limits: List, requests: List, field: string, found: Findings): void {
  const has = (is: (name: string) => boolean): boolean => {
    for (const name in limits) if (is(name)) return true
    for (const name in requests) if (is(name)) return true
    return false
  }
  if (has(isHugePages) && !has((name) => name === 'cpu' || name === 'memory'))
    found.push(forbid(field, 'HugePages require cpu or memory'))
}

const COUNTS = [
  ...['pods', 'services', 'replicationcontrollers', 'resourcequotas', 'secrets', 'configmaps', 'persistentvolumeclaims'],
  ...['services.nodeports', 'services.loadbalancers'],
]
const IS_COUNT: ReadonlySet<string> = new Set(COUNTS)
const isCounted = (name: string): boolean => IS_COUNT.has(name) || isExtendedResource(name)

/** Names that mean a resource of containers, or any that something is counted by. */
const STANDARD: ReadonlySet<string> = new Set([
  ...OF_CONTAINERS,
  ...COUNTS,
  ...[...OF_CONTAINERS].flatMap((name) => [`requests.${name}`, `limits.${name}`]),
  ...['storage', 'requests.storage'],
])
const QUOTA_PAGES = /^(requests\.)?hugepages-/

/** Whether the name is none of a resource at all. */
export function validateAnyResourceName(name: string, field: string, found: Findings): void {
  const before = found.length
  complaints(qualifiedName(name), name, field, found)
  if (found.length > before || name.includes('/') || STANDARD.has(name) || QUOTA_PAGES.test(name)) return
  found.push(invalidValue(field, name, 'must be a standard resource type or fully qualified'))
}

export const ofContainer: NameRule = (name, field, found) => {
  validateAnyResourceName(name, field, found)
  if (!name.includes('/')) {
    if (!OF_CONTAINERS.has(name) && !isHugePages(name))
      found.push(invalidValue(field, name, 'must be a standard resource for containers'))
  } else if (!isNative(name) && !isExtendedResource(name))
    found.push(invalidValue(field, name, "doesn't follow extended resource name standard"))
}
