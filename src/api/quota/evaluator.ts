import type { KubernetesObject } from '#meta'
import type { Amounts } from './amounts.ts'

export interface ScopeRequirement {
  readonly scopeName: string
  readonly operator: string
  readonly values?: readonly string[]
}

/** How objects of one resource count against quotas (https://kubernetes.io/docs/concepts/policy/resource-quotas/). */
export interface QuotaEvaluator<T extends KubernetesObject = KubernetesObject> {
  /** Whether a quota that names this limits the resource. */
  counts(name: string): boolean
  usage(object: T): Amounts
  /** Whether the object is in a scope; absent: it is in none, so scoped quotas do not count it. */
  isInScope?(object: T, requirement: ScopeRequirement): boolean
  /** What the object must say of itself where a quota names these, as upstream words it. */
  unspecified?(object: T, names: readonly string[]): string | undefined
  /** The writes that may change what is used. */
  readonly chargedOn: readonly ('CREATE' | 'UPDATE')[]
  /** Subresources whose updates do, beside the object itself. */
  readonly chargedSubresources?: readonly string[]
}

/** `Exists`, `In` ... on a value that may be absent. */
export function meets({ operator, values = [] }: ScopeRequirement, value: string | undefined): boolean {
  switch (operator) {
    case 'In':
      return value !== undefined && values.includes(value)
    case 'NotIn':
      return value === undefined || !values.includes(value)
    case 'Exists':
      return value !== undefined
    case 'DoesNotExist':
      return value === undefined
    default:
      return false
  }
}
