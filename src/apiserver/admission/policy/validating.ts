import {
  type ResourceDefinition,
  type ValidatingAdmissionPolicy,
  type ValidatingAdmissionPolicyBinding,
  type Validation,
  validatingAdmissionPolicies,
  validatingAdmissionPolicyBindings,
} from '#api'
import type { Variables } from '#cel'
import { failure, type KubernetesObject, qualifiedResource } from '#meta'
import { type Cel, loadCel } from '../expression/cel.ts'
import { requestValues } from '../expression/values.ts'
import { type EnforcementAction, errorTypeOf, type PolicyErrorType } from '../metrics.ts'
import type { AdmissionContext, AdmissionPlugin, Attributes } from '../types.ts'
import { isExempt } from '../webhook/match.ts'
import { CompiledPolicy } from './compiled.ts'
import { matchedByPolicy } from './match.ts'
import { paramsOf } from './params.ts'
import { Policies } from './policies.ts'
import { PolicyRun } from './run.ts'

/** Longer values of audit annotations are cut, as upstream does. */
const AUDIT_VALUE_BYTES_MAX = 10 * 1024
const MESSAGE_BYTES_MAX = 5 * 1024

interface Denial {
  readonly policy: string
  readonly binding: string
  readonly message: string
  readonly reason: string
  readonly index: number
  readonly actions: readonly string[]
}

/** Judges writes by the expressions of ValidatingAdmissionPolicies (https://kubernetes.io/docs/reference/access-authn-authz/validating-admission-policy/). */
export const validatingAdmissionPolicy: AdmissionPlugin = {
  name: 'ValidatingAdmissionPolicy',
  operations: ['CREATE', 'UPDATE', 'DELETE', 'CONNECT'],
  async validate(attributes, context) {
    const { bound } = policiesOf(context)
    if (bound.length === 0 || isExempt(attributes)) return
    const denials: Denial[] = []
    const audit = new Map<string, Set<string>>()
    for (const { policy, bindings } of bound) {
      const matched = matchedByPolicy(policy.spec?.matchConstraints, attributes, context)
      if (matched === undefined) continue
      const cel = await loadCel()
      for (const binding of bindings) {
        if (matchedByPolicy(binding.spec?.matchResources, attributes, context) === undefined && binding.spec?.matchResources)
          continue
        denials.push(...(await judge(cel, { policy, binding, matched, attributes, context, audit })))
      }
    }
    for (const [key, values] of audit) attributes.annotations.set(key, [...values].join(', '))
    enforce(denials, attributes)
  },
}

const known = new WeakMap<AdmissionContext, Policies<ValidatingAdmissionPolicy, ValidatingAdmissionPolicyBinding>>()

function policiesOf(context: AdmissionContext): Policies<ValidatingAdmissionPolicy, ValidatingAdmissionPolicyBinding> {
  let policies = known.get(context)
  if (policies === undefined) {
    policies = new Policies(context, validatingAdmissionPolicies, validatingAdmissionPolicyBindings)
    known.set(context, policies)
  }
  return policies
}

const compiled = new WeakMap<ValidatingAdmissionPolicy, CompiledPolicy>()

function compile(cel: Cel, policy: ValidatingAdmissionPolicy): CompiledPolicy {
  let found = compiled.get(policy)
  if (found === undefined) compiled.set(policy, (found = new CompiledPolicy(cel, policy.spec ?? {}, false)))
  return found
}

interface Case {
  readonly policy: ValidatingAdmissionPolicy
  readonly binding: ValidatingAdmissionPolicyBinding
  readonly matched: ResourceDefinition
  readonly attributes: Attributes
  readonly context: AdmissionContext
  readonly audit: Map<string, Set<string>>
}

/** Everything that the policy, under one binding, has against the request. */
async function judge(cel: Cel, one: Case): Promise<Denial[]> {
  const { policy, binding, matched, attributes, context } = one
  const spec = policy.spec ?? {}
  const denial = (message: string, index: number, reason = 'Invalid'): Denial => ({
    policy: policy.metadata?.name ?? '',
    binding: binding.metadata?.name ?? '',
    message,
    reason,
    index,
    actions: binding.spec?.validationActions ?? [],
  })
  const failed = (why: string, index: number): Denial[] => (spec.failurePolicy === 'Ignore' ? [] : [denial(why, index)])
  let params: ReturnType<typeof paramsOf>
  try {
    params = paramsOf(spec.paramKind, binding.spec?.paramRef, attributes, context)
  } catch (error) {
    return failed(`failed to configure binding: ${(error as Error).message}`, 0)
  }
  const request = await requestValues(cel, attributes, matched, context)
  const denials: Denial[] = []
  for (const param of params) denials.push(...(await judgeWith(param, { request, cel, one, denial, failed })))
  return denials
}

interface Judgement {
  readonly request: Variables
  readonly cel: Cel
  readonly one: Case
  readonly denial: (message: string, index: number, reason?: string) => Denial
  readonly failed: (why: string, index: number) => Denial[]
}

