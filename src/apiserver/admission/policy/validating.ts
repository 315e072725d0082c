import {
  type ResourceDefinition,
  type ValidatingAdmissionPolicy,
  type ValidatingAdmissionPolicyBinding,
  validatingAdmissionPolicies,
  validatingAdmissionPolicyBindings,
} from '#api'
import type { Variables } from '#cel'
import { failure, goJson } from '#meta'
import { annotate, refused } from '../attributes.ts'
import { type Cel, loadCel } from '../expression/cel.ts'
import { conditionValues, namespaceOf, requestValues } from '../expression/values.ts'
import { type EnforcementAction, errorTypeOf } from '../metrics.ts'
import type { AdmissionContext, AdmissionPlugin, Attributes } from '../types.ts'
import { isUnjudged } from './exempt.ts'
import { matchedByPolicy } from './match.ts'
import { paramResource, paramsOf } from './params.ts'
import { type BoundPolicy, Policies } from './policies.ts'
import { type Case, ValidatingExpressions, type Verdict, verdictOf } from './verdict.ts'

/** Longer values of audit annotations are cut, as upstream does. */
const AUDIT_VALUE_BYTES_MAX = 10 * 1024

interface Denial {
  /** Undefined: the policy itself can't be used. */
  readonly binding: ValidatingAdmissionPolicyBinding | undefined
  readonly policy: ValidatingAdmissionPolicy
  readonly message: string
  readonly reason: string
}

/** Judges writes by the expressions of ValidatingAdmissionPolicies (https://kubernetes.io/docs/reference/access-authn-authz/validating-admission-policy/). */
export const validatingAdmissionPolicy: AdmissionPlugin = {
  name: 'ValidatingAdmissionPolicy',
  operations: ['CREATE', 'UPDATE', 'DELETE', 'CONNECT'],
  async validate(attributes, context) {
    const { bound } = policiesOf(context)
    if (bound.length === 0 || isUnjudged(attributes)) return
    const denials: Denial[] = []
    for (const each of bound) await judge(each, denials, attributes, context)
    if (denials.length > 0) throw refusalOf(denials[0]!, attributes)
  },
}

type Bound = BoundPolicy<ValidatingAdmissionPolicy, ValidatingAdmissionPolicyBinding>

const known = new WeakMap<AdmissionContext, Policies<ValidatingAdmissionPolicy, ValidatingAdmissionPolicyBinding>>()

function policiesOf(context: AdmissionContext): Policies<ValidatingAdmissionPolicy, ValidatingAdmissionPolicyBinding> {
  let policies = known.get(context)
  if (policies === undefined) {
    policies = new Policies(context, validatingAdmissionPolicies, validatingAdmissionPolicyBindings)
    known.set(context, policies)
  }
  return policies
}

const compiled = new WeakMap<ValidatingAdmissionPolicy, ValidatingExpressions>()

function compile(cel: Cel, policy: ValidatingAdmissionPolicy): ValidatingExpressions {
  let found = compiled.get(policy)
  if (found === undefined) compiled.set(policy, (found = new ValidatingExpressions(cel, policy)))
  return found
}

