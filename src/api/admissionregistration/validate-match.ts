import type { MatchCondition, MatchResources, ParamKind, Variable } from '../generated/types.ts'
import { labelSelector } from '../validation/common.ts'
import { complaints, duplicateValue, type Findings, invalidValue, oneOf, required, tooMany } from '../validation/findings.ts'
import { dns1035Label, qualifiedName, subdomainName } from '../validation/names.ts'
import { validateNamedRule } from './validate-rule.ts'

const CONDITIONS_MAX = 64

/** What expressions say is checked where the language is at hand (admission); here is all the rest. */
export function* validateMatchConditions(conditions: readonly MatchCondition[] | undefined, path: string): Findings {
  if ((conditions?.length ?? 0) > CONDITIONS_MAX) yield tooMany(path, conditions!.length, CONDITIONS_MAX)
  const names = new Set<string>()
  for (const [index, { name, expression }] of (conditions ?? []).entries()) {
    if (!expression?.trim()) yield required(`${path}[${index}].expression`)
    if (!name) yield required(`${path}[${index}].name`)
    else yield* complaints(qualifiedName(name), name, `${path}[${index}].name`)
    if (name && names.has(name)) yield duplicateValue(`${path}[${index}].name`, name)
    names.add(name)
  }
}

export function* validateMatchResources(match: MatchResources | undefined, path: string): Findings {
  if (match === undefined) return
  yield* oneOf(match.matchPolicy, ['Equivalent', 'Exact'], `${path}.matchPolicy`)
  for (const key of ['namespaceSelector', 'objectSelector'] as const) {
    if (match[key] === undefined) yield required(`${path}.${key}`)
    else yield* labelSelector(match[key], `${path}.${key}`)
  }
  for (const list of ['resourceRules', 'excludeResourceRules'] as const)
    for (const [index, rule] of (match[list] ?? []).entries()) yield* validateNamedRule(rule, `${path}.${list}[${index}]`)
}

interface Policy {
  readonly failurePolicy?: string
  readonly matchConstraints?: MatchResources
  readonly matchConditions?: readonly MatchCondition[]
  readonly paramKind?: ParamKind
  readonly variables?: readonly Variable[]
}

/** What policies of both kinds say of when they are asked. */
export function* validateConstraints({ failurePolicy, paramKind, matchConstraints }: Policy): Findings {
  yield* oneOf(failurePolicy, ['Fail', 'Ignore'], 'spec.failurePolicy')
  if (paramKind !== undefined) yield* validateParamKind(paramKind, 'spec.paramKind')
  if (matchConstraints === undefined) yield required('spec.matchConstraints')
  else {
    yield* validateMatchResources(matchConstraints, 'spec.matchConstraints')
    if (!matchConstraints.resourceRules?.length) yield required('spec.matchConstraints.resourceRules')
  }
}

function* validateParamKind({ apiVersion = '', kind = '' }: ParamKind, field: string): Findings {
  const path = `${field}.apiVersion`
  const parts = apiVersion === '/' ? ['', ''] : apiVersion.split('/')
  if (apiVersion === '') yield required(path)
  else if (parts.length > 2) yield invalidValue(path, apiVersion, `unexpected GroupVersion string: ${apiVersion}`)
  else {
    const [version = '', group = ''] = parts.toReversed()
    const ofGroup = group === '' ? [] : [...subdomainName(group)]
    if (ofGroup.length > 0) yield invalidValue(path, group, ofGroup.join(','))
    const ofVersion = [...dns1035Label(version)]
    if (version === '') yield invalidValue(path, apiVersion, 'version must be specified')
    else if (ofVersion.length > 0) yield invalidValue(path, version, ofVersion.join(','))
  }
  const ofKind = [...dns1035Label(kind.toLowerCase())]
  if (kind === '') yield required(`${field}.kind`)
  else if (ofKind.length > 0)
    yield invalidValue(`${field}.kind`, kind, `may have mixed case, but should otherwise match: ${ofKind.join(',')}`)
}

/** https://github.com/google/cel-spec/blob/master/doc/langdef.md#syntax */
const RESERVED = new Set(
  'true false null in as break const continue else for function if import let loop package namespace return var void while'.split(
    ' ',
  ),
)

export function* validateVariables(variables: readonly Variable[] | undefined, field: string): Findings {
  for (const [index, { name, expression }] of (variables ?? []).entries()) {
    const path = `${field}[${index}]`
    if (!name?.trim()) yield required(`${path}.name`, 'name is not specified')
    else if (!/^[_a-zA-Z][_a-zA-Z0-9]*$/.test(name) || RESERVED.has(name))
      yield invalidValue(`${path}.name`, name, 'must be a valid CEL identifier')
    if (!expression?.trim()) yield required(`${path}.expression`, 'expression is not specified')
  }
}
