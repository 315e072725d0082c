import type {
  MatchCondition,
  MatchResources,
  MutatingAdmissionPolicy,
  NamedRuleWithOperations,
  ParamKind,
  ParamRef,
  ValidatingAdmissionPolicy,
  ValidatingAdmissionPolicyBinding,
  Variable,
} from '../generated/types.ts'
import { labelSelector } from '../validation/common.ts'
import {
  complaints,
  duplicateValue,
  type Findings,
  forbid,
  invalidValue,
  oneOf,
  required,
  tooMany,
  unsupported,
} from '../validation/findings.ts'
import { qualifiedName } from '../validation/names.ts'
import { validateRule } from './validate-webhook.ts'

const CONDITIONS_MAX = 64
const ACTIONS = ['Audit', 'Deny', 'Warn']
const REASONS = ['Forbidden', 'Invalid', 'RequestEntityTooLarge', 'Unauthorized']

/** What expressions say is checked where the language is at hand (admission); here is all the rest. */
export function* validateValidatingPolicy({ spec = {} }: ValidatingAdmissionPolicy): Findings {
  yield* shared(spec)
  const { validations = [], auditAnnotations = [] } = spec
  if (validations.length === 0 && auditAnnotations.length === 0)
    yield required('spec.validations', 'validations or auditAnnotations must contain at least one item')
  for (const [index, { expression, message, reason }] of validations.entries()) {
    const path = `spec.validations[${index}]`
    if (!expression?.trim()) yield required(`${path}.expression`, 'expression is not specified')
    if (message !== undefined && message.trim() === '')
      yield invalidValue(`${path}.message`, message, 'message must be non-empty if specified')
    if (message?.trim().includes('\n')) yield invalidValue(`${path}.message`, message, 'message must not contain line breaks')
    if (reason) yield* oneOf(reason, REASONS, `${path}.reason`)
  }
  const keys = new Set<string>()
  for (const [index, { key, valueExpression }] of auditAnnotations.entries()) {
    const path = `spec.auditAnnotations[${index}]`
    if (!key) yield required(`${path}.key`)
    else yield* complaints(qualifiedName(key), key, `${path}.key`)
    if (keys.has(key)) yield duplicateValue(`${path}.key`, key)
    keys.add(key)
    if (!valueExpression?.trim()) yield required(`${path}.valueExpression`)
  }
}

export function* validateMutatingPolicy({ spec = {} }: MutatingAdmissionPolicy): Findings {
  yield* shared(spec)
  if (!spec.mutations?.length) yield required('spec.mutations', 'mutations must contain at least one item')
  for (const [index, { patchType, applyConfiguration, jsonPatch }] of (spec.mutations ?? []).entries()) {
    const path = `spec.mutations[${index}]`
    if (patchType === 'ApplyConfiguration') {
      if (applyConfiguration === undefined)
        yield required(`${path}.applyConfiguration`, 'must be specified when patchType is ApplyConfiguration')
      if (jsonPatch !== undefined) yield forbid(`${path}.jsonPatch`, 'must not be specified when patchType is ApplyConfiguration')
    } else if (patchType === 'JSONPatch') {
      if (jsonPatch === undefined) yield required(`${path}.jsonPatch`, 'must be specified when patchType is JSONPatch')
      if (applyConfiguration !== undefined)
        yield forbid(`${path}.applyConfiguration`, 'must not be specified when patchType is JSONPatch')
    } else yield unsupported(`${path}.patchType`, patchType ?? '', ['ApplyConfiguration', 'JSONPatch'])
  }
  yield* oneOf(spec.reinvocationPolicy, ['IfNeeded', 'Never'], 'spec.reinvocationPolicy')
}

interface Binding {
  readonly spec?: { readonly policyName?: string; readonly paramRef?: ParamRef; readonly matchResources?: MatchResources }
}

export function* validateBinding({ spec }: Binding): Findings {
  if (!spec?.policyName) yield required('spec.policyName')
  const ref = spec?.paramRef
  if (ref !== undefined) {
    if (!ref.name && ref.selector === undefined) yield required('spec.paramRef', 'one of name or selector must be specified')
    if (ref.name && ref.selector !== undefined) yield forbid('spec.paramRef.name', 'name and selector are mutually exclusive')
    yield* labelSelector(ref.selector, 'spec.paramRef.selector')
    yield* oneOf(ref.parameterNotFoundAction, ['Allow', 'Deny'], 'spec.paramRef.parameterNotFoundAction')
  }
  if (spec?.matchResources !== undefined) yield* matchResources(spec.matchResources, 'spec.matchResources')
}

