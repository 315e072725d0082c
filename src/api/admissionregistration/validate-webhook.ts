import { deepEqual } from '#base'
import type { LabelSelector } from '#meta'
import type { MutatingWebhook, ValidatingWebhook } from '../generated/types.ts'
import { labelSelector } from '../validation/common.ts'
import {
  duplicateValue,
  type Findings,
  foundBy,
  invalidValue,
  optionalOneOf,
  required,
  unsupported,
} from '../validation/findings.ts'
import { subdomainName } from '../validation/names.ts'
import { knowsAny, validateReviewVersions } from '../validation/review-versions.ts'
import { validateWebhookClient } from '../validation/webhook-client.ts'
import { Expressions } from './expressions.ts'
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
  readonly anyLabelValues?: boolean
}

export function validateWebhooks(webhooks: readonly Webhook[] = [], leniency: Leniency = {}, found: Findings): void {
  const names = new Set<string>()
  for (const [index, webhook] of webhooks.entries()) {
    const path = `webhooks[${index}]`
    validateWebhook(webhook, path, leniency, found)
    const versions = webhook.admissionReviewVersions ?? []
    const mustBeKnown = !leniency.anyVersions
    validateReviewVersions(versions, mustBeKnown, 'must specify one of v1, v1beta1', `${path}.admissionReviewVersions`, found)
    if (!leniency.anyNames && webhook.name && names.has(webhook.name)) found.push(duplicateValue(`${path}.name`, webhook.name))
    names.add(webhook.name)
  }
}

/** As {@link validateWebhooks} of webhooks that were otherwise: what was wrong with them before may stay so. */
export function validateWebhooksUpdate(webhooks: readonly Webhook[] = [], old: readonly Webhook[] = [], found: Findings): void {
  const isKeptAsItWas = ({ matchConditions }: Webhook, index: number): boolean =>
    deepEqual(matchConditions ?? [], old[index]?.matchConditions ?? [])
  const leniency = {
    anyConditions: webhooks.length === old.length && webhooks.every(isKeptAsItWas),
    anySideEffects: !old.every(({ sideEffects }) => SIDE_EFFECTS.includes(sideEffects)),
    anyVersions: old.some(({ admissionReviewVersions: versions = [] }) => versions.length > 0 && !knowsAny(versions)),
    anyLabelValues: old.some(({ namespaceSelector, objectSelector }) => isWrong(namespaceSelector) || isWrong(objectSelector)),
    anyNames: new Set(old.map(({ name }) => name)).size < old.length,
  }
  validateWebhooks(webhooks, leniency, found)
}

function validateWebhook(
  webhook: Webhook,
  path: string,
  { anyConditions, anySideEffects, anyLabelValues }: Leniency,
  found: Findings,
): void {
  qualifiedDomain(webhook.name, `${path}.name`, found)
  for (const [at, rule] of (webhook.rules ?? []).entries()) validateRule(rule, `${path}.rules[${at}]`, found)
  optionalOneOf(webhook.failurePolicy, ['Fail', 'Ignore'], `${path}.failurePolicy`, found)
  optionalOneOf(webhook.matchPolicy, ['Equivalent', 'Exact'], `${path}.matchPolicy`, found)
  const effects = anySideEffects ? ANY_SIDE_EFFECTS : SIDE_EFFECTS
  if (!webhook.sideEffects) found.push(required(`${path}.sideEffects`, `must specify one of ${effects.join(', ')}`))
  else if (!effects.includes(webhook.sideEffects)) found.push(unsupported(`${path}.sideEffects`, webhook.sideEffects, effects))
  const seconds = webhook.timeoutSeconds
  if (seconds !== undefined && (seconds < 1 || seconds > TIMEOUT_SECONDS_MAX)) {
    found.push(invalidValue(`${path}.timeoutSeconds`, seconds, 'the timeout value must be between 1 and 30 seconds'))
  }
  labelSelector(webhook.namespaceSelector, `${path}.namespaceSelector`, found, anyLabelValues)
  labelSelector(webhook.objectSelector, `${path}.objectSelector`, found, anyLabelValues)
  if ('reinvocationPolicy' in webhook)
    optionalOneOf(webhook.reinvocationPolicy, ['IfNeeded', 'Never'], `${path}.reinvocationPolicy`, found)
  validateWebhookClient(webhook.clientConfig ?? {}, `${path}.clientConfig`, found)
  if (!anyConditions) validateMatchConditions(webhook.matchConditions, `${path}.matchConditions`, new Expressions({}), found)
}

const isWrong = (selector: LabelSelector | undefined): boolean =>
  foundBy((found) => labelSelector(selector, '', found)).length > 0

/** A name that belongs to whoever owns its domain. */
function qualifiedDomain(name: string | undefined, field: string, found: Findings): void {
  if (!name) {
    found.push(required(field))
    return
  }
  const problems = [...subdomainName(name)]
  if (problems.length > 0) found.push(invalidValue(field, name, problems.join(',')))
  else if (name.split('.').length < 3)
    found.push(invalidValue(field, name, 'should be a domain with at least three segments separated by dots'))
}
