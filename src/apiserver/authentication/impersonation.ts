import type { TransportRequest, UserInfo } from '#client'
import { badRequest } from '#meta'
import type { AuthorizationAttributes } from '../authorization/index.ts'

const EXTRA_PREFIX = 'impersonate-extra-'

/**
 * The user on whose behalf the request is, if its headers name one and `authorize` (which throws) lets the real user do so
 * (https://kubernetes.io/docs/reference/access-authn-authz/authentication/#user-impersonation).
 */
export function impersonated(
  request: TransportRequest,
  user: UserInfo,
  authorize: (attributes: AuthorizationAttributes) => void,
): UserInfo {
  const headers = request.headers ?? {}
  if (!namesOthers(headers)) return user
  const username = headers['impersonate-user']
  const uid = headers['impersonate-uid']
  const groups = (headers['impersonate-group'] ?? '')
    .split(',')
    .map((group) => group.trim())
    .filter((group) => group !== '')
  const extra = Object.entries(headers).filter(([name]) => name.startsWith(EXTRA_PREFIX))
  if (username === undefined) {
    if (uid !== undefined || groups.length > 0 || extra.length > 0)
      throw badRequest(`requested [${[...groups, uid ?? ''].join(' ')}] without impersonating a user`)
    return user
  }
  const check = (group: string, resource: string, name: string, subresource = '', namespace = ''): void =>
    authorize({ user, verb: 'impersonate', isResource: true, group, version: 'v1', resource, subresource, namespace, name })
  const account = /^system:serviceaccount:([^:]+):([^:]+)$/.exec(username)
  if (account !== null) check('', 'serviceaccounts', account[2]!, '', account[1]!)
  else check('', 'users', username)
  for (const group of groups) check('', 'groups', group)
  if (uid !== undefined) check('authentication.k8s.io', 'uids', uid)
  for (const [name, value] of extra)
    check('authentication.k8s.io', 'userextras', value, decodeURIComponent(name.slice(EXTRA_PREFIX.length)))
  return {
    username,
    ...(uid !== undefined && { uid }),
    groups: withImpliedGroups(username, groups, account?.[1]),
    extra: Object.fromEntries(
      extra.map(([name, value]) => [
        decodeURIComponent(name.slice(EXTRA_PREFIX.length)),
        value.split(',').map((each) => each.trim()),
      ]),
    ),
  }
}

function withImpliedGroups(username: string, groups: readonly string[], namespace: string | undefined): string[] {
  const implied =
    namespace !== undefined && groups.length === 0 ? ['system:serviceaccounts', `system:serviceaccounts:${namespace}`] : []
  const membership = username === 'system:anonymous' ? 'system:unauthenticated' : 'system:authenticated'
  return [...new Set([...groups, ...implied, ...(groups.includes('system:unauthenticated') ? [] : [membership])])]
}

/** Whether there is anything to look at; hardly any request names somebody else. */
function namesOthers(headers: Readonly<Record<string, string>>): boolean {
  for (const name in headers) if (name.startsWith('impersonate-')) return true
  return false
}
