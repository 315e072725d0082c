import { parseDocument } from './nodes.ts'
import { readPlainJson } from './plain-json.ts'
import { sourceOf } from './source.ts'
import { duplicatesIn, readValue } from './values.ts'

export { printYaml } from './printer.ts'

export interface ParsedYaml {
  readonly value: unknown
  /** A line for each value whose key its map has already, in the words of Go's decoder: `line 7: key "paused" already set in map`. */
  duplicates(): readonly string[]
}

export const parseYaml = (text: string | Uint8Array): unknown => parseYamlWithDuplicates(text).value

/** The first document of a text, null where there is none. Of a key that stands twice the last value counts, as in JSON. */
export function parseYamlWithDuplicates(text: string | Uint8Array): ParsedYaml {
  const source = sourceOf(text)
  const plain = source.problem === undefined ? readPlainJson(source.text) : undefined
  if (plain !== undefined) return { value: plain, duplicates: () => [] }
  const node = parseDocument(source)
  if (node === undefined) return { value: null, duplicates: () => [] }
  const { value, mayRepeat } = readValue(node)
  return { value, duplicates: () => (mayRepeat ? duplicatesIn(node) : []) }
}
