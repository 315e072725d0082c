import type { Answer } from '#base'
import { headerValues, type TransportRequest, type UserInfo } from '#client'
import { badRequest } from '#meta'
import type { AuthorizationAttributes } from '../authorization/index.ts'
import { extraOf } from './certificates.ts'
import { groupsOf } from './service-account-tokens.ts'

const EXTRA_PREFIX = 'impersonate-extra-'

/** One thing that a request would be, and that its user has to be allowed to be. */
interface Wanted {
  readonly kind: 'ServiceAccount' | 'User' | 'Group' | 'UserExtra' | 'UID'
  readonly namespace: string
  readonly name: string
  readonly key: string
}

/**
 * The user on whose behalf the request is, if its headers name one and `authorize` (which throws) lets the real user be each thing that they say
 * (https://kubernetes.io/docs/reference/access-authn-authz/user-impersonation/).
 */
export const impersonated = (
  request: TransportRequest,
  user: UserInfo,
  authorize: (attributes: AuthorizationAttributes) => Answer<void>,
): Answer<UserInfo> => (namesOthers(request.headers) ? impersonate(request, user, authorize) : user)

async function impersonate(
  request: TransportRequest,
  user: UserInfo,
  authorize: (attributes: AuthorizationAttributes) => Answer<void>,
): Promise<UserInfo> {
  const username = headerValues(request, 'impersonate-user')[0] ?? ''
  const uid = headerValues(request, 'impersonate-uid')[0] ?? ''
  const groups = headerValues(request, 'impersonate-group')
  const extra = extraOf(request, [EXTRA_PREFIX])
  const wanted = [...wantedBy({ username, uid, groups, extra })]
  if (username === '') {
    if (wanted.length > 0) throw badRequest(`requested [${wanted.map(shown).join(' ')}] without impersonating a user`)
    return user
  }
  for (const each of wanted) await authorize(attributesOf(each, user))
  const account = serviceAccountOf(username)
  const own = account !== undefined && groups.length === 0 ? groupsOf(account.namespace) : groups
  return {
    username,
    ...(uid !== '' && { uid }),
    groups: withMembership(username, own),
    ...(Object.keys(extra).length > 0 && { extra }),
  }
}

interface Impersonation {
  readonly username: string
  readonly uid: string
  readonly groups: readonly string[]
  readonly extra: Readonly<Record<string, readonly string[]>>
}

function* wantedBy({ username, uid, groups, extra }: Impersonation): Iterable<Wanted> {
  const nothing = { namespace: '', key: '' }
  const account = serviceAccountOf(username)
  if (account !== undefined) yield { ...nothing, kind: 'ServiceAccount', ...account }
  else if (username !== '') yield { ...nothing, kind: 'User', name: username }
  for (const name of groups) yield { ...nothing, kind: 'Group', name }
  for (const [key, values] of Object.entries(extra)) for (const name of values) yield { ...nothing, kind: 'UserExtra', name, key }
  if (uid !== '') yield { ...nothing, kind: 'UID', name: uid }
}

const RESOURCES = {
  ServiceAccount: { group: '', resource: 'serviceaccounts' },
  User: { group: '', resource: 'users' },
  Group: { group: '', resource: 'groups' },
  UserExtra: { group: 'authentication.k8s.io', resource: 'userextras' },
  UID: { group: 'authentication.k8s.io', resource: 'uids' },
} as const

function attributesOf({ kind, namespace, name, key }: Wanted, user: UserInfo): AuthorizationAttributes {
  const { group, resource } = RESOURCES[kind]
  return { user, verb: 'impersonate', isResource: true, group, version: 'v1', resource, subresource: key, namespace, name }
}

/** As Go prints an object reference. */
const shown = ({ kind, namespace, name, key }: Wanted): string =>
  `{${kind} ${namespace} ${name}  ${RESOURCES[kind].group === '' ? '' : `${RESOURCES[kind].group}/v1`}  ${key}}`

function serviceAccountOf(username: string): { readonly namespace: string; readonly name: string } | undefined {
  const [, namespace, name] = /^system:serviceaccount:([^:]+):([^:]+)$/.exec(username) ?? []
  return namespace === undefined || name === undefined ? undefined : { namespace, name }
}

/** Everybody is known or anonymous, unless the groups that were asked for say already which. */
function withMembership(username: string, groups: readonly string[]): readonly string[] {
  const [known, unknown] = ['system:authenticated', 'system:unauthenticated']
  if (username === 'system:anonymous') return groups.includes(unknown!) ? groups : [...groups, unknown!]
  return groups.includes(known!) || groups.includes(unknown!) ? groups : [...groups, known!]
}

/** Whether there is anything to look at; hardly any request names somebody else. */
function namesOthers(headers: TransportRequest['headers']): boolean {
  for (const name in headers) if (name.startsWith('impersonate-')) return true
  return false
}