export function* validateValidatingBinding(binding: ValidatingAdmissionPolicyBinding): Findings {
  yield* validateBinding(binding)
  const actions = binding.spec?.validationActions ?? []
  const path = 'spec.validationActions'
  if (actions.length === 0) yield required(path, 'at least one validation action is required')
  for (const [index, action] of actions.entries()) {
    yield* oneOf(action, ACTIONS, `${path}[${index}]`)
    if (actions.indexOf(action) !== index) yield duplicateValue(`${path}[${index}]`, action)
  }
  if (actions.includes('Deny') && actions.includes('Warn'))
    yield invalidValue(
      path,
      actions,
      'must not contain both Deny and Warn (repeating the same validation failure information in the API response and headers serves no purpose)',
    )
}

interface Shared {
  readonly failurePolicy?: string
  readonly matchConstraints?: MatchResources
  readonly matchConditions?: readonly MatchCondition[]
  readonly paramKind?: ParamKind
  readonly variables?: readonly Variable[]
}

function* shared({ failurePolicy, matchConstraints, matchConditions, paramKind, variables }: Shared): Findings {
  yield* oneOf(failurePolicy, ['Fail', 'Ignore'], 'spec.failurePolicy')
  if (paramKind !== undefined) {
    if (!paramKind.apiVersion) yield required('spec.paramKind.apiVersion')
    if (!paramKind.kind) yield required('spec.paramKind.kind')
  }
  if (matchConstraints === undefined) yield required('spec.matchConstraints')
  else {
    if (!matchConstraints.resourceRules?.length) yield required('spec.matchConstraints.resourceRules')
    yield* matchResources(matchConstraints, 'spec.matchConstraints')
  }
  yield* validateMatchConditions(matchConditions, 'spec.matchConditions')
  const names = new Set<string>()
  for (const [index, { name, expression }] of (variables ?? []).entries()) {
    const path = `spec.variables[${index}]`
    if (!name) yield required(`${path}.name`, 'name is not specified')
    else if (!/^[A-Za-z_][A-Za-z0-9_]*$/.test(name))
      yield invalidValue(`${path}.name`, name, 'name is not a valid CEL identifier')
    if (names.has(name)) yield duplicateValue(`${path}.name`, name)
    names.add(name)
    if (!expression?.trim()) yield required(`${path}.expression`, 'expression is not specified')
  }
}

export function* validateMatchConditions(conditions: readonly MatchCondition[] | undefined, path: string): Findings {
  if ((conditions?.length ?? 0) > CONDITIONS_MAX) yield tooMany(path, conditions!.length, CONDITIONS_MAX)
  const names = new Set<string>()
  for (const [index, { name, expression }] of (conditions ?? []).entries()) {
    if (!expression?.trim()) yield required(`${path}[${index}].expression`)
    if (!name) yield required(`${path}[${index}].name`)
    else yield* complaints(qualifiedName(name), name, `${path}[${index}].name`)
    if (names.has(name)) yield duplicateValue(`${path}[${index}].name`, name)
    names.add(name)
  }
}

function* matchResources(match: MatchResources, path: string): Findings {
  yield* oneOf(match.matchPolicy, ['Equivalent', 'Exact'], `${path}.matchPolicy`)
  yield* labelSelector(match.namespaceSelector, `${path}.namespaceSelector`)
  yield* labelSelector(match.objectSelector, `${path}.objectSelector`)
  for (const list of ['resourceRules', 'excludeResourceRules'] as const)
    for (const [index, rule] of (match[list] ?? []).entries()) yield* namedRule(rule, `${path}.${list}[${index}]`)
}

function* namedRule(rule: NamedRuleWithOperations, path: string): Findings {
  yield* validateRule(rule, path)
  const names = new Set<string>()
  for (const [index, name] of (rule.resourceNames ?? []).entries()) {
    if (names.has(name)) yield duplicateValue(`${path}.resourceNames[${index}]`, name)
    names.add(name)
  }
}
