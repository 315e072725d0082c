import type { ResourceDefinition } from '#api'
import { annotate } from '../attributes.ts'
import type { AdmissionContext, AdmissionPlugin, Attributes } from '../types.ts'
import { ask } from './ask.ts'
import { conditionsHold } from './conditions.ts'
import { credentialsIn } from './credentials.ts'
import type { Hook } from './hook.ts'
import { hooksOf } from './hooks.ts'
import { isExempt, matchedResource } from './match.ts'

/** Asks the webhooks of ValidatingWebhookConfigurations, all at once; the first by order that refuses is heard. */
export const validatingAdmissionWebhook: AdmissionPlugin = {
  name: 'ValidatingAdmissionWebhook',
  operations: ['CREATE', 'UPDATE', 'DELETE', 'CONNECT'],
  async configured(bytes) {
    const hooksIn = hooksOf('validating', await credentialsIn(bytes))
    return { ...validatingAdmissionWebhook, validate: (attributes, context) => validate(hooksIn(context), attributes, context) }
  },
}

async function validate(hooks: readonly Hook[], attributes: Attributes, context: AdmissionContext): Promise<void> {
  if (hooks.length === 0 || isExempt(attributes)) return
  const concerned: { readonly hook: Hook; readonly matched: ResourceDefinition }[] = []
  // Whom it concerns is settled before anybody is asked.
  for (const hook of hooks) {
    const matched = matchedResource(hook, attributes, context)
    if (matched !== undefined && (await conditionsHold(hook, matched, attributes, context, 'validating')))
      concerned.push({ hook, matched })
  }
  const asked = concerned.map(async ({ hook, matched }, index) => {
    const verdict = await ask(hook, matched, attributes, context)
    if (verdict === undefined)
      annotate(attributes, `failed-open.validating.webhook.admission.k8s.io/round_0_index_${index}`, hook.name)
  })
  for (const result of await Promise.allSettled(asked)) if (result.status === 'rejected') throw result.reason
}
