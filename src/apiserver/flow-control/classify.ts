import type { FlowcontrolSubject, FlowSchema, NonResourcePolicyRule, PolicyRulesWithSubjects, ResourcePolicyRule } from '#api'
import type { UserInfo } from '#client'
import type { RequestInfo } from '../request-info.ts'

export interface Digest {
  readonly user: UserInfo
  readonly info: RequestInfo
}

/** A FlowSchema ready to be matched. */
export interface CompiledSchema {
  readonly schema: FlowSchema
  readonly name: string
  readonly uid: string
  readonly level: string
  matches(digest: Digest): boolean
  /** What tells one flow of this schema from another. */
  distinguisher(digest: Digest): string
}

/** Schemas in the order in which they are tried: by precedence, then by name. */
export function compileSchemas(schemas: readonly FlowSchema[]): CompiledSchema[] {
  return [...schemas]
    .sort((a, b) => precedenceOf(a) - precedenceOf(b) || (nameOf(a) < nameOf(b) ? -1 : 1))
    .map((schema) => {
      const rules = (schema.spec?.rules ?? []).map(compileRule)
      const method = schema.spec?.distinguisherMethod?.type
      return {
        schema,
        name: nameOf(schema),
        uid: schema.metadata?.uid ?? '',
        level: schema.spec?.priorityLevelConfiguration?.name ?? '',
        matches: (digest) => anyMatches(rules, digest),
        distinguisher: ({ user, info }) =>
          method === 'ByUser' ? user.username : method === 'ByNamespace' && info.kind === 'resource' ? info.namespace : '',
      }
    })
}

const precedenceOf = ({ spec }: FlowSchema): number => spec?.matchingPrecedence ?? 0
const nameOf = ({ metadata }: FlowSchema): string => metadata?.name ?? ''

type Matcher = (digest: Digest) => boolean

/** Without a closure: this is asked a dozen times for every request. */
function anyMatches(matchers: readonly Matcher[], digest: Digest): boolean {
  for (const matches of matchers) if (matches(digest)) return true
  return false
}

function compileRule({ subjects, resourceRules = [], nonResourceRules = [] }: PolicyRulesWithSubjects): Matcher {
  const isSubject = compileSubjects(subjects)
  const resources = resourceRules.map(compileResourceRule)
  const paths = nonResourceRules.map(compilePathRule)
  return (digest) => isSubject(digest.user) && anyMatches(digest.info.kind === 'resource' ? resources : paths, digest)
}

function compileSubjects(subjects: readonly FlowcontrolSubject[]): (user: UserInfo) => boolean {
  const users = new Set<string>()
  const groups = new Set<string>()
  for (const { kind, user, group, serviceAccount } of subjects) {
    if (kind === 'User' && user !== undefined) users.add(user.name)
    else if (kind === 'Group' && group !== undefined) groups.add(group.name)
    else if (kind === 'ServiceAccount' && serviceAccount !== undefined) {
      const { namespace, name } = serviceAccount
      // All accounts of a namespace are a group.
      if (name === '*') groups.add(`system:serviceaccounts:${namespace}`)
      else users.add(`system:serviceaccount:${namespace}:${name}`)
    }
  }
  const anybody = users.has('*') || groups.has('*')
  return ({ username, groups: own }) => {
    if (anybody || users.has(username)) return true
    for (const group of own) if (groups.has(group)) return true
    return false
  }
}

const setOf = (values: readonly string[]): ((value: string) => boolean) => {
  if (values.includes('*')) return () => true
  const set = new Set(values)
  return (value) => set.has(value)
}

function compileResourceRule({ verbs, apiGroups, resources, namespaces = [], clusterScope }: ResourcePolicyRule): Matcher {
  const [verb, group, resource, namespace] = [setOf(verbs), setOf(apiGroups), setOf(resources), setOf(namespaces)]
  return ({ info }) => {
    if (info.kind !== 'resource' || !verb(info.verb) || !group(info.group)) return false
    if (!resource(info.subresource === '' ? info.resource : `${info.resource}/${info.subresource}`)) return false
    return info.namespace === '' ? clusterScope === true : namespace(info.namespace)
  }
}

function compilePathRule({ verbs, nonResourceURLs }: NonResourcePolicyRule): Matcher {
  const verb = setOf(verbs)
  const exact = setOf(nonResourceURLs)
  // A path stands for all that is below it, whether it says so or not.
  const prefixes = nonResourceURLs.map((url) => url.replace(/\/?\*?$/, '/'))
  return ({ info }) =>
    info.kind === 'path' && verb(info.verb) && (exact(info.path) || prefixes.some((each) => info.path.startsWith(each)))
}
