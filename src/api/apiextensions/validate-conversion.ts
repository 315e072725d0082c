import type { CustomResourceConversion } from '../generated/types.ts'
import { type Findings, forbid, invalidValue, oneOf, required } from '../validation/findings.ts'
import { knowsAny, validateReviewVersions } from '../validation/review-versions.ts'
import { validateWebhookClient } from '../validation/webhook-client.ts'

/** A definition's conversion; of `old` only what was right before has to stay right. */
export function* validateConversion(
  conversion: CustomResourceConversion | undefined,
  old: CustomResourceConversion | undefined,
  isEstablished: boolean,
): Findings {
  if (conversion === undefined) return
  const { strategy, webhook } = conversion
  yield* oneOf(strategy, ['None', 'Webhook'], 'spec.conversion.strategy')
  const path = 'spec.conversion.webhookClientConfig'
  if (strategy !== 'Webhook') {
    if (webhook?.clientConfig !== undefined) yield forbid(path, 'should not be set when strategy is not set to Webhook')
    if (webhook?.conversionReviewVersions?.length)
      yield forbid('spec.conversion.conversionReviewVersions', 'should not be set when strategy is not set to Webhook')
    return
  }
  if (webhook?.clientConfig === undefined) yield required(path, 'required when strategy is set to Webhook')
  else {
    yield* validateWebhookClient(webhook.clientConfig, path)
    const wasWrong = old?.webhook?.clientConfig?.caBundle && !isBundle(old.webhook.clientConfig.caBundle)
    if (webhook.clientConfig.caBundle && isEstablished && !wasWrong && !isBundle(webhook.clientConfig.caBundle))
      yield invalidValue(
        `${path}.caBundle`,
        webhook.clientConfig.caBundle,
        'unable to load root certificates: unable to parse bytes as PEM block',
      )
  }
  const before = old?.webhook?.conversionReviewVersions ?? []
  const mustKnow = before.length === 0 || knowsAny(before)
  yield* validateReviewVersions(webhook?.conversionReviewVersions ?? [], mustKnow, 'spec.conversion.conversionReviewVersions')
}

const isBundle = (base64: string): boolean => Buffer.from(base64, 'base64').toString().includes('-----BEGIN CERTIFICATE-----')
