import type { UserInfo } from '#client'

export const ANONYMOUS: UserInfo = { username: 'system:anonymous', groups: ['system:unauthenticated'] }

/** Whether somebody is anonymous, also one who was known as that. */
export const isAnonymous = ({ username, groups }: UserInfo): boolean =>
  username === ANONYMOUS.username || groups.includes('system:unauthenticated')

/** Who may come without credentials (https://kubernetes.io/docs/reference/access-authn-authz/authentication/#anonymous-requests). */
export interface AnonymousOptions {
  readonly enabled: boolean
  /** Where; everywhere when there are none. Paths are compared as they are once decoded, without their queries. */
  readonly conditions?: readonly { readonly path: string }[] | undefined
}

export function isAnonymousAllowed({ enabled, conditions = [] }: AnonymousOptions, path: string): boolean {
  if (!enabled || conditions.length === 0) return enabled
  const asked = decoded(path)
  return conditions.some((condition) => condition.path === asked)
}

function decoded(path: string): string {
  try {
    return decodeURIComponent(path)
  } catch {
    return path
  }
}
