import { deepEqual } from '#base'
import { isObject } from './merge-patch.ts'

type Step =
  | { readonly kind: 'field'; readonly name: string }
  | { readonly kind: 'wildcard' }
  | { readonly kind: 'descend' }
  | { readonly kind: 'slice'; readonly from?: number | undefined; readonly to?: number | undefined; readonly by: number }
  | { readonly kind: 'index'; readonly index: number }
  | { readonly kind: 'union'; readonly branches: readonly (readonly Step[])[] }
  | { readonly kind: 'filter'; readonly left: Operand; readonly operator: string; readonly right: Operand | undefined }

type Operand = { readonly value: unknown } | { readonly path: readonly Step[] }

/** A path that was parsed once; missing fields select nothing. */
export interface JsonPath {
  /** Everything selected, in document order. */
  select(document: unknown): unknown[]
}

/**
 * Parses kubectl's dialect without its braces: `.spec.ports[0].name`, `.metadata.labels['a.b']`, `.status.conditions[?(@.type=="Ready")].status`.
 * Throws an Error that says what is wrong (https://kubernetes.io/docs/reference/kubectl/jsonpath/).
 */
export function parseJsonPath(text: string): JsonPath {
  const steps = new PathParser(text).parse()
  return { select: (document) => select([document], steps) }
}

const STEPS_MAX = 1_000

class PathParser {
  readonly #text: string
  #at = 0

  constructor(text: string) {
    this.#text = text
  }

