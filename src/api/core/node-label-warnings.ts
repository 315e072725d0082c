import type { LabelSelector } from '#meta'
import type { NodeSelectorTerm } from '../generated/types.ts'
import { labelValue } from '../validation/names.ts'

const LABELS: Readonly<Record<string, string>> = {
  'beta.kubernetes.io/arch': 'deprecated since v1.14; use "kubernetes.io/arch" instead',
  'beta.kubernetes.io/os': 'deprecated since v1.14; use "kubernetes.io/os" instead',
  'failure-domain.beta.kubernetes.io/region': 'deprecated since v1.17; use "topology.kubernetes.io/region" instead',
  'failure-domain.beta.kubernetes.io/zone': 'deprecated since v1.17; use "topology.kubernetes.io/zone" instead',
  'beta.kubernetes.io/instance-type': 'deprecated since v1.17; use "node.kubernetes.io/instance-type" instead',
  'app.kubernetes.io/created-by': 'deprecated since v1.9',
  'scheduler.alpha.kubernetes.io/preferAvoidPods': 'deprecated since v1.22; use Taints and Tolerations instead',
  'node-role.kubernetes.io/master': 'use "node-role.kubernetes.io/control-plane" instead',
}

/** What upstream says of a label of nodes that has another name by now; undefined for any other. */
export const labelDeprecation = (key: string): string | undefined => (Object.hasOwn(LABELS, key) ? LABELS[key] : undefined)

/** Of expressions that name such labels, and of values that no label has where nothing else checks them. */
export function expressionWarnings(
  expressions: readonly { readonly key?: string; readonly values?: readonly string[] }[] | undefined,
  field: string,
  { checksValues }: { readonly checksValues: boolean },
  warnings: string[],
): void {
  for (const [index, { key = '', values = [] }] of (expressions ?? []).entries()) {
    const deprecation = labelDeprecation(key)
    if (deprecation !== undefined) warnings.push(`${field}[${index}].key: ${key} is ${deprecation}`)
    if (!checksValues) continue
    for (const [at, value] of values.entries())
      for (const detail of labelValue(value)) warnings.push(`${field}[${index}].values[${at}]: ${value} is invalid, ${detail}`)
  }
}

export function termWarnings(terms: readonly NodeSelectorTerm[] | undefined, field: string, warnings: string[]): void {
  for (const [index, term] of (terms ?? []).entries()) {
    expressionWarnings(term.matchExpressions, `${field}[${index}].matchExpressions`, { checksValues: false }, warnings)
  }
}

export function selectorWarnings(selector: LabelSelector | undefined, field: string, warnings: string[]): void {
  expressionWarnings(selector?.matchExpressions, `${field}.matchExpressions`, { checksValues: false }, warnings)
  for (const label of Object.keys(selector?.matchLabels ?? {})) {
    const deprecation = labelDeprecation(label)
    if (deprecation !== undefined) warnings.push(`${field}.matchLabels.${label}: ${deprecation}`)
  }
}
