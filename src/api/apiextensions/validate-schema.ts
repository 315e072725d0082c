import { isObject } from '#meta'
import { type Findings, forbid, foundBy, invalidValue, unsupported } from '../validation/findings.ts'
import { type Demands, SCHEMA_TYPES } from './demands.ts'
import { SCHEMA_FIELDS, schemaForm } from './internal-form.ts'
import { loadedRules } from './rules/load.ts'
import { emptiesOf } from './schema/empties.ts'
import { unreadable } from './schema/readable.ts'
import { isRuled, type Structural, structuralOf } from './schema/structural.ts'
import { validateDefaults } from './validate-defaults.ts'
import { validateLists, validateRuleTexts } from './validate-extensions.ts'
import { validateStructural } from './validate-structural.ts'

/** What may stand at the root beside a status subresource, as upstream lists it. */
const ROOT_FIELDS =
  'Description Type Format Title Maximum ExclusiveMaximum Minimum ExclusiveMinimum MaxLength MinLength Pattern MaxItems MinItems UniqueItems MultipleOf Required Items Properties ExternalDocs Example XPreserveUnknownFields XValidations'

export interface SchemaContext {
  readonly hasStatus: boolean
  /** The version had this schema before; limits that came later do not apply. */
  readonly isUnchanged: boolean
  readonly demands: Demands
}

/** A version's schema: its root, its structure, its defaults, then every node by the rules of OpenAPI and its extensions, then what its rules mean. */
export function validateSchema(
  schema: Structural,
  path: string,
  { hasStatus, isUnchanged, demands }: SchemaContext,
  found: Findings,
): void {
  const problems: Findings = []
  if (hasStatus) validateRoot(schema, path, problems)
  if (schema.nullable) problems.push(forbid(`${path}.nullable`, 'nullable cannot be true at the root'))
  const why = demands.structural ? unreadable(schema) : undefined
  const structure = demands.structural && why === undefined ? structureOf(schema, path, demands) : []
  problems.push(...structure)
  const nodes = new NodeCheck(demands)
  nodes.check(schema, path, { isRoot: true, forbiddenDefault: undefined, isInsideMeta: false }, problems)
  found.push(...problems)
  // What can't be read at all is mostly complained about word by word.
  if (why !== undefined && problems.length === 0) found.push(invalidValue(path, '', why))
  if (!demands.structural || why !== undefined || structure.length > 0 || !isRuled(schema)) return
  loadedRules().validateRules(schema, path, { isUnchanged, isFaulty: (node) => nodes.faulty.has(node) }, found)
}

function structureOf(schema: Structural, path: string, { prunedDefaults }: Demands): Findings {
  return foundBy((found) => {
    validateStructural(schema, path, found)
    if (found.length === 0) validateDefaults(schema, path, prunedDefaults, found)
  })
}

