import type { ResourceDefinition } from '#api'
import { deepClone, deepEqual } from '#base'
import { applyJsonPatch, internalError, parseJsonPatch } from '#meta'
import { shownAs, takeBack } from '../convert.ts'
import { roundsOf } from '../rounds.ts'
import type { AdmissionContext, AdmissionPlugin, Attributes } from '../types.ts'
import { ask } from './ask.ts'
import { conditionsHold } from './conditions.ts'
import { credentialsIn } from './credentials.ts'
import type { Hook } from './hook.ts'
import { hooksOf } from './hooks.ts'
import { isExempt, matchedResource } from './match.ts'

const roundOf = roundsOf()

/** Asks the webhooks of MutatingWebhookConfigurations, one after the other, each seeing what those before it changed. */
export const mutatingAdmissionWebhook: AdmissionPlugin = {
  name: 'MutatingAdmissionWebhook',
  operations: ['CREATE', 'UPDATE', 'DELETE', 'CONNECT'],
  async configured(bytes) {
    const hooksIn = hooksOf('mutating', await credentialsIn(bytes))
    return { ...mutatingAdmissionWebhook, mutate: (attributes, context) => mutate(hooksIn(context), attributes, context) }
  },
}

async function mutate(hooks: readonly Hook[], attributes: Attributes, context: AdmissionContext): Promise<void> {
  if (hooks.length === 0 || isExempt(attributes)) return
  const round = roundOf(attributes)
  if (attributes.reinvocation.again && !deepEqual(round.lastSeen, attributes.object)) round.askAgain()
  for (const [index, hook] of hooks.entries()) {
    if (attributes.reinvocation.again && !round.again.has(hook.id)) continue
    const matched = matchedResource(hook, attributes, context)
    if (matched === undefined || !(await conditionsHold(hook, matched, attributes, context, 'admit'))) continue
    const changed = await run(hook, index, matched, attributes, context)
    if (changed) {
      round.askAgain()
      attributes.reinvocation.wanted = true
    }
    if (hook.reinvocationPolicy === 'IfNeeded') round.asked.add(hook.id)
  }
  round.lastSeen = deepClone(attributes.object)
}

/** Whether the webhook changed the object. */
async function run(
  hook: Hook,
  index: number,
  matched: ResourceDefinition,
  attributes: Attributes,
  context: AdmissionContext,
): Promise<boolean> {
  const place = `round_${attributes.reinvocation.again ? 1 : 0}_index_${index}`
  const verdict = await ask(hook, matched, attributes, context, true)
  if (verdict === undefined) {
    attributes.annotations.set(`failed-open.mutating.webhook.admission.k8s.io/${place}`, hook.name)
    return false
  }
  const changed = verdict.patch !== undefined && (await apply(hook, verdict.patch, matched, attributes))
  const { configuration, name } = hook
  attributes.annotations.set(
    `mutation.webhook.admission.k8s.io/${place}`,
    JSON.stringify({ configuration, webhook: name, mutated: changed }),
  )
  if (changed)
    attributes.annotations.set(
      `patch.webhook.admission.k8s.io/${place}`,
      JSON.stringify({ configuration, webhook: name, patch: verdict.patch, patchType: 'JSONPatch' }),
    )
  return changed
}

async function apply(hook: Hook, patch: unknown, matched: ResourceDefinition, attributes: Attributes): Promise<boolean> {
  const { object } = attributes
  try {
    const operations = parseJsonPatch(patch)
    if (operations.length === 0) return false
    if (object === undefined)
      throw new Error(
        `admission webhook ${JSON.stringify(hook.name)} attempted to modify the object, which is not supported for this operation`,
      )
    const before = deepClone(object)
    await takeBack(matched, attributes, applyJsonPatch(await shownAs(matched, attributes, object), operations))
    return !deepEqual(before, object)
  } catch (error) {
    throw internalError(error)
  }
}
