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
import { validateConstraints, validateMatchConditions, validateVariables } from './validate-match.ts'
import { mutableOperations } from './validate-rule.ts'

const REASONS = ['Forbidden', 'Invalid', 'RequestEntityTooLarge']
const ANNOTATIONS_MAX = 20
const EXPRESSION_BYTES_MAX = 5 * 1024

export function validateValidatingPolicy({ metadata, spec = {} }: ValidatingAdmissionPolicy, found: Findings): void {
  validateConstraints(spec, found)
  validateMatchConditions(spec.matchConditions, 'spec.matchConditions', found)
  validateVariables(spec.variables, 'spec.variables', found)
  const { validations = [], auditAnnotations = [] } = spec
  if (validations.length === 0 && auditAnnotations.length === 0) {
    const rule = 'validations or auditAnnotations must contain at least one item'
    found.push(required('spec.validations', rule))
    found.push(required('spec.auditAnnotations', rule))
    return
  }
  for (const [index, validation] of validations.entries()) validateValidation(validation, `spec.validations[${index}]`, found)
  validateAnnotations(auditAnnotations, metadata?.name ?? '', 'spec.auditAnnotations', found)
}

function validateValidation({ expression, messageExpression, message, reason }: Validation, path: string, found: Findings): void {
  if (!expression?.trim()) found.push(required(`${path}.expression`, 'expression is not specified'))
  if (messageExpression && messageExpression.trim() === '')
    found.push(invalidValue(`${path}.messageExpression`, messageExpression, 'must be non-empty if specified'))
  if (message && message.trim() === '') found.push(invalidValue(`${path}.message`, message, 'must be non-empty if specified'))
  else if (/[\n\r]/.test(message?.trim() ?? ''))
    found.push(invalidValue(`${path}.message`, message, 'must not contain line breaks'))
  if (reason !== undefined && !REASONS.includes(reason)) found.push(unsupported(`${path}.reason`, reason, REASONS))
}

function validateAnnotations(annotations: readonly AuditAnnotation[], policy: string, field: string, found: Findings): void {
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
    if (keys.has(key)) found.push(duplicateValue(`${path}.key`, key))
    keys.add(key)
  }
}

export function validateMutatingPolicy({ spec = {} }: MutatingAdmissionPolicy, found: Findings): void {
  validateConstraints(spec, found)
  mutableOperations(spec.matchConstraints?.resourceRules, 'spec.matchConstraints.resourceRules.operations', found)
  validateMatchConditions(spec.matchConditions, 'spec.matchConditions', found)
  validateVariables(spec.variables, 'spec.variables', found)
  if (!spec.mutations?.length) found.push(required('spec.mutations', 'mutations must contain at least one item'))
  for (const [index, mutation] of (spec.mutations ?? []).entries()) validateMutation(mutation, `spec.mutations[${index}]`, found)
  oneOf(spec.reinvocationPolicy, ['IfNeeded', 'Never'], 'spec.reinvocationPolicy', found)
}

/** The part that each type of patch has. */
const PARTS = { ApplyConfiguration: 'applyConfiguration', JSONPatch: 'jsonPatch' } as const

function validateMutation(mutation: Mutation, path: string, found: Findings): void {
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
  else if (!mutation[own].expression?.trim()) found.push(required(`${path}.${own}.expression`))
  for (const other of Object.values(PARTS)) {
    if (other !== own && mutation[other] !== undefined)
      found.push(invalidValue(`${path}.${other}`, `{${other}}`, `must not be specified when patchType is ${patchType}`))
  }
}

export function validatePolicyStatus({ status }: ValidatingAdmissionPolicy, found: Findings): void {
  const path = 'status.typeChecking.expressionWarnings'
  for (const [index, { warning, fieldRef }] of (status?.typeChecking?.expressionWarnings ?? []).entries()) {
    if (!warning) found.push(required(`${path}[${index}].warning`))
    if (!fieldRef?.trim()) found.push(required(`${path}[${index}].fieldRef`))
  }
  validateConditions(status?.conditions, 'status.conditions', found)
}
