import { isObject } from '#meta'
import type { CustomResourceDefinitionVersion, JSONSchemaProps, ValidationRule } from '../generated/types.ts'
import { emptiesOf } from './schema/empties.ts'

/**
 * Versions, schemas and rules as errors show them: upstream validates types of its own that say every field, by its Go name.
 * What all versions have in common stands beside them there, so `shared` parts are absent from each.
 */
export function versionForm(
  version: CustomResourceDefinitionVersion,
  shared: (field: keyof CustomResourceDefinitionVersion) => boolean,
): object {
  const { name = '', served = false, storage = false, deprecated = false, deprecationWarning } = version
  const { schema, subresources, additionalPrinterColumns: columns, selectableFields } = version
  const empties = emptiesOf(version)
  const own = (field: keyof CustomResourceDefinitionVersion, value: unknown): unknown =>
    shared(field) ? null : (value ?? (empties.has(field) ? [] : null))
  const scale = subresources?.scale
  return {
    Name: name,
    Served: served,
    Storage: storage,
    Deprecated: deprecated,
    DeprecationWarning: deprecationWarning ?? null,
    Schema: own('schema', schema && { OpenAPIV3Schema: schema.openAPIV3Schema ? schemaForm(schema.openAPIV3Schema) : null }),
    Subresources: own(
      'subresources',
      subresources && {
        Status: subresources.status === undefined ? null : {},
        Scale:
          scale === undefined
            ? null
            : {
                SpecReplicasPath: scale.specReplicasPath ?? '',
                StatusReplicasPath: scale.statusReplicasPath ?? '',
                LabelSelectorPath: scale.labelSelectorPath ?? null,
              },
      },
    ),
    AdditionalPrinterColumns: own(
      'additionalPrinterColumns',
      columns?.map((column) => ({
        Name: column.name ?? '',
        Type: column.type ?? '',
        Format: column.format ?? '',
        Description: column.description ?? '',
        Priority: column.priority ?? 0,
        JSONPath: column.jsonPath ?? '',
      })),
    ),
    SelectableFields: own(
      'selectableFields',
      selectableFields?.map(({ jsonPath }) => ({ JSONPath: jsonPath ?? '' })),
    ),
  }
}

export const ruleForm = ({ rule, message, messageExpression, reason, fieldPath, optionalOldSelf }: ValidationRule): object => ({
  Rule: rule ?? '',
  Message: message ?? '',
  MessageExpression: messageExpression ?? '',
  Reason: reason ?? null,
  FieldPath: fieldPath ?? '',
  OptionalOldSelf: optionalOldSelf ?? null,
})

/** Every field in upstream's order: the Go name, and what stands for an absent value. */
export const SCHEMA_FIELDS: readonly (readonly [field: keyof JSONSchemaProps, name: string, zero: '' | false | null])[] = [
  ['id', 'ID', ''],
  ['$schema', 'Schema', ''],
  ['$ref', 'Ref', null],
  ['description', 'Description', ''],
  ['type', 'Type', ''],
  ['nullable', 'Nullable', false],
  ['format', 'Format', ''],
  ['title', 'Title', ''],
  ['default', 'Default', null],
  ['maximum', 'Maximum', null],
  ['exclusiveMaximum', 'ExclusiveMaximum', false],
  ['minimum', 'Minimum', null],
  ['exclusiveMinimum', 'ExclusiveMinimum', false],
  ['maxLength', 'MaxLength', null],
  ['minLength', 'MinLength', null],
  ['pattern', 'Pattern', ''],
  ['maxItems', 'MaxItems', null],
  ['minItems', 'MinItems', null],
  ['uniqueItems', 'UniqueItems', false],
  ['multipleOf', 'MultipleOf', null],
  ['enum', 'Enum', null],
  ['maxProperties', 'MaxProperties', null],
  ['minProperties', 'MinProperties', null],
  ['required', 'Required', null],
  ['items', 'Items', null],
  ['allOf', 'AllOf', null],
  ['oneOf', 'OneOf', null],
  ['anyOf', 'AnyOf', null],
  ['not', 'Not', null],
  ['properties', 'Properties', null],
  ['additionalProperties', 'AdditionalProperties', null],
  ['patternProperties', 'PatternProperties', null],
  ['dependencies', 'Dependencies', null],
  ['additionalItems', 'AdditionalItems', null],
  ['definitions', 'Definitions', null],
  ['externalDocs', 'ExternalDocs', null],
  ['example', 'Example', null],
  ['x-kubernetes-preserve-unknown-fields', 'XPreserveUnknownFields', null],
  ['x-kubernetes-embedded-resource', 'XEmbeddedResource', false],
  ['x-kubernetes-int-or-string', 'XIntOrString', false],
  ['x-kubernetes-list-map-keys', 'XListMapKeys', null],
  ['x-kubernetes-list-type', 'XListType', null],
  ['x-kubernetes-map-type', 'XMapType', null],
  ['x-kubernetes-validations', 'XValidations', null],
]

export function schemaForm(schema: JSONSchemaProps): object {
  const empties = emptiesOf(schema)
  return Object.fromEntries(
    SCHEMA_FIELDS.map(([field, name, zero]) => [
      name,
      formOf(field, schema[field]) ?? (empties.has(field) ? EMPTY[field] : undefined) ?? zero,
    ]),
  )
}

const EMPTY: Readonly<Partial<Record<keyof JSONSchemaProps, object>>> = {
  enum: [],
  required: [],
  allOf: [],
  oneOf: [],
  anyOf: [],
  'x-kubernetes-list-map-keys': [],
  'x-kubernetes-validations': [],
  properties: {},
  patternProperties: {},
  definitions: {},
  dependencies: {},
}

/** Plain data with the keys of maps in order, as Go prints it. */
export function inKeyOrder(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(inKeyOrder)
  return isObject(value) ? inOrder(value, inKeyOrder) : value
}

function formOf(field: keyof JSONSchemaProps, value: unknown): unknown {
  switch (field) {
    case 'items':
      return Array.isArray(value)
        ? { Schema: null, JSONSchemas: value.map(schemaForm) }
        : isObject(value)
          ? { Schema: schemaForm(value), JSONSchemas: null }
          : undefined
    case 'allOf':
    case 'oneOf':
    case 'anyOf':
      return (value as JSONSchemaProps[] | undefined)?.map(schemaForm)
    case 'not':
      return isObject(value) ? schemaForm(value) : undefined
    case 'additionalProperties':
    case 'additionalItems':
      if (isObject(value)) return { Allows: true, Schema: schemaForm(value) }
      return value === undefined ? undefined : { Allows: value, Schema: null }
    case 'properties':
    case 'patternProperties':
    case 'definitions':
      return isObject(value) ? inOrder(value, (each) => schemaForm(each as JSONSchemaProps)) : undefined
    case 'dependencies':
      return isObject(value)
        ? inOrder(value, (each) =>
            Array.isArray(each)
              ? { Schema: null, Property: each }
              : { Schema: schemaForm(each as JSONSchemaProps), Property: null },
          )
        : undefined
    case 'externalDocs':
      return isObject(value) ? { Description: value['description'] ?? '', URL: value['url'] ?? '' } : undefined
    case 'x-kubernetes-validations':
      return (value as ValidationRule[] | undefined)?.map(ruleForm)
    default:
      return inKeyOrder(value)
  }
}

const inOrder = (map: Record<string, unknown>, form: (each: unknown) => unknown): object =>
  Object.fromEntries(
    Object.keys(map)
      .sort()
      .map((name) => [name, form(map[name])]),
  )
