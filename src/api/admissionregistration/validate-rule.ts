import type { NamedRuleWithOperations, RuleWithOperations } from '../generated/types.ts'
import {
  complaints,
  duplicateValue,
  type Findings,
  invalidValue,
  optionalOneOf,
  required,
  unsupported,
} from '../validation/findings.ts'
import { pathSegmentName } from '../validation/names.ts'

const OPERATIONS = ['*', 'CONNECT', 'CREATE', 'DELETE', 'UPDATE']
/** What is gone can't be changed. */
const MUTABLE_OPERATIONS = ['*', 'CONNECT', 'CREATE', 'UPDATE']
const SCOPES = ['*', 'Cluster', 'Namespaced']

const alone = (values: readonly string[], what: string, field: string): Findings =>
  values.length > 1 && values.includes('*')
    ? [invalidValue(field, values, `if '*' is present, must not specify other ${what}`)]
    : []

export function* validateRule(rule: RuleWithOperations, path: string): Findings {
  const { operations = [], apiGroups = [], apiVersions = [], resources = [], scope } = rule
  if (operations.length === 0) yield required(`${path}.operations`)
  yield* alone(operations, 'operations', `${path}.operations`)
  for (const [index, operation] of operations.entries()) {
    if (!OPERATIONS.includes(operation)) yield unsupported(`${path}.operations[${index}]`, operation, OPERATIONS)
  }
  if (apiGroups.length === 0) yield required(`${path}.apiGroups`)
  yield* alone(apiGroups, 'API groups', `${path}.apiGroups`)
  if (apiVersions.length === 0) yield required(`${path}.apiVersions`)
  yield* alone(apiVersions, 'API versions', `${path}.apiVersions`)
  for (const [index, version] of apiVersions.entries()) if (version === '') yield required(`${path}.apiVersions[${index}]`)
  yield* validateResources(resources, `${path}.resources`)
  yield* optionalOneOf(scope, SCOPES, `${path}.scope`)
}

/** Whatever a star stands for is not named beside it. */
function* validateResources(resources: readonly string[], field: string): Findings {
  if (resources.length === 0) yield required(field)
  const [everyPart, ofEvery] = [new Set<string>(), new Set<string>()]
  for (const [index, resource] of resources.entries()) {
    const at = `${field}[${index}]`
    if (resource === '') yield required(at)
    const slash = resource.indexOf('/')
    if (slash < 0) continue
    const [name, part] = [resource.slice(0, slash), resource.slice(slash + 1)]
    if (everyPart.has(name)) yield invalidValue(at, resource, `if '${name}/*' is present, must not specify ${resource}`)
    if (ofEvery.has(part)) yield invalidValue(at, resource, `if '*/${part}' is present, must not specify ${resource}`)
    if (part === '*') everyPart.add(name)
    if (name === '*') ofEvery.add(part)
  }
  if (resources.length > 1 && resources.includes('*/*'))
    yield invalidValue(field, resources, "if '*/*' is present, must not specify other resources")
  // Of resources without parts upstream minds the last alone.
  const last = resources.filter((resource) => resource !== '' && !resource.includes('/')).at(-1)
  if (resources.includes('*') && last !== '*')
    yield invalidValue(field, resources, "if '*' is present, must not specify other resources without subresources")
}

export function* validateNamedRule(rule: NamedRuleWithOperations, path: string): Findings {
  const names = new Set<string>()
  for (const [index, name] of (rule.resourceNames ?? []).entries()) {
    const at = `${path}.resourceNames[${index}]`
    yield* complaints(pathSegmentName(name), name, at)
    if (names.has(name)) yield duplicateValue(at, name)
    names.add(name)
  }
  yield* validateRule(rule, path)
}

export function* mutableOperations(rules: readonly RuleWithOperations[] | undefined, field: string): Findings {
  for (const { operations } of rules ?? []) {
    for (const operation of operations ?? []) {
      if (!MUTABLE_OPERATIONS.includes(operation)) yield unsupported(field, operation, MUTABLE_OPERATIONS)
    }
  }
}
