import { RE2JS } from 're2js'

const PATTERNS_MAX = 1_000
const compiled = new Map<string, RE2JS>()

/** A user's regular expression in Go's syntax, matched in linear time. Throws for one that can't be read. */
export function patternOf(source: string): RE2JS {
  const known = compiled.get(source)
  if (known !== undefined) return known
  const pattern = RE2JS.compile(source)
  if (compiled.size >= PATTERNS_MAX) compiled.clear()
  compiled.set(source, pattern)
  return pattern
}

export const matchesPattern = (source: string, text: string): boolean => patternOf(source).matcher(text).find()
