import type { LabelSelector } from '#meta'
import type { NodeSelectorTerm } from '../generated/types.ts'

const LABELS: Readonly<Record<string, string>> = {
  'beta.kubernetes.io/arch': 'deprecated since v1.14; use "kubernetes.io/arch" instead',
  'beta.kubernetes.io/os': 'deprecated since v1.14; use "kubernetes.io/os" instead',
  'failure-domain.beta.kubernetes.io/region': 'deprecated since v1.17; use "topology.kubernetes.io/region" instead',
  'failure-domain.beta.kubernetes.io/zone': 'deprecated since v1.17; use "topology.kubernetes.io/zone" instead',
  'beta.kubernetes.io/instance-type': 'deprecated since v1.17; use "node.kubernetes.io/instance-type" instead',
}

/** What upstream says of a label of nodes that has another name by now; undefined for any other. */
export const labelDeprecation = (key: string): string | undefined => (Object.hasOwn(LABELS, key) ? LABELS[key] : undefined)

/** Of expressions that name such labels. */
export function* expressionWarnings(
  expressions: readonly { readonly key?: string }[] | undefined,
  field: string,
): Iterable<string> {
  for (const [index, { key = '' }] of (expressions ?? []).entries()) {
    const deprecation = labelDeprecation(key)
    if (deprecation !== undefined) yield `${field}[${index}].key: ${key} is ${deprecation}`
  }
}

export function* termWarnings(terms: readonly NodeSelectorTerm[] | undefined, field: string): Iterable<string> {
  for (const [index, term] of (terms ?? []).entries()) {
    yield* expressionWarnings(term.matchExpressions, `${field}[${index}].matchExpressions`)
  }
}

export function* selectorWarnings(selector: LabelSelector | undefined, field: string): Iterable<string> {
  yield* expressionWarnings(selector?.matchExpressions, `${field}.matchExpressions`)
  for (const label of Object.keys(selector?.matchLabels ?? {})) {
    const deprecation = labelDeprecation(label)
    if (deprecation !== undefined) yield `${field}.matchLabels.${label}: ${deprecation}`
  }
}
