import { compareQuantities, isQuantity } from '#meta'
import type { ResourceQuotaSpec, ScopedResourceSelectorRequirement } from '../generated/types.ts'
import { quantity } from '../validation/common.ts'
import { complaints, type Findings, invalidValue, required } from '../validation/findings.ts'
import { qualifiedName } from '../validation/names.ts'

/** Counts: half a pod is none. */
const COUNTED = new Set([
  'pods',
  'resourcequotas',
  'services',
  'replicationcontrollers',
  'secrets',
  'persistentvolumeclaims',
  'configmaps',
  'services.nodeports',
  'services.loadbalancers',
])
const COMPUTE = new Set(['cpu', 'memory', 'limits.cpu', 'limits.memory', 'requests.cpu', 'requests.memory'])
const STANDARD = new Set([
  ...COUNTED,
  ...COMPUTE,
  'ephemeral-storage',
  'requests.storage',
  'requests.ephemeral-storage',
  'limits.ephemeral-storage',
])
const HUGE_PAGES = /^(?:requests\.)?hugepages-/

const ofPods = (name: string): boolean => name === 'pods' || COMPUTE.has(name)

/** Which standard resources a scope has something to say of. */
const SCOPES: Readonly<Record<string, (resource: string) => boolean>> = {
  BestEffort: (name) => name === 'pods',
  CrossNamespacePodAffinity: ofPods,
  NotBestEffort: ofPods,
  NotTerminating: ofPods,
  PriorityClass: ofPods,
  Terminating: ofPods,
  VolumeAttributesClass: (name) => name === 'persistentvolumeclaims' || name === 'requests.storage',
}
/** These are there or not, and have no values. */
const PLAIN_SCOPES = ['BestEffort', 'NotBestEffort', 'Terminating', 'NotTerminating', 'CrossNamespacePodAffinity']
const OPPOSITES: readonly (readonly [string, string])[] = [
  ['BestEffort', 'NotBestEffort'],
  ['Terminating', 'NotTerminating'],
]

const isStandard = (name: string): boolean => STANDARD.has(name) || HUGE_PAGES.test(name)

/** https://kubernetes.io/docs/concepts/policy/resource-quotas/#quota-scopes */
export function* validateQuota(spec: ResourceQuotaSpec): Findings {
  const hard = spec.hard ?? {}
  for (const [name, value] of Object.entries(hard)) yield* validateLimit(name, value)
  const names = Object.keys(hard).filter(isStandard).sort()
  yield* validateScopes(spec.scopes ?? [], names)
  yield* validateSelector(spec, names)
}

function* validateLimit(name: string, value: string): Findings {
  const field = `spec.hard[${name}]`
  const wrong = [...complaints(qualifiedName(name), name, field)]
  yield* wrong
  if (wrong.length === 0 && !name.includes('/') && !isStandard(name))
    yield invalidValue(field, name, 'must be a standard resource for quotas')
  yield* quantity(value, field)
  if (COUNTED.has(name) && isQuantity(value) && compareQuantities(value, '0') > 0 && !isWhole(value))
    yield invalidValue(field, value, 'must be an integer')
}

const FRACTION = /^\+?\d*\.?\d*(?:m|u|n)$|^\+?\d*\.\d*[1-9]\d*$/

const isWhole = (value: string): boolean => {
  if (!FRACTION.test(value)) return true
  const thousandths = /^\+?(\d+)m$/.exec(value)?.[1]
  return thousandths !== undefined && Number(thousandths) % 1000 === 0
}

function* validateScopes(scopes: readonly string[], names: readonly string[]): Findings {
  const field = 'spec.scopes'
  for (const scope of scopes) {
    if (!Object.hasOwn(SCOPES, scope)) yield invalidValue(field, scopes, 'unsupported scope')
    else yield* unsuited(scope, names, field, scopes)
  }
  yield* conflicting(scopes, field, scopes)
}

function* validateSelector({ scopes = [], scopeSelector }: ResourceQuotaSpec, names: readonly string[]): Findings {
  if (scopeSelector === undefined) return
  const field = 'spec.scopeSelector.matchExpressions'
  const requirements = scopeSelector.matchExpressions ?? []
  for (const requirement of requirements) {
    const { scopeName } = requirement
    if (!Object.hasOwn(SCOPES, scopeName)) yield invalidValue(`${field}.scopeName`, scopeName, 'unsupported scope')
    else yield* unsuited(scopeName, names, field, scopeSelector)
    yield* validateRequirement(requirement, field)
  }
  const selected = requirements.map(({ scopeName }) => scopeName)
  yield* conflicting(selected, field, scopes)
}

function* validateRequirement({ scopeName, operator, values = [] }: ScopedResourceSelectorRequirement, field: string): Findings {
  if (PLAIN_SCOPES.includes(scopeName) && operator !== 'Exists') {
    const rule =
      "must be 'Exist' when scope is any of ResourceQuotaScopeTerminating, ResourceQuotaScopeNotTerminating, ResourceQuotaScopeBestEffort, ResourceQuotaScopeNotBestEffort or ResourceQuotaScopeCrossNamespacePodAffinity"
    yield invalidValue(`${field}.operator`, operator, rule)
  }
  if (operator === 'In' || operator === 'NotIn') {
    if (values.length === 0)
      yield required(`${field}.values`, "must be at least one value when `operator` is 'In' or 'NotIn' for scope selector")
  } else if (operator === 'Exists' || operator === 'DoesNotExist') {
    if (values.length > 0)
      yield invalidValue(
        `${field}.values`,
        values,
        "must be no value when `operator` is 'Exist' or 'DoesNotExist' for scope selector",
      )
  } else yield invalidValue(`${field}.operator`, operator ?? '', 'not a valid selector operator')
}

function* unsuited(scope: string, names: readonly string[], field: string, shown: unknown): Findings {
  for (const name of names) if (!SCOPES[scope]!(name)) yield invalidValue(field, shown, 'unsupported scope applied to resource')
}

function* conflicting(scopes: readonly string[], field: string, shown: unknown): Findings {
  for (const [one, other] of OPPOSITES)
    if (scopes.includes(one) && scopes.includes(other)) yield invalidValue(field, shown, 'conflicting scopes')
}
