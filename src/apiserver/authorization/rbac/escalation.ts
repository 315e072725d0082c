import type { PolicyRule, ResourceDefinition } from '#api'
import type { UserInfo } from '#client'
import { forbidden } from '#meta'
import { compact, describeRule, quoted, uncovered } from './cover.ts'

/** What a user holds in a namespace. */
export interface HeldRules {
  readonly rules: readonly PolicyRule[]
  readonly errors: readonly string[]
}

/**
 * Throws 403 when rules would grant what the user does not hold
 * (https://kubernetes.io/docs/reference/access-authn-authz/rbac/#privilege-escalation-prevention-and-bootstrapping).
 */
export function refuseEscalation(
  user: UserInfo,
  held: HeldRules,
  wanted: readonly PolicyRule[],
  resource: ResourceDefinition,
  name: string,
): void {
  const missing = uncovered(held.rules, wanted)
  if (missing.length === 0) return
  const said = [...new Set(compact(missing).map(describeRule))].sort()
  const who = `user ${JSON.stringify(user.username)} (groups=${quoted(user.groups)})`
  const why = held.errors.length === 0 ? '' : `; resolution errors: [${held.errors.join(', ')}]`
  throw forbidden(resource, name, `${who} is attempting to grant RBAC permissions not currently held:\n${said.join('\n')}${why}`)
}
