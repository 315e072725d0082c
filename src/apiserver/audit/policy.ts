import { invalidValue, required, subdomainName, unsupported } from '#api'
import type { UserInfo } from '#client'
import type { FieldError } from '#meta'
import { decodeConfiguration, flag, listOf, objectOf, refuseConfiguration, text } from '../configuration-file.ts'
import type { RequestInfo } from '../request-info.ts'

export const LEVELS = ['None', 'Metadata', 'Request', 'RequestResponse'] as const
export type AuditLevel = (typeof LEVELS)[number]

export const STAGES = ['RequestReceived', 'ResponseStarted', 'ResponseComplete', 'Panic'] as const
export type AuditStage = (typeof STAGES)[number]

/** What is recorded of which requests (https://kubernetes.io/docs/reference/config-api/apiserver-audit.v1/#audit-k8s-io-v1-Policy). */
export interface AuditPolicy {
  /** The first that matches a request decides. */
  readonly rules: readonly AuditRule[]
  /** Of no event, whatever the rule. */
  readonly omitStages?: readonly AuditStage[]
  readonly omitManagedFields?: boolean
}

export interface AuditRule {
  readonly level: AuditLevel
  readonly users?: readonly string[]
  readonly userGroups?: readonly string[]
  readonly verbs?: readonly string[]
  readonly resources?: readonly AuditGroupResources[]
  readonly namespaces?: readonly string[]
  readonly nonResourceURLs?: readonly string[]
  readonly omitStages?: readonly AuditStage[]
  readonly omitManagedFields?: boolean
}

export interface AuditGroupResources {
  readonly group?: string
  /** `pods`, `pods/log`, `pods/*`, `*\/scale`, `*`; none: all. */
  readonly resources?: readonly string[]
  readonly resourceNames?: readonly string[]
}

/** What the policy says of one request. */
export interface AuditRuling {
  readonly level: AuditLevel
  readonly omitStages: ReadonlySet<AuditStage>
  readonly omitManagedFields: boolean
}

const stringList = listOf(text)
const SCHEMA = objectOf({
  apiVersion: text,
  kind: text,
  // Policies are objects by their type, though nobody keeps them in a cluster.
  metadata: { type: 'object', preserveUnknownFields: true },
  omitStages: stringList,
  omitManagedFields: flag,
  rules: listOf(
    objectOf({
      level: text,
      users: stringList,
      userGroups: stringList,
      verbs: stringList,
      resources: listOf(objectOf({ group: text, resources: stringList, resourceNames: stringList })),
      namespaces: stringList,
      nonResourceURLs: stringList,
      omitStages: stringList,
      omitManagedFields: flag,
    }),
  ),
})

/** Reads and checks a policy file. Unknown fields are told to `warn`, as upstream does. Throws an Error in upstream's words. */
export async function parseAuditPolicy(bytes: Uint8Array, warn: (problem: string) => void): Promise<AuditPolicy> {
  let policy: Partial<AuditPolicy>
  try {
    const kind = { kind: 'Policy', versions: ['audit.k8s.io/v1'], schema: SCHEMA }
    policy = (await decodeConfiguration(bytes, kind, warn)) as Partial<AuditPolicy>
  } catch (error) {
    throw new Error(`failed decoding: ${(error as Error).message}`, { cause: error })
  }
  return checkedPolicy({ ...policy, rules: policy.rules ?? [] })
}

/** Throws an Error when the policy means nothing. */
export function checkedPolicy(policy: AuditPolicy): AuditPolicy {
  refuseConfiguration(policyFindings(policy))
  if (policy.rules.length === 0) throw new Error('loaded illegal policy with 0 rules')
  return policy
}

/** `user` is absent for a request whose credentials were refused. No rule: no audit. */
export function rulingOf(policy: AuditPolicy, info: RequestInfo, user: UserInfo | undefined): AuditRuling {
  const rule = policy.rules.find((each) => matches(each, info, user))
  return {
    level: rule?.level ?? 'None',
    omitStages: new Set([...(policy.omitStages ?? []), ...(rule?.omitStages ?? [])]),
    omitManagedFields: rule?.omitManagedFields ?? policy.omitManagedFields ?? false,
  }
}

