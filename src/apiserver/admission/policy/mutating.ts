import {
  type MutatingAdmissionPolicy,
  type MutatingAdmissionPolicyBinding,
  mutatingAdmissionPolicies,
  mutatingAdmissionPolicyBindings,
  type ResourceDefinition,
} from '#api'
import { deepClone, deepEqual } from '#base'
import { failure, type KubernetesObject, StatusError } from '#meta'
import { refused } from '../attributes.ts'
import { loadCel } from '../expression/cel.ts'
import { allHold } from '../expression/conditions.ts'
import { Evaluator } from '../expression/evaluator.ts'
import { conditionValues, namespaceOf, requestValues } from '../expression/values.ts'
import { errorTypeOf } from '../metrics.ts'
import { type Round, roundsOf } from '../rounds.ts'
import type { AdmissionContext, AdmissionPlugin, Attributes } from '../types.ts'
import { isUnjudged } from './exempt.ts'
import { matchedByPolicy } from './match.ts'
import { type CompiledMutation, MutatingExpressions, mutate } from './mutation.ts'
import { paramResource, paramsOf } from './params.ts'
import { type BoundPolicy, Policies } from './policies.ts'

const roundOf = roundsOf()

/** Changes what is written by the expressions of MutatingAdmissionPolicies (https://kubernetes.io/docs/reference/access-authn-authz/mutating-admission-policy/). */
export const mutatingAdmissionPolicy: AdmissionPlugin = {
  name: 'MutatingAdmissionPolicy',
  operations: ['CREATE', 'UPDATE', 'CONNECT'],
  async mutate(attributes, context) {
    const { bound } = policiesOf(context)
    if (bound.length === 0 || isUnjudged(attributes)) return
    const problems: Problem[] = []
    // What a policy is about is decided before any of them changes something.
    const invocations = bound.flatMap((each) => invocationsOf(each, problems, attributes, context))
    if (invocations.length > 0) await invoke(invocations, problems, attributes, context)
    const refusing = problems.filter(({ policy }) => policy.spec?.failurePolicy !== 'Ignore')
    if (refusing.length > 0) throw refusalOf(refusing, attributes)
  },
}

/** A policy under one binding with one parameter. */
interface Invocation {
  readonly policy: MutatingAdmissionPolicy
  readonly binding: MutatingAdmissionPolicyBinding
  readonly matched: ResourceDefinition
  readonly param: KubernetesObject | null
}

/** What kept a policy from being used. */
interface Problem {
  readonly policy: MutatingAdmissionPolicy
  readonly binding?: MutatingAdmissionPolicyBinding | undefined
  readonly message: string
  readonly reason: 'Forbidden' | 'Invalid'
}

const known = new WeakMap<AdmissionContext, Policies<MutatingAdmissionPolicy, MutatingAdmissionPolicyBinding>>()

function policiesOf(context: AdmissionContext): Policies<MutatingAdmissionPolicy, MutatingAdmissionPolicyBinding> {
  let policies = known.get(context)
  if (policies === undefined) {
    policies = new Policies(context, mutatingAdmissionPolicies, mutatingAdmissionPolicyBindings)
    known.set(context, policies)
  }
  return policies
}

const compiled = new WeakMap<MutatingAdmissionPolicy, MutatingExpressions>()

async function compile(policy: MutatingAdmissionPolicy): Promise<MutatingExpressions> {
  const cel = await loadCel()
  let found = compiled.get(policy)
  if (found === undefined) compiled.set(policy, (found = new MutatingExpressions(cel, policy)))
  return found
}

function invocationsOf(
  { policy, bindings }: BoundPolicy<MutatingAdmissionPolicy, MutatingAdmissionPolicyBinding>,
  problems: Problem[],
  attributes: Attributes,
  context: AdmissionContext,
): Invocation[] {
  const unusable = (error: unknown, binding?: MutatingAdmissionPolicyBinding): Invocation[] => {
    const message = `failed to configure ${binding === undefined ? 'policy' : 'binding'}: ${(error as Error).message}`
    problems.push({ policy, binding, message, reason: 'Forbidden' })
    return []
  }
  let matched: ResourceDefinition | undefined
  let params: ResourceDefinition | undefined
  try {
    matched = matchedByPolicy(policy.spec?.matchConstraints, attributes, context)
    if (matched === undefined) return []
    params = paramResource(policy.spec?.paramKind, context)
  } catch (error) {
    return unusable(error)
  }
  const as = matched
  return bindings.flatMap((binding) => {
    const { paramRef, matchResources } = binding.spec ?? {}
    try {
      if (matchResources && matchedByPolicy(matchResources, attributes, context) === undefined) return []
      const found = paramsOf(params, paramRef, attributes, context)
      return found.map((param) => ({ policy, binding, matched: as, param: param && shownParam(param, params!) }))
    } catch (error) {
      return unusable(error, binding)
    }
  })
}

