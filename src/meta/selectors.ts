import { goQuote } from '#base'
import type { LabelSelector } from './types.ts'

export type Labels = Readonly<Record<string, string>>

export type Operator = '=' | '==' | '!=' | 'in' | 'notin' | 'exists' | '!' | 'gt' | 'lt'

export interface Requirement {
  readonly key: string
  readonly operator: Operator
  readonly values: readonly string[]
}

/** A conjunction; the empty one selects everything. */
export type Selector = readonly Requirement[]

export const everything: Selector = []

/** Whether labels fulfil every requirement. An absent label fulfils `!=` and `notin`. */
export function matches(selector: Selector, labels: Labels | undefined): boolean {
  for (const requirement of selector) if (!fulfils(requirement, labels)) return false
  return true
}

function fulfils({ key, operator, values }: Requirement, labels: Labels | undefined): boolean {
  const label = labels !== undefined && Object.hasOwn(labels, key) ? labels[key] : undefined
  switch (operator) {
    case '=':
    case '==':
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
      return label !== undefined && isInt64(label) && BigInt(label) > BigInt(values[0]!)
    case 'lt':
      return label !== undefined && isInt64(label) && BigInt(label) < BigInt(values[0]!)
  }
}

/** Whether Go reads the text as a decimal integer of 64 bits. */
export const isInt64 = (text: string): boolean => INTEGER.test(text) && BigInt.asIntN(64, BigInt(text)) === BigInt(text)

/** Zeros before a number are fine, however many. */
const INTEGER = /^[-+]?0*\d{1,19}$/

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
    if (translated === undefined) throw new Error(`${goQuote(operator)} is not a valid label selector operator`)
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
