import { parseJsonPath } from '#meta'
import type {
  AuditAnnotation,
  MutatingAdmissionPolicy,
  Mutation,
  ValidatingAdmissionPolicy,
  Validation,
} from '../generated/types.ts'
import { validateConditions } from '../validation/conditions.ts'
import { complaints, duplicateValue, type Findings, invalidValue, oneOf, required, unsupported } from '../validation/findings.ts'
import { qualifiedName } from '../validation/names.ts'
import { Expressions, RETURNS } from './expressions.ts'
import { areConditionsKept, validateConstraints, validateMatchConditions, validateVariables } from './validate-match.ts'
import { mutableOperations } from './validate-rule.ts'

const REASONS = ['Forbidden', 'Invalid', 'RequestEntityTooLarge']
const ANNOTATIONS_MAX = 20
const EXPRESSION_BYTES_MAX = 5 * 1024

/** `old`: what the policy was before an update. */
export function validateValidatingPolicy(
  { metadata, spec = {} }: ValidatingAdmissionPolicy,
  old: ValidatingAdmissionPolicy | undefined,
  found: Findings,
): void {
  const expressions = new Expressions({ paramKind: spec.paramKind, isComposed: Boolean(spec.variables?.length) })
  validateConstraints(spec, found)
  if (!areConditionsKept(spec, old && (old.spec ?? {})))
    validateMatchConditions(spec.matchConditions, 'spec.matchConditions', expressions, found)
  validateVariables(spec.variables, 'spec.variables', expressions, found)
  const { validations = [], auditAnnotations = [] } = spec
  if (validations.length === 0 && auditAnnotations.length === 0) {
    const rule = 'validations or auditAnnotations must contain at least one item'
    found.push(required('spec.validations', rule))
    found.push(required('spec.auditAnnotations', rule))
    return
  }
  for (const [index, validation] of validations.entries())
    validateValidation(validation, `spec.validations[${index}]`, expressions, found)
  validateAnnotations(auditAnnotations, metadata?.name ?? '', expressions, found)
}

function validateValidation(
  { expression, messageExpression, message, reason }: Validation,
  path: string,
  expressions: Expressions,
  found: Findings,
): void {
  if (!expression?.trim()) found.push(required(`${path}.expression`, 'expression is not specified'))
  else expressions.check(expression, `${path}.expression`, { returns: RETURNS.bool }, found)
  if (messageExpression && messageExpression.trim() === '')
    found.push(invalidValue(`${path}.messageExpression`, messageExpression, 'must be non-empty if specified'))
  else if (messageExpression)
    expressions.check(messageExpression, `${path}.messageExpression`, { returns: RETURNS.string, isMessage: true }, found)
  if (message && message.trim() === '') found.push(invalidValue(`${path}.message`, message, 'must be non-empty if specified'))
  else if (/[\n\r]/.test(message?.trim() ?? ''))
    found.push(invalidValue(`${path}.message`, message, 'must not contain line breaks'))
  if (reason !== undefined && !REASONS.includes(reason)) found.push(unsupported(`${path}.reason`, reason, REASONS))
}

function validateAnnotations(
  annotations: readonly AuditAnnotation[],
  policy: string,
  expressions: Expressions,
  found: Findings,
): void {
  const field = 'spec.auditAnnotations'
  if (annotations.length > ANNOTATIONS_MAX)
    found.push(invalidValue(field, annotations, `must not have more than ${ANNOTATIONS_MAX} auditAnnotations`))
  const keys = new Set<string>()
  for (const [index, { key = '', valueExpression = '' }] of annotations.entries()) {
    const path = `${field}[${index}]`
    if (policy === '') found.push(invalidValue(`${path}.key`, key, 'requires metadata.name be non-empty'))
    else complaints(qualifiedName(`${policy}/${key}`), `${policy}/${key}`, `${path}.key`, found)
    const expression = valueExpression.trim()
    if (expression === '') found.push(required(`${path}.valueExpression`, 'valueExpression is not specified'))
    else if (Buffer.byteLength(expression) > EXPRESSION_BYTES_MAX)
      found.push(required(`${path}.valueExpression`, `must not exceed ${EXPRESSION_BYTES_MAX} bytes in length`))
    else
      expressions.check(expression, `${path}.valueExpression`, { returns: RETURNS.stringOrNull, shown: valueExpression }, found)
    if (keys.has(key)) found.push(duplicateValue(`${path}.key`, key))
    keys.add(key)
  }
}

