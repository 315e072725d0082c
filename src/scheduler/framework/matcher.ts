import { compileSelector, type LabelSelector, matches, type Selector } from '#meta'

export type Matcher = (labels: Readonly<Record<string, string>>) => boolean

/** A selector as a function. None selects nothing, as does one that no API server would have accepted. */
export function matcherOf(selector: LabelSelector | undefined): Matcher {
  if (selector === undefined) return () => false
  let compiled: Selector
  try {
    compiled = compileSelector(selector)
  } catch {
    return () => false
  }
  return (labels) => matches(compiled, labels)
}
