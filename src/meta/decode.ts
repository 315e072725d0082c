import { goQuote, parseJson } from '#base'
import { tellsAll } from './json/plain.ts'
import { type Oddities, readJson } from './json/reader.ts'
import { jsonProblem } from './json/syntax.ts'
import { badRequest } from './status.ts'
import { DEPTH_MAX } from './structure/index.ts'
import { decodeUtf8 } from './utf8.ts'

/** What a text that can't be read is said to be; upstream's words for an object. */
const UNREADABLE = "couldn't get version/kind; json parse error"

export interface DecodedText {
  readonly value: unknown
  /** What a JSON text says beside its value; undefined of the many that say no more. */
  readonly oddities?: Oddities | undefined
  /** Findings about keys that stand twice in one map, in upstream's words. */
  duplicates(): readonly string[]
}

/** JSON or YAML text as plain data. Throws a 400 Status that says where the text is wrong, after the words `unreadable`. */
export async function decodeText(bytes: Uint8Array, form: 'json' | 'yaml', unreadable = UNREADABLE): Promise<DecodedText> {
  if (form === 'json') return decodeJsonText(decodeUtf8(bytes), unreadable, bytes)
  const { parseYamlWithDuplicates } = await import('./yaml/index.ts')
  try {
    return parseYamlWithDuplicates(bytes)
  } catch (error) {
    throw badRequest(error instanceof Error ? error.message : String(error), error)
  }
}

function decodeJsonText(text: string, unreadable: string, bytes: Uint8Array): DecodedText {
  const value = decodeJson(text, unreadable, bytes)
  if (tellsAll(value, text)) return { value, duplicates: () => [] }
  const { value: read, oddities } = readJson(text)
  return {
    value: read,
    oddities,
    duplicates: () => duplicateFields(read, oddities).map((path) => `duplicate field ${goQuote(path)}`),
  }
}

/** `bytes` are those of the text, where they are at hand. */
export function decodeJson(text: string, unreadable = UNREADABLE, bytes?: Uint8Array): unknown {
  const refuse = (problem: string, cause?: unknown): Error =>
    badRequest(`${unreadable}: ${jsonProblem(bytes ?? Buffer.from(text)) ?? problem}`, cause)
  if (text.length > SHALLOW_LENGTH_MAX && depthOf(text) > DEPTH_MAX) throw refuse('exceeded max depth')
  try {
    return parseJson(text)
  } catch (error) {
    throw refuse(String(error), error)
  }
}

/** Shorter texts can't be deeper than the bound. */
const SHALLOW_LENGTH_MAX = 2 * DEPTH_MAX

/** How deep objects and arrays are nested in JSON text; brackets in strings do not count. */
function depthOf(text: string): number {
  let depth = 0
  let deepest = 0
  let inString = false
  for (let at = 0; at < text.length; at++) {
    const code = text.charCodeAt(at)
    if (inString) {
      if (code === BACKSLASH) at++
      else if (code === QUOTE) inString = false
    } else if (code === QUOTE) inString = true
    else if (code === OPEN_BRACE || code === OPEN_BRACKET) deepest = Math.max(deepest, ++depth)
    else if (code === CLOSE_BRACE || code === CLOSE_BRACKET) depth--
  }
  return deepest
}

const [QUOTE, BACKSLASH, OPEN_BRACKET, CLOSE_BRACKET, OPEN_BRACE, CLOSE_BRACE] = [0x22, 0x5c, 0x5b, 0x5d, 0x7b, 0x7d]

/** Upstream tells no more of one document. */
const FINDINGS_MAX = 100

/** Paths of keys that stand twice in one object, in order, each once. */
function duplicateFields(value: unknown, oddities: Oddities): string[] {
  const found = new Set<string>()
  const look = (at: unknown, path: string): void => {
    if (Array.isArray(at)) for (const [index, item] of at.entries()) look(item, `${path}[${index}]`)
    else if (typeof at === 'object' && at !== null) {
      const seen = new Set<string>()
      for (const [key, child] of oddities.entriesOf(at)) {
        const childPath = path === '' ? key : `${path}.${key}`
        if (seen.has(key)) found.add(childPath)
        seen.add(key)
        look(child, childPath)
      }
    }
  }
  look(value, '')
  return [...found].slice(0, FINDINGS_MAX)
}

/** The reader of YAML is loaded by the first call. */
export const parseYaml = async (text: string): Promise<unknown> => (await import('./yaml/index.ts')).parseYaml(text)

export const printYaml = async (value: unknown): Promise<string> => (await import('./yaml/index.ts')).printYaml(value)
