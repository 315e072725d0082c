import type { RoleRef, Subject } from '../generated/types.ts'

const RBAC = 'rbac.authorization.k8s.io'

export function defaultBinding(draft: { roleRef: RoleRef; subjects?: Subject[] }): void {
  if (draft.roleRef) draft.roleRef.apiGroup ||= RBAC
  for (const subject of draft.subjects ?? []) {
    if (subject.kind === 'User' || subject.kind === 'Group') subject.apiGroup ||= RBAC
  }
}
