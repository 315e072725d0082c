import { deepEqual } from '#base'
import type {
  CustomResourceColumnDefinition,
  CustomResourceDefinitionVersion,
  CustomResourceSubresources,
  SelectableField,
} from '../generated/types.ts'
import { asJson, duplicateValue, type Findings, invalidValue, required, tooMany } from '../validation/findings.ts'
import { NOWHERE, placeOf } from './schema/field-path.ts'
import { unreadable } from './schema/readable.ts'
import type { Structural } from './schema/structural.ts'

const COLUMN_TYPES = ['boolean', 'date', 'integer', 'number', 'string']
const COLUMN_FORMATS = ['byte', 'date', 'date-time', 'double', 'float', 'int32', 'int64', 'password']
const WARNING_BYTES_MAX = 256
/** Letters, marks, numbers, punctuation and symbols, and the one space that is plain. */
const UNPRINTABLE = /[^\p{L}\p{M}\p{N}\p{P}\p{S} ]/u
const SELECTABLE_FIELDS_MAX = 8

export function validateDeprecation(
  { deprecated, deprecationWarning }: CustomResourceDefinitionVersion,
  path: string,
  found: Findings,
): void {
  if (deprecationWarning === undefined) return
  const say = (detail: string) => invalidValue(`${path}.deprecationWarning`, asJson(deprecationWarning), detail)
  if (!deprecated) found.push(say('can only be set for deprecated versions'))
  else {
    if (Buffer.byteLength(deprecationWarning) > WARNING_BYTES_MAX) found.push(say('must be <= 256 characters long'))
    if (deprecationWarning === '') found.push(say('must not be an empty string'))
    const odd = deprecationWarning.search(UNPRINTABLE)
    const index = Buffer.byteLength(deprecationWarning.slice(0, odd))
    if (odd !== -1)
      found.push(say(`must only contain printable UTF-8 characters; non-printable character found at index ${index}`))
  }
}

export function validateSubresources(subresources: CustomResourceSubresources | undefined, path: string, found: Findings): void {
  const scale = subresources?.scale
  if (scale === undefined) return
  replicasPath(scale.specReplicasPath, '.spec', `${path}.scale.specReplicasPath`, found)
  replicasPath(scale.statusReplicasPath, '.status', `${path}.scale.statusReplicasPath`, found)
  const selector = scale.labelSelectorPath
  if (!selector) return
  const before = found.length
  simplePath(selector, `${path}.scale.labelSelectorPath`, found)
  if (found.length === before && !selector.startsWith('.spec.') && !selector.startsWith('.status.'))
    found.push(
      invalidValue(`${path}.scale.labelSelectorPath`, asJson(selector), 'should be a json path under either .spec or .status'),
    )
}

function replicasPath(value: string | undefined, root: string, path: string, found: Findings): void {
  if (!value) {
    found.push(required(path))
    return
  }
  const before = found.length
  simplePath(value, path, found)
  if (found.length === before && !value.startsWith(`${root}.`))
    found.push(invalidValue(path, value, `should be a json path under ${root}`))
}

function simplePath(value: string, path: string, found: Findings): void {
  if (!value.startsWith('.')) found.push(invalidValue(path, value, 'must be a simple json path starting with .'))
}

export function validateColumn(
  { name, type, format, jsonPath }: CustomResourceColumnDefinition,
  path: string,
  found: Findings,
): void {
  const list = (values: readonly string[]): string => `must be one of ${values.join(',')}`
  if (!name) found.push(required(`${path}.name`))
  if (!type) found.push(required(`${path}.type`, list(COLUMN_TYPES)))
  else if (!COLUMN_TYPES.includes(type)) found.push(invalidValue(`${path}.type`, type, list(COLUMN_TYPES)))
  if (format && !COLUMN_FORMATS.includes(format)) found.push(invalidValue(`${path}.format`, format, list(COLUMN_FORMATS)))
  if (!jsonPath) found.push(required(`${path}.JSONPath`))
  else simplePath(jsonPath, `${path}.JSONPath`, found)
}

export interface SelectableContext {
  readonly path: string
  /** They are the same in every version. */
  readonly isShared: boolean
  /** Those before an update, of which too many may stay. */
  readonly old: readonly SelectableField[] | undefined
}

/** Fields that lists can be narrowed by. */
export function validateSelectableFields(
  fields: readonly SelectableField[],
  schema: Structural | undefined,
  { path, isShared, old }: SelectableContext,
  found: Findings,
): void {
  if (fields.length === 0) return
  if (schema === undefined) {
    const without = isShared ? 'validations.schema is included' : '`version.schema.openAPIV3Schema` is not included'
    found.push(invalidValue(path, '', `may only be set when ${without}`))
    return
  }
  const why = unreadable(schema)
  if (why !== undefined) {
    found.push(invalidValue(path.replace(/selectableFields$/, 'schema.openAPIV3Schema'), '', why))
    for (const [index, { jsonPath }] of fields.entries()) {
      const own = `${path}[${index}].jsonPath`
      const place = jsonPath ? placeOf(jsonPath, {}, { quoted: false }) : undefined
      if (place === undefined) found.push(required(own))
      else if (typeof place === 'string' && place !== NOWHERE)
        found.push(invalidValue(own, jsonPath, `is an invalid path: ${place}`))
    }
    return
  }
  const seen = new Set<string>()
  for (const [index, { jsonPath }] of fields.entries()) {
    const own = `${path}[${index}].jsonPath`
    if (!jsonPath) {
      found.push(required(own))
      continue
    }
    const place = placeOf(jsonPath, schema, { quoted: false })
    if (typeof place === 'string') {
      found.push(invalidValue(own, jsonPath, `is an invalid path: ${place}`))
      continue
    }
    if (place.names[0] === 'metadata') found.push(invalidValue(own, jsonPath, 'must not point to fields in metadata'))
    if (!['string', 'boolean', 'integer'].includes(place.node?.type ?? '')) {
      const detail =
        'must point to a field of type string, boolean or integer. Enum string fields and strings with formats are allowed.'
      found.push(invalidValue(own, jsonPath, detail))
    }
    if (seen.has(place.path)) found.push(duplicateValue(own, jsonPath))
    seen.add(place.path)
  }
  const isKept = (old?.length ?? 0) > SELECTABLE_FIELDS_MAX && deepEqual(old, fields)
  if (seen.size > SELECTABLE_FIELDS_MAX && !isKept) found.push(tooMany(path, seen.size, SELECTABLE_FIELDS_MAX))
}
