import type { WatchCache } from '../watch-cache/watch-cache.ts'
import { nodeAuthorizer } from './node/authorizer.ts'
import { RbacAuthorizer } from './rbac/authorizer.ts'
import { type Authorizer, allow, noOpinion } from './types.ts'

export { nodeRules } from './node/rules.ts'
export { RbacAuthorizer } from './rbac/authorizer.ts'
export { uncovered } from './rbac/cover.ts'
export { refuseEscalation } from './rbac/escalation.ts'
export { requireAuthorization } from './require.ts'
export { fieldTermsOf, labelTermsOf, selectorsOf } from './selectors.ts'
export * from './types.ts'

/** Authorizers in the order in which they are asked. */
export function authorizers(cache: WatchCache): { readonly all: readonly Authorizer[]; readonly rbac: RbacAuthorizer } {
  const rbac = new RbacAuthorizer(cache)
  return { all: [privileged, nodeAuthorizer(cache), rbac], rbac }
}

/** The group that may do everything, so that no broken policy can lock everybody out. */
const privileged: Authorizer = {
  name: 'system:masters',
  authorize: ({ user }) => (user.groups.includes('system:masters') ? allow() : noOpinion()),
}
