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
import { complaints, duplicateValue, type Findings, forbid, invalidValue, required, unsupported } from '../validation/findings.ts'
import { dnsLabel, labelValue, qualifiedName } from '../validation/names.ts'

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
    if (!operator || operator === 'Equal') yield* complaints(labelValue(value ?? ''), value, `${path}.operator`)
    else if (operator === 'Exists') {
      if (value) yield invalidValue(`${path}.operator`, toleration, "value must be empty when `operator` is 'Exists'")
    } else yield unsupported(`${path}.operator`, operator, ['Equal', 'Exists'])
    if (effect && !EFFECTS.includes(effect)) yield unsupported(`${path}.effect`, effect, EFFECTS)
  }
}

export function* validateTaints(taints: readonly Taint[] | undefined, field: string): Findings {
  const seen = new Set<string>()
  for (const [index, { key, value, effect }] of (taints ?? []).entries()) {
    const path = `${field}[${index}]`
    yield* complaints(qualifiedName(key ?? ''), key ?? '', `${path}.key`)
    yield* complaints(labelValue(value ?? ''), value, `${path}.value`)
    if (!effect) yield required(`${path}.effect`)
    else if (!EFFECTS.includes(effect)) yield unsupported(`${path}.effect`, effect, EFFECTS)
    // A node can't have one taint in two values of the same effect.
    const identity = `${key}:${effect}`
    if (seen.has(identity)) yield duplicateValue(path, { key, value, effect })
    seen.add(identity)
  }
}

export function* validateSpread(constraints: readonly TopologySpreadConstraint[] | undefined, field: string): Findings {
  const seen = new Set<string>()
  for (const [index, constraint] of (constraints ?? []).entries()) {
    const { maxSkew, topologyKey, whenUnsatisfiable, minDomains } = constraint
    const path = `${field}[${index}]`
    if (!(maxSkew > 0)) yield invalidValue(`${path}.maxSkew`, maxSkew ?? 0, 'must be greater than zero')
    if (!topologyKey) yield required(`${path}.topologyKey`, 'can not be empty')
    else yield* complaints(qualifiedName(topologyKey), topologyKey, `${path}.topologyKey`)
    if (!['DoNotSchedule', 'ScheduleAnyway'].includes(whenUnsatisfiable)) {
      yield unsupported(`${path}.whenUnsatisfiable`, whenUnsatisfiable ?? '', ['DoNotSchedule', 'ScheduleAnyway'])
    }
    const pair = `{${topologyKey}, ${whenUnsatisfiable}}`
    if (seen.has(pair)) yield duplicateValue(`${path}.{topologyKey, whenUnsatisfiable}`, pair)
    seen.add(pair)
    if (minDomains !== undefined) {
      if (minDomains <= 0) yield invalidValue(`${path}.minDomains`, minDomains, 'must be greater than zero')
      if (whenUnsatisfiable !== 'DoNotSchedule') {
        const rule = `can only use minDomains if whenUnsatisfiable=DoNotSchedule, not ${whenUnsatisfiable}`
        yield invalidValue(`${path}.minDomains`, minDomains, rule)
      }
    }
    yield* labelSelector(constraint.labelSelector, `${path}.labelSelector`)
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
      yield* nodeSelectorTerm(preference ?? {}, `${path}.${PREFERRED}[${index}].preference`)
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
  for (const [index, term] of (terms ?? []).entries()) yield* nodeSelectorTerm(term, `${field}[${index}]`)
}

function* nodeSelectorTerm(term: NodeSelectorTerm, field: string): Findings {
  for (const [index, requirement] of (term.matchExpressions ?? []).entries()) {
    const path = `${field}.matchExpressions[${index}]`
    yield* nodeRequirement(requirement, path)
    yield* complaints(qualifiedName(requirement.key ?? ''), requirement.key, `${path}.key`)
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
  yield* labelSelector(term?.labelSelector, `${field}.labelSelector`)
  yield* labelSelector(term?.namespaceSelector, `${field}.namespaceSelector`)
  for (const [index, namespace] of (term?.namespaces ?? []).entries()) {
    yield* complaints(dnsLabel(namespace), namespace, `${field}.namespaces[${index}]`)
  }
  if (!term?.topologyKey) yield required(`${field}.topologyKey`, 'can not be empty')
  else yield* complaints(qualifiedName(term.topologyKey), term.topologyKey, `${field}.topologyKey`)
}
