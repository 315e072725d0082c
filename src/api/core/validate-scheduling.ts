import type { LabelSelector } from '#meta'
import type {
  Affinity,
  NodeSelectorRequirement,
  NodeSelectorTerm,
  PodAffinityTerm,
  Taint,
  Toleration,
  TopologySpreadConstraint,
} from '../generated/types.ts'
import { labelSelector } from '../validation/common.ts'
import {
  complaints,
  duplicateValue,
  type Findings,
  forbid,
  invalidValue,
  optionalOneOf,
  required,
  unsupported,
} from '../validation/findings.ts'
import { dnsLabel, labelValue, qualifiedName, subdomainName } from '../validation/names.ts'

const EFFECTS = ['NoSchedule', 'PreferNoSchedule', 'NoExecute']

export function validateTolerations(tolerations: readonly Toleration[] | undefined, field: string, found: Findings): void {
  for (const [index, toleration] of (tolerations ?? []).entries()) {
    const { key, operator, value, effect, tolerationSeconds } = toleration
    const path = `${field}[${index}]`
    if (key) complaints(qualifiedName(key), key, `${path}.key`, found)
    else if (operator !== 'Exists') {
      const rule = 'operator must be Exists when `key` is empty, which means "match all values and all keys"'
      found.push(invalidValue(`${path}.operator`, operator ?? '', rule))
    }
    if (tolerationSeconds !== undefined && effect !== 'NoExecute') {
      found.push(invalidValue(`${path}.effect`, effect ?? '', "effect must be 'NoExecute' when `tolerationSeconds` is set"))
    }
    if (!operator || operator === 'Equal') {
      const complaint = [...labelValue(value ?? '')].join(';')
      if (complaint !== '') found.push(invalidValue(`${path}.operator`, value, complaint))
    } else if (operator === 'Exists') {
      if (value) found.push(invalidValue(`${path}.operator`, value, "value must be empty when `operator` is 'Exists'"))
    } else found.push(unsupported(`${path}.operator`, operator, ['Equal', 'Exists']))
    if (effect && !EFFECTS.includes(effect)) found.push(unsupported(`${path}.effect`, effect, EFFECTS))
  }
}

export function validateTaints(taints: readonly Taint[] | undefined, field: string, found: Findings): void {
  const seen = new Set<string>()
  for (const [index, { key, value, effect }] of (taints ?? []).entries()) {
    const path = `${field}[${index}]`
    complaints(qualifiedName(key ?? ''), key ?? '', `${path}.key`, found)
    const complaint = [...labelValue(value ?? '')].join(';')
    if (complaint !== '') found.push(invalidValue(`${path}.value`, value, complaint))
    if (!effect) found.push(required(`${path}.effect`))
    else if (!EFFECTS.includes(effect)) found.push(unsupported(`${path}.effect`, effect, EFFECTS))
    // A node can't have one taint in two values of the same effect.
    const identity = `${key}:${effect}`
    if (seen.has(identity))
      found.push(duplicateValue(path, { key, value, effect }, 'taints must be unique by key and effect pair'))
    seen.add(identity)
  }
}

