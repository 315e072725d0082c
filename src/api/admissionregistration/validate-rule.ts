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

function alone(values: readonly string[], what: string, field: string, found: Findings): void {
  if (values.length > 1 && values.includes('*'))
    found.push(invalidValue(field, values, `if '*' is present, must not specify other ${what}`))
}

export function validateRule(rule: RuleWithOperations, path: string, found: Findings): void {
  const { operations = [], apiGroups = [], apiVersions = [], resources = [], scope } = rule
  if (operations.length === 0) found.push(required(`${path}.operations`))
  alone(operations, 'operations', `${path}.operations`, found)
  for (const [index, operation] of operations.entries()) {
    if (!OPERATIONS.includes(operation)) found.push(unsupported(`${path}.operations[${index}]`, operation, OPERATIONS))
  }
  if (apiGroups.length === 0) found.push(required(`${path}.apiGroups`))
  alone(apiGroups, 'API groups', `${path}.apiGroups`, found)
  if (apiVersions.length === 0) found.push(required(`${path}.apiVersions`))
  alone(apiVersions, 'API versions', `${path}.apiVersions`, found)
  for (const [index, version] of apiVersions.entries()) if (version === '') found.push(required(`${path}.apiVersions[${index}]`))
  validateResources(resources, `${path}.resources`, found)
  optionalOneOf(scope, SCOPES, `${path}.scope`, found)
}

/** Whatever a star stands for is not named beside it. */
function validateResources(resources: readonly string[], field: string, found: Findings): void {
  if (resources.length === 0) found.push(required(field))
  const [everyPart, ofEvery] = [new Set<string>(), new Set<string>()]
  for (const [index, resource] of resources.entries()) {
    const at = `${field}[${index}]`
    if (resource === '') found.push(required(at))
    const slash = resource.indexOf('/')
    if (slash < 0) continue
    const [name, part] = [resource.slice(0, slash), resource.slice(slash + 1)]
    if (everyPart.has(name)) found.push(invalidValue(at, resource, `if '${name}/*' is present, must not specify ${resource}`))
    if (ofEvery.has(part)) found.push(invalidValue(at, resource, `if '*/${part}' is present, must not specify ${resource}`))
    if (part === '*') everyPart.add(name)
    if (name === '*') ofEvery.add(part)
  }
  if (resources.length > 1 && resources.includes('*/*'))
    found.push(invalidValue(field, resources, "if '*/*' is present, must not specify other resources"))
  // Of resources without parts upstream minds the last alone.
  const last = resources.filter((resource) => resource !== '' && !resource.includes('/')).at(-1)
  if (resources.includes('*') && last !== '*')
    found.push(invalidValue(field, resources, "if '*' is present, must not specify other resources without subresources"))
}

export function validateNamedRule(rule: NamedRuleWithOperations, path: string, found: Findings): void {
  const names = new Set<string>()
  for (const [index, name] of (rule.resourceNames ?? []).entries()) {
    const at = `${path}.resourceNames[${index}]`
    complaints(pathSegmentName(name), name, at, found)
    if (names.has(name)) found.push(duplicateValue(at, name))
    names.add(name)
  }
  validateRule(rule, path, found)
}

export function mutableOperations(rules: readonly RuleWithOperations[] | undefined, field: string, found: Findings): void {
  for (const { operations } of rules ?? []) {
    for (const operation of operations ?? []) {
      if (!MUTABLE_OPERATIONS.includes(operation)) found.push(unsupported(field, operation, MUTABLE_OPERATIONS))
    }
  }
}
