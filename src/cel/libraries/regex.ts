import { RE2JS } from 're2js'
import { fail } from '../values/failure.ts'

const patterns = new Map<string, RE2JS>()
const PATTERNS_MAX = 256
/** re2 refuses what compiles to more; this bounds what a pattern may cost before it runs. */
const PATTERN_LENGTH_MAX = 10_000

/** The compiled pattern: RE2 syntax, linear time. Fails with upstream's sentence on a pattern that does not parse. */
export function regex(pattern: string): RE2JS {
  const known = patterns.get(pattern)
  if (known !== undefined) return known
  if (pattern.length > PATTERN_LENGTH_MAX) return fail('error parsing regexp: expression too large')
  let compiled: RE2JS
  try {
    compiled = RE2JS.compile(pattern)
  } catch (error) {
    return fail(error instanceof Error ? error.message : String(error))
  }
  if (patterns.size >= PATTERNS_MAX) patterns.delete(patterns.keys().next().value!)
  patterns.set(pattern, compiled)
  return compiled
}
