import type { RuleWithOperations } from '#api'
import type { Operation } from '../types.ts'

export interface RuleTarget {
  readonly operation: Operation
  readonly group: string
  readonly version: string
  readonly resource: string
  readonly subresource: string
  readonly namespaced: boolean
  readonly name: string
}

type NamedRule = RuleWithOperations & { readonly resourceNames?: readonly string[] }

/** Whether a rule of a webhook or policy is about the request (https://kubernetes.io/docs/reference/access-authn-authz/extensible-admission-controllers/#matching-requests-rules). */
export function ruleMatches(rule: NamedRule, target: RuleTarget): boolean {
  return (
    has(rule.operations, target.operation) &&
    has(rule.apiGroups, target.group) &&
    has(rule.apiVersions, target.version) &&
    (rule.resources ?? []).some((pattern) => resourceMatches(pattern, target)) &&
    (!rule.resourceNames?.length || rule.resourceNames.includes(target.name)) &&
    (rule.scope === undefined || rule.scope === '*' || (rule.scope === 'Namespaced') === target.namespaced)
  )
}

const has = (list: readonly string[] | undefined, value: string): boolean =>
  list !== undefined && (list.includes('*') || list.includes(value))

/** Without a slash no subresource is meant; a star stands for any. */
function resourceMatches(pattern: string, { resource, subresource }: RuleTarget): boolean {
  const [wanted, sub = ''] = pattern.split('/', 2)
  return (wanted === '*' || wanted === resource) && (sub === '*' || sub === subresource)
}
