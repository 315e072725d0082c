import { readFile } from 'node:fs/promises'
import type { UserInfo } from '#client'
import { conform, isObject } from '#meta'
import { flag, objectOf, text } from '../configuration-file.ts'
import { type Authorizer, allow, noOpinion } from './types.ts'

interface Policy {
  readonly user?: string
  readonly group?: string
  readonly readonly?: boolean
  readonly apiGroup?: string
  readonly resource?: string
  readonly namespace?: string
  readonly nonResourcePath?: string
}

const READING = ['get', 'list', 'watch']
const AUTHENTICATED = 'system:authenticated'
const VERSION = 'abac.authorization.kubernetes.io/v1beta1'
const FIELDS = { user: text, group: text, readonly: flag, resource: text, namespace: text }
const SPEC = objectOf({ ...FIELDS, apiGroup: text, nonResourcePath: text })
const SCHEMA = objectOf({ apiVersion: text, kind: text, spec: SPEC })
const UNVERSIONED = objectOf(FIELDS)

/**
 * Allows what a file of policies says, one on each line; it is read once (https://kubernetes.io/docs/reference/access-authn-authz/abac/). Rejects with the line that is
 * wrong.
 */
export async function abacAuthorizer(path: string): Promise<Authorizer> {
  const policies = parsePolicies(await readFile(path, 'utf8'), path)
  return {
    name: 'ABAC',
    authorize(attributes) {
      const { user, verb } = attributes
      const isReading = READING.includes(verb)
      const isAllowed = policies.some(
        (policy) =>
          isFor(policy, user) &&
          (isReading || policy.readonly !== true) &&
          (attributes.isResource
            ? fits(policy.namespace, attributes.namespace) &&
              fits(policy.resource, attributes.resource) &&
              fits(policy.apiGroup, attributes.group)
            : leadsTo(policy.nonResourcePath ?? '', attributes.path)),
      )
      return isAllowed ? allow() : noOpinion('No policy matched.')
    },
    rulesFor(user, namespace) {
      const known = policies.filter((policy) => isFor(policy, user) && fits(policy.namespace, namespace))
      const verbsOf = (policy: Policy): string[] => (policy.readonly ? READING : ['*'])
      return {
        resourceRules: known
          .filter(({ resource }) => resource)
          .map((policy) => ({ verbs: verbsOf(policy), apiGroups: [policy.apiGroup ?? ''], resources: [policy.resource!] })),
        nonResourceRules: known
          .filter(({ nonResourcePath }) => nonResourcePath)
          .map((policy) => ({ verbs: verbsOf(policy), nonResourceURLs: [policy.nonResourcePath!] })),
        incomplete: false,
        errors: [],
      }
    },
  }
}

/** Who is named by user and group has to be both; who is named by neither is nobody. */
function isFor({ user = '', group = '' }: Policy, { username, groups }: UserInfo): boolean {
  if (user === '' && group === '') return false
  return (user === '' || user === username) && (group === '' || groups.includes(group))
}

const fits = (wanted: string | undefined, actual: string): boolean => wanted === '*' || (wanted ?? '') === actual

const leadsTo = (wanted: string, path: string): boolean =>
  wanted === path || (wanted.endsWith('*') && path.startsWith(wanted.replace(/\*+$/, '')))

function parsePolicies(file: string, path: string): Policy[] {
  const policies: Policy[] = []
  for (const [index, line] of file.split('\n').entries()) {
    if (line.trim() === '' || line.trim().startsWith('#')) continue
    try {
      policies.push(parsePolicy(JSON.parse(line)))
    } catch (error) {
      throw new Error(`error reading policy file ${path}, line ${index + 1}: ${line}: ${(error as Error).message}`, {
        cause: error,
      })
    }
  }
  return policies
}

function parsePolicy(value: unknown): Policy {
  if (!isObject(value)) throw new Error('it is no policy')
  const { apiVersion, kind } = value
  if (apiVersion === undefined && kind === undefined) return unversioned(read(value, UNVERSIONED) as Policy)
  if (apiVersion !== VERSION || kind !== 'Policy')
    throw new Error(`no kind ${JSON.stringify(kind ?? '')} is registered for version ${JSON.stringify(apiVersion ?? '')}`)
  return authenticatedOnly((read(value, SCHEMA) as { readonly spec?: Policy }).spec ?? {})
}

function read(value: unknown, schema: Parameters<typeof conform>[1]): unknown {
  const { value: conformed, unknown } = conform(value, schema)
  if (unknown.length > 0) throw new Error(`unknown field ${JSON.stringify(unknown[0])}`)
  return conformed
}

/** A star is everybody who is known, and nobody else. */
const authenticatedOnly = (policy: Policy): Policy =>
  policy.user === '*' || policy.group === '*' ? { ...policy, user: '', group: AUTHENTICATED } : policy

/** Policies of before there were versions: what is left out is everything. */
function unversioned(policy: Policy): Policy {
  const { user, group, resource, namespace } = policy
  return authenticatedOnly({
    ...policy,
    ...(!user && !group && { group: AUTHENTICATED }),
    apiGroup: '*',
    resource: resource || '*',
    namespace: namespace || '*',
    ...(!resource && !namespace && { nonResourcePath: '*' }),
  })
}
