import { inByteOrder } from './go-order.ts'

export interface FieldRequirement {
  readonly path: string
  readonly negated: boolean
  readonly value: string
}

export type FieldSelector = readonly FieldRequirement[]

/**
 * Parses `a=b,c!=d`; backslash escapes `\`, `,` and `=` in values. Terms come in order, as upstream sorts them, and one without field and value
 * asks for nothing. Throws an Error with upstream's sentence.
 */
export function parseFieldSelector(text: string): FieldSelector {
  return splitTerms(text)
    .filter((term) => term !== '')
    .sort(inByteOrder)
    .map((term) => {
      const match = /^(.*?)(!=|==|=)(.*)$/s.exec(term)
      if (match === null) throw new Error(`invalid selector: '${text}'; can't understand '${term}'`)
      return { path: match[1]!, negated: match[2] === '!=', value: unescapeValue(match[3]!) }
    })
    .filter(({ path, value }) => path !== '' || value !== '')
}

/** Whether the fields of an object, as `fieldOf` gives them, fulfil every requirement; an absent field counts as ''. */
export function matchesFields(selector: FieldSelector, fieldOf: (path: string) => string | undefined): boolean {
  return selector.every(({ path, negated, value }) => ((fieldOf(path) ?? '') === value) !== negated)
}

function splitTerms(text: string): string[] {
  const terms: string[] = []
  let start = 0
  for (let at = 0; at < text.length; at++) {
    if (text[at] === '\\') at++
    else if (text[at] === ',') {
      terms.push(text.slice(start, at))
      start = at + 1
    }
  }
  terms.push(text.slice(start))
  return terms
}

function unescapeValue(value: string): string {
  let out = ''
  let escaped = false
  for (const character of value) {
    if (escaped) {
      if (!'\\,='.includes(character)) throw new Error(`invalid field selector: invalid escape sequence: \\${character}`)
      out += character
      escaped = false
    } else if (character === '\\') escaped = true
    // Upstream shows the number of the character.
    else if (character === '=') throw new Error('invalid field selector: unescaped character in value: 61')
    else out += character
  }
  if (escaped) throw new Error('invalid field selector: invalid escape sequence: \\')
  return out
}
