import { deepEqual } from '#base'
import type { PolicyRule, RoleRef, Subject } from '../generated/types.ts'
import { complaints, type Findings, invalidValue, required, unsupported } from '../validation/findings.ts'
import { pathSegmentName, subdomainName } from '../validation/names.ts'

const RBAC = 'rbac.authorization.k8s.io'

export function validateRules(rules: readonly PolicyRule[] | undefined, namespaced: boolean, found: Findings): void {
  for (const [index, rule] of (rules ?? []).entries()) {
    const path = `rules[${index}]`
    if (!rule.verbs?.length) found.push(required(`${path}.verbs`, 'verbs must contain at least one value'))
    if (rule.nonResourceURLs?.length) {
      if (namespaced) {
        found.push(
          invalidValue(`${path}.nonResourceURLs`, rule.nonResourceURLs, 'namespaced rules cannot apply to non-resource URLs'),
        )
      }
      if (rule.apiGroups?.length || rule.resources?.length || rule.resourceNames?.length) {
        const detail = 'rules cannot apply to both regular resources and non-resource URLs'
        found.push(invalidValue(`${path}.nonResourceURLs`, rule.nonResourceURLs, detail))
      }
      continue
    }
    if (!rule.apiGroups?.length) found.push(required(`${path}.apiGroups`, 'resource rules must supply at least one api group'))
    if (!rule.resources?.length) found.push(required(`${path}.resources`, 'resource rules must supply at least one resource'))
  }
}

interface Binding {
  readonly roleRef: RoleRef
  readonly subjects?: readonly Subject[]
}

export function validateBinding({ roleRef, subjects }: Binding, namespaced: boolean, found: Findings): void {
  const { apiGroup, kind, name } = roleRef ?? {}
  if (apiGroup !== RBAC) found.push(unsupported('roleRef.apiGroup', apiGroup ?? '', [RBAC]))
  const kinds = namespaced ? ['Role', 'ClusterRole'] : ['ClusterRole']
  if (!kinds.includes(kind)) found.push(unsupported('roleRef.kind', kind ?? '', kinds))
  if (!name) found.push(required('roleRef.name'))
  else complaints(pathSegmentName(name), name, 'roleRef.name', found)
  for (const [index, subject] of (subjects ?? []).entries()) validateSubject(subject, namespaced, `subjects[${index}]`, found)
}

function validateSubject(
  { kind, apiGroup = '', name, namespace }: Subject,
  namespaced: boolean,
  path: string,
  found: Findings,
): void {
  if (!name) found.push(required(`${path}.name`))
  switch (kind) {
    case 'ServiceAccount':
      if (name) complaints(subdomainName(name), name, `${path}.name`, found)
      if (apiGroup !== '') found.push(unsupported(`${path}.apiGroup`, apiGroup, ['']))
      if (!namespaced && !namespace) found.push(required(`${path}.namespace`))
      break
    case 'User':
    case 'Group':
      if (!name) found.push(invalidValue(`${path}.name`, '', `${kind.toLowerCase()} name cannot be empty`))
      if (apiGroup !== RBAC) found.push(unsupported(`${path}.apiGroup`, apiGroup, [RBAC]))
      break
    default:
      found.push(unsupported(`${path}.kind`, kind ?? '', ['ServiceAccount', 'User', 'Group']))
  }
}

/** Whoever may bind one role must not be able to turn that into another. */
export function validateBindingUpdate(binding: Binding, old: Binding, found: Findings): void {
  if (!deepEqual(binding.roleRef, old.roleRef)) found.push(invalidValue('roleRef', binding.roleRef, 'cannot change roleRef'))
}