export function validateSpread(
  constraints: readonly TopologySpreadConstraint[] | undefined,
  field: string,
  found: Findings,
): void {
  const pairs = (constraints ?? []).map(pairOf)
  for (const [index, constraint] of (constraints ?? []).entries()) {
    const { maxSkew, topologyKey, whenUnsatisfiable, minDomains } = constraint
    const path = `${field}[${index}]`
    if (!(maxSkew > 0)) found.push(invalidValue(`${path}.maxSkew`, maxSkew ?? 0, 'must be greater than zero'))
    if (!topologyKey) found.push(required(`${path}.topologyKey`, 'can not be empty'))
    if (!['DoNotSchedule', 'ScheduleAnyway'].includes(whenUnsatisfiable)) {
      found.push(unsupported(`${path}.whenUnsatisfiable`, whenUnsatisfiable ?? '', ['DoNotSchedule', 'ScheduleAnyway']))
    }
    const pair = pairs[index]!
    // Told at the first of them.
    if (pairs.indexOf(pair, index + 1) !== -1) found.push(duplicateValue(`${path}.{topologyKey, whenUnsatisfiable}`, pair))
    if (minDomains !== undefined) {
      if (minDomains <= 0) found.push(invalidValue(`${path}.minDomains`, minDomains, 'must be greater than zero'))
      if (whenUnsatisfiable !== 'DoNotSchedule') {
        const rule = `can only use minDomains if whenUnsatisfiable=DoNotSchedule, not ${whenUnsatisfiable}`
        found.push(invalidValue(`${path}.minDomains`, minDomains, rule))
      }
    }
    optionalOneOf(constraint.nodeAffinityPolicy, INCLUSION_POLICIES, `${path}.nodeAffinityPolicy`, found)
    optionalOneOf(constraint.nodeTaintsPolicy, INCLUSION_POLICIES, `${path}.nodeTaintsPolicy`, found)
    validateMatchKeys(constraint, `${path}.matchLabelKeys`, found)
    labelSelector(constraint.labelSelector, `${path}.labelSelector`, found)
  }
}

const INCLUSION_POLICIES = ['Honor', 'Ignore']

/** What makes one kind of spreading. */
const pairOf = ({ topologyKey, whenUnsatisfiable }: TopologySpreadConstraint): string => `{${topologyKey}, ${whenUnsatisfiable}}`

const keysOf = ({ matchLabels = {}, matchExpressions = [] }: LabelSelector): string[] => [
  ...Object.keys(matchLabels),
  ...matchExpressions.map(({ key }) => key),
]

function validateMatchKeys(
  { matchLabelKeys = [], labelSelector: selector }: TopologySpreadConstraint,
  field: string,
  found: Findings,
): void {
  if (matchLabelKeys.length === 0) return
  if (selector === undefined) found.push(forbid(field, 'must not be specified when labelSelector is not set'))
  const selected = new Set(selector === undefined ? [] : keysOf(selector))
  for (const [index, key] of matchLabelKeys.entries()) {
    complaints(qualifiedName(key), key, `${field}[${index}]`, found)
    if (selected.has(key)) found.push(invalidValue(`${field}[${index}]`, key, 'exists in both matchLabelKeys and labelSelector'))
  }
}

const REQUIRED = 'requiredDuringSchedulingIgnoredDuringExecution'
const PREFERRED = 'preferredDuringSchedulingIgnoredDuringExecution'

export function validateAffinity(affinity: Affinity | undefined, field: string, found: Findings): void {
  const node = affinity?.nodeAffinity
  if (node !== undefined) {
    const path = `${field}.nodeAffinity`
    if (node[REQUIRED]) nodeSelectorTerms(node[REQUIRED].nodeSelectorTerms, `${path}.${REQUIRED}.nodeSelectorTerms`, found)
    for (const [index, { weight, preference }] of (node[PREFERRED] ?? []).entries()) {
      validateWeight(weight, `${path}.${PREFERRED}[${index}].weight`, found)
      nodeSelectorTerm(preference ?? {}, `${path}.${PREFERRED}[${index}].preference`, true, found)
    }
  }
  for (const type of ['podAffinity', 'podAntiAffinity'] as const) {
    const pods = affinity?.[type]
    for (const [index, term] of (pods?.[REQUIRED] ?? []).entries()) {
      podAffinityTerm(term, `${field}.${type}.${REQUIRED}[${index}]`, found)
    }
    for (const [index, { weight, podAffinityTerm: term }] of (pods?.[PREFERRED] ?? []).entries()) {
      const path = `${field}.${type}.${PREFERRED}[${index}]`
      validateWeight(weight, `${path}.weight`, found)
      podAffinityTerm(term, `${path}.podAffinityTerm`, found)
    }
  }
}

function validateWeight(weight: number, field: string, found: Findings): void {
  if (!(weight >= 1 && weight <= 100)) found.push(invalidValue(field, weight ?? 0, 'must be in the range 1-100'))
}