/** Parameters of built-in kinds are read by typed clients, to whom objects do not name their kind. */
function shownParam(param: KubernetesObject, { custom }: ResourceDefinition): KubernetesObject {
  if (custom !== undefined) return param
  const { apiVersion: _, kind: __, ...rest } = param
  return rest as KubernetesObject
}

async function invoke(
  invocations: readonly Invocation[],
  problems: Problem[],
  attributes: Attributes,
  context: AdmissionContext,
): Promise<void> {
  const round = roundOf(attributes)
  if (attributes.reinvocation.again && !deepEqual(round.lastSeen, attributes.object)) round.askAgain()
  try {
    namespaceOf(attributes, context)
    let isPatched = false
    for (const invocation of invocations)
      isPatched = (await invokeOne(invocation, round, problems, attributes, context)) || isPatched
    // Whatever was patched asks for another round, even where nothing came of it.
    if (isPatched) {
      round.askAgain()
      attributes.reinvocation.wanted = true
    }
  } finally {
    round.lastSeen = deepClone(attributes.object)
  }
}

/** Whether a patch was applied, whatever it changed. */
async function invokeOne(
  invocation: Invocation,
  round: Round,
  problems: Problem[],
  attributes: Attributes,
  context: AdmissionContext,
): Promise<boolean> {
  const { policy, binding, matched, param } = invocation
  const expressions = await compile(policy)
  const { cel, variables, conditions } = expressions
  const values = { ...(await requestValues(cel, attributes, matched, context)), params: param }
  // Upstream gives the name of the other plugin's type here.
  const labels = { kind: 'policy', name: policy.metadata?.name ?? '', type: 'validate', operation: attributes.operation } as const
  try {
    const budget = cel.RUNTIME_COST_BUDGET / 4
    const asked = new Evaluator(cel, conditionValues(values, attributes, matched), budget, variables)
    if (!(await allHold(conditions, asked, policy.spec?.failurePolicy, labels, context))) return false
  } catch (error) {
    problems.push({ policy, binding, message: (error as Error).message, reason: 'Invalid' })
    return false
  }
  const id = [policy, binding, param].map((each) => `${each?.metadata?.namespace ?? ''}/${each?.metadata?.name ?? ''}`).join(' ')
  if (attributes.reinvocation.again && !round.again.has(id)) return false
  const before = deepClone(attributes.object)
  let isPatched = false
  // Every mutation sees what the one before it made of the object; one that fails does not keep the next from it.
  for (const mutation of attributes.object === undefined ? [] : expressions.mutations)
    isPatched = (await mutateCounted(mutation, invocation, expressions, problems, attributes, context)) || isPatched
  if (!deepEqual(before, attributes.object)) {
    round.askAgain()
    attributes.reinvocation.wanted = true
  }
  if (policy.spec?.reinvocationPolicy === 'IfNeeded') round.asked.add(id)
  return isPatched
}

async function mutateCounted(
  mutation: CompiledMutation,
  { policy, binding, matched, param }: Invocation,
  { cel, variables }: MutatingExpressions,
  problems: Problem[],
  attributes: Attributes,
  context: AdmissionContext,
): Promise<boolean> {
  const { clock, metrics } = context
  const startedAtMs = clock.monotonic()
  const count = (message: string | undefined): void => {
    const names = { policy: policy.metadata?.name ?? '', binding: binding.metadata?.name ?? '' }
    const errorType = message === undefined ? 'no_error' : errorTypeOf(message)
    metrics.mutatingPolicies.checked({ ...names, ms: clock.monotonic() - startedAtMs, errorType })
  }
  try {
    const values = { ...(await requestValues(cel, attributes, matched, context)), params: param }
    await mutate(mutation, new Evaluator(cel, values, cel.RUNTIME_COST_BUDGET, variables), cel, matched, attributes, context)
    count(undefined)
    return true
  } catch (error) {
    const { message } = error as Error
    count(message)
    if (error instanceof StatusError) throw error
    problems.push({ policy, binding, message, reason: 'Invalid' })
    return false
  }
}

/** The first problem is the message; it is told alone, without what was asked for. */
function refusalOf(problems: readonly Problem[], attributes: Attributes): Error {
  const causes = problems.map(({ policy, binding, message }) => {
    const name = policy.metadata?.name ?? ''
    const by =
      binding === undefined ? `policy ${JSON.stringify(name)}` : `policy '${name}' with binding '${binding.metadata?.name}'`
    return { message: `${by} denied request: ${message}` }
  })
  const { details } = refused(attributes, 'admission request denied by policy').status
  return failure(403, problems[0]!.reason, causes[0]!.message, { ...details, causes: [...(details?.causes ?? []), ...causes] })
}
