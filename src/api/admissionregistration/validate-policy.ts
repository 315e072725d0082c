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

export function* validateValidatingPolicy({ metadata, spec = {} }: ValidatingAdmissionPolicy): Findings {
  yield* validateConstraints(spec)
  yield* validateMatchConditions(spec.matchConditions, 'spec.matchConditions')
  yield* validateVariables(spec.variables, 'spec.variables')
  const { validations = [], auditAnnotations = [] } = spec
  if (validations.length === 0 && auditAnnotations.length === 0) {
    const rule = 'validations or auditAnnotations must contain at least one item'
    yield required('spec.validations', rule)
    yield required('spec.auditAnnotations', rule)
    return
  }
  for (const [index, validation] of validations.entries()) yield* validateValidation(validation, `spec.validations[${index}]`)
  yield* validateAnnotations(auditAnnotations, metadata?.name ?? '', 'spec.auditAnnotations')
}

function* validateValidation({ expression, messageExpression, message, reason }: Validation, path: string): Findings {
  if (!expression?.trim()) yield required(`${path}.expression`, 'expression is not specified')
  if (messageExpression && messageExpression.trim() === '')
    yield invalidValue(`${path}.messageExpression`, messageExpression, 'must be non-empty if specified')
  if (message && message.trim() === '') yield invalidValue(`${path}.message`, message, 'must be non-empty if specified')
  else if (/[\n\r]/.test(message?.trim() ?? '')) yield invalidValue(`${path}.message`, message, 'must not contain line breaks')
  if (reason !== undefined && !REASONS.includes(reason)) yield unsupported(`${path}.reason`, reason, REASONS)
}

function* validateAnnotations(annotations: readonly AuditAnnotation[], policy: string, field: string): Findings {
  if (annotations.length > ANNOTATIONS_MAX)
    yield invalidValue(field, annotations, `must not have more than ${ANNOTATIONS_MAX} auditAnnotations`)
  const keys = new Set<string>()
  for (const [index, { key = '', valueExpression = '' }] of annotations.entries()) {
    const path = `${field}[${index}]`
    if (policy === '') yield invalidValue(`${path}.key`, key, 'requires metadata.name be non-empty')
    else yield* complaints(qualifiedName(`${policy}/${key}`), `${policy}/${key}`, `${path}.key`)
    const expression = valueExpression.trim()
    if (expression === '') yield required(`${path}.valueExpression`, 'valueExpression is not specified')
    else if (Buffer.byteLength(expression) > EXPRESSION_BYTES_MAX)
      yield required(`${path}.valueExpression`, `must not exceed ${EXPRESSION_BYTES_MAX} bytes in length`)
    if (keys.has(key)) yield duplicateValue(`${path}.key`, key)
    keys.add(key)
  }
}

export function* validateMutatingPolicy({ spec = {} }: MutatingAdmissionPolicy): Findings {
  yield* validateConstraints(spec)
  yield* mutableOperations(spec.matchConstraints?.resourceRules, 'spec.matchConstraints.resourceRules.operations')
  yield* validateMatchConditions(spec.matchConditions, 'spec.matchConditions')
  yield* validateVariables(spec.variables, 'spec.variables')
  if (!spec.mutations?.length) yield required('spec.mutations', 'mutations must contain at least one item')
  for (const [index, mutation] of (spec.mutations ?? []).entries()) yield* validateMutation(mutation, `spec.mutations[${index}]`)
  yield* oneOf(spec.reinvocationPolicy, ['IfNeeded', 'Never'], 'spec.reinvocationPolicy')
}

/** The part that each type of patch has. */
const PARTS = { ApplyConfiguration: 'applyConfiguration', JSONPatch: 'jsonPatch' } as const

function* validateMutation(mutation: Mutation, path: string): Findings {
  const { patchType = '' } = mutation
  if (patchType === '') {
    yield required(`${path}.patchType`)
    return
  }
  if (patchType !== 'ApplyConfiguration' && patchType !== 'JSONPatch') {
    yield unsupported(`${path}.patchType`, patchType, Object.keys(PARTS))
    return
  }
  const own = PARTS[patchType]
  if (mutation[own] === undefined) yield required(`${path}.${own}`, `must be specified when patchType is ${patchType}`)
  else if (!mutation[own].expression?.trim()) yield required(`${path}.${own}.expression`)
  for (const other of Object.values(PARTS)) {
    if (other !== own && mutation[other] !== undefined)
      yield invalidValue(`${path}.${other}`, `{${other}}`, `must not be specified when patchType is ${patchType}`)
  }
}

export function* validatePolicyStatus({ status }: ValidatingAdmissionPolicy): Findings {
  const path = 'status.typeChecking.expressionWarnings'
  for (const [index, { warning, fieldRef }] of (status?.typeChecking?.expressionWarnings ?? []).entries()) {
    if (!warning) yield required(`${path}[${index}].warning`)
    if (!fieldRef?.trim()) yield required(`${path}[${index}].fieldRef`)
  }
  yield* validateConditions(status?.conditions, 'status.conditions')
}
