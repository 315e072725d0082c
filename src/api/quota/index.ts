import type { KubernetesObject } from '#meta'
import type { ResourceQuota } from '../generated/types.ts'
import type { QuotaEvaluator, ScopeRequirement } from './evaluator.ts'
import { claimEvaluator, countEvaluator, serviceEvaluator } from './objects.ts'
import { podEvaluator } from './pods.ts'

export * from './amounts.ts'
export type { QuotaEvaluator } from './evaluator.ts'

const OWN = new Map<string, unknown>([
  ['pods', podEvaluator],
  ['persistentvolumeclaims', claimEvaluator],
  ['services', serviceEvaluator],
])

const counters = new Map<string, QuotaEvaluator>()

/** How objects of a resource count: by what they use where that is known, else by their number. */
export function quotaEvaluatorOf({
  group,
  names: { plural },
}: {
  readonly group: string
  readonly names: { readonly plural: string }
}): QuotaEvaluator {
  const own = group === '' ? (OWN.get(plural) as QuotaEvaluator | undefined) : undefined
  if (own !== undefined) return own
  const id = `${plural}.${group}`
  let counter = counters.get(id)
  if (counter === undefined) counters.set(id, (counter = countEvaluator(group, plural)))
  return counter
}

/** Whether the quota counts the object: it is in all of the quota's scopes. */
export const isInQuota = (quota: ResourceQuota, evaluator: QuotaEvaluator, object: KubernetesObject): boolean =>
  scopesOf(quota).every((requirement) => evaluator.isInScope?.(object, requirement) ?? false)

export const scopesOf = ({ spec }: ResourceQuota): ScopeRequirement[] => [
  ...(spec?.scopes ?? []).map((scopeName) => ({ scopeName, operator: 'Exists' })),
  ...(spec?.scopeSelector?.matchExpressions ?? []),
]
