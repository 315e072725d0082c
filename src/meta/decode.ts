import { parseJson } from '#base'
import { badRequest } from './status.ts'
import { DEPTH_MAX } from './structure/index.ts'

const decoder = new TextDecoder('utf-8', { fatal: true })

/** What a text that can't be read is said to be; upstream's words for an object. */
const UNREADABLE = "couldn't get version/kind; json parse error"

export interface DecodedText {
  readonly value: unknown
  /** Findings about keys that stand twice in one map, in upstream's words. */
  duplicates(): string[]
}

/** JSON or YAML text as plain data. Throws a 400 Status that says where the text is wrong, after the words `unreadable`. */
export async function decodeText(bytes: Uint8Array, form: 'json' | 'yaml', unreadable = UNREADABLE): Promise<DecodedText> {
  let text: string
  try {
    text = decoder.decode(bytes)
  } catch (error) {
    throw badRequest('the request body is not valid UTF-8', error)
  }
  if (form === 'json') {
    const value = decodeJson(text, unreadable)
    return {
      value,
      duplicates: () =>
        printsAs(value, text) ? [] : [...duplicateFields(text)].map((path) => `duplicate field ${JSON.stringify(path)}`),
    }
  }
  try {
    return (await import('./yaml.ts')).parseYamlWithDuplicates(text)
  } catch (error) {
    throw badRequest(
      `error converting YAML to JSON: ${error instanceof Error ? error.message.split('\n')[0] : String(error)}`,
      error,
    )
  }
}

export function decodeJson(text: string, unreadable = UNREADABLE): unknown {
  if (text.length > SHALLOW_LENGTH_MAX && depthOf(text) > DEPTH_MAX) throw badRequest(`${unreadable}: json: exceeded max depth`)
  try {
    return parseJson(text)
  } catch (error) {
    throw badRequest(`${unreadable}: ${error instanceof Error ? error.message : String(error)}`, error)
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

/**
 * What prints as the text that it was read from has no key twice. Programs send objects just so, and printing one costs a tenth of looking through its text.
 */
const printsAs = (value: unknown, text: string): boolean =>
  JSON.stringify(value) === (text.endsWith('\n') ? text.slice(0, -1) : text)

/** Paths of keys that stand twice come from the text, since parsing keeps only the last. */
function* duplicateFields(text: string): Iterable<string> {
  yield* new DuplicateScanner(text).scan()
}

/** Walks valid JSON text once and reports keys that an object has twice, by their path. */
class DuplicateScanner {
  readonly #text: string
  #at = 0

  constructor(text: string) {
    this.#text = text
  }

  *scan(path = ''): Iterable<string> {
    this.#space()
    const character = this.#text[this.#at]
    if (character === '{') yield* this.#object(path)
    else if (character === '[') yield* this.#array(path)
    else if (character === '"') this.#string()
    else while (this.#at < this.#text.length && !',}] \n\r\t'.includes(this.#text[this.#at]!)) this.#at++
  }

  *#object(path: string): Iterable<string> {
    const seen = new Set<string>()
    this.#at++
    for (this.#space(); this.#text[this.#at] !== '}' && this.#at < this.#text.length; this.#space()) {
      const key = this.#string()
      const child = path === '' ? key : `${path}.${key}`
      if (seen.has(key)) yield child
      seen.add(key)
      this.#space()
      this.#at++
      yield* this.scan(child)
      this.#space()
      if (this.#text[this.#at] === ',') this.#at++
    }
    this.#at++
  }

  *#array(path: string): Iterable<string> {
    this.#at++
    let index = 0
    for (this.#space(); this.#text[this.#at] !== ']' && this.#at < this.#text.length; this.#space()) {
      yield* this.scan(`${path}[${index++}]`)
      this.#space()
      if (this.#text[this.#at] === ',') this.#at++
    }
    this.#at++
  }

  #string(): string {
    const start = this.#at++
    while (this.#at < this.#text.length && this.#text[this.#at] !== '"') this.#at += this.#text[this.#at] === '\\' ? 2 : 1
    this.#at++
    return JSON.parse(this.#text.slice(start, this.#at)) as string
  }

  #space(): void {
    while (' \n\r\t'.includes(this.#text[this.#at] ?? '_')) this.#at++
  }
}

/** YAML by js-yaml, which is loaded by the first call. */
export const parseYaml = async (text: string): Promise<unknown> => (await import('./yaml.ts')).parseYaml(text)

export const parseYamlDocuments = async (text: string): Promise<unknown[]> => (await import('./yaml.ts')).parseYamlDocuments(text)

export const printYaml = async (value: unknown, options: { readonly sortKeys?: boolean } = {}): Promise<string> =>
  (await import('./yaml.ts')).printYaml(value, options)
