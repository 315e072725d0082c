import type { PolicyRule } from '#api'
import { matchesPath } from './rules.ts'

/** Smallest parts of rules: one group, resource, verb and name each, or one path and verb. */
export function breakdown({ apiGroups, resources, resourceNames, nonResourceURLs, verbs }: PolicyRule): PolicyRule[] {
  const parts: PolicyRule[] = []
  for (const group of apiGroups ?? [])
    for (const resource of resources ?? [])
      for (const verb of verbs) {
        const part = { apiGroups: [group], resources: [resource], verbs: [verb] }
        if (resourceNames?.length) for (const name of resourceNames) parts.push({ ...part, resourceNames: [name] })
        else parts.push(part)
      }
  for (const path of nonResourceURLs ?? []) for (const verb of verbs) parts.push({ nonResourceURLs: [path], verbs: [verb] })
  return parts
}

/** Parts of the `wanted` rules that none of the `owned` ones covers. */
export const uncovered = (owned: readonly PolicyRule[], wanted: readonly PolicyRule[]): PolicyRule[] =>
  wanted.flatMap(breakdown).filter((part) => !owned.some((rule) => covers(rule, part)))

function covers(owned: PolicyRule, part: PolicyRule): boolean {
  return (
    includesAll(owned.verbs, part.verbs, true) &&
    includesAll(owned.apiGroups, part.apiGroups, true) &&
    (part.resources ?? []).every((resource) => namesResource(owned.resources ?? [], resource)) &&
    (part.nonResourceURLs ?? []).every((path) => (owned.nonResourceURLs ?? []).some((pattern) => matchesPath(pattern, path))) &&
    (!owned.resourceNames?.length ||
      (!!part.resourceNames?.length && includesAll(owned.resourceNames, part.resourceNames, false)))
  )
}

const includesAll = (set: readonly string[] = [], wanted: readonly string[] = [], wildcard: boolean): boolean =>
  (wildcard && set.includes('*')) || wanted.every((each) => set.includes(each))

function namesResource(owned: readonly string[], resource: string): boolean {
  if (owned.includes('*') || owned.includes(resource)) return true
  const slash = resource.indexOf('/')
  return slash !== -1 && owned.includes(`*${resource.slice(slash)}`)
}

/** Rules of one group and resource become one, with all their verbs; for messages. */
export function compact(rules: readonly PolicyRule[]): PolicyRule[] {
  const simple = new Map<string, PolicyRule & { verbs: string[] }>()
  const others: PolicyRule[] = []
  for (const rule of rules) {
    if (!isSimple(rule)) {
      others.push(rule)
      continue
    }
    const key = JSON.stringify([rule.apiGroups, rule.resources, rule.resourceNames ?? []])
    const known = simple.get(key)
    if (known === undefined) simple.set(key, { ...rule, verbs: [...rule.verbs] })
    else known.verbs.push(...rule.verbs.filter((verb) => !known.verbs.includes(verb)))
  }
  return [...others, ...simple.values()]
}

const isSimple = ({ apiGroups, resources, resourceNames, nonResourceURLs }: PolicyRule): boolean =>
  apiGroups?.length === 1 && resources?.length === 1 && (resourceNames?.length ?? 0) <= 1 && !nonResourceURLs?.length

/** `{APIGroups:["apps"], Resources:["deployments"], Verbs:["get" "list"]}` */
export function describeRule({ apiGroups, resources, nonResourceURLs, resourceNames, verbs }: PolicyRule): string {
  const parts: [string, readonly string[] | undefined][] = [
    ['APIGroups', apiGroups],
    ['Resources', resources],
    ['NonResourceURLs', nonResourceURLs],
    ['ResourceNames', resourceNames],
    ['Verbs', verbs],
  ]
  return `{${parts.flatMap(([name, list]) => (list?.length ? [`${name}:${quoted(list)}`] : [])).join(', ')}}`
}

/** A list of strings as Go prints it quoted. */
export const quoted = (list: readonly string[]): string => `[${list.map((each) => JSON.stringify(each)).join(' ')}]`
