import type { LabelSelector } from '#meta'
import type { Pod, PodAffinityTerm } from '../generated/types.ts'
import { affinityTerms } from './validate-scheduling.ts'

/**
 * Says in the selectors of a new pod what `matchLabelKeys` and `mismatchLabelKeys` mean for it, so that a scheduler and whoever reads the pod see the labels that count
 * (KEP-3633, KEP-3243).
 */
export function mergeLabelKeys({ metadata, spec }: Pod): void {
  const labels = metadata?.labels
  if (spec === undefined || labels === undefined) return
  if (spec.affinity !== undefined) for (const term of affinityTerms(spec.affinity)) mergeKeys(term, labels)
  for (const { labelSelector, matchLabelKeys } of spec.topologySpreadConstraints ?? [])
    addLabels(labelSelector, matchLabelKeys, 'In', labels)
}

type Labels = Readonly<Record<string, string>>

function mergeKeys({ labelSelector, matchLabelKeys, mismatchLabelKeys }: PodAffinityTerm, labels: Labels): void {
  addLabels(labelSelector, matchLabelKeys, 'In', labels)
  addLabels(labelSelector, mismatchLabelKeys, 'NotIn', labels)
}

/** No selector selects nothing: there is nothing to narrow. */
function addLabels(
  selector: LabelSelector | undefined,
  keys: readonly string[] | undefined,
  operator: 'In' | 'NotIn',
  labels: Labels,
): void {
  if (selector === undefined) return
  const known = (keys ?? []).filter((key) => Object.hasOwn(labels, key))
  if (known.length === 0) return
  const added = known.map((key) => ({ key, operator, values: [labels[key]!] }))
  Object.assign(selector, { matchExpressions: [...(selector.matchExpressions ?? []), ...added] })
}
