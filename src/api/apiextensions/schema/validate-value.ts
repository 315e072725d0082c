import { deepEqual } from '#base'
import { type FieldError, isObject } from '#meta'
import {
  duplicateValue,
  type Findings,
  invalidValue,
  required,
  tooLong,
  tooMany,
  unsupported,
} from '../../validation/findings.ts'
import { formatCheck } from './formats.ts'
import { matchesPattern } from './pattern.ts'
import { additionalOf, propertyOf, type Structural } from './structural.ts'

/** The value that stood in the same place before an update. */
export interface Former {
  readonly value: unknown
}

/**
 * Everything in which a value differs from its schema, in upstream's order and wording. With `former`, what did not change is not complained about
 * (https://kubernetes.io/docs/tasks/extend-kubernetes/custom-resources/custom-resource-definitions/#validation-ratcheting).
 */
export function validateValue(value: unknown, schema: Structural, path = '', former?: Former): FieldError[] {
  if (former !== undefined && deepEqual(value, former.value)) return []
  const problems = typeProblems(value, schema, path)
  if (value === null) return [...problems, ...enumProblems(value, schema, path)]
  problems.push(...junctors(value, schema, path))
  if (typeof value === 'string') problems.push(...textProblems(value, schema, path))
  if (typeof value === 'number' || typeof value === 'bigint') problems.push(...numberProblems(value, schema, path))
  if (Array.isArray(value)) problems.push(...listProblems(value, schema, path, former))
  problems.push(...enumProblems(value, schema, path))
  if (isObject(value)) problems.push(...objectProblems(value, schema, path, former))
  return problems
}

const invalidType = (field: string, value: unknown, detail: string): FieldError => ({
  ...invalidValue(field, value, detail),
  reason: 'FieldValueTypeInvalid',
})

const below = (path: string, name: string): string => (path === '' ? name : `${path}.${name}`)

function kindOf(value: unknown): string {
  if (value === null) return 'null'
  if (Array.isArray(value)) return 'array'
  if (typeof value === 'bigint') return 'integer'
  if (typeof value === 'number') return Number.isInteger(value) ? 'integer' : 'number'
  return typeof value
}

function typeProblems(value: unknown, schema: Structural, path: string): FieldError[] {
  const types = schema['x-kubernetes-int-or-string'] ? ['integer', 'string'] : schema.type ? [schema.type] : []
  if (types.length === 0) return []
  const kind = kindOf(value)
  if (kind === 'null') return schema.nullable ? [] : [typeProblem(path, types.join(','), kind)]
  if (types.includes(kind) || (kind === 'integer' && types.includes('number'))) return []
  const formatted = formatCheck(schema.format) !== undefined && (kind === 'integer' || kind === 'number')
  return [typeProblem(path, formatted ? schema.format! : types.join(','), formatted ? 'int64' : kind)]
}

const typeProblem = (path: string, expected: string, found: string): FieldError =>
  invalidType(path, found, `${path} in body must be of type ${expected}: ${JSON.stringify(found)}`)

function enumProblems(value: unknown, { enum: allowed }: Structural, path: string): FieldError[] {
  if (allowed === undefined || allowed.length === 0 || allowed.some((each) => deepEqual(each, value))) return []
  return [
    unsupported(
      path,
      value,
      allowed.map((each) => (typeof each === 'string' ? each : JSON.stringify(each))),
    ),
  ]
}

/** anyOf, oneOf, allOf and not. Their own sentences belong to no field. */
function junctors(value: unknown, { anyOf, oneOf, allOf, not }: Structural, path: string): FieldError[] {
  const problems: FieldError[] = []
  const quoted = JSON.stringify(path)
  const each = (schemas: readonly Structural[]): FieldError[][] => schemas.map((schema) => validateValue(value, schema, path))
  if (anyOf?.length) {
    const results = each(anyOf)
    if (results.every((result) => result.length > 0)) {
      problems.push(nowhere(`${quoted} must validate at least one schema (anyOf)`), ...closest(results))
    }
  }
  if (oneOf?.length) {
    const results = each(oneOf)
    const valid = results.filter((result) => result.length === 0).length
    if (valid === 0) {
      problems.push(nowhere(`${quoted} must validate one and only one schema (oneOf). Found none valid`), ...closest(results))
    } else if (valid > 1) {
      problems.push(nowhere(`${quoted} must validate one and only one schema (oneOf). Found ${valid} valid alternatives`))
    }
  }
  if (allOf?.length) {
    const results = each(allOf)
    const invalid = results.filter((result) => result.length > 0).length
    problems.push(...results.flat())
    if (invalid > 0)
      problems.push(
        nowhere(`${quoted} must validate all the schemas (allOf)${invalid === allOf.length ? '. None validated' : ''}`),
      )
  }
  if (not !== undefined && validateValue(value, not, path).length === 0) {
    problems.push(nowhere(`${quoted} must not validate the schema (not)`))
  }
  return problems
}

const nowhere = (detail: string): FieldError => invalidValue('<nil>', '', detail)

/** The alternative that was missed by the least. */
const closest = (results: readonly FieldError[][]): FieldError[] =>
  results.reduce((best, result) => (result.length < best.length ? result : best))

function textProblems(value: string, schema: Structural, path: string): FieldError[] {
  const problems: FieldError[] = []
  const { maxLength, minLength, pattern, format } = schema
  if (maxLength !== undefined || minLength !== undefined) {
    const length = lengthOf(value)
    if (maxLength !== undefined && length > maxLength) problems.push(tooLong(path, maxLength))
    if (minLength !== undefined && length < minLength)
      problems.push(invalidValue(path, value, `${path} in body should be at least ${minLength} chars long`))
  }
  if (pattern && !matchesPattern(pattern, value))
    problems.push(invalidValue(path, value, `${path} in body should match '${pattern}'`))
  const check = formatCheck(format)
  if (check !== undefined && !check(value))
    problems.push(invalidType(path, value, `${path} in body must be of type ${format}: ${JSON.stringify(value)}`))
  return problems
}

