import {
  type MutatingAdmissionPolicy,
  type MutatingWebhookConfiguration,
  mutatingAdmissionPolicies,
  mutatingWebhookConfigurations,
  type ValidatingAdmissionPolicy,
  validatingAdmissionPolicies,
  validatingWebhookConfigurations,
} from '#api'
import type { Environment, Type } from '#cel'
import { type FieldError, invalid, type KubernetesObject } from '#meta'
import type { PolicySpec } from '../policy/compiled.ts'
import type { AdmissionPlugin } from '../types.ts'
import { type Cel, loadCel } from './cel.ts'
import { environmentOf } from './environment.ts'

interface Expression {
  readonly field: string
  readonly text: string
  readonly environment: Environment
  /** Kinds of type that it may evaluate to, and how messages call them; absent: any. */
  readonly result?: { readonly kinds: readonly string[]; readonly said: string }
}

const BOOL = { kinds: ['bool', 'dyn'], said: 'bool' }
const STRING = { kinds: ['string', 'dyn'], said: 'string' }
const STRING_OR_NULL = { kinds: ['string', 'null', 'wrapper', 'dyn'], said: 'string or null' }
const OBJECT = { kinds: ['struct', 'dyn'], said: 'Object' }
const PATCHES = { kinds: ['list', 'dyn'], said: 'list of JSONPatch' }

const READERS = new Map<unknown, (object: KubernetesObject, cel: Cel) => Iterable<Expression>>([
  [mutatingWebhookConfigurations, webhookExpressions],
  [validatingWebhookConfigurations, webhookExpressions],
  [validatingAdmissionPolicies, validatingExpressions],
  [mutatingAdmissionPolicies, mutatingExpressions],
])

/**
 * Refuses webhooks and policies whose expressions do not compile. This is validation of their kinds, done here because the language is loaded only
 * when somebody writes an expression; what an update leaves as it was is not judged again.
 */
export const validateExpressions: AdmissionPlugin = {
  name: 'AdmissionExpressions',
  operations: ['CREATE', 'UPDATE'],
  async validate({ resource, subresource, object, oldObject, name }) {
    const read = subresource === '' ? READERS.get(resource) : undefined
    if (read === undefined || !JSON.stringify(object).includes('xpression')) return
    const cel = await loadCel()
    const before = new Set(oldObject === undefined ? [] : [...read(oldObject, cel)].map(({ text }) => text))
    const errors = [...read(object!, cel)].filter(({ text }) => !before.has(text)).flatMap((each) => problemsOf(each))
    if (errors.length > 0) throw invalid(resource, name, errors)
  },
}

function problemsOf({ field, text, environment, result }: Expression): FieldError[] {
  const wrong = (why: string): FieldError[] => [
    { field, reason: 'FieldValueInvalid', message: `Invalid value: ${JSON.stringify(text)}: ${why}` },
  ]
  if (text.trim() === '') return [{ field, reason: 'FieldValueRequired', message: 'Required value' }]
  try {
    const { type } = environment.compile(text)
    return result === undefined || result.kinds.includes(type.kind) ? [] : wrong(`must evaluate to ${result.said}`)
  } catch (error) {
    return wrong(`compilation failed: ${(error as Error).message}`)
  }
}

function* webhookExpressions(object: KubernetesObject, cel: Cel): Iterable<Expression> {
  const environment = environmentOf(cel, {})
  for (const [index, { matchConditions = [] }] of ((object as MutatingWebhookConfiguration).webhooks ?? []).entries())
    for (const [at, { expression }] of matchConditions.entries())
      yield { field: `webhooks[${index}].matchConditions[${at}].expression`, text: expression, environment, result: BOOL }
}

/** Variables and conditions; returns the environment of the policy's own expressions. */
function* sharedExpressions(cel: Cel, spec: PolicySpec, mutation: boolean): Generator<Expression, Environment> {
  const params = spec.paramKind !== undefined
  const variables = new Map<string, Type>()
  for (const [index, { name, expression }] of (spec.variables ?? []).entries()) {
    const environment = environmentOf(cel, { params, variables: new Map(variables), mutation })
    yield { field: `spec.variables[${index}].expression`, text: expression, environment }
    try {
      variables.set(name, environment.compile(expression).type)
    } catch {
      // Told above; what follows is judged as if it were fine.
      variables.set(name, cel.types.dyn)
    }
  }
  const environment = environmentOf(cel, { params, variables, mutation })
  for (const [index, { expression }] of (spec.matchConditions ?? []).entries())
    yield { field: `spec.matchConditions[${index}].expression`, text: expression, environment, result: BOOL }
  return environment
}

function* validatingExpressions(object: KubernetesObject, cel: Cel): Iterable<Expression> {
  const { spec = {} } = object as ValidatingAdmissionPolicy
  const environment = yield* sharedExpressions(cel, spec, false)
  for (const [index, { expression, messageExpression }] of (spec.validations ?? []).entries()) {
    const field = `spec.validations[${index}]`
    yield { field: `${field}.expression`, text: expression, environment, result: BOOL }
    if (messageExpression) yield { field: `${field}.messageExpression`, text: messageExpression, environment, result: STRING }
  }
  for (const [index, { valueExpression }] of (spec.auditAnnotations ?? []).entries()) {
    const field = `spec.auditAnnotations[${index}].valueExpression`
    yield { field, text: valueExpression, environment, result: STRING_OR_NULL }
  }
}

function* mutatingExpressions(object: KubernetesObject, cel: Cel): Iterable<Expression> {
  const { spec = {} } = object as MutatingAdmissionPolicy
  const environment = yield* sharedExpressions(cel, spec, true)
  for (const [index, { applyConfiguration, jsonPatch }] of (spec.mutations ?? []).entries()) {
    const field = `spec.mutations[${index}]`
    if (applyConfiguration?.expression !== undefined)
      yield { field: `${field}.applyConfiguration.expression`, text: applyConfiguration.expression, environment, result: OBJECT }
    if (jsonPatch?.expression !== undefined)
      yield { field: `${field}.jsonPatch.expression`, text: jsonPatch.expression, environment, result: PATCHES }
  }
}
