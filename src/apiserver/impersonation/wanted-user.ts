import { headerValues, type TransportRequest, type UserInfo } from '#client'
import { badRequest, goQuote } from '#meta'
import { extraOf } from '../authentication/certificates.ts'

const EXTRA_PREFIX = 'impersonate-extra-'

/** Whether there is anything to look at; hardly any request names somebody else. */
export function namesOthers(headers: TransportRequest['headers']): boolean {
  for (const name in headers) if (name.startsWith('impersonate-')) return true
  return false
}

/** Whom a request would be by, as its headers say and without what would follow from it. Without a name it would be by nobody else. */
export function wantedUserOf(request: TransportRequest): UserInfo {
  const uid = headerValues(request, 'impersonate-uid')[0] ?? ''
  const extra = extraOf(request, [EXTRA_PREFIX])
  return {
    username: headerValues(request, 'impersonate-user')[0] ?? '',
    ...(uid !== '' && { uid }),
    groups: headerValues(request, 'impersonate-group'),
    ...(Object.keys(extra).length > 0 && { extra }),
  }
}

/** Throws 400 for what only somebody who is named can have. */
export function requireName(wanted: UserInfo): void {
  if (wanted.username !== '' || isOnlyName(wanted)) return
  throw badRequest(`requested ${goSyntaxOf(wanted)} without impersonating a user name`)
}

export const isOnlyName = ({ uid, groups, extra }: UserInfo): boolean =>
  uid === undefined && groups.length === 0 && extra === undefined

/** As Go prints the struct that upstream keeps it in. */
function goSyntaxOf({ username, uid = '', groups, extra }: UserInfo): string {
  const texts = (all: readonly string[]): string => `[]string{${all.map(goQuote).join(', ')}}`
  const pairs = Object.entries(extra ?? {}).sort(([a], [b]) => (a < b ? -1 : 1))
  const shown = [
    `Name:${goQuote(username)}`,
    `UID:${goQuote(uid)}`,
    `Groups:${groups.length === 0 ? '[]string(nil)' : texts(groups)}`,
    `Extra:map[string][]string${extra === undefined ? '(nil)' : `{${pairs.map(([key, values]) => `${goQuote(key)}:${texts(values)}`).join(', ')}}`}`,
  ]
  return `&user.DefaultInfo{${shown.join(', ')}}`
}

/** Everybody is known or anonymous, unless the groups that were asked for say already which. */
export function withMembership(username: string, groups: readonly string[]): readonly string[] {
  const [known, unknown] = ['system:authenticated', 'system:unauthenticated']
  if (groups.includes(unknown!)) return groups
  if (username === 'system:anonymous') return [...groups, unknown!]
  return groups.includes(known!) ? groups : [...groups, known!]
}
