import type { ResourceDefinition } from '#api'
import { deepClone, deepEqual, parseJson } from '#base'
import {
  applyJsonPatch,
  htmlSafe,
  inByteOrder,
  internalError,
  type JsonPatchOperation,
  JsonPatchTooLong,
  jsonProblem,
  parseJsonPatch,
  StatusError,
} from '#meta'
import { annotate } from '../attributes.ts'
import { requireKind, shownAs, takeBack } from '../convert.ts'
import { roundsOf } from '../rounds.ts'
import type { AdmissionContext, AdmissionPlugin, Attributes } from '../types.ts'
import { ask } from './ask.ts'
import { conditionsHold } from './conditions.ts'
import { credentialsIn } from './credentials.ts'
import { CallError, type Hook } from './hook.ts'
import { hooksOf } from './hooks.ts'
import { isExempt, matchedResource } from './match.ts'
import type { WebhookPatch } from './review.ts'

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
  const { configuration, name } = hook
  let changed = false
  try {
    const verdict = await ask(hook, matched, attributes, context, async ({ patch }) => {
      if (patch === undefined) return
      const operations = operationsOf(patch)
      if (operations.length === 0) return
      changed = await apply(hook, patch, operations, matched, attributes, context)
      const shown = operations.map((operation) =>
        Object.fromEntries(Object.entries(operation).sort(([a], [b]) => inByteOrder(a, b))),
      )
      const value = { configuration, webhook: name, patch: shown, patchType: 'JSONPatch' }
      annotate(attributes, `patch.webhook.admission.k8s.io/${place}`, htmlSafe(JSON.stringify(value)))
    })
    if (verdict === undefined) annotate(attributes, `failed-open.mutation.webhook.admission.k8s.io/${place}`, name)
  } finally {
    const value = { configuration, webhook: name, mutated: changed }
    annotate(attributes, `mutation.webhook.admission.k8s.io/${place}`, htmlSafe(JSON.stringify(value)))
  }
  return changed
}

function operationsOf({ text }: WebhookPatch): JsonPatchOperation[] {
  try {
    const document = decodePatch(text)
    return document === null ? [] : parseJsonPatch(document)
  } catch (error) {
    if (error instanceof JsonPatchTooLong) throw internalError(error)
    const why = (error as Error).message
      .replace('[]handlers.jsonPatchOp', 'jsonpatch.Patch')
      .replace('handlers.jsonPatchOp', 'jsonpatch.Operation')
    throw new CallError(`received undecodable patch in webhook response: ${why}`, { cause: error })
  }
}

function decodePatch(text: string): unknown {
  try {
    return parseJson(text)
  } catch (error) {
    throw new Error(jsonProblem(Buffer.from(text)) ?? (error as Error).message, { cause: error })
  }
}

async function apply(
  hook: Hook,
  { type }: WebhookPatch,
  operations: readonly JsonPatchOperation[],
  matched: ResourceDefinition,
  attributes: Attributes,
  { catalog }: AdmissionContext,
): Promise<boolean> {
  const { object } = attributes
  const name = JSON.stringify(hook.name)
  if (object === undefined)
    throw internalError(`admission webhook ${name} attempted to modify the object, which is not supported for this operation`)
  if (type !== 'JSONPatch') throw new CallError(`unsupported patch type ${JSON.stringify(type)}`, { code: 400 })
  try {
    const before = deepClone(object)
    const shown = (await shownAs(matched, attributes, object))!
    const patched = applyJsonPatch(shown, operations)
    requireKind(patched, shown, matched, catalog)
    await takeBack(matched, attributes, patched)
    return !deepEqual(before, object)
  } catch (error) {
    throw error instanceof StatusError ? error : internalError(error)
  }
}
