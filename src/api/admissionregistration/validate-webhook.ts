import type { RuleWithOperations, ValidatingWebhook } from '../generated/types.ts'
import { labelSelector } from '../validation/common.ts'
import { complaints, duplicateValue, type Findings, invalidValue, oneOf, required, unsupported } from '../validation/findings.ts'
import { subdomainName } from '../validation/names.ts'
import { validateWebhookClient } from '../validation/webhook-client.ts'
import { validateMatchConditions } from './validate-policy.ts'

const OPERATIONS = ['*', 'CONNECT', 'CREATE', 'DELETE', 'UPDATE']
const TIMEOUT_SECONDS_MAX = 30

export function* validateWebhooks(webhooks: readonly ValidatingWebhook[] | undefined): Findings {
  const names = new Set<string>()
  for (const [index, webhook] of (webhooks ?? []).entries()) {
    const path = `webhooks[${index}]`
    if (!webhook.name) yield required(`${path}.name`)
    else {
      yield* complaints(subdomainName(webhook.name), webhook.name, `${path}.name`)
      if (webhook.name.split('.').length < 3) {
        yield invalidValue(`${path}.name`, webhook.name, 'should be a domain with at least three segments separated by dots')
      }
    }
    if (names.has(webhook.name)) yield duplicateValue(`${path}.name`, webhook.name)
    names.add(webhook.name)
    for (const [at, rule] of (webhook.rules ?? []).entries()) yield* validateRule(rule, `${path}.rules[${at}]`)
    yield* oneOf(webhook.failurePolicy, ['Fail', 'Ignore'], `${path}.failurePolicy`)
    yield* oneOf(webhook.matchPolicy, ['Equivalent', 'Exact'], `${path}.matchPolicy`)
    if (!webhook.sideEffects) yield required(`${path}.sideEffects`, 'must specify one of None, NoneOnDryRun')
    else if (!['None', 'NoneOnDryRun'].includes(webhook.sideEffects)) {
      yield unsupported(`${path}.sideEffects`, webhook.sideEffects, ['None', 'NoneOnDryRun'])
    }
    const seconds = webhook.timeoutSeconds
    if (seconds !== undefined && (seconds < 1 || seconds > TIMEOUT_SECONDS_MAX)) {
      yield invalidValue(`${path}.timeoutSeconds`, seconds, 'the timeout value must be between 1 and 30 seconds')
    }
    yield* labelSelector(webhook.namespaceSelector, `${path}.namespaceSelector`)
    yield* labelSelector(webhook.objectSelector, `${path}.objectSelector`)
    yield* validateMatchConditions(webhook.matchConditions, `${path}.matchConditions`)
    yield* validateWebhookClient(webhook.clientConfig ?? {}, `${path}.clientConfig`)
    if (!webhook.admissionReviewVersions?.length) {
      yield required(`${path}.admissionReviewVersions`, 'must specify one of v1, v1beta1')
    } else if (!webhook.admissionReviewVersions.some((version) => ['v1', 'v1beta1'].includes(version))) {
      const rule = 'must include at least one of v1, v1beta1'
      yield invalidValue(`${path}.admissionReviewVersions`, webhook.admissionReviewVersions, rule)
    }
  }
}

export function* validateRule(
  { operations, apiGroups, apiVersions, resources, scope }: RuleWithOperations,
  path: string,
): Findings {
  if (!operations?.length) yield required(`${path}.operations`)
  for (const [index, operation] of (operations ?? []).entries()) {
    if (!OPERATIONS.includes(operation)) yield unsupported(`${path}.operations[${index}]`, operation, OPERATIONS)
  }
  if (!apiGroups?.length) yield required(`${path}.apiGroups`)
  if (!apiVersions?.length) yield required(`${path}.apiVersions`)
  if (!resources?.length) yield required(`${path}.resources`)
  yield* oneOf(scope, ['*', 'Cluster', 'Namespaced'], `${path}.scope`)
}
