import type { JobSpec, PodFailurePolicyRule, SuccessPolicyRule } from '../generated/types.ts'
import {
  complaints,
  duplicateValue,
  type Findings,
  invalidValue,
  nonNegative,
  required,
  tooLong,
  tooMany,
  unsupported,
  withoutValue,
} from '../validation/findings.ts'
import { qualifiedName } from '../validation/names.ts'
import { countIndexes } from './job-indexes.ts'

const RULES_MAX = 20
const PATTERNS_MAX = 20
const EXIT_CODES_MAX = 255
const INDEXES_LENGTH_MAX = 64 * 1024
const ACTIONS = ['Count', 'FailIndex', 'FailJob', 'Ignore']
const OPERATORS = ['In', 'NotIn']
const STATUSES = ['False', 'True', 'Unknown']

export function* validateFailurePolicy(spec: JobSpec, field: string): Findings {
  const { rules } = spec.podFailurePolicy ?? { rules: [] }
  if (rules === undefined) return
  if (rules.length > RULES_MAX) yield tooMany(`${field}.rules`, rules.length, RULES_MAX)
  const { containers = [], initContainers = [] } = spec.template?.spec ?? {}
  const names = new Set([...containers, ...initContainers].map(({ name }) => name))
  for (const [at, rule] of rules.entries()) yield* validateRule(rule, spec, names, `${field}.rules[${at}]`)
}

/** A word of a closed set that must be there. */
function* word(value: string | undefined, supported: readonly string[], field: string): Findings {
  if (!value) yield required(field, `valid values: [${supported.map((each) => JSON.stringify(each)).join(' ')}]`)
  else if (!supported.includes(value)) yield unsupported(field, value, supported)
}

function* validateRule(rule: PodFailurePolicyRule, spec: JobSpec, names: ReadonlySet<string>, field: string): Findings {
  yield* word(rule.action, ACTIONS, `${field}.action`)
  if (rule.action === 'FailIndex' && spec.backoffLimitPerIndex === undefined)
    yield invalidValue(`${field}.action`, rule.action, 'requires the backoffLimitPerIndex to be set')
  const { onExitCodes, onPodConditions = [] } = rule
  if (onExitCodes !== undefined) yield* validateExitCodes(onExitCodes, names, `${field}.onExitCodes`)
  if (onPodConditions.length > PATTERNS_MAX) yield tooMany(`${field}.onPodConditions`, onPodConditions.length, PATTERNS_MAX)
  for (const [at, { type, status }] of onPodConditions.entries()) {
    yield* complaints(qualifiedName(type), type, `${field}.onPodConditions[${at}].type`)
    yield* word(status, STATUSES, `${field}.onPodConditions[${at}].status`)
  }
  if (onExitCodes !== undefined && onPodConditions.length > 0)
    yield withoutValue(field, 'specifying both OnExitCodes and OnPodConditions is not supported')
  if (onExitCodes === undefined && onPodConditions.length === 0)
    yield withoutValue(field, 'specifying one of OnExitCodes and OnPodConditions is required')
}

type ExitCodes = NonNullable<PodFailurePolicyRule['onExitCodes']>

function* validateExitCodes(codes: ExitCodes, names: ReadonlySet<string>, field: string): Findings {
  const { containerName, operator, values = [] } = codes
  yield* word(operator, OPERATORS, `${field}.operator`)
  if (containerName !== undefined && !names.has(containerName)) {
    const rule = 'must be one of the container or initContainer names in the pod template'
    yield invalidValue(`${field}.containerName`, containerName, rule)
  }
  if (values.length === 0) yield invalidValue(`${field}.values`, values, 'at least one value is required')
  if (values.length > EXIT_CODES_MAX) yield tooMany(`${field}.values`, values.length, EXIT_CODES_MAX)
  const seen = new Set<number>()
  for (const [at, value] of values.entries()) {
    if (operator === 'In' && value === 0) yield invalidValue(`${field}.values[${at}]`, value, 'must not be 0 for the In operator')
    if (seen.has(value)) yield duplicateValue(`${field}.values[${at}]`, value)
    seen.add(value)
  }
  if (values.some((value, at) => at > 0 && value < values[at - 1]!))
    yield invalidValue(`${field}.values`, values, 'must be ordered')
}

export function* validateSuccessPolicy(spec: JobSpec, field: string): Findings {
  if (spec.successPolicy === undefined) return
  if (spec.completionMode !== 'Indexed') {
    yield invalidValue(field, spec.successPolicy, 'requires indexed completion mode')
    return
  }
  const { rules = [] } = spec.successPolicy
  if (rules.length === 0)
    yield required(`${field}.rules`, 'at least one rules must be specified when the successPolicy is specified')
  if (rules.length > RULES_MAX) yield tooMany(`${field}.rules`, rules.length, RULES_MAX)
  for (const [at, rule] of rules.entries()) yield* validateSuccessRule(rule, spec.completions ?? 0, `${field}.rules[${at}]`)
}

function* validateSuccessRule(rule: SuccessPolicyRule, completions: number, field: string): Findings {
  const { succeededCount, succeededIndexes } = rule
  if (succeededCount === undefined && succeededIndexes === undefined) {
    yield required(field, 'at least one of succeededCount or succeededIndexes must be specified')
    return
  }
  let total: number | undefined
  if (succeededIndexes !== undefined) {
    if (succeededIndexes.length > INDEXES_LENGTH_MAX) yield tooLong(`${field}.succeededIndexes`, INDEXES_LENGTH_MAX)
    const counted = countIndexes(succeededIndexes, completions)
    if (typeof counted === 'string')
      yield invalidValue(`${field}.succeededIndexes`, succeededIndexes, `error parsing succeededIndexes: ${counted}`)
    else total = counted
  }
  if (succeededCount === undefined) return
  const name = `${field}.succeededCount`
  yield* nonNegative(succeededCount, name)
  const upTo = (limit: number, what: string): string => `must be less than or equal to ${limit} (the number of ${what})`
  if (succeededCount > completions) yield invalidValue(name, succeededCount, upTo(completions, 'specified completions'))
  if (total !== undefined && succeededCount > total)
    yield invalidValue(name, succeededCount, upTo(total, 'indexes in the specified succeededIndexes field'))
}
