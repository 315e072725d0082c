import { isObject } from '#meta'
import { type Findings, forbid, invalidValue, unsupported } from '../validation/findings.ts'
import { loadedRules } from './rules/load.ts'
import { isRuled, type Structural } from './schema/structural.ts'
import { validateDefaults, validateDefaultsByRules } from './validate-defaults.ts'
import { validateLists, validateRuleTexts } from './validate-extensions.ts'
import { validateStructural } from './validate-structural.ts'

const TYPES = ['array', 'boolean', 'integer', 'number', 'object', 'string']

/** What may stand at the root beside a status subresource, by upstream's names. */
const ROOT_FIELDS: Readonly<Record<string, string>> = {
  description: 'Description',
  type: 'Type',
  format: 'Format',
  title: 'Title',
  maximum: 'Maximum',
  exclusiveMaximum: 'ExclusiveMaximum',
  minimum: 'Minimum',
  exclusiveMinimum: 'ExclusiveMinimum',
  maxLength: 'MaxLength',
  minLength: 'MinLength',
  pattern: 'Pattern',
  maxItems: 'MaxItems',
  minItems: 'MinItems',
  uniqueItems: 'UniqueItems',
  multipleOf: 'MultipleOf',
  required: 'Required',
  items: 'Items',
  properties: 'Properties',
  externalDocs: 'ExternalDocs',
  example: 'Example',
  'x-kubernetes-preserve-unknown-fields': 'XPreserveUnknownFields',
  'x-kubernetes-validations': 'XValidations',
}

export interface SchemaContext {
  readonly hasStatus: boolean
  /** The version had this schema before; limits that came later do not apply. */
  readonly isUnchanged: boolean
}

/** A version's schema: its root, its structure, its defaults, then every node by the rules of OpenAPI and its extensions. */
export function validateSchema(schema: Structural, path: string, context: SchemaContext, found: Findings): void {
  const before = found.length
  schemaProblems(schema, path, context, found)
  // What expressions could see of a schema that is wrong would only puzzle their author.
  if (found.length > before || !isRuled(schema)) return
  loadedRules().validateRules(schema, path, context.isUnchanged, found)
  if (found.length === before) validateDefaultsByRules(schema, path, found)
}

function schemaProblems(schema: Structural, path: string, { hasStatus }: SchemaContext, found: Findings): void {
  if (hasStatus) validateRoot(schema, path, found)
  if (schema.nullable) found.push(forbid(`${path}.nullable`, 'nullable cannot be true at the root'))
  const before = found.length
  validateStructural(schema, path, found)
  if (found.length === before) validateDefaults(schema, path, found)
  validateNode(schema, path, { isRoot: true, forbiddenDefault: undefined, isInsideMeta: false }, found)
}

function validateRoot(schema: Structural, path: string, found: Findings): void {
  for (const [field, value] of Object.entries(schema)) {
    if (value === undefined || value === false || value === '') continue
    if (field === 'type' && value !== 'object') {
      const detail = 'only "object" is allowed as the type at the root of the schema if the status subresource is enabled'
      found.push(invalidValue(`${path}.type`, value, detail))
      return
    }
    if (field in ROOT_FIELDS) continue
    const allowed = Object.values(ROOT_FIELDS).join(' ')
    const detail = `only [${allowed}] fields are allowed at the root of the schema if the status subresource is enabled`
    found.push(invalidValue(path, schema, detail))
    return
  }
}

interface NodeContext {
  readonly isRoot: boolean
  /** Why no default may stand here; undefined where one may. */
  readonly forbiddenDefault: string | undefined
  readonly isInsideMeta: boolean
}

const META_FIELDS = new Set(['metadata', 'kind', 'apiVersion'])

function validateNode(schema: Structural, path: string, context: NodeContext, found: Findings): void {
  const inner: NodeContext = { ...context, isRoot: false }
  validateWords(schema, path, context, found)
  if (schema.uniqueItems)
    found.push(forbid(`${path}.uniqueItems`, 'uniqueItems cannot be set to true since the runtime complexity becomes quadratic'))
  const { additionalProperties: additional, properties = {}, items } = schema
  if (additional !== undefined) {
    if (Object.keys(properties).length > 0 && additional !== true)
      found.push(forbid(`${path}.additionalProperties`, 'additionalProperties and properties are mutual exclusive'))
    const reason = 'inside additionalProperties applying to object metadata'
    const below = inner.isInsideMeta ? { ...inner, forbiddenDefault: reason } : inner
    if (typeof additional === 'object') validateNode(additional, `${path}.additionalProperties`, below, found)
  }
  for (const [name, property] of Object.entries(properties)) {
    const isMeta = (context.isRoot || schema['x-kubernetes-embedded-resource'] === true) && META_FIELDS.has(name)
    const below: NodeContext = isMeta
      ? { ...inner, isInsideMeta: true, ...(context.isRoot && { forbiddenDefault: `in top-level ${name}` }) }
      : inner
    validateNode(property, `${path}.properties[${name}]`, below, found)
  }
  if (schema.not !== undefined) validateNode(schema.not, `${path}.not`, inner, found)
  for (const junctor of ['allOf', 'oneOf', 'anyOf'] as const)
    for (const [index, each] of (schema[junctor] ?? []).entries())
      validateNode(each, `${path}.${junctor}[${index}]`, inner, found)
  if (isObject(items)) validateNode(items as Structural, `${path}.items`, inner, found)
  validateLists(schema, path, found)
  validateRuleTexts(schema, path, found)
}

/** Words of JSON Schema that Kubernetes does not know, and where a default may stand. */
function validateWords(schema: Structural, path: string, context: NodeContext, found: Findings): void {
  if (schema.type === 'null') found.push(forbid(`${path}.type`, 'type cannot be set to null, use nullable as an alternative'))
  else if (schema.type && !TYPES.includes(schema.type)) found.push(unsupported(`${path}.type`, schema.type, TYPES))
  if (schema.default !== undefined && context.forbiddenDefault !== undefined)
    found.push(forbid(`${path}.default`, `must not be set ${context.forbiddenDefault}`))
  for (const word of ['id', 'additionalItems', 'patternProperties', 'definitions', 'dependencies', '$ref'] as const) {
    const value = schema[word]
    const isEmpty = value === undefined || value === '' || (isObject(value) && Object.keys(value).length === 0)
    if (!isEmpty) found.push(forbid(`${path}.${word}`, `${word} is not supported`))
  }
  if (Array.isArray(schema.items)) found.push(forbid(`${path}.items`, 'items must be a schema object and not an array'))
  if (context.isInsideMeta && schema['x-kubernetes-embedded-resource'])
    found.push(forbid(`${path}.x-kubernetes-embedded-resource`, 'must not be used inside of resource meta'))
  if (schema['x-kubernetes-preserve-unknown-fields'] === false)
    found.push(invalidValue(`${path}.x-kubernetes-preserve-unknown-fields`, false, 'must be true or undefined'))
}
