import { deepEqual } from '#base'
import type { MutatingWebhook, ValidatingWebhook } from '../generated/types.ts'
import { labelSelector } from '../validation/common.ts'
import { duplicateValue, type Findings, invalidValue, optionalOneOf, required, unsupported } from '../validation/findings.ts'
import { subdomainName } from '../validation/names.ts'
import { knowsAny, validateReviewVersions } from '../validation/review-versions.ts'
import { validateWebhookClient } from '../validation/webhook-client.ts'
import { validateMatchConditions } from './validate-match.ts'
import { validateRule } from './validate-rule.ts'

const TIMEOUT_SECONDS_MAX = 30
const SIDE_EFFECTS = ['None', 'NoneOnDryRun']
const ANY_SIDE_EFFECTS = ['None', 'NoneOnDryRun', 'Some', 'Unknown']

type Webhook = ValidatingWebhook | MutatingWebhook

/** What is not asked of webhooks that were accepted before it was asked for. */
interface Leniency {
  readonly anyConditions?: boolean
  readonly anySideEffects?: boolean
  readonly anyVersions?: boolean
  readonly anyNames?: boolean
}

export function* validateWebhooks(webhooks: readonly Webhook[] = [], leniency: Leniency = {}): Findings {
  const names = new Set<string>()
  for (const [index, webhook] of webhooks.entries()) {
    const path = `webhooks[${index}]`
    yield* validateWebhook(webhook, path, leniency)
    const versions = webhook.admissionReviewVersions ?? []
    const mustBeKnown = !leniency.anyVersions
    yield* validateReviewVersions(versions, mustBeKnown, `${path}.admissionReviewVersions`, 'must specify one of v1, v1beta1')
    if (!leniency.anyNames && webhook.name && names.has(webhook.name)) yield duplicateValue(`${path}.name`, webhook.name)
    names.add(webhook.name)
  }
}

/** As {@link validateWebhooks} of webhooks that were otherwise: what was wrong with them before may stay so. */
export function validateWebhooksUpdate(webhooks: readonly Webhook[] = [], old: readonly Webhook[] = []): Findings {
  const isKeptAsItWas = ({ matchConditions }: Webhook, index: number): boolean =>
    deepEqual(matchConditions ?? [], old[index]?.matchConditions ?? [])
  return validateWebhooks(webhooks, {
    anyConditions: webhooks.length === old.length && webhooks.every(isKeptAsItWas),
    anySideEffects: !old.every(({ sideEffects }) => SIDE_EFFECTS.includes(sideEffects)),
    anyVersions: old.some(({ admissionReviewVersions: versions = [] }) => versions.length > 0 && !knowsAny(versions)),
    anyNames: new Set(old.map(({ name }) => name)).size < old.length,
  })
}

function* validateWebhook(webhook: Webhook, path: string, { anyConditions, anySideEffects }: Leniency): Findings {
  yield* qualifiedDomain(webhook.name, `${path}.name`)
  for (const [at, rule] of (webhook.rules ?? []).entries()) yield* validateRule(rule, `${path}.rules[${at}]`)
  yield* optionalOneOf(webhook.failurePolicy, ['Fail', 'Ignore'], `${path}.failurePolicy`)
  yield* optionalOneOf(webhook.matchPolicy, ['Equivalent', 'Exact'], `${path}.matchPolicy`)
  const effects = anySideEffects ? ANY_SIDE_EFFECTS : SIDE_EFFECTS
  if (!webhook.sideEffects) yield required(`${path}.sideEffects`, `must specify one of ${effects.join(', ')}`)
  else if (!effects.includes(webhook.sideEffects)) yield unsupported(`${path}.sideEffects`, webhook.sideEffects, effects)
  const seconds = webhook.timeoutSeconds
  if (seconds !== undefined && (seconds < 1 || seconds > TIMEOUT_SECONDS_MAX)) {
    yield invalidValue(`${path}.timeoutSeconds`, seconds, 'the timeout value must be between 1 and 30 seconds')
  }
  yield* labelSelector(webhook.namespaceSelector, `${path}.namespaceSelector`)
  yield* labelSelector(webhook.objectSelector, `${path}.objectSelector`)
  if ('reinvocationPolicy' in webhook)
    yield* optionalOneOf(webhook.reinvocationPolicy, ['IfNeeded', 'Never'], `${path}.reinvocationPolicy`)
  yield* validateWebhookClient(webhook.clientConfig ?? {}, `${path}.clientConfig`)
  if (!anyConditions) yield* validateMatchConditions(webhook.matchConditions, `${path}.matchConditions`)
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