/** In code points, as upstream counts runes. */
function lengthOf(text: string): number {
  let length = 0
  for (const _ of text) length++
  return length
}

function numberProblems(value: number | bigint, schema: Structural, path: string): FieldError[] {
  const problems: FieldError[] = []
  const { multipleOf, maximum, exclusiveMaximum, minimum, exclusiveMinimum } = schema
  const say = (detail: string): void => void problems.push(invalidValue(path, value, `${path} in body should be ${detail}`))
  if (multipleOf !== undefined && !isMultiple(value, multipleOf)) say(`a multiple of ${multipleOf}`)
  if (maximum !== undefined && (exclusiveMaximum ? value >= maximum : value > maximum))
    say(`less than ${exclusiveMaximum ? '' : 'or equal to '}${maximum}`)
  if (minimum !== undefined && (exclusiveMinimum ? value <= minimum : value < minimum))
    say(`greater than ${exclusiveMinimum ? '' : 'or equal to '}${minimum}`)
  return problems
}

function isMultiple(value: number | bigint, factor: number): boolean {
  if (typeof value === 'bigint')
    return Number.isInteger(factor) ? value % BigInt(factor) === 0n : isMultiple(Number(value), factor)
  if (Number.isInteger(value) && Number.isInteger(factor)) return value % factor === 0
  return Number.isInteger(value / factor)
}

function listProblems(list: readonly unknown[], schema: Structural, path: string, former: Former | undefined): FieldError[] {
  const problems: FieldError[] = []
  const { items, minItems, maxItems, uniqueItems } = schema
  if (items !== undefined) {
    const formerOf = formerItems(schema, former)
    for (const [index, item] of list.entries()) problems.push(...validateValue(item, items, `${path}[${index}]`, formerOf(item)))
  }
  if (minItems !== undefined && list.length < minItems)
    problems.push(invalidValue(path, list.length, `${path} in body should have at least ${minItems} items`))
  if (maxItems !== undefined && list.length > maxItems) problems.push(tooMany(path, list.length, maxItems))
  if (uniqueItems && list.some((item, index) => list.slice(0, index).some((other) => deepEqual(item, other))))
    problems.push(invalidValue(path, '', `${path} in body shouldn't contain duplicates`))
  return problems
}

/** Only the items of a keyed list have an identity that outlives a change. */
export function formerItems(schema: Structural, former: Former | undefined): (item: unknown) => Former | undefined {
  const keys = schema['x-kubernetes-list-type'] === 'map' ? schema['x-kubernetes-list-map-keys'] : undefined
  if (keys === undefined || former === undefined || !Array.isArray(former.value)) return () => undefined
  const byKey = new Map<string, unknown>(former.value.map((item: unknown) => [itemKey(item, keys), item]))
  return (item) => {
    const value = byKey.get(itemKey(item, keys))
    return value === undefined ? undefined : { value }
  }
}

const itemKey = (item: unknown, keys: readonly string[]): string =>
  JSON.stringify(isObject(item) ? keys.map((key) => item[key] ?? null) : item)

function objectProblems(
  value: Record<string, unknown>,
  schema: Structural,
  path: string,
  former: Former | undefined,
): FieldError[] {
  const { minProperties, maxProperties } = schema
  const names = Object.keys(value)
  if (minProperties !== undefined && names.length < minProperties)
    return [invalidValue(path, minProperties, `${path} in body should have at least ${minProperties} properties`)]
  if (maxProperties !== undefined && names.length > maxProperties) return [tooMany(path, names.length, maxProperties)]
  const problems: FieldError[] = []
  for (const name of schema.required ?? []) if (!Object.hasOwn(value, name)) problems.push(required(below(path, name)))
  const additional = additionalOf(schema)
  for (const name of names) {
    const node = propertyOf(schema, name) ?? additional
    if (node !== undefined) problems.push(...validateValue(value[name], node, below(path, name), formerField(former, name)))
    else if (schema.additionalProperties === false)
      problems.push(invalidValue(below(path, name), name, `${below(path, name)} in body is a forbidden property`))
  }
  return problems
}

export const formerField = (former: Former | undefined, name: string): Former | undefined =>
  former !== undefined && isObject(former.value) && Object.hasOwn(former.value, name) ? { value: former.value[name] } : undefined

/** Items that a set or a keyed list holds twice. */
export function duplicateItems(value: unknown, schema: Structural, path: string, found: Findings): void {
  if (Array.isArray(value)) {
    const type = schema['x-kubernetes-list-type']
    const keys = schema['x-kubernetes-list-map-keys'] ?? []
    const seen = new Set<string>()
    for (const [index, item] of value.entries()) {
      if (schema.items !== undefined) duplicateItems(item, schema.items, `${path}[${index}]`, found)
      if (type !== 'set' && type !== 'map') continue
      const shown = type === 'map' && isObject(item) ? Object.fromEntries(keys.map((key) => [key, item[key]])) : item
      const key = type === 'map' ? itemKey(item, keys) : JSON.stringify(item)
      if (seen.has(key)) found.push(duplicateValue(`${path}[${index}]`, shown))
      seen.add(key)
    }
    return
  }
  if (!isObject(value)) return
  const additional = additionalOf(schema)
  for (const name of Object.keys(value)) {
    const node = propertyOf(schema, name) ?? additional
    if (node !== undefined) duplicateItems(value[name], node, below(path, name), found)
  }
}
