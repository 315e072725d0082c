import { duplicateValue, type Findings, invalidValue, required, tooLong, unsupported } from './findings.ts'
import { qualifiedName } from './names.ts'

/** `meta/v1.Condition`, as a client may send it. */
interface Condition {
  readonly type?: string
  readonly status?: string
  readonly observedGeneration?: number
  readonly lastTransitionTime?: string
  readonly reason?: string
  readonly message?: string
}

const STATUSES = ['False', 'True', 'Unknown']
const REASON_LENGTH_MAX = 1024
const MESSAGE_LENGTH_MAX = 32 * 1024
const REASON = /^[A-Za-z]([A-Za-z0-9_,:]*[A-Za-z0-9_])?$/
const REASON_RULE =
  "a condition reason must start with alphabetic character, optionally followed by a string of alphanumeric characters or '_,:', and must end with an alphanumeric character or '_' (e.g. 'my_name',  or 'MY_NAME',  or 'MyName',  or 'ReasonA,ReasonB',  or 'ReasonA:ReasonB', regex used for validation is '[A-Za-z]([A-Za-z0-9_,:]*[A-Za-z0-9_])?')"

/** One condition of each type, each of them whole (`k8s.io/apimachinery` `meta/v1/validation`). */
export function validateConditions(conditions: readonly Condition[] | undefined, field: string, found: Findings): void {
  const seen = new Set<string>()
  for (const [index, condition] of (conditions ?? []).entries()) {
    const { type = '' } = condition
    if (seen.has(type)) found.push(duplicateValue(`${field}[${index}].type`, type))
    seen.add(type)
    validateCondition(condition, `${field}[${index}]`, found)
  }
}

function validateCondition(condition: Condition, field: string, found: Findings): void {
  const { type = '', status = '', observedGeneration, lastTransitionTime, reason = '', message = '' } = condition
  for (const problem of qualifiedName(type)) found.push(invalidValue(`${field}.type`, type, problem))
  if (!STATUSES.includes(status)) found.push(unsupported(`${field}.status`, status, STATUSES))
  if (observedGeneration !== undefined && observedGeneration < 0)
    found.push(invalidValue(`${field}.observedGeneration`, observedGeneration, 'must be greater than or equal to zero'))
  if (!lastTransitionTime) found.push(required(`${field}.lastTransitionTime`))
  if (reason === '') found.push(required(`${field}.reason`))
  else if (!REASON.test(reason)) found.push(invalidValue(`${field}.reason`, reason, REASON_RULE))
  if (Buffer.byteLength(reason) > REASON_LENGTH_MAX) found.push(tooLong(`${field}.reason`, REASON_LENGTH_MAX))
  if (Buffer.byteLength(message) > MESSAGE_LENGTH_MAX) found.push(tooLong(`${field}.message`, MESSAGE_LENGTH_MAX))
}
