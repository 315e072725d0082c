import { deepEqual } from '#base'
import { age, name, orNone, text } from '../columns.ts'
import { defineResource } from '../define-resource.ts'
import type {
  FlowcontrolSubject,
  FlowSchema,
  FlowSchemaSpec,
  NonResourcePolicyRule,
  PolicyRulesWithSubjects,
  ResourcePolicyRule,
} from '../generated/types.ts'
import { complaints, duplicateValue, type Findings, forbid, invalidValue, required, unsupported } from '../validation/findings.ts'
import { dnsLabel, subdomainName } from '../validation/names.ts'
import { mandatoryFlowSchemas } from './mandatory.ts'

export const flowSchemas = defineResource<FlowSchema>({
  group: 'flowcontrol.apiserver.k8s.io',
  version: 'v1',
  kind: 'FlowSchema',
  scope: 'Cluster',
  names: { plural: 'flowschemas' },
  subresources: { status: true },
  generation: true,
  default(draft) {
    if (draft.spec) draft.spec.matchingPrecedence ||= 1000
    draft.status ??= {}
  },
  columns: [
    name,
    text(
      'PriorityLevel',
      ({ spec }) => spec?.priorityLevelConfiguration?.name,
      'flowcontrol.v1.PriorityLevelConfigurationReference#name',
    ),
    text('MatchingPrecedence', ({ spec }) => spec?.matchingPrecedence, 'flowcontrol.v1.FlowSchemaSpec#matchingPrecedence'),
    text(
      'DistinguisherMethod',
      ({ spec }) => orNone(spec?.distinguisherMethod?.type),
      'flowcontrol.v1.FlowSchemaSpec#distinguisherMethod',
    ),
    age,
    text(
      'MissingPL',
      ({ status }) => status?.conditions?.find(({ type }) => type === 'Dangling')?.status ?? '?',
      'references a broken or non-existent PriorityLevelConfiguration',
    ),
  ],
  validate({ metadata, spec, status }, found) {
    validateSpec(metadata?.name ?? '', spec, found)
    const fixed = mandatoryFlowSchemas.find((each) => each.metadata?.name === metadata?.name)
    if (fixed !== undefined && !deepEqual(spec, fixed.spec)) {
      found.push(invalidValue('spec', spec, `spec of '${metadata?.name}' must equal the fixed value`))
    }
    validateConditions(status?.conditions, found)
  },
  validateStatusUpdate({ status }, _old, found) {
    validateConditions(status?.conditions, found)
  },
  // As requests are matched.
  rowOrder: ({ metadata: a, spec: first }, { metadata: b, spec: second }) =>
    (first?.matchingPrecedence ?? 0) - (second?.matchingPrecedence ?? 0) || ((a?.name ?? '') < (b?.name ?? '') ? -1 : 1),
  schema: 'io.k8s.api.flowcontrol.v1.FlowSchema',
})

const PRECEDENCE_MAX = 10_000
const VERBS = ['create', 'delete', 'deletecollection', 'get', 'list', 'patch', 'proxy', 'update', 'watch']

function validateSpec(name: string, spec: FlowSchemaSpec | undefined, found: Findings): void {
  const precedence = spec?.matchingPrecedence ?? 0
  const at = 'spec.matchingPrecedence'
  if (precedence <= 0) found.push(invalidValue(at, precedence, 'must be a positive value'))
  if (precedence > PRECEDENCE_MAX) found.push(invalidValue(at, precedence, `must not be greater than ${PRECEDENCE_MAX}`))
  if (precedence === 1 && name !== 'exempt') {
    found.push(invalidValue(at, precedence, "only the schema named 'exempt' may have matchingPrecedence 1"))
  }
  const method = spec?.distinguisherMethod
  if (method !== undefined && !['ByNamespace', 'ByUser'].includes(method.type)) {
    found.push(unsupported('spec.distinguisherMethod.type', method, ['ByNamespace', 'ByUser']))
  }
  const level = spec?.priorityLevelConfiguration?.name
  if (level) complaints(subdomainName(level), level, 'spec.priorityLevelConfiguration.name', found)
  else found.push(required('spec.priorityLevelConfiguration.name', 'must reference a priority level'))
  for (const [index, rule] of (spec?.rules ?? []).entries()) validateRule(rule, `spec.rules[${index}]`, found)
}

function validateRule(
  { subjects, resourceRules = [], nonResourceRules = [] }: PolicyRulesWithSubjects,
  path: string,
  found: Findings,
): void {
  if (!subjects?.length) found.push(required(`${path}.subjects`, 'subjects must contain at least one value'))
  for (const [index, subject] of (subjects ?? []).entries()) validateSubject(subject, `${path}.subjects[${index}]`, found)
  if (resourceRules.length === 0 && nonResourceRules.length === 0) {
    found.push(required(path, 'at least one of resourceRules and nonResourceRules has to be non-empty'))
  }
  for (const [index, rule] of resourceRules.entries()) validateResourceRule(rule, `${path}.resourceRules[${index}]`, found)
  for (const [index, rule] of nonResourceRules.entries())
    validateNonResourceRule(rule, `${path}.nonResourceRules[${index}]`, found)
}

