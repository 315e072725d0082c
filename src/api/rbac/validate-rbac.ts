import { deepEqual } from '#base'
import type { PolicyRule, RoleRef, Subject } from '../generated/types.ts'
import { complaints, type Findings, invalidValue, required, unsupported } from '../validation/findings.ts'
import { pathSegmentName, subdomainName } from '../validation/names.ts'

const RBAC = 'rbac.authorization.k8s.io'

export function* validateRules(rules: readonly PolicyRule[] | undefined, namespaced: boolean): Findings {
  for (const [index, rule] of (rules ?? []).entries()) {
    const path = `rules[${index}]`
    if (!rule.verbs?.length) yield required(`${path}.verbs`, 'verbs must contain at least one value')
    if (rule.nonResourceURLs?.length) {
      if (namespaced) {
        yield invalidValue(`${path}.nonResourceURLs`, rule.nonResourceURLs, 'namespaced rules cannot apply to non-resource URLs')
      }
      if (rule.apiGroups?.length || rule.resources?.length || rule.resourceNames?.length) {
        const detail = 'rules cannot apply to both regular resources and non-resource URLs'
        yield invalidValue(`${path}.nonResourceURLs`, rule.nonResourceURLs, detail)
      }
      continue
    }
    if (!rule.apiGroups?.length) yield required(`${path}.apiGroups`, 'resource rules must supply at least one api group')
    if (!rule.resources?.length) yield required(`${path}.resources`, 'resource rules must supply at least one resource')
  }
}

interface Binding {
  readonly roleRef: RoleRef
  readonly subjects?: readonly Subject[]
}

export function* validateBinding({ roleRef, subjects }: Binding, namespaced: boolean): Findings {
  const { apiGroup, kind, name } = roleRef ?? {}
  if (apiGroup !== RBAC) yield unsupported('roleRef.apiGroup', apiGroup ?? '', [RBAC])
  const kinds = namespaced ? ['Role', 'ClusterRole'] : ['ClusterRole']
  if (!kinds.includes(kind)) yield unsupported('roleRef.kind', kind ?? '', kinds)
  if (!name) yield required('roleRef.name')
  else yield* complaints(pathSegmentName(name), name, 'roleRef.name')
  for (const [index, subject] of (subjects ?? []).entries()) yield* validateSubject(subject, namespaced, `subjects[${index}]`)
}

function* validateSubject({ kind, apiGroup = '', name, namespace }: Subject, namespaced: boolean, path: string): Findings {
  if (!name) yield required(`${path}.name`)
  switch (kind) {
    case 'ServiceAccount':
      if (name) yield* complaints(subdomainName(name), name, `${path}.name`)
      if (apiGroup !== '') yield unsupported(`${path}.apiGroup`, apiGroup, [''])
      if (!namespaced && !namespace) yield required(`${path}.namespace`)
      break
    case 'User':
    case 'Group':
      if (!name) yield invalidValue(`${path}.name`, '', `${kind.toLowerCase()} name cannot be empty`)
      if (apiGroup !== RBAC) yield unsupported(`${path}.apiGroup`, apiGroup, [RBAC])
      break
    default:
      yield unsupported(`${path}.kind`, kind ?? '', ['ServiceAccount', 'User', 'Group'])
  }
}

/** Whoever may bind one role must not be able to turn that into another. */
export function* validateBindingUpdate(binding: Binding, old: Binding): Findings {
  if (!deepEqual(binding.roleRef, old.roleRef)) yield invalidValue('roleRef', binding.roleRef, 'cannot change roleRef')
}
