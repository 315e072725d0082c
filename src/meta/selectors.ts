import type { LabelSelector } from './types.ts'

export type Labels = Readonly<Record<string, string>>

export type Operator = '=' | '!=' | 'in' | 'notin' | 'exists' | '!' | 'gt' | 'lt'

export interface Requirement {
  readonly key: string
  readonly operator: Operator
  readonly values: readonly string[]
}

/** A conjunction; the empty one selects everything. */
export type Selector = readonly Requirement[]

export const everything: Selector = []

const KEY = /^([a-z0-9]([-a-z0-9.]*[a-z0-9])?\/)?[A-Za-z0-9]([-A-Za-z0-9_.]*[A-Za-z0-9])?$/
const VALUE = /^([A-Za-z0-9]([-A-Za-z0-9_.]*[A-Za-z0-9])?)?$/
const VALUE_LENGTH_MAX = 63

/**
 * Parses the query syntax: `a=b,c!=d,e in (f,g),h notin (i),j,!k`.
 * Throws an Error with a sentence that names what was found and expected.
 */
export function parseSelector(text: string): Selector {
  const tokens = tokenize(text)
  const requirements: Requirement[] = []
  let at = 0
  const next = (): string => tokens[at++] ?? ''
  while (at < tokens.length) {
    requirements.push(parseRequirement(next, () => tokens[at] ?? ''))
    if (at === tokens.length) break
    const separator = next()
    if (separator !== ',') throw new Error(`found '${separator}', expected: ',' or 'end of string'`)
    if (at === tokens.length) throw new Error("found '', expected: identifier after ','")
  }
  return requirements
}

function parseRequirement(next: () => string, peek: () => string): Requirement {
  let key = next()
  const absent = key === '!'
  if (absent) key = next()
  if (!KEY.test(key)) throw new Error(`found '${key}', expected: !, identifier, or 'end of string'`)
  if (absent) return { key, operator: '!', values: [] }
  const operator = peek()
  if (operator === '' || operator === ',') return { key, operator: 'exists', values: [] }
  next()
  switch (operator) {
    case '=':
    case '==':
      return { key, operator: '=', values: [value(next, peek, key)] }
    case '!=':
      return { key, operator: '!=', values: [value(next, peek, key)] }
    case '>':
    case '<':
      return { key, operator: operator === '>' ? 'gt' : 'lt', values: [integer(value(next, peek, key))] }
    case 'in':
    case 'notin':
      return { key, operator, values: valueList(next, key) }
    default:
      throw new Error(`found '${operator}', expected: in, notin, =, ==, !=, gt, lt`)
  }
}

function value(next: () => string, peek: () => string, key: string): string {
  if (peek() === '' || peek() === ',') return ''
  return checkedValue(next(), key)
}

function checkedValue(text: string, key: string): string {
  if (text.length > VALUE_LENGTH_MAX || !VALUE.test(text)) {
    throw new Error(
      `values[0][${key}]: Invalid value: ${JSON.stringify(text)}: a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyValue',  or 'my_value',  or '12345', regex used for validation is '(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?')`,
    )
  }
  return text
}

function integer(text: string): string {
  if (!/^-?\d+$/.test(text)) throw new Error(`for 'Gt', 'Lt' operators, the value must be an integer: ${JSON.stringify(text)}`)
  return text
}

function valueList(next: () => string, key: string): string[] {
  const open = next()
  if (open !== '(') throw new Error(`found '${open}', expected: '('`)
  const values: string[] = []
  let expectValue = true
  for (;;) {
    const token = next()
    if (token === ')') {
      if (expectValue) values.push('')
      return values
    }
    if (token === '') throw new Error("found '', expected: ',' or ')'")
    if (token === ',') {
      if (expectValue) values.push('')
      expectValue = true
    } else {
      if (!expectValue) throw new Error(`found '${token}', expected: ',' or ')'`)
      values.push(checkedValue(token, key))
      expectValue = false
    }
  }
}

function tokenize(text: string): string[] {
  const tokens = text.match(/==|!=|[=!<>(),]|[^\s=!<>(),]+/g) ?? []
  return tokens
}

/** Whether labels fulfil every requirement. An absent label fulfils `!=` and `notin`. */
export function matches(selector: Selector, labels: Labels | undefined): boolean {
  for (const requirement of selector) if (!fulfils(requirement, labels)) return false
  return true
}

function fulfils({ key, operator, values }: Requirement, labels: Labels | undefined): boolean {
  const label = labels !== undefined && Object.hasOwn(labels, key) ? labels[key] : undefined
  switch (operator) {
    case '=':
      return label !== undefined && label === values[0]
    case 'in':
      return label !== undefined && values.includes(label)
    case '!=':
    case 'notin':
      return label === undefined || !values.includes(label)
    case 'exists':
      return label !== undefined
    case '!':
      return label === undefined
    case 'gt':
      return label !== undefined && /^-?\d+$/.test(label) && BigInt(label) > BigInt(values[0]!)
    case 'lt':
      return label !== undefined && /^-?\d+$/.test(label) && BigInt(label) < BigInt(values[0]!)
  }
}

const compiled = new WeakMap<LabelSelector, Selector>()

/** A LabelSelector object as requirements; compiled once per object, since caches share frozen ones. */
export function compileSelector(selector: LabelSelector): Selector {
  const known = compiled.get(selector)
  if (known !== undefined && Object.isFrozen(selector)) return known
  const requirements: Requirement[] = Object.entries(selector.matchLabels ?? {}).map(([key, value]) => ({
    key,
    operator: '=',
    values: [value],
  }))
  for (const { key, operator, values } of selector.matchExpressions ?? []) {
    const translated = ({ In: 'in', NotIn: 'notin', Exists: 'exists', DoesNotExist: '!' } as const)[operator]
    if (translated === undefined) throw new Error(`${JSON.stringify(operator)} is not a valid label selector operator`)
    requirements.push({ key, operator: translated, values: values ?? [] })
  }
  compiled.set(selector, requirements)
  return requirements
}

/** Upstream's reading of a LabelSelector: none selects nothing, an empty one everything. */
export function selects(selector: LabelSelector | undefined, labels: Labels | undefined): boolean {
  return selector !== undefined && matches(compileSelector(selector), labels)
}

/** The query syntax, sorted by key as upstream prints it. */
export function printSelector(selector: Selector): string {
  return [...selector]
    .sort((a, b) => (a.key < b.key ? -1 : a.key > b.key ? 1 : 0))
    .map(({ key, operator, values }) => {
      switch (operator) {
        case 'exists':
          return key
        case '!':
          return `!${key}`
        case 'in':
        case 'notin':
          return `${key} ${operator} (${[...values].sort().join(',')})`
        case 'gt':
          return `${key}>${values[0]}`
        case 'lt':
          return `${key}<${values[0]}`
        default:
          return `${key}${operator}${values[0]}`
      }
    })
    .join(',')
}
