import { age, integer, name } from '../columns.ts'
import { defineResource } from '../define-resource.ts'
import type { ValidatingWebhookConfiguration } from '../generated/types.ts'
import { defaultWebhook } from './default-webhook.ts'
import { staticNameWarnings } from './static-name.ts'
import { validateWebhooks, validateWebhooksUpdate } from './validate-webhook.ts'

export const validatingWebhookConfigurations = defineResource<ValidatingWebhookConfiguration>({
  group: 'admissionregistration.k8s.io',
  version: 'v1',
  kind: 'ValidatingWebhookConfiguration',
  scope: 'Cluster',
  names: { plural: 'validatingwebhookconfigurations', categories: ['api-extensions'] },
  unconditionalUpdate: false,
  generation: true,
  default({ webhooks }) {
    for (const webhook of webhooks ?? []) defaultWebhook(webhook)
  },
  columns: [
    name,
    integer(
      'Webhooks',
      ({ webhooks }) => webhooks?.length ?? 0,
      'Webhooks indicates the number of webhooks registered in this configuration',
    ),
    age,
  ],
  validate: ({ webhooks }, found) => validateWebhooks(webhooks, {}, found),
  validateUpdate: ({ webhooks }, { webhooks: old }, found) => validateWebhooksUpdate(webhooks, old, found),
  ratchets: true,
  warnings: (configuration, _old, warnings) => staticNameWarnings(configuration, warnings),
  schema: 'io.k8s.api.admissionregistration.v1.ValidatingWebhookConfiguration',
})
