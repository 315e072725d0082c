import type { MatchResources, ValidatingWebhook } from '../generated/types.ts'

/** Fields that mutating and validating webhooks share. */
export function defaultWebhook(webhook: ValidatingWebhook): void {
  webhook.failurePolicy ||= 'Fail'
  webhook.matchPolicy ||= 'Equivalent'
  webhook.namespaceSelector ??= {}
  webhook.objectSelector ??= {}
  webhook.timeoutSeconds ??= 10
  for (const rule of webhook.rules ?? []) rule.scope ||= '*'
  if (webhook.clientConfig?.service) webhook.clientConfig.service.port ??= 443
}

export function defaultMatchResources(match: MatchResources | undefined): void {
  if (match === undefined) return
  match.matchPolicy ||= 'Equivalent'
  match.namespaceSelector ??= {}
  match.objectSelector ??= {}
  for (const rule of [...(match.resourceRules ?? []), ...(match.excludeResourceRules ?? [])]) rule.scope ||= '*'
}