const SUBJECT_FIELDS = { Group: 'group', ServiceAccount: 'serviceAccount', User: 'user' } as const
/** In the order in which upstream looks at what does not belong. */
const OTHERS = ['ServiceAccount', 'User', 'Group'] as const

function validateSubject(subject: FlowcontrolSubject, path: string, found: Findings): void {
  const kinds = Object.keys(SUBJECT_FIELDS) as (keyof typeof SUBJECT_FIELDS)[]
  const kind = kinds.find((each) => each === subject.kind)
  if (kind === undefined) {
    found.push(unsupported(`${path}.kind`, subject.kind, kinds))
    return
  }
  const field = SUBJECT_FIELDS[kind]
  const own = subject[field]
  if (own === undefined) found.push(required(`${path}.${field}`, `${field} is required when subject kind is '${kind}'`))
  else if (!own.name) found.push(required(`${path}.${field}.name`))
  else if (kind === 'ServiceAccount' && own.name !== '*') {
    complaints(subdomainName(own.name), own.name, `${path}.${field}.name`, found)
  }
  if (kind === 'ServiceAccount' && own !== undefined) {
    const namespace = subject.serviceAccount?.namespace ?? ''
    if (namespace === '') found.push(required(`${path}.${field}.namespace`, 'must specify namespace for service account'))
    else complaints(dnsLabel(namespace), namespace, `${path}.${field}.namespace`, found)
  }
  for (const other of OTHERS) {
    const name = SUBJECT_FIELDS[other]
    if (other !== kind && subject[name] !== undefined) {
      found.push(forbid(`${path}.${name}`, `${name} is forbidden when subject kind is not '${other}'`))
    }
  }
}

function validateVerbs(verbs: readonly string[] | undefined, path: string, found: Findings): void {
  if (!verbs?.length) found.push(required(`${path}.verbs`, 'verbs must contain at least one value'))
  else if (verbs.includes('*')) {
    if (verbs.length > 1) found.push(invalidValue(`${path}.verbs`, verbs, "if '*' is present, must not specify other verbs"))
  } else if (verbs.some((verb) => !VERBS.includes(verb))) found.push(unsupported(`${path}.verbs`, verbs, VERBS))
}

function validateResourceRule(rule: ResourcePolicyRule, path: string, found: Findings): void {
  validateVerbs(rule.verbs, path, found)
  validateSet(rule.apiGroups, `${path}.apiGroups`, 'api group', found)
  validateSet(rule.resources, `${path}.resources`, 'resource', found)
  const namespaces = rule.namespaces ?? []
  if (namespaces.length === 0 && !rule.clusterScope) {
    found.push(required(`${path}.namespaces`, 'resource rules that are not cluster scoped must supply at least one namespace'))
  } else if (namespaces.includes('*')) {
    if (namespaces.length > 1) {
      found.push(invalidValue(`${path}.namespaces`, namespaces, "if '*' is present, must not specify other namespaces"))
    }
  } else {
    for (const [index, namespace] of namespaces.entries()) {
      for (const problem of dnsLabel(namespace)) {
        const why = `each member of this list must be '*' or a DNS-1123 label; ${problem}`
        found.push(invalidValue(`${path}.namespaces[${index}]`, namespace, why))
      }
    }
  }
}

function validateSet(values: readonly string[] | undefined, path: string, noun: string, found: Findings): void {
  if (!values?.length) found.push(required(path, `resource rules must supply at least one ${noun}`))
  else if (values.length > 1 && values.includes('*')) {
    found.push(invalidValue(path, values, `if '*' is present, must not specify other ${noun}s`))
  }
}

function validateNonResourceRule(rule: NonResourcePolicyRule, path: string, found: Findings): void {
  validateVerbs(rule.verbs, path, found)
  const urls = rule.nonResourceURLs ?? []
  const at = `${path}.nonResourceURLs`
  if (urls.length === 0) found.push(required(at, 'nonResourceURLs must contain at least one value'))
  else if (urls.includes('*')) {
    if (urls.length > 1) found.push(invalidValue(at, urls, "if '*' is present, must not specify other non-resource URLs"))
  } else {
    for (const [index, url] of urls.entries()) {
      const problem = urlProblem(url)
      if (problem !== undefined) found.push(invalidValue(`${at}[${index}]`, url, problem))
    }
  }
}

function urlProblem(url: string): string | undefined {
  if (url === '') return 'must not be empty'
  if (url === '/') return undefined
  if (!url.startsWith('/')) return 'must start with slash'
  if (url.includes(' ')) return 'must not contain white-space'
  if (url.includes('//')) return 'must not contain double slash'
  const stars = url.split('*').length - 1
  return stars > 1 || (stars === 1 && !url.endsWith('/*')) ? 'wildcard can only do suffix matching' : undefined
}

/** Of FlowSchemas and PriorityLevelConfigurations: each has a type, and one of each. */
export function validateConditions(conditions: readonly { readonly type?: string }[] | undefined, found: Findings): void {
  const seen = new Set<string>()
  for (const [index, { type = '' }] of (conditions ?? []).entries()) {
    const path = `status.conditions[${index}].type`
    if (seen.has(type)) found.push(duplicateValue(path, type))
    seen.add(type)
    if (type === '') found.push(required(path, 'must not be empty'))
  }
}
