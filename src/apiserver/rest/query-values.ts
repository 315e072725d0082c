import { badRequest, goQuote } from '#meta'

const INT64_MAX = 2n ** 63n - 1n

/** A whole number of the query, the first where there are several; undefined when the query does not name it. 400 for what is none. */
export function wholeNumberOf(query: URLSearchParams, name: string): number | undefined {
  const text = query.get(name)
  if (text === null) return undefined
  const why = /^[-+]?\d+$/.test(text) ? (isInt64(text) ? undefined : 'value out of range') : 'invalid syntax'
  if (why !== undefined) throw badRequest(`strconv.ParseInt: parsing ${goQuote(text)}: ${why}`)
  return Number(text)
}

function isInt64(text: string): boolean {
  const value = BigInt(text.replace(/^\+/, ''))
  return value <= INT64_MAX && value >= -INT64_MAX - 1n
}

/** Whether a parameter that is there says yes: everything does but `0` and `false`, even nothing. */
export const isTrue = (value: string | null | undefined): boolean =>
  value !== null && value !== undefined && value !== '0' && value.toLowerCase() !== 'false'

/** Yes or no; undefined when the query does not name it. */
export const booleanOf = (query: URLSearchParams, name: string): boolean | undefined =>
  query.has(name) ? isTrue(query.get(name)) : undefined