export function validateMutatingPolicy(
  { spec = {} }: MutatingAdmissionPolicy,
  old: MutatingAdmissionPolicy | undefined,
  found: Findings,
): void {
  const expressions = new Expressions({ paramKind: spec.paramKind, isComposed: true, isMutation: true })
  validateConstraints(spec, found)
  mutableOperations(spec.matchConstraints?.resourceRules, 'spec.matchConstraints.resourceRules.operations', found)
  if (!areConditionsKept(spec, old && (old.spec ?? {})))
    validateMatchConditions(spec.matchConditions, 'spec.matchConditions', expressions, found)
  validateVariables(spec.variables, 'spec.variables', expressions, found)
  if (!spec.mutations?.length) found.push(required('spec.mutations', 'mutations must contain at least one item'))
  for (const [index, mutation] of (spec.mutations ?? []).entries())
    validateMutation(mutation, `spec.mutations[${index}]`, expressions, found)
  oneOf(spec.reinvocationPolicy, ['IfNeeded', 'Never'], 'spec.reinvocationPolicy', found)
}

/** The part that each type of patch has. */
const PARTS = { ApplyConfiguration: 'applyConfiguration', JSONPatch: 'jsonPatch' } as const

function validateMutation(mutation: Mutation, path: string, expressions: Expressions, found: Findings): void {
  const { patchType = '' } = mutation
  if (patchType === '') {
    found.push(required(`${path}.patchType`))
    return
  }
  if (patchType !== 'ApplyConfiguration' && patchType !== 'JSONPatch') {
    found.push(unsupported(`${path}.patchType`, patchType, Object.keys(PARTS)))
    return
  }
  const own = PARTS[patchType]
  if (mutation[own] === undefined) found.push(required(`${path}.${own}`, `must be specified when patchType is ${patchType}`))
  else {
    const text = mutation[own].expression?.trim() ?? ''
    const returns = own === 'jsonPatch' ? RETURNS.patches : RETURNS.object
    if (text === '') found.push(required(`${path}.${own}.expression`))
    else expressions.check(text, `${path}.${own}.expression`, { returns }, found)
  }
  for (const other of Object.values(PARTS)) {
    if (other !== own && mutation[other] !== undefined)
      found.push(invalidValue(`${path}.${other}`, `{${other}}`, `must not be specified when patchType is ${patchType}`))
  }
}

export function validatePolicyStatus({ status }: ValidatingAdmissionPolicy, found: Findings): void {
  const path = 'status.typeChecking.expressionWarnings'
  for (const [index, { warning, fieldRef }] of (status?.typeChecking?.expressionWarnings ?? []).entries()) {
    if (!warning) found.push(required(`${path}[${index}].warning`))
    validateFieldRef(fieldRef?.trim() ?? '', `${path}[${index}].fieldRef`, found)
  }
  validateConditions(status?.conditions, 'status.conditions', found)
}

function validateFieldRef(fieldRef: string, field: string, found: Findings): void {
  if (fieldRef === '') {
    found.push(required(field))
    return
  }
  try {
    // A path may begin with a word, which names nothing.
    parseJsonPath(fieldRef.replace(/^\w+/, ''))
  } catch (error) {
    found.push(invalidValue(field, fieldRef, `invalid JSONPath: ${(error as Error).message}`))
  }
}