  parse(): Step[] {
    const steps: Step[] = []
    if (this.#text[0] === '$' || this.#text[0] === '@') this.#at++
    while (this.#at < this.#text.length) {
      if (steps.length > STEPS_MAX) throw new Error('the path is too long')
      steps.push(...this.#step())
    }
    return steps
  }

  #step(): Step[] {
    const character = this.#text[this.#at]
    if (character === '[') return [this.#bracket()]
    if (character !== '.') throw new Error(`unrecognized character in action: ${JSON.stringify(character)}`)
    this.#at++
    if (this.#text[this.#at] === '.') {
      this.#at++
      const name = this.#name()
      return [{ kind: 'descend' }, ...(name === '' ? [] : [named(name)])]
    }
    if (this.#text[this.#at] === '[' || this.#at === this.#text.length) return []
    return [named(this.#name())]
  }

  #name(): string {
    let name = ''
    for (; this.#at < this.#text.length; this.#at++) {
      const character = this.#text[this.#at]!
      if (character === '\\') name += this.#text[++this.#at] ?? ''
      else if ('.['.includes(character)) break
      else if (' \t\n|,(){}]'.includes(character))
        throw new Error(`unrecognized character in action: ${JSON.stringify(character)}`)
      else name += character
    }
    return name
  }

  #bracket(): Step {
    const inner = this.#text.slice(this.#at + 1, this.#closing())
    this.#at += inner.length + 2
    if (inner.startsWith('?(') && inner.endsWith(')')) return filter(inner.slice(2, -1))
    const parts = splitOutsideQuotes(inner, ',').map((part) => part.trim())
    return parts.length === 1 ? element(parts[0]!) : { kind: 'union', branches: parts.map((part) => [element(part)]) }
  }

  /** The bracket that closes the one at the cursor. */
  #closing(): number {
    let depth = 0
    let quote = ''
    for (let at = this.#at; at < this.#text.length; at++) {
      const character = this.#text[at]!
      if (quote !== '') {
        if (character === '\\') at++
        else if (character === quote) quote = ''
      } else if (character === '"' || character === "'") quote = character
      else if (character === '[') depth++
      else if (character === ']' && --depth === 0) return at
    }
    throw new Error('unterminated array')
  }
}

const named = (name: string): Step => (name === '*' ? { kind: 'wildcard' } : { kind: 'field', name })

function element(text: string): Step {
  if (text === '*') return { kind: 'wildcard' }
  const quoted = quotedText(text)
  if (quoted !== undefined) return { kind: 'field', name: quoted }
  if (/^-?\d+$/.test(text)) return { kind: 'index', index: Number(text) }
  const slice = /^(-?\d+)?:(-?\d+)?(?::(\d+))?$/.exec(text)
  if (slice === null) throw new Error(`invalid array index ${text}`)
  const [, from, to, by] = slice
  const number = (digits: string | undefined): number | undefined => (digits === undefined ? undefined : Number(digits))
  return { kind: 'slice', from: number(from), to: number(to), by: Math.max(1, number(by) ?? 1) }
}

const quotedText = (text: string): string | undefined =>
  /^'.*'$|^".*"$/s.test(text) ? text.slice(1, -1).replace(/\\(.)/gs, '$1') : undefined

function filter(text: string): Step {
  for (const operator of ['==', '!=', '<=', '>=', '<', '>']) {
    const parts = splitOutsideQuotes(text, operator)
    if (parts.length === 2) return { kind: 'filter', left: operand(parts[0]!.trim()), operator, right: operand(parts[1]!.trim()) }
  }
  return { kind: 'filter', left: operand(text.trim()), operator: 'exists', right: undefined }
}

function operand(text: string): Operand {
  const quoted = quotedText(text)
  if (quoted !== undefined) return { value: quoted }
  if (text === 'true' || text === 'false') return { value: text === 'true' }
  if (/^-?\d+(\.\d+)?$/.test(text)) return { value: Number(text) }
  if (!/^[@$.[]/.test(text)) throw new Error(`unrecognized identifier ${text}`)
  return { path: new PathParser(text).parse() }
}

function splitOutsideQuotes(text: string, separator: string): string[] {
  const parts: string[] = []
  let start = 0
  let quote = ''
  for (let at = 0; at < text.length; at++) {
    const character = text[at]!
    if (quote !== '') {
      if (character === '\\') at++
      else if (character === quote) quote = ''
    } else if (character === '"' || character === "'") quote = character
    else if (text.startsWith(separator, at)) {
      parts.push(text.slice(start, at))
      at += separator.length - 1
      start = at + 1
    }
  }
  parts.push(text.slice(start))
  return parts
}

function select(documents: unknown[], steps: readonly Step[]): unknown[] {
  let current = documents
  for (const step of steps) {
    if (current.length === 0) return current
    current = current.flatMap((value) => advance(value, step))
  }
  return current
}

function advance(value: unknown, step: Step): unknown[] {
  switch (step.kind) {
    case 'field':
      return isObject(value) && Object.hasOwn(value, step.name) ? [value[step.name]] : []
    case 'wildcard':
      return childrenOf(value)
    case 'descend':
      return descendants(value)
    case 'index': {
      const item = Array.isArray(value) ? value.at(step.index) : undefined
      return item === undefined ? [] : [item]
    }
    case 'slice':
      return Array.isArray(value) ? value.slice(step.from, step.to).filter((_, index) => index % step.by === 0) : []
    case 'union':
      return step.branches.flatMap((branch) => select([value], branch))
    case 'filter':
      return childrenOf(value).filter((item) => holds(item, step))
  }
}

const childrenOf = (value: unknown): unknown[] =>
  Array.isArray(value) ? [...value] : isObject(value) ? Object.values(value) : []

const descendants = (value: unknown): unknown[] => [value, ...childrenOf(value).flatMap(descendants)]

function holds(item: unknown, { left, operator, right }: Extract<Step, { kind: 'filter' }>): boolean {
  const lefts = valuesOf(item, left)
  if (operator === 'exists') return lefts.length > 0
  const rights = valuesOf(item, right!)
  if (lefts.length === 0 || rights.length === 0) return false
  return compare(lefts[0], rights[0], operator)
}

const valuesOf = (item: unknown, of: Operand): unknown[] => ('path' in of ? select([item], of.path) : [of.value])

function compare(a: unknown, b: unknown, operator: string): boolean {
  if (operator === '==') return deepEqual(a, b)
  if (operator === '!=') return !deepEqual(a, b)
  if (typeof a !== typeof b || (typeof a !== 'number' && typeof a !== 'string')) return false
  const [x, y] = [a, b as typeof a]
  return operator === '<' ? x < y : operator === '>' ? x > y : operator === '<=' ? x <= y : x >= y
}
