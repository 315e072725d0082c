import type {
  Affinity,
  NodeSelectorRequirement,
  NodeSelectorTerm,
  PodAffinityTerm,
  Taint,
  Toleration,
} from '../generated/types.ts'
import { labelSelector } from '../validation/common.ts'
import {
  complaints,
  duplicateValue,
  type Findings,
  forbid,
  invalidValue,
  lenient,
  required,
  unsupported,
} from '../validation/findings.ts'
import { dnsLabel, labelValue, NONE, qualifiedName, subdomainName } from '../validation/names.ts'
import type { PodLeniency } from './pod-leniency.ts'
import { validateLabelKeys } from './validate-label-keys.ts'

const EFFECTS = ['NoSchedule', 'PreferNoSchedule', 'NoExecute']

/** Comparisons are for whom has them already (`leniency`), while their feature is off. */
export function validateTolerations(
  tolerations: readonly Toleration[] | undefined,
  field: string,
  found: Findings,
  leniency?: PodLeniency,
): void {
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
    } else if (operator === 'Lt' || operator === 'Gt') {
      if (leniency?.comparingTolerations) comparedNumber(value ?? '', `${path}.value`, found)
      else found.push(unsupported(`${path}.operator`, operator, ['Equal', 'Exists', 'Lt', 'Gt']))
    } else found.push(unsupported(`${path}.operator`, operator, ['Equal', 'Exists']))
    if (effect && !EFFECTS.includes(effect)) found.push(unsupported(`${path}.effect`, effect, EFFECTS))
  }
}

const DECIMAL = /^(0|-?[1-9][0-9]*)$/
const [INT64_MIN, INT64_MAX] = [-(2n ** 63n), 2n ** 63n - 1n]

function comparedNumber(value: string, field: string, found: Findings): void {
  if (!DECIMAL.test(value)) {
    found.push(
      invalidValue(field, value, value === '' ? 'must be non-empty' : 'must be a valid decimal integer in canonical form'),
    )
  }
  const error = (why: string): string => `strconv.ParseInt: parsing ${JSON.stringify(value)}: ${why}`
  if (!/^[+-]?\d+$/.test(value)) found.push(invalidValue(field, value, error('invalid syntax')))
  else if (BigInt(value.replace('+', '')) < INT64_MIN || BigInt(value.replace('+', '')) > INT64_MAX)
    found.push(invalidValue(field, value, error('value out of range')))
}

export function validateTaints(taints: readonly Taint[] | undefined, field: string, found: Findings): void {
  const seen = new Set<string>()
  for (const [index, { key, value, effect, timeAdded }] of (taints ?? []).entries()) {
    const path = `${field}[${index}]`
    complaints(qualifiedName(key ?? ''), key ?? '', `${path}.key`, found)
    const complaint = [...labelValue(value ?? '')].join(';')
    if (complaint !== '') found.push(invalidValue(`${path}.value`, value, complaint))
    if (!effect) found.push(required(`${path}.effect`))
    else if (!EFFECTS.includes(effect)) found.push(unsupported(`${path}.effect`, effect, EFFECTS))
    // A node can't have one taint in two values of the same effect.
    const identity = `${key}:${effect}`
    if (seen.has(identity)) {
      // Upstream shows a type of its own.
      const shown = { Key: key, Value: value ?? '', Effect: effect, TimeAdded: timeAdded ?? null }
      found.push(duplicateValue(path, shown, 'taints must be unique by key and effect pair'))
    }
    seen.add(identity)
  }
}

const REQUIRED = 'requiredDuringSchedulingIgnoredDuringExecution'
const PREFERRED = 'preferredDuringSchedulingIgnoredDuringExecution'

/** Every term by which a pod is near others, or far from them. */
export const affinityTerms = (affinity: Affinity | undefined): PodAffinityTerm[] =>
  [affinity?.podAffinity, affinity?.podAntiAffinity].flatMap((pods) => [
    ...(pods?.[REQUIRED] ?? []),
    ...(pods?.[PREFERRED] ?? []).map(({ podAffinityTerm: term }) => term),
  ])

export function validateAffinity(affinity: Affinity | undefined, field: string, leniency: PodLeniency, found: Findings): void {
  const node = affinity?.nodeAffinity
  if (node !== undefined) {
    const path = `${field}.nodeAffinity`
    const { nodeSelectorTerms: terms } = node[REQUIRED] ?? {}
    const termsBy = (anyValue: boolean) => (own: Findings) =>
      nodeSelectorTerms(terms, `${path}.${REQUIRED}.nodeSelectorTerms`, own, anyValue)
    if (node[REQUIRED]) lenient(() => leniency.anyNodeValues, termsBy(false), termsBy(true), found)
    for (const [index, { weight, preference }] of (node[PREFERRED] ?? []).entries()) {
      validateWeight(weight, `${path}.${PREFERRED}[${index}].weight`, found)
      nodeSelectorTerm(preference ?? {}, `${path}.${PREFERRED}[${index}].preference`, true, found)
    }
  }
  for (const type of ['podAffinity', 'podAntiAffinity'] as const) {
    const pods = affinity?.[type]
    for (const [index, term] of (pods?.[REQUIRED] ?? []).entries()) {
      podAffinityTerm(term, `${field}.${type}.${REQUIRED}[${index}]`, leniency, found)
    }
    for (const [index, { weight, podAffinityTerm: term }] of (pods?.[PREFERRED] ?? []).entries()) {
      const path = `${field}.${type}.${PREFERRED}[${index}]`
      validateWeight(weight, `${path}.weight`, found)
      podAffinityTerm(term, `${path}.podAffinityTerm`, leniency, found)
    }
  }
}

function validateWeight(weight: number, field: string, found: Findings): void {
  if (!(weight >= 1 && weight <= 100)) found.push(invalidValue(field, weight ?? 0, 'must be in the range 1-100'))
}

export function nodeSelectorTerms(
  terms: readonly NodeSelectorTerm[] | undefined,
  field: string,
  found: Findings,
  anyValue = false,
): void {
  if (!terms?.length) found.push(required(field, 'must have at least one node selector term'))
  for (const [index, term] of (terms ?? []).entries()) nodeSelectorTerm(term, `${field}[${index}]`, anyValue, found)
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

/** Selectors of a term; with `anyValues`, those that were accepted before their values were looked at. */
export function validateTermSelectors(term: PodAffinityTerm, field: string, found: Findings, anyValues = false): void {
  labelSelector(term.labelSelector, `${field}.labelSelector`, found, anyValues)
  labelSelector(term.namespaceSelector, `${field}.namespaceSelector`, found, anyValues)
}

function podAffinityTerm(
  term: PodAffinityTerm = {} as PodAffinityTerm,
  field: string,
  leniency: PodLeniency,
  found: Findings,
): void {
  const selectorsBy = (anyValues: boolean) => (own: Findings) => validateTermSelectors(term, field, own, anyValues)
  lenient(() => leniency.anySelectorValues, selectorsBy(false), selectorsBy(true), found)
  for (const namespace of term.namespaces ?? NONE) complaints(dnsLabel(namespace), namespace, `${field}.namespace`, found)
  validateLabelKeys(term, field, found)
  const { topologyKey = '' } = term
  if (topologyKey === '') found.push(required(`${field}.topologyKey`, 'can not be empty'))
  complaints(qualifiedName(topologyKey), topologyKey, `${field}.topologyKey`, found)
}
