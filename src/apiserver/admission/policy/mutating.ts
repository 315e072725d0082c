import {
  type MutatingAdmissionPolicy,
  type MutatingAdmissionPolicyBinding,
  type Mutation,
  mutatingAdmissionPolicies,
  mutatingAdmissionPolicyBindings,
  type ResourceDefinition,
} from '#api'
import { deepClone, deepEqual } from '#base'
import { applyJsonPatch, forbidden, type KubernetesObject, parseJsonPatch } from '#meta'
import { shownAs, takeBack } from '../convert.ts'
import { type Cel, loadCel } from '../expression/cel.ts'
import { requestValues } from '../expression/values.ts'
import { errorTypeOf, type PolicyErrorType } from '../metrics.ts'
import { roundsOf } from '../rounds.ts'
import type { AdmissionContext, AdmissionPlugin, Attributes } from '../types.ts'
import { isExempt } from '../webhook/match.ts'
import { CompiledPolicy } from './compiled.ts'
import { matchedByPolicy } from './match.ts'
import { mergeApplied } from './merge.ts'
import { paramsOf } from './params.ts'
import { Policies } from './policies.ts'
import { PolicyRun } from './run.ts'

const roundOf = roundsOf()

/** Changes what is written by the expressions of MutatingAdmissionPolicies (https://kubernetes.io/docs/reference/access-authn-authz/mutating-admission-policy/). */
export const mutatingAdmissionPolicy: AdmissionPlugin = {
  name: 'MutatingAdmissionPolicy',
  operations: ['CREATE', 'UPDATE'],
  async mutate(attributes, context) {
    const { bound } = policiesOf(context)
    if (bound.length === 0 || isExempt(attributes) || attributes.object === undefined) return
    const round = roundOf(attributes)
    if (attributes.reinvocation.again && !deepEqual(round.lastSeen, attributes.object)) round.askAgain()
    for (const { policy, bindings } of bound) {
      const matched = matchedByPolicy(policy.spec?.matchConstraints, attributes, context)
      if (matched === undefined) continue
      const cel = await loadCel()
      for (const binding of bindings) {
        const id = `${policy.metadata?.name}/${binding.metadata?.name}`
        if (attributes.reinvocation.again && !round.again.has(id)) continue
        if (matchedByPolicy(binding.spec?.matchResources, attributes, context) === undefined && binding.spec?.matchResources)
          continue
        if (await run(cel, policy, binding, matched, attributes, context)) {
          round.askAgain()
          attributes.reinvocation.wanted = true
        }
        if (policy.spec?.reinvocationPolicy === 'IfNeeded') round.asked.add(id)
      }
    }
    round.lastSeen = deepClone(attributes.object)
  },
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

const compiled = new WeakMap<MutatingAdmissionPolicy, CompiledPolicy>()

function compile(cel: Cel, policy: MutatingAdmissionPolicy): CompiledPolicy {
  let found = compiled.get(policy)
  if (found === undefined) compiled.set(policy, (found = new CompiledPolicy(cel, policy.spec ?? {}, true)))
  return found
}

/** Whether the policy changed the object under this binding. */
async function run(
  cel: Cel,
  policy: MutatingAdmissionPolicy,
  binding: MutatingAdmissionPolicyBinding,
  matched: ResourceDefinition,
  attributes: Attributes,
  context: AdmissionContext,
): Promise<boolean> {
  const spec = policy.spec ?? {}
  const { clock, metrics } = context
  const name = policy.metadata?.name ?? ''
  const monotonic = (): number => clock.monotonic()
  const labels = { kind: 'policy', name, type: 'admit', operation: attributes.operation } as const
  const startedAtMs = monotonic()
  const count = (errorType: PolicyErrorType): void =>
    metrics.mutatingPolicies.checked({
      policy: name,
      binding: binding.metadata?.name ?? '',
      ms: monotonic() - startedAtMs,
      errorType,
    })
  const before = deepClone(attributes.object)
  try {
    for (const param of paramsOf(spec.paramKind, binding.spec?.paramRef, attributes, context)) {
      const values = new PolicyRun(compile(cel, policy), await requestValues(cel, attributes, matched, context), param)
      const conditions = spec.matchConditions ?? []
      const hold = (): Promise<boolean> => values.conditionsHold(conditions)
      if (conditions.length > 0 && !(await metrics.conditions.observed(labels, monotonic, hold))) continue
      // Every mutation sees what the one before it made of the object.
      for (const mutation of spec.mutations ?? []) {
        const step = new PolicyRun(compile(cel, policy), await requestValues(cel, attributes, matched, context), param)
        await takeBack(matched, attributes, await mutated(cel, step, mutation, matched, attributes))
      }
      count('no_error')
    }
  } catch (error) {
    count(errorTypeOf((error as Error).message))
    if (spec.failurePolicy === 'Ignore') {
      context.log.warn('A mutating policy failed and is ignored', { policy: policy.metadata?.name, error })
      return false
    }
    const said = `policy '${policy.metadata?.name}' with binding '${binding.metadata?.name}' denied request: ${(error as Error).message}`
    throw forbidden(attributes.resource, attributes.name, said)
  }
  return !deepEqual(before, attributes.object)
}

/** The whole object, in the version of `matched`, as the mutation makes it. */
async function mutated(
  cel: Cel,
  step: PolicyRun,
  { patchType, applyConfiguration, jsonPatch }: Mutation,
  matched: ResourceDefinition,
  attributes: Attributes,
): Promise<unknown> {
  const shown = (await shownAs(matched, attributes, attributes.object)) as KubernetesObject
  const expression = (patchType === 'JSONPatch' ? jsonPatch : applyConfiguration)?.expression ?? ''
  let made: unknown
  try {
    made = cel.toJson(await step.evaluate(expression))
  } catch (error) {
    throw new Error(`expression '${expression}' resulted in error: ${(error as Error).message}`, { cause: error })
  }
  if (patchType === 'JSONPatch') return applyJsonPatch(shown, parseJsonPatch(made))
  return mergeApplied(shown, made, matched.schema())
}
