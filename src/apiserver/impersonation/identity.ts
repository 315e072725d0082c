import { domainPrefixedPath, foundBy } from '#api'
import type { UserInfo } from '#client'
import { goQuote } from '#meta'
import { groupsOf } from '../authentication/service-account-tokens.ts'
import { type AuthorizationAttributes, aggregated, type ResourceAttributes, refusalOf } from '../authorization/index.ts'
import { nodeOf, serviceAccountOf } from './usernames.ts'
import { withMembership } from './wanted-user.ts'

/** Rejects with 403 unless it is allowed. */
export type Ask = (attributes: AuthorizationAttributes) => Promise<void>

/** Who is to be allowed to be somebody else, and by which verb. */
export interface Impersonator {
  readonly user: UserInfo
  readonly verb: string
  /** Users and groups are asked for in the group of authentication, nodes are nodes, and some things may be impersonated by nobody. */
  readonly isConstrained: boolean
}

type IdentityAttributes = AuthorizationAttributes & ResourceAttributes

const GROUP = 'authentication.k8s.io'
/** From so many values on it is asked first whether all of them are allowed. */
const MANY = 4

/**
 * The user that a request is to be by, with the groups that follow from the name, once each thing that it says is allowed: the name, the uid, each group, each
 * value of the extra. Rejects with 403.
 */
export async function authorizeIdentity(wanted: UserInfo, by: Impersonator, ask: Ask): Promise<UserInfo> {
  const { attributes, groups } = namedBy(wanted, by)
  await ask(attributes)
  if (wanted.uid !== undefined) await ask(attributesOf(by, { group: GROUP, resource: 'uids', name: wanted.uid }))
  await authorizeGroups(wanted.groups, by, ask)
  await authorizeExtra(Object.entries(wanted.extra ?? {}), by, ask)
  return { ...wanted, groups: withMembership(wanted.username, groups) }
}

/** What is asked of a username, and the groups of who has it. */
function namedBy(
  { username, groups }: UserInfo,
  by: Impersonator,
): { attributes: IdentityAttributes; groups: readonly string[] } {
  const group = groupOf(by)
  const node = by.isConstrained ? nodeOf(username) : undefined
  if (node !== undefined) {
    return { attributes: attributesOf(by, { group, resource: 'nodes', name: node }), groups: ['system:nodes'] }
  }
  const account = serviceAccountOf(username)
  if (account === undefined) return { attributes: attributesOf(by, { group, resource: 'users', name: username }), groups }
  return {
    attributes: attributesOf(by, { group, resource: 'serviceaccounts', ...account }),
    groups: groups.length === 0 ? groupsOf(account.namespace) : groups,
  }
}

async function authorizeGroups(groups: readonly string[], by: Impersonator, ask: Ask): Promise<void> {
  const attributes = attributesOf(by, { group: groupOf(by), resource: 'groups', name: '' })
  if (by.isConstrained) {
    if (groups.includes('')) throw refusalOf(attributes, undefined, 'impersonating the empty string group is not allowed')
    if (groups.includes('system:masters'))
      throw refusalOf(
        { ...attributes, name: 'system:masters' },
        undefined,
        'impersonating the system:masters group is not allowed',
      )
    if (groups.length >= MANY && (await isAllowed({ ...attributes, name: '*' }, ask))) return
  }
  for (const name of groups) await ask({ ...attributes, name })
}

type Extra = readonly (readonly [key: string, values: readonly string[]])[]

async function authorizeExtra(extra: Extra, by: Impersonator, ask: Ask): Promise<void> {
  const attributes = attributesOf(by, { group: GROUP, resource: 'userextras', name: '' })
  if (by.isConstrained) {
    const problem = problemOf(extra)
    if (problem !== undefined) throw refusalOf(attributes, undefined, problem)
    const count = extra.reduce((sum, [, values]) => sum + values.length, 0)
    if (count >= MANY && (await isAllowed({ ...attributes, subresource: '*', name: '*' }, ask))) return
  }
  for (const [key, values] of extra) for (const name of values) await ask({ ...attributes, subresource: key, name })
}

/** What of the extra can be impersonated by nobody. */
function problemOf(extra: Extra): string | undefined {
  for (const [key, values] of extra) {
    if (key === '') return 'impersonating the empty string key in extra is not allowed'
    const found = foundBy((findings) => domainPrefixedPath(key, 'extra.key', findings))
    if (found.length > 0)
      return `impersonating an invalid key in extra is not allowed: ${aggregated(found.map(({ field, message }) => `${field}: ${message}`))}`
    if (key !== key.toLowerCase()) return `impersonating a non-lowercase key in extra is not allowed: ${goQuote(key)}`
    if (values.includes('')) return 'impersonating the empty string value in extra is not allowed'
  }
  return undefined
}

async function isAllowed(attributes: AuthorizationAttributes, ask: Ask): Promise<boolean> {
  try {
    await ask(attributes)
    return true
  } catch {
    return false
  }
}

const groupOf = ({ isConstrained }: Impersonator): string => (isConstrained ? GROUP : '')

const attributesOf = (
  { user, verb }: Impersonator,
  of: Pick<ResourceAttributes, 'group' | 'resource' | 'name'> & { readonly namespace?: string },
): IdentityAttributes => ({ user, verb, isResource: true, version: 'v1', subresource: '', namespace: '', ...of })
