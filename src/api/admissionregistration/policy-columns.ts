import { formatSelector } from '../columns.ts'
import type { ParamKind, ParamRef } from '../generated/types.ts'

export const paramKind = (kind: ParamKind | undefined): string =>
  kind === undefined ? '<unset>' : `${kind.apiVersion}/${kind.kind}`

export function paramRef(ref: ParamRef | undefined): string {
  if (ref === undefined) return '<unset>'
  return ref.name ? `${ref.namespace || '*'}/${ref.name}` : formatSelector(ref.selector)
}
