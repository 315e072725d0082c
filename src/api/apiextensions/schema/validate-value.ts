import { deepEqual } from '#base'
import { type FieldError, isObject } from '#meta'
import { invalidValue, required, tooLong, tooMany, unsupported } from '../../validation/findings.ts'
import { inKeyOrder } from '../internal-form.ts'
import { type Correlated, correlatedField, correlatedItems, isUnchanged } from './correlation.ts'
import { formatCheck, formatOf } from './formats.ts'
import { matchesPattern } from './pattern.ts'
import { additionalOf, type Structural } from './structural.ts'
import { isInteger, isWhole, numberProblems } from './validate-number.ts'

export interface ValidateOptions {
  /** What stood there before: parts that did not change are not complained about. */
  readonly former?: Correlated | undefined
  /** As upstream judges defaults: a format that no value can be checked against still changes which types may stand there, and `x-kubernetes-int-or-string` is no type. */
  readonly isDefault?: boolean
}

/**
 * Everything in which a value differs from its schema, in upstream's order and wording. Fields are told from the value on; what belongs to no field is said of `<nil>`.
 * https://kubernetes.io/docs/tasks/extend-kubernetes/custom-resources/custom-resource-definitions/#validation-ratcheting
 */
export function validateValue(
  value: unknown,
  schema: Structural,
  { former, isDefault = false }: ValidateOptions = {},
): FieldError[] {
  return new Judge(isDefault).value(value, schema, '', former).problems
}

/** The same of a part of an object, which stands at `path` there. */
export const at = (path: string, problems: readonly FieldError[]): FieldError[] =>
  problems.map(({ field, ...problem }) => ({
    ...problem,
    field: field === '' || field === '<nil>' ? path : `${path}.${field.replace(/^\./, '')}`,
  }))

/** Problems, and how many checks were passed: of alternatives that all fail, that with the most is told of. */
interface Verdict {
  readonly problems: FieldError[]
  readonly passed: number
}

const below = (path: string, name: string): string => (path === '' ? name : `${path}.${name}`)

const invalidType = (path: string, expected: string, found: string): FieldError => ({
  ...invalidValue(path, found, `${path} in body must be of type ${expected}: ${JSON.stringify(found)}`),
  reason: 'FieldValueTypeInvalid',
})

class Judge {
  readonly #isDefault: boolean

  constructor(isDefault: boolean) {
    this.#isDefault = isDefault
  }

  /** A value in its place, which may go on being wrong as it was. */
  value(value: unknown, schema: Structural, path: string, former: Correlated | undefined): Verdict {
    const verdict = this.#judge(value, schema, path, former)
    const isKept = verdict.problems.length > 0 && former !== undefined && isUnchanged(value, former)
    return isKept ? { ...verdict, problems: [] } : verdict
  }