/** Adds what the policy, under all its bindings, has against the request. */
async function judge(
  { policy, bindings }: Bound,
  denials: Denial[],
  attributes: Attributes,
  context: AdmissionContext,
): Promise<void> {
  const unusable = (error: unknown, binding?: ValidatingAdmissionPolicyBinding): void => {
    const message = `failed to configure ${binding === undefined ? 'policy' : 'binding'}: ${(error as Error).message}`
    if (policy.spec?.failurePolicy !== 'Ignore') denials.push({ policy, binding, message, reason: '' })
  }
  let matched: ResourceDefinition | undefined
  let params: ResourceDefinition | undefined
  try {
    matched = matchedByPolicy(policy.spec?.matchConstraints, attributes, context)
    if (matched === undefined) return
    params = paramResource(policy.spec?.paramKind, context)
  } catch (error) {
    unusable(error)
    return
  }
  const expressions = compile(await loadCel(), policy)
  const audit = new Map<string, Set<string>>()
  let request: Variables | undefined
  for (const binding of bindings) {
    const { paramRef, matchResources } = binding.spec ?? {}
    let found: ReturnType<typeof paramsOf>
    try {
      if (matchResources && matchedByPolicy(matchResources, attributes, context) === undefined) continue
      found = paramsOf(params, paramRef, attributes, context)
    } catch (error) {
      unusable(error, binding)
      continue
    }
    try {
      if (found.length > 0) request ??= await requestValues(expressions.cel, attributes, matched, context)
    } catch (error) {
      unusable(new Error(`failed to convert object version: ${(error as Error).message}`), binding)
      continue
    }
    namespaceOf(attributes, context)
    const one = { policy, binding, expressions, attributes, context }
    const conditional = request && conditionValues(request, attributes, matched)
    const verdicts: Verdict[] = []
    for (const param of found)
      verdicts.push(await verdictOf(one, { ...request, params: param }, { ...conditional, params: param }))
    for (const verdict of verdicts) denials.push(...enforce(verdict, one, audit))
  }
  for (const [key, values] of audit) annotate(attributes, `${policy.metadata?.name}/${key}`, [...values].join(', '))
}

/** Counts, warns and audits; returns what is to be refused. */
function enforce({ decisions, annotations }: Verdict, one: Case, audit: Map<string, Set<string>>): Denial[] {
  const { policy, binding, attributes, context } = one
  const denials: Denial[] = []
  const count = (message: string, ms: number, action: EnforcementAction, errorType = errorTypeOf(message)): void => {
    const names = { policy: policy.metadata?.name ?? '', binding: binding.metadata?.name ?? '' }
    context.metrics.validatingPolicies.checked({ ...names, ms, errorType }, action)
  }
  for (const [index, { allows, errorType, message, reason, ms }] of decisions.entries()) {
    if (allows) {
      if (errorType !== undefined) count(message, ms, 'allow')
      continue
    }
    for (const action of binding.spec?.validationActions ?? []) {
      if (action === 'Deny') denials.push({ policy, binding, message, reason })
      else if (action === 'Warn') attributes.warnings.push(warningOf(one, message))
      else if (action === 'Audit') annotate(attributes, FAILURE_KEY, failureOf(one, index, message))
      else continue
      count(message, ms, action.toLowerCase() as EnforcementAction)
    }
  }
  for (const { key, value, error, ms } of annotations) {
    if (error === undefined) audit.set(key, (audit.get(key) ?? new Set()).add(cut(value!)))
    else {
      denials.push({ policy, binding, message: error, reason: '' })
      count(error, ms, 'deny')
    }
  }
  return denials
}

const warningOf = ({ policy, binding }: Case, message: string): string =>
  `Validation failed for ValidatingAdmissionPolicy '${policy.metadata?.name}' with binding '${binding.metadata?.name}': ${message}`

const FAILURE_KEY = 'validation.policy.admission.k8s.io/validation_failure'

const failureOf = ({ binding }: Case, expressionIndex: number, message: string): string =>
  goJson([
    {
      message,
      policy: binding.spec?.policyName ?? '',
      binding: binding.metadata?.name ?? '',
      expressionIndex,
      validationActions: binding.spec?.validationActions ?? [],
    },
  ])

function cut(value: string): string {
  const bytes = Buffer.from(value)
  return bytes.length <= AUDIT_VALUE_BYTES_MAX ? value : bytes.subarray(0, AUDIT_VALUE_BYTES_MAX).toString()
}

const CODES: Readonly<Record<string, number>> = { Forbidden: 403, Unauthorized: 401, RequestEntityTooLarge: 413 }

function refusalOf({ policy, binding, message, reason }: Denial, attributes: Attributes): Error {
  const under = binding === undefined ? '' : ` with binding '${binding.metadata?.name}'`
  const said = `ValidatingAdmissionPolicy '${policy.metadata?.name}'${under} denied request: ${message}`
  const { message: shown, details } = refused(attributes, said).status
  const causes = [...(details?.causes ?? []), { message: said }]
  return failure(CODES[reason] ?? 422, (reason || 'Invalid') as never, shown ?? said, { ...details, causes })
}
