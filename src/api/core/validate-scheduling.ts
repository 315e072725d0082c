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

export function* validateTolerations(tolerations: readonly Toleration[] | undefined, field: string): Findings {
  for (const [index, toleration] of (tolerations ?? []).entries()) {
    const { key, operator, value, effect, tolerationSeconds } = toleration
    const path = `${field}[${index}]`
    if (key) yield* complaints(qualifiedName(key), key, `${path}.key`)
    else if (operator !== 'Exists') {
      const rule = 'operator must be Exists when `key` is empty, which means "match all values and all keys"'
      yield invalidValue(`${path}.operator`, operator ?? '', rule)
    }
    if (tolerationSeconds !== undefined && effect !== 'NoExecute') {
      yield invalidValue(`${path}.effect`, effect ?? '', "effect must be 'NoExecute' when `tolerationSeconds` is set")
    }
    const complaint = [...labelValue(value ?? '')].join(';')
    if (!operator || operator === 'Equal') {
      if (complaint !== '') yield invalidValue(`${path}.operator`, value, complaint)
    } else if (operator === 'Exists') {
      if (value) yield invalidValue(`${path}.operator`, value, "value must be empty when `operator` is 'Exists'")
    } else yield unsupported(`${path}.operator`, operator, ['Equal', 'Exists'])
    if (effect && !EFFECTS.includes(effect)) yield unsupported(`${path}.effect`, effect, EFFECTS)
  }
}

export function* validateTaints(taints: readonly Taint[] | undefined, field: string): Findings {
  const seen = new Set<string>()
  for (const [index, { key, value, effect }] of (taints ?? []).entries()) {
    const path = `${field}[${index}]`
    yield* complaints(qualifiedName(key ?? ''), key ?? '', `${path}.key`)
    const complaint = [...labelValue(value ?? '')].join(';')
    if (complaint !== '') yield invalidValue(`${path}.value`, value, complaint)
    if (!effect) yield required(`${path}.effect`)
    else if (!EFFECTS.includes(effect)) yield unsupported(`${path}.effect`, effect, EFFECTS)
    // A node can't have one taint in two values of the same effect.
    const identity = `${key}:${effect}`
    if (seen.has(identity)) yield duplicateValue(path, { key, value, effect }, 'taints must be unique by key and effect pair')
    seen.add(identity)
  }
}

export function* validateSpread(constraints: readonly TopologySpreadConstraint[] | undefined, field: string): Findings {
  const pairs = (constraints ?? []).map(pairOf)
  for (const [index, constraint] of (constraints ?? []).entries()) {
    const { maxSkew, topologyKey, whenUnsatisfiable, minDomains } = constraint
    const path = `${field}[${index}]`
    if (!(maxSkew > 0)) yield invalidValue(`${path}.maxSkew`, maxSkew ?? 0, 'must be greater than zero')
    if (!topologyKey) yield required(`${path}.topologyKey`, 'can not be empty')
    if (!['DoNotSchedule', 'ScheduleAnyway'].includes(whenUnsatisfiable)) {
      yield unsupported(`${path}.whenUnsatisfiable`, whenUnsatisfiable ?? '', ['DoNotSchedule', 'ScheduleAnyway'])
    }
    const pair = pairs[index]!
    // Told at the first of them.
    if (pairs.indexOf(pair, index + 1) !== -1) yield duplicateValue(`${path}.{topologyKey, whenUnsatisfiable}`, pair)
    if (minDomains !== undefined) {
      if (minDomains <= 0) yield invalidValue(`${path}.minDomains`, minDomains, 'must be greater than zero')
      if (whenUnsatisfiable !== 'DoNotSchedule') {
        const rule = `can only use minDomains if whenUnsatisfiable=DoNotSchedule, not ${whenUnsatisfiable}`
        yield invalidValue(`${path}.minDomains`, minDomains, rule)
      }
    }
    yield* optionalOneOf(constraint.nodeAffinityPolicy, INCLUSION_POLICIES, `${path}.nodeAffinityPolicy`)
    yield* optionalOneOf(constraint.nodeTaintsPolicy, INCLUSION_POLICIES, `${path}.nodeTaintsPolicy`)
    yield* validateMatchKeys(constraint, `${path}.matchLabelKeys`)
    yield* labelSelector(constraint.labelSelector, `${path}.labelSelector`)
  }
}

const INCLUSION_POLICIES = ['Honor', 'Ignore']

/** What makes one kind of spreading. */
const pairOf = ({ topologyKey, whenUnsatisfiable }: TopologySpreadConstraint): string => `{${topologyKey}, ${whenUnsatisfiable}}`

const keysOf = ({ matchLabels = {}, matchExpressions = [] }: LabelSelector): string[] => [
  ...Object.keys(matchLabels),
  ...matchExpressions.map(({ key }) => key),
]

function* validateMatchKeys({ matchLabelKeys = [], labelSelector: selector }: TopologySpreadConstraint, field: string): Findings {
  if (matchLabelKeys.length === 0) return
  if (selector === undefined) yield forbid(field, 'must not be specified when labelSelector is not set')
  const selected = new Set(selector === undefined ? [] : keysOf(selector))
  for (const [index, key] of matchLabelKeys.entries()) {
    yield* complaints(qualifiedName(key), key, `${field}[${index}]`)
    if (selected.has(key)) yield invalidValue(`${field}[${index}]`, key, 'exists in both matchLabelKeys and labelSelector')
  }
}

const REQUIRED = 'requiredDuringSchedulingIgnoredDuringExecution'
const PREFERRED = 'preferredDuringSchedulingIgnoredDuringExecution'

