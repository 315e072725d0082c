import { type KubernetesObject, parseApiVersion } from '#meta'
import type { RoleBinding, Subject } from '../generated/types.ts'

const GROUP = 'rbac.authorization.k8s.io'

interface OldSubject extends Omit<Subject, 'apiGroup'> {
  readonly apiVersion?: string
}

/** Of rbac.authorization.k8s.io/v1alpha1: subjects had a version for their group, and the user `*` was whoever is authenticated. */
export function binding(object: KubernetesObject): KubernetesObject {
  const { subjects } = object as Omit<RoleBinding, 'subjects'> & { readonly subjects?: readonly OldSubject[] | null }
  return { ...object, ...(subjects && { subjects: subjects.map(subject) }) } as KubernetesObject
}

function subject({ apiVersion = '', ...rest }: OldSubject): Subject {
  if (rest.kind === 'ServiceAccount') return rest
  if (rest.kind === 'User' && rest.name === '*') return { ...rest, kind: 'Group', name: 'system:authenticated', apiGroup: GROUP }
  const apiGroup = rest.kind === 'User' || rest.kind === 'Group' ? GROUP : parseApiVersion(apiVersion).group
  return { ...rest, ...(apiGroup !== '' && { apiGroup }) }
}
