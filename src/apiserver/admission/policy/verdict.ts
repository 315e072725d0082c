import { EXPRESSION_RETURNS, type ValidatingAdmissionPolicy, type ValidatingAdmissionPolicyBinding, type Validation } from '#api'
import type { Variables } from '#cel'
import type { Cel } from '../expression/cel.ts'
import { allHold } from '../expression/conditions.ts'
import { Evaluator, type Lazily, type Outcome, OutOfBudget } from '../expression/evaluator.ts'
import { annotationValues } from '../expression/values.ts'

import { errorTypeOf, type PolicyErrorType } from '../metrics.ts'
import type { AdmissionContext, Attributes } from '../types.ts'
import { CompiledPolicy } from './compiled.ts'

const MESSAGE_BYTES_MAX = 5 * 1024

/** What one validation came to: it holds, it was not evaluated, or it refuses. */
export interface Decision {
  readonly allows: boolean
  /** Undefined: it holds. */
  readonly errorType: PolicyErrorType | undefined
  readonly message: string
  readonly reason: string
  readonly ms: number
}

export interface Annotation {
  readonly key: string
  /** What is published, or why nothing is though it should be. */
  readonly value?: string
  readonly error?: string
  readonly ms: number
}

export interface Verdict {
  readonly decisions: readonly Decision[]
  readonly annotations: readonly Annotation[]
}

interface CompiledValidation {
  readonly validation: Validation
  readonly expression: Lazily
  readonly message: Lazily | undefined
}

/** The expressions of a ValidatingAdmissionPolicy. */
export class ValidatingExpressions extends CompiledPolicy {
  readonly validations: readonly CompiledValidation[]
  readonly annotations: readonly { readonly key: string; readonly expression: Lazily }[]

  constructor(cel: Cel, { spec = {} }: ValidatingAdmissionPolicy) {
    super(cel, spec)
    const { bool, string, stringOrNull } = EXPRESSION_RETURNS
    this.validations = (spec.validations ?? []).map((validation) => ({
      validation,
      expression: this.expression(validation.expression, { returns: bool }),
      message: validation.messageExpression
        ? this.expression(validation.messageExpression, { returns: string, authorizer: false })
        : undefined,
    }))
    this.annotations = (spec.auditAnnotations ?? []).map(({ key, valueExpression }) => ({
      key,
      expression: this.expression(valueExpression, { returns: stringOrNull }),
    }))
  }
}

export interface Case {
  readonly policy: ValidatingAdmissionPolicy
  readonly binding: ValidatingAdmissionPolicyBinding
  readonly expressions: ValidatingExpressions
  readonly attributes: Attributes
  readonly context: AdmissionContext
}

/** What the policy says of the request; `values` has its parameter. Conditions, validations, messages and annotations each read variables anew. */
export async function verdictOf(one: Case, values: Variables, conditional: Variables): Promise<Verdict> {
  const { policy, expressions, attributes, context } = one
  const { cel, variables, conditions } = expressions
  const { failurePolicy } = policy.spec ?? {}
  const labels = { kind: 'policy', name: policy.metadata?.name ?? '', type: 'validate', operation: attributes.operation } as const
  try {
    const asked = new Evaluator(cel, conditional, cel.RUNTIME_COST_BUDGET / 4, variables)
    if (!(await allHold(conditions, asked, failurePolicy, labels, context))) return { decisions: [], annotations: [] }
  } catch (error) {
    return alone(failed((error as Error).message, one))
  }
  const evaluator = new Evaluator(cel, values, cel.RUNTIME_COST_BUDGET, variables)
  try {
    const decisions = await decide(one, evaluator, values)
    const annotating = annotationValues(values, attributes, context)
    const annotations = await annotationsOf(one, new Evaluator(cel, annotating, cel.RUNTIME_COST_BUDGET, variables))
    return { decisions, annotations }
  } catch (error) {
    if (!(error instanceof OutOfBudget)) throw error
    return alone(failed(error.message, one))
  }
}

const alone = (decision: Decision): Verdict => ({ decisions: [decision], annotations: [] })

/** A validation that could not be evaluated. */
const failed = (message: string, { policy }: Case, ms = 0): Decision => ({
  allows: policy.spec?.failurePolicy === 'Ignore',
  errorType: errorTypeOf(message),
  message,
  reason: '',
  ms,
})

/** Messages may cost what validations left; validations are evaluated first, all of them. */
async function decide(one: Case, evaluator: Evaluator, values: Variables): Promise<Decision[]> {
  const { expressions, context } = one
  const { cel, variables, validations } = expressions
  const { clock } = context
  const outcomes: { readonly outcome: Outcome; readonly ms: number }[] = []
  for (const { expression } of validations) {
    const startedAtMs = clock.monotonic()
    const outcome = await evaluator.evaluate(expression())
    outcomes.push({ outcome, ms: clock.monotonic() - startedAtMs })
  }
  const { authorizer: _, 'authorizer.requestResource': __, ...unasked } = values as Record<string, unknown>
  const messages = await messagesOf(validations, new Evaluator(cel, unasked as Variables, evaluator.budget, variables))
  return validations.map(({ validation }, index) => {
    const { outcome, ms } = outcomes[index]!
    if ('error' in outcome) return failed(outcome.error, one, ms)
    if (messages instanceof OutOfBudget) return failed(`failed messageExpression: ${messages.message}`, one, ms)
    if (outcome.value === true) return { allows: true, errorType: undefined, message: '', reason: '', ms }
    const message = messageOf(validation, messages[index])
    return { allows: false, errorType: 'invalid_error', message, reason: validation.reason ?? 'Invalid', ms }
  })
}

async function messagesOf(
  validations: readonly CompiledValidation[],
  evaluator: Evaluator,
): Promise<(Outcome | undefined)[] | OutOfBudget> {
  const messages: (Outcome | undefined)[] = []
  try {
    for (const { message } of validations) messages.push(message && (await evaluator.evaluate(message())))
  } catch (error) {
    if (error instanceof OutOfBudget) return error
    throw error
  }
  return messages
}

/** What `messageExpression` says, if that is a sentence; else `message`; else what failed. */
function messageOf({ expression, message }: Validation, said: Outcome | undefined): string {
  const text = said !== undefined && 'value' in said && typeof said.value === 'string' ? said.value.trim() : ''
  if (text !== '' && !text.includes('\n') && Buffer.byteLength(text) <= MESSAGE_BYTES_MAX) return text
  return message?.trim() || `failed expression: ${expression.trim()}`
}

async function annotationsOf({ expressions, policy, context }: Case, evaluator: Evaluator): Promise<Annotation[]> {
  const { clock } = context
  const annotations: Annotation[] = []
  for (const { key, expression } of expressions.annotations) {
    const startedAtMs = clock.monotonic()
    const outcome = await evaluator.evaluate(expression())
    const ms = clock.monotonic() - startedAtMs
    if ('error' in outcome) {
      if (policy.spec?.failurePolicy !== 'Ignore') annotations.push({ key, error: outcome.error, ms })
    } else if (typeof outcome.value === 'string' && outcome.value.trim() !== '') {
      annotations.push({ key, value: outcome.value.trim(), ms })
    }
  }
  return annotations
}
