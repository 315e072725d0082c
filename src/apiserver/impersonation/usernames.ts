import { dnsLabel, subdomainName } from '#api'

const NODE = 'system:node:'
const SERVICE_ACCOUNT = 'system:serviceaccount:'

const isValid = (problems: Iterable<string>): boolean => [...problems].length === 0

/** The node that has this username; undefined for what can be no node's. */
export function nodeOf(username: string): string | undefined {
  if (!username.startsWith(NODE)) return undefined
  const name = username.slice(NODE.length)
  return isValid(subdomainName(name)) ? name : undefined
}

export interface AccountName {
  readonly namespace: string
  readonly name: string
}

/** The service account that has this username; undefined for what can be none's. */
export function serviceAccountOf(username: string): AccountName | undefined {
  if (!username.startsWith(SERVICE_ACCOUNT)) return undefined
  const [namespace, name, ...rest] = username.slice(SERVICE_ACCOUNT.length).split(':')
  if (namespace === undefined || name === undefined || rest.length > 0) return undefined
  return isValid(dnsLabel(namespace)) && isValid(subdomainName(name)) ? { namespace, name } : undefined
}
