import type { CustomResourceConversion } from '../generated/types.ts'
import { bundleProblem } from '../validation/ca-bundle.ts'
import { type Findings, forbid, invalidValue, oneOf, required } from '../validation/findings.ts'
import { knowsAny, validateReviewVersions } from '../validation/review-versions.ts'
import { validateWebhookClient } from '../validation/webhook-client.ts'

/** A definition's conversion; of `old` only what was right before has to stay right. */
export function validateConversion(
  conversion: CustomResourceConversion | undefined,
  old: CustomResourceConversion | undefined,
  isEstablished: boolean,
  found: Findings,
): void {
  if (conversion === undefined) return
  const { strategy, webhook } = conversion
  oneOf(strategy, ['None', 'Webhook'], 'spec.conversion.strategy', found)
  const path = 'spec.conversion.webhookClientConfig'
  if (strategy !== 'Webhook') {
    if (webhook?.clientConfig !== undefined) found.push(forbid(path, 'should not be set when strategy is not set to Webhook'))
    if (webhook?.conversionReviewVersions?.length)
      found.push(forbid('spec.conversion.conversionReviewVersions', 'should not be set when strategy is not set to Webhook'))
    return
  }
  if (webhook?.clientConfig === undefined) found.push(required(path, 'required when strategy is set to Webhook'))
  else {
    validateWebhookClient(webhook.clientConfig, path, found)
    const { caBundle } = webhook.clientConfig
    const wrong = caBundle && isEstablished ? bundleProblem(caBundle) : undefined
    const before = old?.webhook?.clientConfig?.caBundle
    if (wrong !== undefined && !(before && bundleProblem(before) !== undefined))
      found.push(invalidValue(`${path}.caBundle`, caBundle, wrong))
  }
  const before = old?.webhook?.conversionReviewVersions ?? []
  const mustKnow = before.length === 0 || knowsAny(before)
  validateReviewVersions(webhook?.conversionReviewVersions ?? [], mustKnow, '', 'spec.conversion.conversionReviewVersions', found)
}
