import type {
  CustomResourceColumnDefinition,
  CustomResourceDefinitionVersion,
  CustomResourceSubresources,
  SelectableField,
} from '../generated/types.ts'
import { duplicateValue, type Findings, invalidValue, required, tooMany } from '../validation/findings.ts'
import { propertyOf, type Structural } from './schema/structural.ts'

const COLUMN_TYPES = ['boolean', 'date', 'integer', 'number', 'string']
const COLUMN_FORMATS = ['byte', 'date', 'date-time', 'double', 'float', 'int32', 'int64', 'password']
const WARNING_LENGTH_MAX = 256
const SELECTABLE_FIELDS_MAX = 8

export function validateDeprecation(
  { deprecated, deprecationWarning }: CustomResourceDefinitionVersion,
  path: string,
  found: Findings,
): void {
  if (deprecationWarning === undefined) return
  const say = (detail: string) => invalidValue(`${path}.deprecationWarning`, deprecationWarning, detail)
  if (!deprecated) found.push(say('can only be set for deprecated versions'))
  else {
    if (deprecationWarning.length > WARNING_LENGTH_MAX) found.push(say('must be <= 256 characters long'))
    if (deprecationWarning === '') found.push(say('must not be an empty string'))
    const odd = deprecationWarning.search(/[\p{C}\p{Zl}\p{Zp}]/u)
    if (odd !== -1) found.push(say(`must only contain printable UTF-8 characters; non-printable character found at index ${odd}`))
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
    found.push(invalidValue(`${path}.scale.labelSelectorPath`, selector, 'should be a json path under either .spec or .status'))
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

export function validateSelectableFields(
  fields: readonly SelectableField[] | undefined,
  schema: Structural | undefined,
  path: string,
  found: Findings,
): void {
  const seen = new Set<string>()
  for (const [index, { jsonPath }] of (fields ?? []).entries()) {
    const own = `${path}[${index}].jsonPath`
    if (!jsonPath) {
      found.push(required(own))
      continue
    }
    const names = namesOf(jsonPath)
    const node = typeof names === 'string' ? names : fieldAt(names, schema)
    if (typeof node === 'string') {
      found.push(invalidValue(own, jsonPath, `is an invalid path: ${node}`))
      continue
    }
    if (names[0] === 'metadata') found.push(invalidValue(own, jsonPath, 'must not point to fields in metadata'))
    if (!['string', 'boolean', 'integer'].includes(node.type ?? '')) {
      found.push(
        invalidValue(
          own,
          jsonPath,
          'must point to a field of type string, boolean or integer. Enum string fields and strings with formats are allowed.',
        ),
      )
    }
    if (seen.has(jsonPath)) found.push(duplicateValue(own, jsonPath))
    seen.add(jsonPath)
  }
  if (seen.size > SELECTABLE_FIELDS_MAX) found.push(tooMany(path, seen.size, SELECTABLE_FIELDS_MAX))
}

/** The names of a plain path, or what is wrong with it. */
function namesOf(jsonPath: string): readonly string[] | string {
  if (!jsonPath.startsWith('.')) return `expected [ or . but got: ${jsonPath}`
  const names = jsonPath.slice(1).split('.')
  return names.some((name) => /[[\]*]/.test(name) || name === '') ? 'does not refer to a valid field' : names
}

function fieldAt(names: readonly string[], schema: Structural | undefined): Structural | string {
  let node = schema
  for (const name of names) node = node && propertyOf(node, name)
  return node ?? 'does not refer to a valid field'
}
