import { isObject } from '#meta'
import type { JSONSchemaProps } from '../../generated/types.ts'

const empties = new WeakMap<object, ReadonlySet<string>>()
const NONE: ReadonlySet<string> = new Set()

/** Remembers which lists and maps were sent empty: they are not stored, but upstream tells them from absent ones as long as it judges what was sent. */
export function noteEmpties(node: object, raw: Readonly<Record<string, unknown>>): void {
  const found = Object.keys(raw).filter((field) => {
    const value = raw[field]
    return Array.isArray(value) ? value.length === 0 : isObject(value) && Object.keys(value).length === 0
  })
  if (found.length > 0) empties.set(node, new Set(found))
}

export const emptiesOf = (node: JSONSchemaProps | object): ReadonlySet<string> => empties.get(node) ?? NONE