  #judge(value: unknown, schema: Structural, path: string, former: Correlated | undefined): Verdict {
    const tally = new Tally()
    const format = this.#isDefault ? (schema.format ?? '') : formatOf(schema)
    const types = this.#isDefault ? (schema.type ? [schema.type] : []) : typesOf(schema)
    const wrongType = typeProblem(value, types, { format, isNullable: schema.nullable === true, path })
    if (value === null || types.length > 0 || format !== '') tally.check(wrongType, wrongType === undefined ? 1 : 0)
    if (value === null) {
      tally.check(enumProblem(value, schema, path))
      return tally.verdict(-2)
    }
    tally.add(this.#junctors(value, schema, path, former))
    if (typeof value === 'string') {
      tally.check(textProblem(value, schema, path))
      const check = formatCheck(format)
      if (check !== undefined) tally.check(check(value) ? undefined : invalidFormat(path, format, value))
    } else if (typeof value === 'number' || typeof value === 'bigint') tally.all(numberProblems(value, schema, path, format), 1)
    else if (Array.isArray(value)) tally.add(this.#list(value, schema, path, former))
    tally.check(enumProblem(value, schema, path))
    if (isObject(value)) tally.add(this.#map(value, schema, path, former))
    return tally.verdict(1)
  }

  /** anyOf, oneOf, allOf and not. Their own sentences belong to no field. */
  #junctors(value: unknown, { anyOf, oneOf, allOf, not }: Structural, path: string, former: Correlated | undefined): Verdict {
    const tally = new Tally(0)
    const quoted = JSON.stringify(path)
    const judged = (schema: Structural): Verdict => this.#judge(value, schema, path, former)
    if (anyOf?.length) {
      const verdicts = anyOf.map(judged)
      const valid = verdicts.find(isValid)
      if (valid === undefined) tally.note(nowhere(`${quoted} must validate at least one schema (anyOf)`))
      tally.add(valid ?? closest(verdicts))
    }
    if (oneOf?.length) {
      const verdicts = oneOf.map(judged)
      const valid = verdicts.filter(isValid)
      const found = valid.length === 0 ? 'none valid' : `${valid.length} valid alternatives`
      if (valid.length !== 1) tally.note(nowhere(`${quoted} must validate one and only one schema (oneOf). Found ${found}`))
      if (valid.length < 2) tally.add(valid[0] ?? closest(verdicts))
    }
    if (allOf?.length) {
      const verdicts = allOf.map(judged)
      for (const verdict of verdicts) tally.add(verdict)
      const valid = verdicts.filter(isValid).length
      if (valid < allOf.length)
        tally.note(nowhere(`${quoted} must validate all the schemas (allOf)${valid === 0 ? '. None validated' : ''}`))
    }
    if (not !== undefined && isValid(judged(not))) tally.note(nowhere(`${quoted} must not validate the schema (not)`))
    return tally.verdict(1)
  }

  #list(list: readonly unknown[], schema: Structural, path: string, former: Correlated | undefined): Verdict {
    const tally = new Tally(0)
    const { items, minItems, maxItems, uniqueItems } = schema
    if (items !== undefined && !Array.isArray(items)) {
      const formerOf = correlatedItems(former)
      for (const [index, item] of list.entries()) tally.add(this.value(item, items, `${path}[${index}]`, formerOf(item)))
    }
    if (minItems !== undefined && list.length < minItems)
      tally.note(invalidValue(path, list.length, `${path} in body should have at least ${minItems} items`))
    if (maxItems !== undefined && list.length > maxItems) tally.note(tooMany(path, list.length, maxItems))
    if (uniqueItems && list.some((item, index) => list.slice(0, index).some((other) => deepEqual(item, other))))
      tally.note(invalidValue(path, '', `${path} in body shouldn't contain duplicates`))
    return tally.verdict(1)
  }

  #map(value: Record<string, unknown>, schema: Structural, path: string, former: Correlated | undefined): Verdict {
    const tally = new Tally(0)
    const { minProperties, maxProperties, properties = {}, additionalProperties } = schema
    const names = Object.keys(value)
    if (minProperties !== undefined && names.length < minProperties)
      tally.note(invalidValue(path, names.length, `${path} in body should have at least ${minProperties} properties`))
    if (maxProperties !== undefined && names.length > maxProperties) tally.note(tooMany(path, names.length, maxProperties))
    const additional = additionalOf(schema)
    const before = (name: string): Correlated | undefined =>
      path === '' && (name === 'kind' || name === 'apiVersion') ? undefined : correlatedField(former, name)
    if (additional !== undefined || additionalProperties === false)
      for (const name of names) {
        if (Object.hasOwn(properties, name)) continue
        if (additional !== undefined) tally.add(this.value(value[name], additional, `${path}.${name}`, before(name)))
        else tally.note(invalidValue(path, name, `${path}.${name} in body is a forbidden property`))
      }
    for (const name of names) {
      const property = Object.hasOwn(properties, name) ? properties[name] : undefined
      if (property !== undefined) tally.add(this.value(value[name], property, below(path, name), before(name)))
    }
    for (const name of schema.required ?? []) if (!Object.hasOwn(value, name)) tally.note(required(below(path, name)))
    return tally.verdict(0)
  }
}

/** Collects verdicts. What several find is said once. */
class Tally {
  readonly #problems: FieldError[] = []
  #passed = 0
  /** What each check counts as such. */
  readonly #each: number

  constructor(each = 1) {
    this.#each = each
  }

  note(problem: FieldError): void {
    const isKnown = this.#problems.some(({ field, message }) => field === problem.field && message === problem.message)
    if (!isKnown) this.#problems.push(problem)
  }

