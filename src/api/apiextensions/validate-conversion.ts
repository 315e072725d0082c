import type { CustomResourceConversion } from '../generated/types.ts'
import { complaints, type Findings, forbid, invalidValue, oneOf, required } from '../validation/findings.ts'
import { dns1035Label } from '../validation/names.ts'
import { validateWebhookClient } from '../validation/webhook-client.ts'

const REVIEW_VERSIONS = ['v1', 'v1beta1']

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
  yield* validateReviewVersions(webhook?.conversionReviewVersions ?? [], old)
}

function* validateReviewVersions(versions: readonly string[], old: CustomResourceConversion | undefined): Findings {
  const path = 'spec.conversion.conversionReviewVersions'
  if (versions.length === 0) {
    yield required(path)
    return
  }
  for (const [index, version] of versions.entries()) {
    if (versions.indexOf(version) < index) yield invalidValue(`${path}[${index}]`, version, 'duplicate version')
    else yield* complaints(dns1035Label(version), version, `${path}[${index}]`)
  }
  const before = old?.webhook?.conversionReviewVersions ?? []
  const mustBeKnown = before.length === 0 || before.some((version) => REVIEW_VERSIONS.includes(version))
  if (mustBeKnown && !versions.some((version) => REVIEW_VERSIONS.includes(version)))
    yield invalidValue(path, versions, `must include at least one of ${REVIEW_VERSIONS.join(', ')}`)
}

const isBundle = (base64: string): boolean => Buffer.from(base64, 'base64').toString().includes('-----BEGIN CERTIFICATE-----')
