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

export function validateFailurePolicy(spec: JobSpec, field: string, found: Findings): void {
  const { rules } = spec.podFailurePolicy ?? { rules: [] }
  if (rules === undefined) return
  if (rules.length > RULES_MAX) found.push(tooMany(`${field}.rules`, rules.length, RULES_MAX))
  const { containers = [], initContainers = [] } = spec.template?.spec ?? {}
  const names = new Set([...containers, ...initContainers].map(({ name }) => name))
  for (const [at, rule] of rules.entries()) validateRule(rule, spec, names, `${field}.rules[${at}]`, found)
}

/** A word of a closed set that must be there. */
function word(value: string | undefined, supported: readonly string[], field: string, found: Findings): void {
  if (!value) found.push(required(field, `valid values: [${supported.map((each) => JSON.stringify(each)).join(' ')}]`))
  else if (!supported.includes(value)) found.push(unsupported(field, value, supported))
}

function validateRule(
  rule: PodFailurePolicyRule,
  spec: JobSpec,
  names: ReadonlySet<string>,
  field: string,
  found: Findings,
): void {
  word(rule.action, ACTIONS, `${field}.action`, found)
  if (rule.action === 'FailIndex' && spec.backoffLimitPerIndex === undefined)
    found.push(invalidValue(`${field}.action`, rule.action, 'requires the backoffLimitPerIndex to be set'))
  const { onExitCodes, onPodConditions = [] } = rule
  if (onExitCodes !== undefined) validateExitCodes(onExitCodes, names, `${field}.onExitCodes`, found)
  if (onPodConditions.length > PATTERNS_MAX) found.push(tooMany(`${field}.onPodConditions`, onPodConditions.length, PATTERNS_MAX))
  for (const [at, { type, status }] of onPodConditions.entries()) {
    complaints(qualifiedName(type), type, `${field}.onPodConditions[${at}].type`, found)
    word(status, STATUSES, `${field}.onPodConditions[${at}].status`, found)
  }
  if (onExitCodes !== undefined && onPodConditions.length > 0)
    found.push(withoutValue(field, 'specifying both OnExitCodes and OnPodConditions is not supported'))
  if (onExitCodes === undefined && onPodConditions.length === 0)
    found.push(withoutValue(field, 'specifying one of OnExitCodes and OnPodConditions is required'))
}

type ExitCodes = NonNullable<PodFailurePolicyRule['onExitCodes']>

function validateExitCodes(codes: ExitCodes, names: ReadonlySet<string>, field: string, found: Findings): void {
  const { containerName, operator, values = [] } = codes
  word(operator, OPERATORS, `${field}.operator`, found)
  if (containerName !== undefined && !names.has(containerName)) {
    const rule = 'must be one of the container or initContainer names in the pod template'
    found.push(invalidValue(`${field}.containerName`, containerName, rule))
  }
  if (values.length === 0) found.push(invalidValue(`${field}.values`, values, 'at least one value is required'))
  if (values.length > EXIT_CODES_MAX) found.push(tooMany(`${field}.values`, values.length, EXIT_CODES_MAX))
  const seen = new Set<number>()
  for (const [at, value] of values.entries()) {
    if (operator === 'In' && value === 0)
      found.push(invalidValue(`${field}.values[${at}]`, value, 'must not be 0 for the In operator'))
    if (seen.has(value)) found.push(duplicateValue(`${field}.values[${at}]`, value))
    seen.add(value)
  }
  if (values.some((value, at) => at > 0 && value < values[at - 1]!))
    found.push(invalidValue(`${field}.values`, values, 'must be ordered'))
}

export function validateSuccessPolicy(spec: JobSpec, field: string, found: Findings): void {
  if (spec.successPolicy === undefined) return
  if (spec.completionMode !== 'Indexed') {
    found.push(invalidValue(field, successPolicyForm(spec.successPolicy), 'requires indexed completion mode'))
    return
  }
  const { rules = [] } = spec.successPolicy
  if (rules.length === 0)
    found.push(required(`${field}.rules`, 'at least one rules must be specified when the successPolicy is specified'))
  if (rules.length > RULES_MAX) found.push(tooMany(`${field}.rules`, rules.length, RULES_MAX))
  for (const [at, rule] of rules.entries()) validateSuccessRule(rule, spec.completions ?? 0, `${field}.rules[${at}]`, found)
}

function validateSuccessRule(rule: SuccessPolicyRule, completions: number, field: string, found: Findings): void {
  const { succeededCount, succeededIndexes } = rule
  if (succeededCount === undefined && succeededIndexes === undefined) {
    found.push(required(field, 'at least one of succeededCount or succeededIndexes must be specified'))
    return
  }
  let total: number | undefined
  if (succeededIndexes !== undefined) {
    if (succeededIndexes.length > INDEXES_LENGTH_MAX) found.push(tooLong(`${field}.succeededIndexes`, INDEXES_LENGTH_MAX))
    const counted = countIndexes(succeededIndexes, completions)
    if (typeof counted === 'string')
      found.push(invalidValue(`${field}.succeededIndexes`, succeededIndexes, `error parsing succeededIndexes: ${counted}`))
    else total = counted
  }
  if (succeededCount === undefined) return
  const name = `${field}.succeededCount`
  nonNegative(succeededCount, name, found)
  const upTo = (limit: number, what: string): string => `must be less than or equal to ${limit} (the number of ${what})`
  if (succeededCount > completions) found.push(invalidValue(name, succeededCount, upTo(completions, 'specified completions')))
  if (total !== undefined && succeededCount > total)
    found.push(invalidValue(name, succeededCount, upTo(total, 'indexes in the specified succeededIndexes field')))
}

/** Policies as errors show them: upstream shows types of its own. */
export const failurePolicyForm = (policy: JobSpec['podFailurePolicy']): object | null =>
  policy === undefined
    ? null
    : {
        Rules: policy.rules.map(({ action, onExitCodes: codes, onPodConditions }) => ({
          Action: action ?? '',
          OnExitCodes:
            codes === undefined
              ? null
              : {
                  ContainerName: codes.containerName ?? null,
                  Operator: codes.operator ?? '',
                  Values: codes.values ?? null,
                },
          OnPodConditions: onPodConditions?.map(({ type, status }) => ({ Type: type, Status: status })) ?? null,
        })),
      }

export const successPolicyForm = (policy: JobSpec['successPolicy']): object | null =>
  policy === undefined
    ? null
    : {
        Rules: policy.rules.map(({ succeededIndexes, succeededCount }) => ({
          SucceededIndexes: succeededIndexes ?? null,
          SucceededCount: succeededCount ?? null,
        })),
      }
