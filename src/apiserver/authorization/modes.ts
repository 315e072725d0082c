import { type Authorizer, allow, noOpinion } from './types.ts'

/** The group that may do everything, so that no broken policy can lock everybody out; always asked first. */
export const privileged: Authorizer = {
  name: 'system:masters',
  authorize: ({ user }) => (user.groups.includes('system:masters') ? allow() : noOpinion()),
}

/** https://kubernetes.io/docs/reference/access-authn-authz/authorization/#alwaysallow-mode */
export const alwaysAllow: Authorizer = {
  name: 'AlwaysAllow',
  authorize: () => allow(),
  rulesFor: () => ({
    resourceRules: [{ verbs: ['*'], apiGroups: ['*'], resources: ['*'] }],
    nonResourceRules: [{ verbs: ['*'], nonResourceURLs: ['*'] }],
    incomplete: false,
    errors: [],
  }),
}

/** Opens nothing; what others before or behind it allow is allowed. For tests. */
export const alwaysDeny: Authorizer = {
  name: 'AlwaysDeny',
  authorize: () => noOpinion('Everything is forbidden.'),
  rulesFor: () => ({ resourceRules: [], nonResourceRules: [], incomplete: false, errors: [] }),
}