function validateRoot(schema: Structural, path: string, found: Findings): void {
  const allowed = ROOT_FIELDS.split(' ')
  const empties = emptiesOf(schema)
  for (const [field, name, zero] of SCHEMA_FIELDS) {
    const value = schema[field]
    if ((value === undefined || value === zero) && !empties.has(field)) continue
    if (field === 'type' && value !== 'object') {
      const detail = 'only "object" is allowed as the type at the root of the schema if the status subresource is enabled'
      found.push(invalidValue(`${path}.type`, value, detail))
      return
    }
    if (allowed.includes(name)) continue
    const detail = `only [${ROOT_FIELDS}] fields are allowed at the root of the schema if the status subresource is enabled`
    found.push(invalidValue(path, schemaForm(schema), detail))
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

class NodeCheck {
  /** Nodes with something wrong in or below them: what expressions could see of those would only puzzle their author. */
  readonly faulty = new Set<Structural>()
  readonly #demands: Demands

  constructor(demands: Demands) {
    this.#demands = demands
  }

  check(schema: Structural, path: string, context: NodeContext, found: Findings): void {
    const before = found.length
    this.#node(schema, path, context, found)
    if (found.length > before) this.faulty.add(schema)
  }

  #node(schema: Structural, path: string, context: NodeContext, found: Findings): void {
    const inner: NodeContext = { ...context, isRoot: false }
    validateWords(schema, path, context, this.#demands, found)
    if (schema.uniqueItems)
      found.push(
        forbid(`${path}.uniqueItems`, 'uniqueItems cannot be set to true since the runtime complexity becomes quadratic'),
      )
    const { additionalProperties: additional, properties = {}, items } = schema
    if (additional !== undefined) {
      if (Object.keys(properties).length > 0 && additional !== true)
        found.push(forbid(`${path}.additionalProperties`, 'additionalProperties and properties are mutual exclusive'))
      const reason = 'inside additionalProperties applying to object metadata'
      const below = inner.isInsideMeta ? { ...inner, forbiddenDefault: reason } : inner
      if (typeof additional === 'object') this.check(additional, `${path}.additionalProperties`, below, found)
    }
    for (const [name, property] of Object.entries(properties)) {
      const isMeta = (context.isRoot || schema['x-kubernetes-embedded-resource'] === true) && META_FIELDS.has(name)
      const below: NodeContext = isMeta
        ? { ...inner, isInsideMeta: true, ...(context.isRoot && { forbiddenDefault: `in top-level ${name}` }) }
        : inner
      this.check(property, `${path}.properties[${name}]`, below, found)
    }
    if (schema.not !== undefined) this.check(schema.not, `${path}.not`, inner, found)
    for (const junctor of ['allOf', 'oneOf', 'anyOf'] as const)
      for (const [index, each] of (schema[junctor] ?? []).entries())
        this.check(each, `${path}.${junctor}[${index}]`, inner, found)
    for (const [name, each] of Object.entries(schema.definitions ?? {}))
      this.check(structuralOf(each), `${path}.definitions[${name}]`, inner, found)
    if (isObject(items)) this.check(items as Structural, `${path}.items`, inner, found)
    for (const [index, each] of (Array.isArray(items) ? (items as Structural[]) : []).entries())
      this.check(each, `${path}.items[${index}]`, inner, found)
    for (const [name, each] of Object.entries(schema.dependencies ?? {}))
      if (isObject(each)) this.check(each as Structural, `${path}.dependencies[${name}]`, inner, found)
    if (schema['x-kubernetes-preserve-unknown-fields'] === false)
      found.push(invalidValue(`${path}.x-kubernetes-preserve-unknown-fields`, false, 'must be true or undefined'))
    validateLists(schema, path, this.#demands, found)
    validateRuleTexts(schema, path, found)
  }
}

/** Words of JSON Schema that Kubernetes does not know, and where a default may stand. */
function validateWords(schema: Structural, path: string, context: NodeContext, { types }: Demands, found: Findings): void {
  const { type } = schema
  if (types && type && !SCHEMA_TYPES.includes(type)) found.push(unsupported(`${path}.type`, type, SCHEMA_TYPES))
  if (schema.default !== undefined && context.forbiddenDefault !== undefined)
    found.push(forbid(`${path}.default`, `must not be set ${context.forbiddenDefault}`))
  if (schema.id) found.push(forbid(`${path}.id`, 'id is not supported'))
  for (const word of ['additionalItems', 'patternProperties', 'definitions', 'dependencies', '$ref'] as const) {
    const value = schema[word]
    const isEmpty = isObject(value) && Object.keys(value).length === 0 && (word === 'patternProperties' || word === 'definitions')
    if ((value !== undefined && !isEmpty) || (word === 'dependencies' && emptiesOf(schema).has(word)))
      found.push(forbid(`${path}.${word}`, `${word} is not supported`))
  }
  if (type === 'null') found.push(forbid(`${path}.type`, 'type cannot be set to null, use nullable as an alternative'))
  if (Array.isArray(schema.items) && schema.items.length > 0)
    found.push(forbid(`${path}.items`, 'items must be a schema object and not an array'))
  if (context.isInsideMeta && schema['x-kubernetes-embedded-resource'])
    found.push(forbid(`${path}.x-kubernetes-embedded-resource`, 'must not be used inside of resource meta'))
}
