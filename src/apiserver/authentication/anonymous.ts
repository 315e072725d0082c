import type { UserInfo } from '#client'

export const ANONYMOUS: UserInfo = { username: 'system:anonymous', groups: ['system:unauthenticated'] }

/** Who may come without credentials (https://kubernetes.io/docs/reference/access-authn-authz/authentication/#anonymous-requests). */
export interface AnonymousOptions {
  readonly enabled: boolean
  /** Where; everywhere when there are none. Paths are compared as they stand. */
  readonly conditions?: readonly { readonly path: string }[] | undefined
}

export const isAnonymousAllowed = ({ enabled, conditions = [] }: AnonymousOptions, path: string): boolean =>
  enabled && (conditions.length === 0 || conditions.some((condition) => condition.path === path))
