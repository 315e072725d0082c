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

export function* validateDeprecation(
  { deprecated, deprecationWarning }: CustomResourceDefinitionVersion,
  path: string,
): Findings {
  if (deprecationWarning === undefined) return
  const say = (detail: string) => invalidValue(`${path}.deprecationWarning`, deprecationWarning, detail)
  if (!deprecated) yield say('can only be set for deprecated versions')
  else {
    if (deprecationWarning.length > WARNING_LENGTH_MAX) yield say('must be <= 256 characters long')
    if (deprecationWarning === '') yield say('must not be an empty string')
    const odd = deprecationWarning.search(/[\p{C}\p{Zl}\p{Zp}]/u)
    if (odd !== -1) yield say(`must only contain printable UTF-8 characters; non-printable character found at index ${odd}`)
  }
}

export function* validateSubresources(subresources: CustomResourceSubresources | undefined, path: string): Findings {
  const scale = subresources?.scale
  if (scale === undefined) return
  yield* replicasPath(scale.specReplicasPath, '.spec', `${path}.scale.specReplicasPath`)
  yield* replicasPath(scale.statusReplicasPath, '.status', `${path}.scale.statusReplicasPath`)
  const selector = scale.labelSelectorPath
  if (!selector) return
  const simple = [...simplePath(selector, `${path}.scale.labelSelectorPath`)]
  yield* simple
  if (simple.length === 0 && !selector.startsWith('.spec.') && !selector.startsWith('.status.'))
    yield invalidValue(`${path}.scale.labelSelectorPath`, selector, 'should be a json path under either .spec or .status')
}

function* replicasPath(value: string | undefined, root: string, path: string): Findings {
  if (!value) {
    yield required(path)
    return
  }
  const simple = [...simplePath(value, path)]
  yield* simple
  if (simple.length === 0 && !value.startsWith(`${root}.`)) yield invalidValue(path, value, `should be a json path under ${root}`)
}

function* simplePath(value: string, path: string): Findings {
  if (!value.startsWith('.')) yield invalidValue(path, value, 'must be a simple json path starting with .')
}

export function* validateColumn({ name, type, format, jsonPath }: CustomResourceColumnDefinition, path: string): Findings {
  const list = (values: readonly string[]): string => `must be one of ${values.join(',')}`
  if (!name) yield required(`${path}.name`)
  if (!type) yield required(`${path}.type`, list(COLUMN_TYPES))
  else if (!COLUMN_TYPES.includes(type)) yield invalidValue(`${path}.type`, type, list(COLUMN_TYPES))
  if (format && !COLUMN_FORMATS.includes(format)) yield invalidValue(`${path}.format`, format, list(COLUMN_FORMATS))
  if (!jsonPath) yield required(`${path}.JSONPath`)
  else yield* simplePath(jsonPath, `${path}.JSONPath`)
}

export function* validateSelectableFields(
  fields: readonly SelectableField[] | undefined,
  schema: Structural | undefined,
  path: string,
): Findings {
  const seen = new Set<string>()
  for (const [index, { jsonPath }] of (fields ?? []).entries()) {
    const own = `${path}[${index}].jsonPath`
    if (!jsonPath) {
      yield required(own)
      continue
    }
    const names = namesOf(jsonPath)
    const found = typeof names === 'string' ? names : fieldAt(names, schema)
    if (typeof found === 'string') {
      yield invalidValue(own, jsonPath, `is an invalid path: ${found}`)
      continue
    }
    if (names[0] === 'metadata') yield invalidValue(own, jsonPath, 'must not point to fields in metadata')
    if (!['string', 'boolean', 'integer'].includes(found.type ?? '')) {
      yield invalidValue(
        own,
        jsonPath,
        'must point to a field of type string, boolean or integer. Enum string fields and strings with formats are allowed.',
      )
    }
    if (seen.has(jsonPath)) yield duplicateValue(own, jsonPath)
    seen.add(jsonPath)
  }
  if (seen.size > SELECTABLE_FIELDS_MAX) yield tooMany(path, seen.size, SELECTABLE_FIELDS_MAX)
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
