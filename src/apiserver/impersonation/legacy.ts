import type { UserInfo } from '#client'
import { badRequest } from '#meta'
import { groupsOf } from '../authentication/service-account-tokens.ts'
import { type AuthorizationAttributes, type Authorizer, authorizeBy, refusalOf } from '../authorization/index.ts'
import { serviceAccountOf } from './usernames.ts'
import { withMembership } from './wanted-user.ts'

/** One thing that a request would be, and that its user has to be allowed to be. */
interface Wanted {
  readonly kind: 'ServiceAccount' | 'User' | 'Group' | 'UserExtra' | 'UID'
  readonly namespace: string
  readonly name: string
  readonly key: string
}

/**
 * Impersonation as it was before it could be constrained: who may be each thing that the headers say may do as that user whatever he may. Undefined when nobody is
 * named; rejects with 400 for what only somebody who is named can have, and with 403.
 */
export async function legacyImpersonation(
  wantedUser: UserInfo,
  user: UserInfo,
  authorizers: readonly Authorizer[],
): Promise<UserInfo | undefined> {
  const wanted = [...wantedBy(wantedUser)]
  const { username, groups } = wantedUser
  if (username === '') {
    if (wanted.length > 0) throw badRequest(`requested [${wanted.map(shown).join(' ')}] without impersonating a user`)
    return undefined
  }
  for (const each of wanted) {
    const attributes = attributesOf(each, user)
    const { decision, reason, error } = await authorizeBy(authorizers, attributes)
    if (decision !== 'allow' || error !== undefined) throw refusalOf(attributes, undefined, reason)
  }
  const account = serviceAccountOf(username)
  const own = account !== undefined && groups.length === 0 ? groupsOf(account.namespace) : groups
  return { ...wantedUser, groups: withMembership(username, own) }
}

function* wantedBy({ username, uid, groups, extra = {} }: UserInfo): Iterable<Wanted> {
  const nothing = { namespace: '', key: '' }
  const account = serviceAccountOf(username)
  if (account !== undefined) yield { ...nothing, kind: 'ServiceAccount', ...account }
  else if (username !== '') yield { ...nothing, kind: 'User', name: username }
  for (const name of groups) yield { ...nothing, kind: 'Group', name }
  for (const [key, values] of Object.entries(extra)) for (const name of values) yield { ...nothing, kind: 'UserExtra', name, key }
  if (uid !== undefined) yield { ...nothing, kind: 'UID', name: uid }
}

const core = { group: '', version: '' }
const authentication = { group: 'authentication.k8s.io', version: 'v1' }

/** Of the core group no version is named. */
const RESOURCES = {
  ServiceAccount: { ...core, resource: 'serviceaccounts' },
  User: { ...core, resource: 'users' },
  Group: { ...core, resource: 'groups' },
  UserExtra: { ...authentication, resource: 'userextras' },
  UID: { ...authentication, resource: 'uids' },
} as const

function attributesOf({ kind, namespace, name, key }: Wanted, user: UserInfo): AuthorizationAttributes {
  return { user, verb: 'impersonate', isResource: true, ...RESOURCES[kind], subresource: key, namespace, name }
}

/** As Go prints an object reference. */
function shown({ kind, namespace, name, key }: Wanted): string {
  const { group, version } = RESOURCES[kind]
  return `{${kind} ${namespace} ${name}  ${group === '' ? '' : `${group}/${version}`}  ${key}}`
}
