import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { type Fact, gaDefinitions, readData, splitName } from './definitions.ts'

const MODELS = join(import.meta.dirname, '../node_modules/@kubernetes/client-node/dist/gen/models')

/** Open JSON: nothing below is pruned or checked. */
const OPEN = /\.(RawExtension|FieldsV1|JSON|JSONSchemaPropsOrArray|JSONSchemaPropsOrBool|JSONSchemaPropsOrStringArray)$/
/** Their schema is the JSON they hold, of any type. */
const UNTYPED = /\.(JSON|JSONSchemaPropsOrArray|JSONSchemaPropsOrBool|JSONSchemaPropsOrStringArray)$/

/** Types whose JSON is not an object of their fields. */
const WRAPPER = /\.JSONSchemaPropsOr\w+$/

/** `Schema` nodes as src/api/schemas.ts links them: a reference is `{ $ref: definition name }`. */
export function generateSchemas(): string {
  const definitions = gaDefinitions()
  const presence = presenceFlags()
  const lines = [...definitions].map(([name, fact]) => {
    const schema = { ...node(fact), ...special(name) }
    for (const [property, child] of Object.entries((schema['properties'] ?? {}) as Record<string, Record<string, unknown>>)) {
      if (isAlwaysThere(fact.properties![property]!, presence(name, property), definitions)) child['always'] = true
    }
    return `${JSON.stringify(name)}:${JSON.stringify(schema)}`
  })
  return `{\n${lines.join(',\n')}\n}\n`
}

/**
 * Flags of a field, also of one that an inlined struct brings. A type that the table leaves out has none on any field, unless nothing is known of it at all or it
 * stands for another (undefined).
 */
function presenceFlags(): (type: string, property: string) => string | undefined {
  const table = readData<Record<string, Readonly<Record<string, string>>>>('json-presence.json')
  const messages =
    readData<Record<string, Readonly<Record<string, readonly [number, string, ...unknown[]]>>>>('protobuf-fields.json')
  return function flagsOf(type, property) {
    // Of an object they come from TypeMeta; a reference has them itself.
    if ((property === 'apiVersion' || property === 'kind') && !(property in (messages[type] ?? {}))) return 'o'
    const own = table[type]
    if (own !== undefined && property in own) return own[property]
    if (own === undefined && (messages[type] === undefined || WRAPPER.test(type))) return undefined
    for (const [, inlined, ...rest] of Object.values(messages[type] ?? {})) {
      if (rest.includes('inline') && property in (messages[inlined] ?? {})) return flagsOf(inlined, property)
    }
    return ''
  }
}

/**
 * Go writes a struct that is not behind a pointer whatever it holds, and a scalar without omitempty. Wrapped scalars (Time, Quantity) have no properties and
 * don't count.
 */
function isAlwaysThere(fact: Fact, flags: string | undefined, definitions: ReadonlyMap<string, Fact>): boolean {
  if (flags === undefined || flags.includes('p') || flags.includes('z')) return false
  if (fact.$ref !== undefined) return definitions.get(fact.$ref)?.properties !== undefined
  return !flags.includes('o') && ['string', 'boolean', 'integer', 'number'].includes(fact.type ?? '')
}

function special(name: string): Record<string, unknown> {
  if (!OPEN.test(name)) return {}
  return { preserveUnknownFields: true, ...(UNTYPED.test(name) && { type: undefined }) }
}

function node(fact: Fact): Record<string, unknown> {
  const { $ref, type, format, required, properties, items, additionalProperties, gvk } = fact
  return {
    $ref,
    type,
    format,
    ...(format === 'int-or-string' && { intOrString: true }),
    required,
    ...(properties && { properties: Object.fromEntries(Object.entries(properties).map(([name, value]) => [name, node(value)])) }),
    ...(items && { items: node(items) }),
    ...(additionalProperties && { additionalProperties: node(additionalProperties) }),
    enum: fact.enum,
    default: fact.default,
    listType: fact['list-type'],
    listMapKeys: fact['list-map-keys'],
    mapType: fact['map-type'],
    patchStrategy: fact['patch-strategy'],
    patchMergeKey: fact['patch-merge-key'],
    unions: fact['unions'],
    gvk,
  }
}

/** `{ definition: [description, { property: description }] }` from the doc comments of the published TypeScript client. */
export function generateDescriptions(): string {
  const files = new Set(readdirSync(MODELS))
  const lines: string[] = []
  for (const [name] of gaDefinitions()) {
    const file = modelFiles(name).find((candidate) => files.has(`${candidate}.d.ts`))
    if (file === undefined) continue
    const text = readFileSync(join(MODELS, `${file}.d.ts`), 'utf8')
    const own = /\/\*\*\n\* ([^\n]*)\n\*\/\nexport declare class/.exec(text)?.[1] ?? ''
    const properties = Object.fromEntries(
      [...text.matchAll(/\/\*\*\n {4}\* ([^\n]*)\n {4}\*\/\n {4}'([^']+)'/g)].map((match) => [match[2]!, unescaped(match[1]!)]),
    )
    lines.push(`${JSON.stringify(name)}:${JSON.stringify([unescaped(own), properties])}`)
  }
  return `{\n${lines.join(',\n')}\n}\n`
}

/** The client's comments escape quotation marks of both kinds. */
const unescaped = (text: string): string => text.replaceAll(/\\(["'\\])/g, '$1')

/** The client's class is `V1Pod`, or with its group in front where two groups share the name. */
function modelFiles(name: string): string[] {
  const { group, version, kind } = splitName(name)
  const capital = (word: string): string => word.charAt(0).toUpperCase() + word.slice(1)
  return [`${capital(group)}${capital(version)}${kind}`, `${capital(version)}${kind}`]
}
