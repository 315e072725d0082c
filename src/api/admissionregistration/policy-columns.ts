import type { LabelSelector } from '#meta'
import type { ParamKind, ParamRef } from '../generated/types.ts'

export const paramKind = (kind: ParamKind | undefined): string =>
  kind === undefined ? '<unset>' : `${kind.apiVersion}/${kind.kind}`

export function paramRef(ref: ParamRef | undefined): string {
  if (ref === undefined) return '<unset>'
  if (ref.name) return `${ref.namespace || '*'}/${ref.name}`
  return ref.selector === undefined ? '<unset>' : goSelector(ref.selector)
}

/** A selector as Go prints the type. */
function goSelector({ matchLabels = {}, matchExpressions = [] }: LabelSelector): string {
  const labels = Object.keys(matchLabels)
    .sort()
    .map((key) => `${key}: ${matchLabels[key]},`)
  const expressions = matchExpressions.map(
    ({ key, operator, values = [] }) =>
      `LabelSelectorRequirement{Key:${key},Operator:${operator},Values:[${values.join(' ')}],},`,
  )
  return `&LabelSelector{MatchLabels:map[string]string{${labels.join('')}},MatchExpressions:[]LabelSelectorRequirement{${expressions.join('')}},}`
}