/** With one parameter. */
async function judgeWith(param: KubernetesObject | null, { request, cel, one, denial, failed }: Judgement): Promise<Denial[]> {
  const { policy, binding, attributes, context } = one
  const { clock, metrics } = context
  const spec = policy.spec ?? {}
  const name = policy.metadata?.name ?? ''
  const monotonic = (): number => clock.monotonic()
  const labels = { kind: 'policy', name, type: 'validate', operation: attributes.operation } as const
  const run = new PolicyRun(compile(cel, policy), request, param)
  try {
    const conditions = spec.matchConditions ?? []
    const hold = (): Promise<boolean> => run.conditionsHold(conditions)
    if (conditions.length > 0 && !(await metrics.conditions.observed(labels, monotonic, hold))) return []
  } catch (error) {
    return failed((error as Error).message, 0)
  }
  const found: Denial[] = []
  const refusing = actionsOf(binding)
  for (const [index, validation] of (spec.validations ?? []).entries()) {
    const startedAtMs = monotonic()
    const count = (actions: readonly EnforcementAction[], errorType: PolicyErrorType = 'no_error'): void => {
      const check = { policy: name, binding: binding.metadata?.name ?? '', ms: monotonic() - startedAtMs, errorType }
      for (const action of actions) metrics.validatingPolicies.checked(check, action)
    }
    try {
      if ((await run.evaluate(validation.expression)) === true) continue
      count(refusing)
    } catch (error) {
      count(spec.failurePolicy === 'Ignore' ? ['allow'] : refusing, errorTypeOf((error as Error).message))
      found.push(...failed(`expression '${validation.expression}' resulted in error: ${(error as Error).message}`, index))
      continue
    }
    found.push(denial(await messageOf(run, validation), index, validation.reason || 'Invalid'))
  }
  return [...found, ...(await annotate(run, one)).flatMap((why) => failed(why, 0))]
}

/** What a refusal leads to, by upstream's words. */
const actionsOf = ({ spec }: ValidatingAdmissionPolicyBinding): EnforcementAction[] =>
  (spec?.validationActions ?? []).map((action) => action.toLowerCase() as EnforcementAction)

/** What `messageExpression` says, if that is a sentence; else `message`; else what failed. */
async function messageOf(run: PolicyRun, { expression, message, messageExpression }: Validation): Promise<string> {
  if (messageExpression) {
    try {
      const said = await run.evaluate(messageExpression)
      const isSentence = typeof said === 'string' && said.trim() !== '' && !said.includes('\n')
      if (isSentence && Buffer.byteLength(said) <= MESSAGE_BYTES_MAX) return said.trim()
    } catch {
      // A message that can't be made is replaced by one that needs no making.
    }
  }
  return message?.trim() || `failed expression: ${expression.trim()}`
}

/** Adds the policy's audit annotations; resolves with what went wrong. */
async function annotate(run: PolicyRun, { policy, audit }: Case): Promise<string[]> {
  const wrong: string[] = []
  for (const { key, valueExpression } of policy.spec?.auditAnnotations ?? []) {
    try {
      const value = await run.evaluate(valueExpression)
      if (value === null) continue
      if (typeof value !== 'string') throw new Error('valueExpression must evaluate to a string or null')
      const name = `${policy.metadata?.name}/${key}`
      audit.set(name, (audit.get(name) ?? new Set()).add(value.trim().slice(0, AUDIT_VALUE_BYTES_MAX)))
    } catch (error) {
      wrong.push(`valueExpression '${valueExpression}' resulted in error: ${(error as Error).message}`)
    }
  }
  return wrong
}

const CODES: Readonly<Record<string, number>> = { Forbidden: 403, Unauthorized: 401, RequestEntityTooLarge: 413 }

/** Warns, audits and, by the first that says so, refuses. */
function enforce(denials: readonly Denial[], { warnings, annotations, resource, name }: Attributes): void {
  const audited = denials.filter(({ actions }) => actions.includes('Audit'))
  if (audited.length > 0) {
    const said = audited.map(({ message, policy, binding, index, actions }) => ({
      message,
      policy,
      binding,
      expressionIndex: index,
      validationActions: actions,
    }))
    annotations.set('validation.policy.admission.k8s.io/validation_failure', JSON.stringify(said))
  }
  for (const { policy, binding, message, actions } of denials) {
    if (actions.includes('Warn'))
      warnings.push(`Validation failed for ValidatingAdmissionPolicy '${policy}' with binding '${binding}': ${message}`)
  }
  const denied = denials.find(({ actions }) => actions.includes('Deny'))
  if (denied === undefined) return
  const said = `ValidatingAdmissionPolicy '${denied.policy}' with binding '${denied.binding}' denied request: ${denied.message}`
  const about = name === '' ? qualifiedResource(resource) : `${qualifiedResource(resource)} ${JSON.stringify(name)}`
  throw failure(CODES[denied.reason] ?? 422, denied.reason as never, `${about} is forbidden: ${said}`, {
    ...(name !== '' && { name }),
    ...(resource.group !== '' && { group: resource.group }),
    kind: resource.names.plural,
    causes: [{ message: said }],
  })
}