export function nodeSelectorTerms(terms: readonly NodeSelectorTerm[] | undefined, field: string, found: Findings): void {
  if (!terms?.length) found.push(required(field, 'must have at least one node selector term'))
  for (const [index, term] of (terms ?? []).entries()) nodeSelectorTerm(term, `${field}[${index}]`, false, found)
}

/** A preference may ask for values that no label has (`anyValue`). */
function nodeSelectorTerm(term: NodeSelectorTerm, field: string, anyValue: boolean, found: Findings): void {
  for (const [index, requirement] of (term.matchExpressions ?? []).entries()) {
    const path = `${field}.matchExpressions[${index}]`
    nodeRequirement(requirement, path, found)
    complaints(qualifiedName(requirement.key ?? ''), requirement.key, `${path}.key`, found)
    for (const [at, value] of (anyValue ? [] : (requirement.values ?? [])).entries())
      complaints(labelValue(value), value, `${path}.values[${at}]`, found)
  }
  for (const [index, { key, operator, values = [] }] of (term.matchFields ?? []).entries()) {
    const path = `${field}.matchFields[${index}]`
    if (operator !== 'In' && operator !== 'NotIn')
      found.push(invalidValue(`${path}.operator`, operator, 'not a valid selector operator'))
    else if (values.length !== 1) {
      const rule = "must be only one value when `operator` is 'In' or 'NotIn' for node field selector"
      found.push(required(`${path}.values`, rule))
    }
    if (key !== 'metadata.name') found.push(invalidValue(`${path}.key`, key, 'not a valid field selector key'))
    else for (const [at, value] of values.entries()) complaints(subdomainName(value), value, `${path}.values[${at}]`, found)
  }
}

function nodeRequirement({ operator, values = [] }: NodeSelectorRequirement, path: string, found: Findings): void {
  switch (operator) {
    case 'In':
    case 'NotIn':
      if (values.length === 0) found.push(required(`${path}.values`, "must be specified when `operator` is 'In' or 'NotIn'"))
      break
    case 'Exists':
    case 'DoesNotExist':
      if (values.length > 0)
        found.push(forbid(`${path}.values`, "may not be specified when `operator` is 'Exists' or 'DoesNotExist'"))
      break
    case 'Gt':
    case 'Lt':
      if (values.length !== 1)
        found.push(required(`${path}.values`, "must be specified single value when `operator` is 'Lt' or 'Gt'"))
      break
    default:
      found.push(invalidValue(`${path}.operator`, operator, 'not a valid selector operator'))
  }
}

function podAffinityTerm(term: PodAffinityTerm | undefined, field: string, found: Findings): void {
  const { labelSelector: selector, namespaceSelector, namespaces = [], topologyKey = '' } = term ?? {}
  labelSelector(selector, `${field}.labelSelector`, found)
  labelSelector(namespaceSelector, `${field}.namespaceSelector`, found)
  for (const namespace of namespaces) complaints(dnsLabel(namespace), namespace, `${field}.namespace`, found)
  validateLabelKeys(term?.matchLabelKeys ?? [], selector, `${field}.matchLabelKeys`, found)
  validateLabelKeys(term?.mismatchLabelKeys ?? [], selector, `${field}.mismatchLabelKeys`, found)
  const excluded = new Set(term?.mismatchLabelKeys)
  for (const [index, key] of (term?.matchLabelKeys ?? []).entries()) {
    if (excluded.has(key))
      found.push(invalidValue(`${field}.matchLabelKeys[${index}]`, key, 'exists in both matchLabelKeys and mismatchLabelKeys'))
  }
  if (topologyKey === '') found.push(required(`${field}.topologyKey`, 'can not be empty'))
  complaints(qualifiedName(topologyKey), topologyKey, `${field}.topologyKey`, found)
}

function validateLabelKeys(keys: readonly string[], selector: LabelSelector | undefined, field: string, found: Findings): void {
  if (keys.length === 0) return
  if (selector === undefined) found.push(forbid(field, 'must not be specified when labelSelector is not set'))
  else for (const [index, key] of keys.entries()) complaints(qualifiedName(key), key, `${field}[${index}]`, found)
}
