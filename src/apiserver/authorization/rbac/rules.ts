import type { PolicyRule } from '#api'
import type { AuthorizationAttributes } from '../types.ts'

const has = (list: readonly string[] | undefined, value: string): boolean => {
  if (list === undefined) return false
  for (const each of list) if (each === '*' || each === value) return true
  return false
}

/** Whether one rule grants what is asked (https://kubernetes.io/docs/reference/access-authn-authz/rbac/#referring-to-resources). */
export function allows(rule: PolicyRule, attributes: AuthorizationAttributes): boolean {
  if (!has(rule.verbs, attributes.verb)) return false
  if (!attributes.isResource) return (rule.nonResourceURLs ?? []).some((pattern) => matchesPath(pattern, attributes.path))
  const { group, resource, subresource, name } = attributes
  if (!has(rule.apiGroups, group) || !namesResource(rule.resources ?? [], resource, subresource)) return false
  return !rule.resourceNames?.length || rule.resourceNames.includes(name)
}

function namesResource(resources: readonly string[], resource: string, subresource: string): boolean {
  for (const each of resources) {
    if (each === '*') return true
    if (subresource === '' ? each === resource : isSubresource(each, resource, subresource)) return true
  }
  return false
}

/** A subresource of one resource or of any, compared without making a string of both: this is asked for every rule of every request. */
function isSubresource(each: string, resource: string, subresource: string): boolean {
  if (!each.endsWith(subresource)) return false
  const slash = each.length - subresource.length - 1
  if (each[slash] !== '/') return false
  return (slash === 1 && each[0] === '*') || (slash === resource.length && each.startsWith(resource))
}

export const matchesPath = (pattern: string, path: string): boolean =>
  pattern === '*' || pattern === path || (pattern.endsWith('*') && path.startsWith(pattern.slice(0, -1)))
