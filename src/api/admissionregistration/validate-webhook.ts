import type { MutatingWebhook, ValidatingWebhook } from '../generated/types.ts'
import { labelSelector } from '../validation/common.ts'
import { duplicateValue, type Findings, invalidValue, optionalOneOf, required, unsupported } from '../validation/findings.ts'
import { subdomainName } from '../validation/names.ts'
import { validateReviewVersions } from '../validation/review-versions.ts'
import { validateWebhookClient } from '../validation/webhook-client.ts'
import { validateMatchConditions } from './validate-match.ts'
import { validateRule } from './validate-rule.ts'

const TIMEOUT_SECONDS_MAX = 30
const SIDE_EFFECTS = ['None', 'NoneOnDryRun']

export function* validateWebhooks(webhooks: readonly (ValidatingWebhook | MutatingWebhook)[] | undefined): Findings {
  const names = new Set<string>()
  for (const [index, webhook] of (webhooks ?? []).entries()) {
    const path = `webhooks[${index}]`
    yield* validateWebhook(webhook, path)
    const versions = webhook.admissionReviewVersions ?? []
    yield* validateReviewVersions(versions, true, `${path}.admissionReviewVersions`, 'must specify one of v1, v1beta1')
    if (webhook.name && names.has(webhook.name)) yield duplicateValue(`${path}.name`, webhook.name)
    names.add(webhook.name)
  }
}

function* validateWebhook(webhook: ValidatingWebhook | MutatingWebhook, path: string): Findings {
  yield* qualifiedDomain(webhook.name, `${path}.name`)
  for (const [at, rule] of (webhook.rules ?? []).entries()) yield* validateRule(rule, `${path}.rules[${at}]`)
  yield* optionalOneOf(webhook.failurePolicy, ['Fail', 'Ignore'], `${path}.failurePolicy`)
  yield* optionalOneOf(webhook.matchPolicy, ['Equivalent', 'Exact'], `${path}.matchPolicy`)
  if (webhook.sideEffects === undefined) yield required(`${path}.sideEffects`, 'must specify one of None, NoneOnDryRun')
  else if (!SIDE_EFFECTS.includes(webhook.sideEffects))
    yield unsupported(`${path}.sideEffects`, webhook.sideEffects, SIDE_EFFECTS)
  const seconds = webhook.timeoutSeconds
  if (seconds !== undefined && (seconds < 1 || seconds > TIMEOUT_SECONDS_MAX)) {
    yield invalidValue(`${path}.timeoutSeconds`, seconds, 'the timeout value must be between 1 and 30 seconds')
  }
  yield* labelSelector(webhook.namespaceSelector, `${path}.namespaceSelector`)
  yield* labelSelector(webhook.objectSelector, `${path}.objectSelector`)
  if ('reinvocationPolicy' in webhook)
    yield* optionalOneOf(webhook.reinvocationPolicy, ['IfNeeded', 'Never'], `${path}.reinvocationPolicy`)
  yield* validateWebhookClient(webhook.clientConfig ?? {}, `${path}.clientConfig`)
  yield* validateMatchConditions(webhook.matchConditions, `${path}.matchConditions`)
}

/** A name that belongs to whoever owns its domain. */
function* qualifiedDomain(name: string | undefined, field: string): Findings {
  if (!name) {
    yield required(field)
    return
  }
  const problems = [...subdomainName(name)]
  if (problems.length > 0) yield invalidValue(field, name, problems.join(','))
  else if (name.split('.').length < 3)
    yield invalidValue(field, name, 'should be a domain with at least three segments separated by dots')
}
