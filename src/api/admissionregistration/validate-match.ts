import { deepEqual } from '#base'
import type { MatchCondition, MatchResources, ParamKind, Variable } from '../generated/types.ts'
import { labelSelector } from '../validation/common.ts'
import { complaints, duplicateValue, type Findings, invalidValue, oneOf, required, tooMany } from '../validation/findings.ts'
import { dns1035Label, qualifiedName, subdomainName } from '../validation/names.ts'
import { type Expressions, RETURNS } from './expressions.ts'
import { validateNamedRule } from './validate-rule.ts'

const CONDITIONS_MAX = 64

export function validateMatchConditions(
  conditions: readonly MatchCondition[] | undefined,
  path: string,
  expressions: Expressions,
  found: Findings,
): void {
  if ((conditions?.length ?? 0) > CONDITIONS_MAX) found.push(tooMany(path, conditions!.length, CONDITIONS_MAX))
  const names = new Set<string>()
  for (const [index, { name, expression }] of (conditions ?? []).entries()) {
    const text = expression?.trim() ?? ''
    if (text === '') found.push(required(`${path}[${index}].expression`))
    else expressions.check(text, `${path}[${index}].expression`, { returns: RETURNS.bool, isCondition: true }, found)
    if (!name) found.push(required(`${path}[${index}].name`))
    else complaints(qualifiedName(name), name, `${path}[${index}].name`, found)
    if (name && names.has(name)) found.push(duplicateValue(`${path}[${index}].name`, name))
    names.add(name)
  }
}

export function validateMatchResources(match: MatchResources | undefined, path: string, found: Findings): void {
  if (match === undefined) return
  oneOf(match.matchPolicy, ['Equivalent', 'Exact'], `${path}.matchPolicy`, found)
  for (const key of ['namespaceSelector', 'objectSelector'] as const) {
    if (match[key] === undefined) found.push(required(`${path}.${key}`))
    else labelSelector(match[key], `${path}.${key}`, found)
  }
  for (const list of ['resourceRules', 'excludeResourceRules'] as const)
    for (const [index, rule] of (match[list] ?? []).entries()) validateNamedRule(rule, `${path}.${list}[${index}]`, found)
}

/** Whether conditions are the ones that an older policy had, and mean the same: then they may stay as they are. */
export const areConditionsKept = (spec: Policy, old: Policy | undefined): boolean =>
  old !== undefined &&
  deepEqual(spec.paramKind, old.paramKind) &&
  deepEqual(spec.matchConditions ?? [], old.matchConditions ?? [])

export interface Policy {
  readonly failurePolicy?: string
  readonly matchConstraints?: MatchResources
  readonly matchConditions?: readonly MatchCondition[]
  readonly paramKind?: ParamKind
  readonly variables?: readonly Variable[]
}

/** What policies of both kinds say of when they are asked. */
export function validateConstraints({ failurePolicy, paramKind, matchConstraints }: Policy, found: Findings): void {
  oneOf(failurePolicy, ['Fail', 'Ignore'], 'spec.failurePolicy', found)
  if (paramKind !== undefined) validateParamKind(paramKind, 'spec.paramKind', found)
  if (matchConstraints === undefined) found.push(required('spec.matchConstraints'))
  else {
    validateMatchResources(matchConstraints, 'spec.matchConstraints', found)
    if (!matchConstraints.resourceRules?.length) found.push(required('spec.matchConstraints.resourceRules'))
  }
}

function validateParamKind({ apiVersion = '', kind = '' }: ParamKind, field: string, found: Findings): void {
  const path = `${field}.apiVersion`
  const parts = apiVersion === '/' ? ['', ''] : apiVersion.split('/')
  if (apiVersion === '') found.push(required(path))
  else if (parts.length > 2) found.push(invalidValue(path, apiVersion, `unexpected GroupVersion string: ${apiVersion}`))
  else {
    const [version = '', group = ''] = parts.toReversed()
    const ofGroup = group === '' ? [] : [...subdomainName(group)]
    if (ofGroup.length > 0) found.push(invalidValue(path, group, ofGroup.join(',')))
    const ofVersion = [...dns1035Label(version)]
    if (version === '') found.push(invalidValue(path, apiVersion, 'version must be specified'))
    else if (ofVersion.length > 0) found.push(invalidValue(path, version, ofVersion.join(',')))
  }
  const ofKind = [...dns1035Label(kind.toLowerCase())]
  if (kind === '') found.push(required(`${field}.kind`))
  else if (ofKind.length > 0)
    found.push(invalidValue(`${field}.kind`, kind, `may have mixed case, but should otherwise match: ${ofKind.join(',')}`))
}

/** https://github.com/google/cel-spec/blob/master/doc/langdef.md#syntax */
const RESERVED = new Set(
  'true false null in as break const continue else for function if import let loop package namespace return var void while'.split(
    ' ',
  ),
)

export function validateVariables(
  variables: readonly Variable[] | undefined,
  field: string,
  expressions: Expressions,
  found: Findings,
): void {
  for (const [index, variable] of (variables ?? []).entries()) {
    const { name, expression } = variable
    const path = `${field}[${index}]`
    if (!name?.trim()) found.push(required(`${path}.name`, 'name is not specified'))
    else if (!/^[_a-zA-Z][_a-zA-Z0-9]*$/.test(name) || RESERVED.has(name))
      found.push(invalidValue(`${path}.name`, name, 'must be a valid CEL identifier'))
    if (!expression?.trim()) found.push(required(`${path}.expression`, 'expression is not specified'))
    else expressions.variable(variable, `${path}.expression`, found)
  }
}
