import type { ResourceDefinition } from '#api'
import { deepClone, deepEqual, setOwn } from '#base'
import type { KubernetesObject } from '#meta'

/** An unfrozen copy that a write may change. Who manages which fields is shared: it is replaced, and never changed in place. */
export function draftOf(object: KubernetesObject): KubernetesObject {
  const draft: Record<string, unknown> = {}
  for (const [key, value] of Object.entries(object))
    setOwn(draft, key, key === 'metadata' ? metadataDraftOf(value) : deepClone(value))
  return draft as KubernetesObject
}

function metadataDraftOf(metadata: unknown): unknown {
  if (typeof metadata !== 'object' || metadata === null) return metadata
  const draft: Record<string, unknown> = {}
  for (const [key, value] of Object.entries(metadata)) setOwn(draft, key, key === 'managedFields' ? value : deepClone(value))
  return draft
}

/**
 * Puts what `old` has in place of what is the same in a draft that is changed no more but in its metadata: whoever compares the two then sees at once that nothing
 * changed there, and both versions share it. What is shown of a custom kind may still be converted, so that stays as it is.
 */
export function shareUnchanged(draft: KubernetesObject, old: KubernetesObject, { custom }: ResourceDefinition): void {
  if (custom !== undefined) return
  const [now, before] = [draft as unknown as Record<string, unknown>, old as unknown as Record<string, unknown>]
  for (const key in now) {
    const value = now[key]
    if (key === 'metadata' || typeof value !== 'object' || value === before[key]) continue
    if (before[key] !== undefined && deepEqual(value, before[key])) now[key] = before[key]
  }
}
