import type { RoleRef, Subject } from '../generated/types.ts'

const RBAC = 'rbac.authorization.k8s.io'

export function defaultBinding(draft: { roleRef: RoleRef; subjects?: Subject[] }): void {
  draft.roleRef ??= {} as RoleRef
  draft.roleRef.apiGroup ||= RBAC
  for (const subject of draft.subjects ?? []) {
    if (subject.kind === 'User' || subject.kind === 'Group') subject.apiGroup ||= RBAC
  }
}
