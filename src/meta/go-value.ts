import { isObject } from './merge-patch.ts'

/** Plain data as Go prints it by `%v`: `map[a:1 b:[x y]]`, keys in order. Messages about patches show them so. */
export function goValue(value: unknown): string {
  if (value === null || value === undefined) return '<nil>'
  if (Array.isArray(value)) return `[${value.map(goValue).join(' ')}]`
  if (!isObject(value)) return String(value)
  const entries = Object.keys(value)
    .sort()
    .map((key) => `${key}:${goValue(value[key])}`)
  return `map[${entries.join(' ')}]`
}
