import {
  type Amounts,
  addAmounts,
  isInQuota,
  maskAmounts,
  quotaEvaluatorOf,
  type ResourceDefinition,
  type ResourceQuota,
} from '#api'
import type { KubernetesObject } from '#meta'

/** What is used of everything that a quota limits. What no resource counts is used by nobody. */
export function usageOf(
  quota: ResourceQuota,
  resources: readonly ResourceDefinition[],
  list: (resource: ResourceDefinition, namespace: string) => readonly KubernetesObject[],
): Amounts {
  const names = Object.keys(quota.spec?.hard ?? {})
  let used: Amounts = Object.fromEntries(names.map((name) => [name, '0']))
  for (const resource of resources) {
    const evaluator = quotaEvaluatorOf(resource)
    const counted = names.filter((name) => evaluator.counts(name))
    if (counted.length === 0) continue
    for (const object of list(resource, quota.metadata?.namespace ?? '')) {
      if (isInQuota(quota, evaluator, object)) used = addAmounts(used, maskAmounts(evaluator.usage(object), counted))
    }
  }
  return used
}
