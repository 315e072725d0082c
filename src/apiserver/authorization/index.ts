import type { WatchCache } from '../watch-cache/watch-cache.ts'
import { nodeAuthorizer } from './node.ts'
import { RbacAuthorizer } from './rbac.ts'
import type { Authorizer } from './types.ts'

export { RbacAuthorizer } from './rbac.ts'
export { requireAuthorization } from './require.ts'
export * from './types.ts'

/** Authorizers in the order in which they are asked. */
export function authorizers(cache: WatchCache): { readonly all: readonly Authorizer[]; readonly rbac: RbacAuthorizer } {
  const rbac = new RbacAuthorizer(cache)
  return { all: [privileged, nodeAuthorizer(cache), rbac], rbac }
}

/** The group that may do everything, so that no broken policy can lock everybody out. */
const privileged: Authorizer = {
  name: 'system:masters',
  authorize: ({ user }) =>
    user.groups.includes('system:masters') ? { decision: 'allow', reason: '' } : { decision: 'no-opinion', reason: '' },
}
