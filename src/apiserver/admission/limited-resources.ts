import { isNegativeAmount, type QuotaEvaluator, type ResourceQuota, required, scopesOf, withoutZeros } from '#api'
import { failure, forbidden } from '#meta'
import { decodeConfiguration, listOf, objectOf, refuseConfiguration, text } from '../configuration-file.ts'
import type { Attributes } from './types.ts'

/** What may be used only where a quota says how much (https://kubernetes.io/docs/concepts/policy/resource-quotas/#limit-priority-class-consumption-by-default). */
export interface LimitedResource {
  readonly apiGroup?: string
  readonly resource: string
  /** Of names of what is used, as in `requests.storage`. */
  readonly matchContains?: readonly string[]
  readonly matchScopes?: readonly Scope[]
}

interface Scope {
  readonly scopeName: string
  readonly operator: string
  readonly values?: readonly string[]
}

const KIND = {
  kind: 'ResourceQuotaConfiguration',
  versions: ['apiserver.config.k8s.io/v1'],
  formerly: [
    ['resourcequota.admission.k8s.io/v1beta1', 'Configuration'],
    ['resourcequota.admission.k8s.io/v1alpha1', 'Configuration'],
  ],
  schema: objectOf({
    apiVersion: text,
    kind: text,
    limitedResources: listOf(
      objectOf({
        apiGroup: text,
        resource: text,
        matchContains: listOf(text),
        matchScopes: listOf(objectOf({ scopeName: text, operator: text, values: listOf(text) })),
      }),
    ),
  }),
} as const

export async function parseLimitedResources(bytes: Uint8Array): Promise<readonly LimitedResource[]> {
  const { limitedResources = [] } = (await decodeConfiguration(bytes, KIND)) as { limitedResources?: LimitedResource[] }
  refuseConfiguration(
    limitedResources.flatMap(({ resource }, index) => (resource ? [] : [required(`limitedResources[${index}].resource`)])),
  )
  return limitedResources
}

/** Throws when the write uses something limited that no quota covers. */
export function refuseUncovered(
  { resource, object, name }: Attributes,
  evaluator: QuotaEvaluator,
  limited: readonly LimitedResource[],
  quotas: { readonly all: readonly ResourceQuota[]; readonly covering: readonly ResourceQuota[] },
): void {
  if (limited.length === 0) return
  const usage = withoutZeros(evaluator.usage(object!))
  const covered = new Set(quotas.covering.flatMap(({ status }) => Object.keys(status?.hard ?? {})))
  const words = limited
    .filter(({ apiGroup = '', resource: plural }) => apiGroup === resource.group && plural === resource.names.plural)
    .flatMap(({ matchContains = [] }) => matchContains)
  const uncovered = Object.keys(usage).filter(
    (used) => !isNegativeAmount(usage[used]!) && words.some((word) => used.includes(word)) && !covered.has(used),
  )
  if (uncovered.length > 0) throw forbidden(resource, name, `insufficient quota to consume: ${uncovered.sort().join(',')}`)

  const isIn = (scope: Scope): boolean => evaluator.isInScope?.(object!, scope) ?? false
  const met = new Set(
    quotas.all
      .flatMap(scopesOf)
      .filter(isIn)
      .map(({ scopeName }) => scopeName),
  )
  const missing = limited
    .flatMap(({ matchScopes = [] }) => matchScopes)
    .filter((scope) => isIn(scope) && !met.has(scope.scopeName))
  if (missing.length === 0) return
  const shown = missing.map(({ scopeName, operator, values = [] }) => `{${scopeName} ${operator} [${values.join(' ')}]}`)
  // Upstream gives it no reason of its own.
  throw failure(500, '', `insufficient quota to match these scopes: [${shown.join(' ')}]`)
}