export function* validateAffinity(affinity: Affinity | undefined, field: string): Findings {
  const node = affinity?.nodeAffinity
  if (node !== undefined) {
    const path = `${field}.nodeAffinity`
    if (node[REQUIRED]) yield* nodeSelectorTerms(node[REQUIRED].nodeSelectorTerms, `${path}.${REQUIRED}.nodeSelectorTerms`)
    for (const [index, { weight, preference }] of (node[PREFERRED] ?? []).entries()) {
      yield* validateWeight(weight, `${path}.${PREFERRED}[${index}].weight`)
      yield* nodeSelectorTerm(preference ?? {}, `${path}.${PREFERRED}[${index}].preference`, true)
    }
  }
  for (const type of ['podAffinity', 'podAntiAffinity'] as const) {
    const pods = affinity?.[type]
    for (const [index, term] of (pods?.[REQUIRED] ?? []).entries()) {
      yield* podAffinityTerm(term, `${field}.${type}.${REQUIRED}[${index}]`)
    }
    for (const [index, { weight, podAffinityTerm: term }] of (pods?.[PREFERRED] ?? []).entries()) {
      const path = `${field}.${type}.${PREFERRED}[${index}]`
      yield* validateWeight(weight, `${path}.weight`)
      yield* podAffinityTerm(term, `${path}.podAffinityTerm`)
    }
  }
}

function* validateWeight(weight: number, field: string): Findings {
  if (!(weight >= 1 && weight <= 100)) yield invalidValue(field, weight ?? 0, 'must be in the range 1-100')
}

export function* nodeSelectorTerms(terms: readonly NodeSelectorTerm[] | undefined, field: string): Findings {
  if (!terms?.length) yield required(field, 'must have at least one node selector term')
  for (const [index, term] of (terms ?? []).entries()) yield* nodeSelectorTerm(term, `${field}[${index}]`, false)
}

/** A preference may ask for values that no label has (`anyValue`). */
function* nodeSelectorTerm(term: NodeSelectorTerm, field: string, anyValue: boolean): Findings {
  for (const [index, requirement] of (term.matchExpressions ?? []).entries()) {
    const path = `${field}.matchExpressions[${index}]`
    yield* nodeRequirement(requirement, path)
    yield* complaints(qualifiedName(requirement.key ?? ''), requirement.key, `${path}.key`)
    for (const [at, value] of (anyValue ? [] : (requirement.values ?? [])).entries())
      yield* complaints(labelValue(value), value, `${path}.values[${at}]`)
  }
  for (const [index, { key, operator, values = [] }] of (term.matchFields ?? []).entries()) {
    const path = `${field}.matchFields[${index}]`
    if (operator !== 'In' && operator !== 'NotIn')
      yield invalidValue(`${path}.operator`, operator, 'not a valid selector operator')
    else if (values.length !== 1) {
      const rule = "must be only one value when `operator` is 'In' or 'NotIn' for node field selector"
      yield required(`${path}.values`, rule)
    }
    if (key !== 'metadata.name') yield invalidValue(`${path}.key`, key, 'not a valid field selector key')
    else for (const [at, value] of values.entries()) yield* complaints(subdomainName(value), value, `${path}.values[${at}]`)
  }
}

function* nodeRequirement({ operator, values = [] }: NodeSelectorRequirement, path: string): Findings {
  switch (operator) {
    case 'In':
    case 'NotIn':
      if (values.length === 0) yield required(`${path}.values`, "must be specified when `operator` is 'In' or 'NotIn'")
      break
    case 'Exists':
    case 'DoesNotExist':
      if (values.length > 0) yield forbid(`${path}.values`, "may not be specified when `operator` is 'Exists' or 'DoesNotExist'")
      break
    case 'Gt':
    case 'Lt':
      if (values.length !== 1) yield required(`${path}.values`, "must be specified single value when `operator` is 'Lt' or 'Gt'")
      break
    default:
      yield invalidValue(`${path}.operator`, operator, 'not a valid selector operator')
  }
}

function* podAffinityTerm(term: PodAffinityTerm | undefined, field: string): Findings {
  const { labelSelector: selector, namespaceSelector, namespaces = [], topologyKey = '' } = term ?? {}
  yield* labelSelector(selector, `${field}.labelSelector`)
  yield* labelSelector(namespaceSelector, `${field}.namespaceSelector`)
  for (const namespace of namespaces) yield* complaints(dnsLabel(namespace), namespace, `${field}.namespace`)
  yield* validateLabelKeys(term?.matchLabelKeys ?? [], selector, `${field}.matchLabelKeys`)
  yield* validateLabelKeys(term?.mismatchLabelKeys ?? [], selector, `${field}.mismatchLabelKeys`)
  const excluded = new Set(term?.mismatchLabelKeys)
  for (const [index, key] of (term?.matchLabelKeys ?? []).entries()) {
    if (excluded.has(key))
      yield invalidValue(`${field}.matchLabelKeys[${index}]`, key, 'exists in both matchLabelKeys and mismatchLabelKeys')
  }
  if (topologyKey === '') yield required(`${field}.topologyKey`, 'can not be empty')
  yield* complaints(qualifiedName(topologyKey), topologyKey, `${field}.topologyKey`)
}

function* validateLabelKeys(keys: readonly string[], selector: LabelSelector | undefined, field: string): Findings {
  if (keys.length === 0) return
  if (selector === undefined) yield forbid(field, 'must not be specified when labelSelector is not set')
  else for (const [index, key] of keys.entries()) yield* complaints(qualifiedName(key), key, `${field}[${index}]`)
}
