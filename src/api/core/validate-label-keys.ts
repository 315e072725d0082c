import type { LabelSelector } from '#meta'
import { complaints, type Findings, forbid, invalidValue } from '../validation/findings.ts'
import { NONE, qualifiedName } from '../validation/names.ts'

interface LabelKeys {
  readonly labelSelector?: LabelSelector
  readonly matchLabelKeys?: readonly string[]
  readonly mismatchLabelKeys?: readonly string[]
}

/** Keys of labels whose values the API server adds to the selector as the last expressions: what the selector says of them before is one too many. */
export function validateLabelKeys(
  { labelSelector: selector, matchLabelKeys: keys = NONE, mismatchLabelKeys: others = NONE }: LabelKeys,
  path: string,
  found: Findings,
): void {
  validateKeys(keys, selector, `${path}.matchLabelKeys`, found)
  validateKeys(others, selector, `${path}.mismatchLabelKeys`, found)
  const said = new Set(Object.keys(selector?.matchLabels ?? {}))
  for (const { key } of selector?.matchExpressions ?? []) {
    // Upstream tells of a place in the whole.
    if (said.has(key) && keys.includes(key))
      found.push(invalidValue(`${path}[${keys.lastIndexOf(key)}]`, key, 'exists in both matchLabelKeys and labelSelector'))
    said.add(key)
  }
  for (const [index, key] of keys.entries()) {
    if (others.includes(key))
      found.push(invalidValue(`${path}.matchLabelKeys[${index}]`, key, 'exists in both matchLabelKeys and mismatchLabelKeys'))
  }
}

function validateKeys(keys: readonly string[], selector: LabelSelector | undefined, field: string, found: Findings): void {
  if (keys.length === 0) return
  if (selector === undefined) found.push(forbid(field, 'must not be specified when labelSelector is not set'))
  else for (const [index, key] of keys.entries()) complaints(qualifiedName(key), key, `${field}[${index}]`, found)
}