  check(problem: FieldError | undefined, passed = 0): void {
    if (problem !== undefined) this.note(problem)
    this.#passed += passed + this.#each
  }

  all(problems: readonly FieldError[], passed: number): void {
    for (const problem of problems) this.note(problem)
    this.#passed += passed + this.#each
  }

  add({ problems, passed }: Verdict): void {
    this.all(problems, passed)
  }

  verdict(more: number): Verdict {
    return { problems: this.#problems, passed: this.#passed + more }
  }
}

const isValid = ({ problems }: Verdict): boolean => problems.length === 0

const nowhere = (detail: string): FieldError => invalidValue('<nil>', '', detail)

const closest = (verdicts: readonly Verdict[]): Verdict =>
  verdicts.reduce((best, verdict) => (verdict.passed > best.passed ? verdict : best))

const typesOf = (schema: Structural): readonly string[] =>
  schema['x-kubernetes-int-or-string'] ? ['integer', 'string'] : schema.type ? [schema.type] : []

function kindOf(value: unknown): string {
  if (Array.isArray(value)) return 'array'
  if (typeof value === 'number' || typeof value === 'bigint') return isInteger(value) ? 'integer' : 'number'
  return typeof value
}

interface TypeContext {
  readonly format: string
  readonly isNullable: boolean
  readonly path: string
}

function typeProblem(
  value: unknown,
  types: readonly string[],
  { format, isNullable, path }: TypeContext,
): FieldError | undefined {
  if (value === null)
    return types.length > 0 && !isNullable && !types.includes('null') ? invalidType(path, types.join(','), 'null') : undefined
  const kind = kindOf(value)
  const isNumeric = types.includes('integer') || types.includes('number')
  const fits =
    types.includes(kind) ||
    (kind === 'integer' && types.includes('number')) ||
    (kind === 'number' && types.includes('integer') && isWhole(Number(value)))
  if (format !== '') {
    const isText = kind === 'string' || kind === 'array'
    const inferred = kind === 'integer' ? 'int64' : kind === 'number' ? 'float64' : ''
    if (!isText && !fits && inferred !== format) return invalidType(path, format, inferred)
    if (isText && !isNumeric) return undefined
  } else if (types.length === 0) return undefined
  return fits ? undefined : invalidType(path, types.join(','), kind)
}

/** Upstream converts a value to each alternative's type first, as Go does: a fraction loses what is behind the point, an integer becomes a character, and nothing is ever null. */
function enumProblem(value: unknown, { enum: allowed }: Structural, path: string): FieldError | undefined {
  if (allowed === undefined || allowed.length === 0 || allowed.some((each) => isAlternative(value, each))) return undefined
  return unsupported(
    path,
    inKeyOrder(value),
    allowed.map((each) => (typeof each === 'string' ? each : JSON.stringify(inKeyOrder(each)))),
  )
}

function isAlternative(value: unknown, each: unknown): boolean {
  if (value === null || each === null) return false
  if (typeof value === 'number' && typeof each === 'number')
    return value === each || (isInteger(each) && Math.trunc(value) === each)
  if (typeof value === 'number' && typeof each === 'string')
    return isInteger(value) && value >= 0 && value <= CODE_POINT_MAX && String.fromCodePoint(value) === each
  return deepEqual(value, each)
}

const CODE_POINT_MAX = 0x10ffff

/** The first thing that is wrong with a text. */
function textProblem(value: string, { maxLength, minLength, pattern }: Structural, path: string): FieldError | undefined {
  if (maxLength !== undefined || minLength !== undefined) {
    const length = lengthOf(value)
    if (maxLength !== undefined && length > maxLength) return tooLong(path, maxLength)
    if (minLength !== undefined && length < minLength)
      return invalidValue(path, value, `${path} in body should be at least ${minLength} chars long`)
  }
  if (pattern && !matchesPattern(pattern, value)) return invalidValue(path, value, `${path} in body should match '${pattern}'`)
  return undefined
}

const invalidFormat = (path: string, format: string, value: string): FieldError => ({
  ...invalidValue(path, value, `${path} in body must be of type ${format}: ${JSON.stringify(value)}`),
  reason: 'FieldValueTypeInvalid',
})

/** In code points, as upstream counts runes. */
function lengthOf(text: string): number {
  let length = 0
  for (const _ of text) length++
  return length
}
