import { parseJson } from '#base'
import { tellsAll } from '../json/plain.ts'

/** Characters that JSON has in its texts as they are, and YAML folds, or not at all. */
const ODD = /[\u007f-\u009f\u2028\u2029\ufffe\uffff]/
/** Longer keys are none in YAML; a text so long may be one. */
const LONG = /"[^"]{1000}/

/** An object in the JSON that programs print, which is the same in YAML and read much faster: clients apply it so. Undefined for any other text. */
export function readPlainJson(text: string): object | undefined {
  if (!text.startsWith('{') || ODD.test(text) || LONG.test(text)) return undefined
  try {
    const value = parseJson(text)
    return tellsAll(value, text) ? (value as object) : undefined
  } catch {
    return undefined
  }
}
