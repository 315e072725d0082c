import { deepEqual } from '#base'
import type { DaemonSet } from '../generated/types.ts'

/** Where apps/v1 shows a count of templates that it has no field for; pods of a set are labelled with it, too. */
export const TEMPLATE_GENERATION = 'deprecated.daemonset.template.generation'

export function templateGeneration({ metadata }: DaemonSet): number {
  const value = metadata?.annotations?.[TEMPLATE_GENERATION] ?? ''
  return /^[+-]?\d+$/.test(value) ? Number(value) : 0
}

export function setTemplateGeneration(draft: DaemonSet, count: number): void {
  const metadata = (draft.metadata ??= {})
  metadata.annotations = { ...metadata.annotations, [TEMPLATE_GENERATION]: String(count) }
}

/** Only the server counts: one more for each template. */
export function countTemplate(draft: DaemonSet, old: DaemonSet): void {
  const count = Math.max(templateGeneration(old), 1)
  setTemplateGeneration(draft, deepEqual(draft.spec?.template, old.spec?.template) ? count : count + 1)
}
