import type { Container } from '../generated/types.ts'
import { type Findings, required, tooMany, unsupported } from '../validation/findings.ts'

const POLICIES = ['Always', 'Never', 'OnFailure']
const ACTIONS = ['Restart', 'RestartAllContainers']
const OPERATORS = ['In', 'NotIn']
const RULES_MAX = 20
const CODES_MAX = 255

/** What a container says of its own restarts, beside the policy of its pod (KEP-5307), and of those of all the others (KEP-5532). */
export function validateRestart(
  { restartPolicy, restartPolicyRules: rules = [] }: Container,
  path: string,
  found: Findings,
): void {
  if (restartPolicy === undefined) {
    if (rules.length === 0) return
    found.push(required(`${path}.restartPolicy`, 'must specify restartPolicy when restart rules are used'))
  } else if (!POLICIES.includes(restartPolicy)) found.push(unsupported(`${path}.restartPolicy`, restartPolicy, POLICIES))
  if (rules.length > RULES_MAX) found.push(tooMany(`${path}.restartPolicyRules`, rules.length, RULES_MAX))
  for (const [index, { action, exitCodes }] of rules.entries()) {
    const at = `${path}.restartPolicyRules[${index}]`
    if (!ACTIONS.includes(action)) found.push(unsupported(`${at}.action`, action, ACTIONS))
    if (exitCodes === undefined) {
      found.push(required(`${at}.exitCodes`, 'must be specified'))
      continue
    }
    if (!OPERATORS.includes(exitCodes.operator))
      found.push(unsupported(`${at}.exitCodes.operator`, exitCodes.operator, OPERATORS))
    const { length } = exitCodes.values ?? []
    if (length > CODES_MAX) found.push(tooMany(`${at}.exitCodes.values`, length, CODES_MAX))
  }
}

/** Rules without a policy say nothing here. A sidecar may have rules since one of them can restart more than itself. */
export function validateInitRestart(container: Container, path: string, found: Findings): void {
  if (container.restartPolicy !== undefined) validateRestart(container, path, found)
}