function matches(rule: AuditRule, info: RequestInfo, user: UserInfo | undefined): boolean {
  const { users = [], userGroups = [], verbs = [], namespaces = [], resources = [], nonResourceURLs = [] } = rule
  if (users.length > 0 && (user === undefined || !users.includes(user.username))) return false
  if (userGroups.length > 0 && !user?.groups.some((group) => userGroups.includes(group))) return false
  if (verbs.length > 0 && !verbs.includes(info.verb)) return false
  if (namespaces.length > 0 || resources.length > 0) return info.kind === 'resource' && matchesResource(rule, info)
  if (nonResourceURLs.length === 0) return true
  return info.kind === 'path' && nonResourceURLs.some((pattern) => matchesPath(pattern, info.path))
}

const matchesPath = (pattern: string, path: string): boolean =>
  pattern === '*' || pattern === path || (pattern.endsWith('*') && path.startsWith(pattern.replace(/\*+$/, '')))

function matchesResource(
  { namespaces = [], resources = [] }: AuditRule,
  info: Extract<RequestInfo, { kind: 'resource' }>,
): boolean {
  if (namespaces.length > 0 && !namespaces.includes(info.namespace)) return false
  if (resources.length === 0) return true
  const { resource, subresource } = info
  const full = subresource === '' ? resource : `${resource}/${subresource}`
  const isOne = (name: string): boolean =>
    name === full || name === '*' || (subresource !== '' && name === `*/${subresource}`) || name === `${resource}/*`
  return resources.some(({ group = '', resources: names = [], resourceNames = [] }) => {
    if (group !== info.group) return false
    if (names.length === 0) return true
    return (resourceNames.length === 0 || resourceNames.includes(info.name)) && names.some(isOne)
  })
}

function* policyFindings({ rules }: AuditPolicy): Iterable<FieldError> {
  for (const [index, rule] of rules.entries()) yield* ruleFindings(rule, `rules[${index}]`)
}

function* ruleFindings(rule: AuditRule, field: string): Iterable<FieldError> {
  const { level, nonResourceURLs = [], resources = [], namespaces = [], omitStages = [] } = rule
  if (!level) yield required(`${field}.level`)
  else if (!LEVELS.includes(level)) yield unsupported(`${field}.level`, level, LEVELS)
  for (const [index, url] of nonResourceURLs.entries()) yield* urlFindings(url, `${field}.nonResourceURLs[${index}]`)
  for (const { group = '', resources: names = [], resourceNames = [] } of resources) {
    const complaints = group === '' ? [] : [...subdomainName(group)]
    if (complaints.length > 0) yield invalidValue(`${field}.resources.group`, group, complaints.join(','))
    if (resourceNames.length > 0 && names.length === 0)
      yield invalidValue(`${field}.resources.resourceNames`, resourceNames, 'using resourceNames requires at least one resource')
  }
  for (const [index, stage] of omitStages.entries())
    if (!STAGES.includes(stage))
      yield invalidValue(`${field}.omitStages[${index}]`, stage, `allowed stages are ${STAGES.join(',')}`)
  if (nonResourceURLs.length > 0 && (resources.length > 0 || namespaces.length > 0))
    yield invalidValue(
      `${field}.nonResourceURLs`,
      nonResourceURLs,
      'rules cannot apply to both regular resources and non-resource URLs',
    )
}

function* urlFindings(url: string, field: string): Iterable<FieldError> {
  if (url === '*') return
  if (!url.startsWith('/')) yield invalidValue(field, url, "non-resource URL rules must begin with a '/' character")
  if (url.slice(0, -1).includes('*'))
    yield invalidValue(field, url, "non-resource URL wildcards '*' must be the final character of the rule")
}
