import type { FieldSelectorAttributes, LabelSelectorAttributes } from '#api'
import { type FieldSelector, parseFieldSelector, parseSelector, type Selector } from '#meta'

/** One requirement of a selector in the words of SubjectAccessReview (https://kubernetes.io/docs/reference/kubernetes-api/authorization-resources/). */
export interface LabelTerm {
  readonly key: string
  readonly operator: 'In' | 'NotIn' | 'Exists' | 'DoesNotExist'
  readonly values: readonly string[]
}

/** Fields are compared with one value: `In` and `NotIn` have exactly one. */
export interface FieldTerm {
  readonly key: string
  readonly operator: 'In' | 'NotIn'
  readonly values: readonly [string]
}

export interface SelectedBy {
  readonly fieldSelector?: readonly FieldTerm[] | undefined
  readonly labelSelector?: readonly LabelTerm[] | undefined
}

const LIMITED_VERBS = new Set(['list', 'watch', 'deletecollection'])

/** To what a request limits itself. A selector that can't be read limits nothing here; the request fails for it later. */
export function selectorsOf(verb: string, query: URLSearchParams | undefined): SelectedBy {
  if (query === undefined || !LIMITED_VERBS.has(verb)) return NOTHING
  const fields = query.get('fieldSelector')
  const labels = query.get('labelSelector')
  if (!fields && !labels) return NOTHING
  return {
    ...(fields && { fieldSelector: readable(() => fieldTerms(parseFieldSelector(fields))) }),
    ...(labels && { labelSelector: readable(() => labelTerms(parseSelector(labels))) }),
  }
}

const NOTHING: SelectedBy = {}

function readable<T>(read: () => T): T | undefined {
  try {
    return read()
  } catch {
    return undefined
  }
}

const fieldTerms = (selector: FieldSelector): FieldTerm[] =>
  selector.map(({ path, negated, value }) => ({ key: path, operator: negated ? 'NotIn' : 'In', values: [value] }))

const LABEL_OPERATORS: Readonly<Record<string, LabelTerm['operator']>> = {
  '=': 'In',
  in: 'In',
  '!=': 'NotIn',
  notin: 'NotIn',
  exists: 'Exists',
  '!': 'DoesNotExist',
}

/** Comparisons of numbers have no word in a review: they are left out, which limits less. */
const labelTerms = (selector: Selector): LabelTerm[] =>
  selector.flatMap(({ key, operator, values }) => {
    const said = LABEL_OPERATORS[operator]
    return said === undefined ? [] : [{ key, operator: said, values }]
  })

/** Terms of a review, and whether some were left out since they say nothing that an authorizer understands. */
export interface ReadTerms<T> {
  readonly terms: readonly T[] | undefined
  readonly partial: boolean
}

/** What a review says of fields. */
export function fieldTermsOf(selector: FieldSelectorAttributes | undefined): ReadTerms<FieldTerm> {
  if (selector === undefined) return { terms: undefined, partial: false }
  const { rawSelector, requirements = [] } = selector
  if (rawSelector) {
    const terms = readable(() => fieldTerms(parseFieldSelector(rawSelector)))
    return { terms, partial: terms === undefined }
  }
  const terms = requirements.flatMap(({ key, operator, values = [] }): FieldTerm[] =>
    (operator === 'In' || operator === 'NotIn') && values.length === 1 ? [{ key, operator, values: [values[0]!] }] : [],
  )
  return { terms: terms.length > 0 ? terms : undefined, partial: terms.length < requirements.length }
}

export function labelTermsOf(selector: LabelSelectorAttributes | undefined): ReadTerms<LabelTerm> {
  if (selector === undefined) return { terms: undefined, partial: false }
  const { rawSelector, requirements = [] } = selector
  if (rawSelector) {
    const terms = readable(() => labelTerms(parseSelector(rawSelector)))
    return { terms, partial: terms === undefined }
  }
  const terms = requirements.flatMap(({ key, operator, values = [] }): LabelTerm[] =>
    isLabelOperator(operator) ? [{ key, operator, values }] : [],
  )
  return { terms: terms.length > 0 ? terms : undefined, partial: terms.length < requirements.length }
}

const isLabelOperator = (text: string): text is LabelTerm['operator'] => ['In', 'NotIn', 'Exists', 'DoesNotExist'].includes(text)
