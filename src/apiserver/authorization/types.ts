import type { UserInfo } from '#client'

/** What a request would do, for whoever decides whether it may (SubjectAccessReview's attributes). */
export type AuthorizationAttributes = {
  readonly user: UserInfo
  readonly verb: string
} & (
  | {
      readonly isResource: true
      readonly group: string
      readonly version: string
      readonly resource: string
      readonly subresource: string
      readonly namespace: string
      readonly name: string
    }
  | { readonly isResource: false; readonly path: string }
)

export interface Decision {
  readonly decision: 'allow' | 'deny' | 'no-opinion'
  readonly reason: string
}

export interface Authorizer {
  readonly name: string
  authorize(attributes: AuthorizationAttributes): Decision
}

/** The first authorizer with an opinion decides; none means no. */
export function authorizeBy(authorizers: readonly Authorizer[], attributes: AuthorizationAttributes): Decision {
  const reasons: string[] = []
  for (const authorizer of authorizers) {
    const decision = authorizer.authorize(attributes)
    if (decision.decision !== 'no-opinion') return decision
    if (decision.reason !== '') reasons.push(decision.reason)
  }
  return { decision: 'no-opinion', reason: reasons.join('\n') }
}
