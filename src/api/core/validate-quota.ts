import type { ResourceQuota, ResourceQuotaSpec, ScopedResourceSelectorRequirement, ScopeSelector } from '../generated/types.ts'
import { complaints, type Findings, IMMUTABLE, invalidValue, required } from '../validation/findings.ts'
import { qualifiedName } from '../validation/names.ts'
import { validateAmount } from './validate-resources.ts'

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
export function validateQuota(spec: ResourceQuotaSpec, found: Findings): void {
  validateAmounts(spec.hard, 'spec.hard', found)
  const names = Object.keys(spec.hard ?? {})
    .filter(isStandard)
    .sort()
  validateScopes(spec.scopes ?? [], names, found)
  validateSelector(spec, names, found)
}

export function validateQuotaUpdate({ spec }: ResourceQuota, { spec: old }: ResourceQuota, found: Findings): void {
  const [now, was] = [new Set(spec?.scopes), new Set(old?.scopes)]
  if (now.symmetricDifference(was).size > 0) found.push(invalidValue('spec.scopes', spec?.scopes ?? null, IMMUTABLE))
}

export function validateQuotaStatus({ status }: ResourceQuota, found: Findings): void {
  validateAmounts(status?.hard, 'status.hard', found)
  validateAmounts(status?.used, 'status.used', found)
}

function validateAmounts(amounts: ResourceQuotaSpec['hard'], field: string, found: Findings): void {
  for (const [name, value] of Object.entries(amounts ?? {})) {
    const path = `${field}[${name}]`
    const before = found.length
    complaints(qualifiedName(name), name, path, found)
    if (found.length === before && !name.includes('/') && !isStandard(name))
      found.push(invalidValue(path, name, 'must be a standard resource for quota'))
    validateAmount(name, value, path, found)
  }
}

function validateScopes(scopes: readonly string[], names: readonly string[], found: Findings): void {
  const field = 'spec.scopes'
  for (const scope of scopes) {
    if (!Object.hasOwn(SCOPES, scope)) found.push(invalidValue(field, scopes, 'unsupported scope'))
    else unsuited(scope, names, field, scopes, found)
  }
  conflicting(scopes, field, scopes, found)
}

function validateSelector({ scopes = [], scopeSelector }: ResourceQuotaSpec, names: readonly string[], found: Findings): void {
  if (scopeSelector === undefined) return
  const field = 'spec.scopeSelector.matchExpressions'
  const requirements = scopeSelector.matchExpressions ?? []
  for (const requirement of requirements) {
    const { scopeName } = requirement
    if (!Object.hasOwn(SCOPES, scopeName)) found.push(invalidValue(`${field}.scopeName`, scopeName, 'unsupported scope'))
    else unsuited(scopeName, names, field, selectorForm(scopeSelector), found)
    validateRequirement(requirement, field, found)
  }
  const selected = requirements.map(({ scopeName }) => scopeName)
  conflicting(selected, field, scopes, found)
}

function validateRequirement(
  { scopeName, operator, values = [] }: ScopedResourceSelectorRequirement,
  field: string,
  found: Findings,
): void {
  if (PLAIN_SCOPES.includes(scopeName) && operator !== 'Exists') {
    const rule =
      "must be 'Exist' when scope is any of ResourceQuotaScopeTerminating, ResourceQuotaScopeNotTerminating, ResourceQuotaScopeBestEffort, ResourceQuotaScopeNotBestEffort or ResourceQuotaScopeCrossNamespacePodAffinity"
    found.push(invalidValue(`${field}.operator`, operator, rule))
  }
  if (operator === 'In' || operator === 'NotIn') {
    if (values.length === 0)
      found.push(required(`${field}.values`, "must be at least one value when `operator` is 'In' or 'NotIn' for scope selector"))
  } else if (operator === 'Exists' || operator === 'DoesNotExist') {
    if (values.length > 0)
      found.push(
        invalidValue(
          `${field}.values`,
          values,
          "must be no value when `operator` is 'Exist' or 'DoesNotExist' for scope selector",
        ),
      )
  } else found.push(invalidValue(`${field}.operator`, operator ?? '', 'not a valid selector operator'))
}

function unsuited(scope: string, names: readonly string[], field: string, shown: unknown, found: Findings): void {
  for (const name of names)
    if (!SCOPES[scope]!(name)) found.push(invalidValue(field, shown, 'unsupported scope applied to resource'))
}

function conflicting(scopes: readonly string[], field: string, shown: unknown, found: Findings): void {
  for (const [one, other] of OPPOSITES)
    if (scopes.includes(one) && scopes.includes(other)) found.push(invalidValue(field, shown, 'conflicting scopes'))
}

/** Upstream shows a type of its own. */
const selectorForm = ({ matchExpressions }: ScopeSelector): object => ({
  MatchExpressions:
    matchExpressions?.map(({ scopeName, operator, values }) => ({
      ScopeName: scopeName ?? '',
      Operator: operator ?? '',
      Values: values ?? null,
    })) ?? null,
})
