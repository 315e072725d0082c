import type { LabelSelector } from '#meta'
import type { TopologySpreadConstraint } from '../generated/types.ts'
import { labelSelector } from '../validation/common.ts'
import {
  complaints,
  duplicateValue,
  type Findings,
  forbid,
  invalidValue,
  lenient,
  nothing,
  optionalOneOf,
  required,
  unsupported,
} from '../validation/findings.ts'
import { qualifiedName } from '../validation/names.ts'
import type { PodLeniency } from './pod-leniency.ts'
import { validateLabelKeys } from './validate-label-keys.ts'

export function validateSpread(
  constraints: readonly TopologySpreadConstraint[] | undefined,
  field: string,
  leniency: PodLeniency,
  found: Findings,
): void {
  const pairs = (constraints ?? []).map(pairOf)
  for (const [index, constraint] of (constraints ?? []).entries()) {
    const { maxSkew, topologyKey, whenUnsatisfiable } = constraint
    const path = `${field}[${index}]`
    if (!(maxSkew > 0)) found.push(invalidValue(`${path}.maxSkew`, maxSkew ?? 0, 'must be greater than zero'))
    if (!topologyKey) found.push(required(`${path}.topologyKey`, 'can not be empty'))
    if (!['DoNotSchedule', 'ScheduleAnyway'].includes(whenUnsatisfiable)) {
      found.push(unsupported(`${path}.whenUnsatisfiable`, whenUnsatisfiable ?? '', ['DoNotSchedule', 'ScheduleAnyway']))
    }
    const pair = pairs[index]!
    // Told at the first of them.
    if (pairs.indexOf(pair, index + 1) !== -1) found.push(duplicateValue(`${path}.{topologyKey, whenUnsatisfiable}`, pair))
    validateMinDomains(constraint, `${path}.minDomains`, found)
    optionalOneOf(constraint.nodeAffinityPolicy, INCLUSION_POLICIES, `${path}.nodeAffinityPolicy`, found)
    optionalOneOf(constraint.nodeTaintsPolicy, INCLUSION_POLICIES, `${path}.nodeTaintsPolicy`, found)
    if (constraint.matchLabelKeys !== undefined) validateSpreadKeys(constraint, path, leniency, found)
    lenient(
      () => leniency.anySpreadSelector,
      (own) => validateSpreadSelector(constraint, path, own),
      nothing,
      found,
    )
  }
}

export const validateSpreadSelector = (
  { labelSelector: selector }: TopologySpreadConstraint,
  path: string,
  found: Findings,
): void => labelSelector(selector, `${path}.labelSelector`, found)

function validateMinDomains({ minDomains, whenUnsatisfiable }: TopologySpreadConstraint, field: string, found: Findings): void {
  if (minDomains === undefined) return
  if (minDomains <= 0) found.push(invalidValue(field, minDomains, 'must be greater than zero'))
  if (whenUnsatisfiable === 'DoNotSchedule') return
  const rule = `can only use minDomains if whenUnsatisfiable=DoNotSchedule, not ${whenUnsatisfiable}`
  found.push(invalidValue(field, minDomains, rule))
}

const INCLUSION_POLICIES = ['Honor', 'Ignore']

/** What makes one kind of spreading. */
const pairOf = ({ topologyKey, whenUnsatisfiable }: TopologySpreadConstraint): string => `{${topologyKey}, ${whenUnsatisfiable}}`

const keysOf = ({ matchLabels = {}, matchExpressions = [] }: LabelSelector): string[] => [
  ...Object.keys(matchLabels),
  ...matchExpressions.map(({ key }) => key),
]

function validateSpreadKeys(constraint: TopologySpreadConstraint, path: string, leniency: PodLeniency, found: Findings): void {
  lenient(
    () => leniency.unmergedLabelKeys,
    (own) => validateLabelKeys(constraint, path, own),
    (own) => validateUnmergedKeys(constraint, `${path}.matchLabelKeys`, own),
    found,
  )
}

/** The rule for keys that stay beside the selector. */
function validateUnmergedKeys(
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
