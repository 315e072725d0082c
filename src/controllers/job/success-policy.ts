import type { Job } from '#api'
import { parseIndexes } from './indexes.ts'

/** The message of the first rule of `spec.successPolicy` that the succeeded indexes meet. */
export function matchSuccessPolicy({ spec }: Job, succeeded: ReadonlySet<number>): string | undefined {
  if (succeeded.size === 0) return undefined
  for (const [at, { succeededIndexes, succeededCount }] of (spec?.successPolicy?.rules ?? []).entries()) {
    const wanted = succeededIndexes === undefined ? succeeded : parseIndexes(succeededIndexes, spec?.completions ?? 0)
    const needed = succeededCount ?? wanted.size
    if (needed > 0 && wanted.intersection(succeeded).size >= needed) return `Matched rules at index ${at}`
  }
  return undefined
}
