import { type Fact, readData, servedDefinitions } from './definitions.ts'

/** Open JSON: nothing below is pruned or checked. */
const OPEN = /\.(RawExtension|FieldsV1|JSON|JSONSchemaPropsOrArray|JSONSchemaPropsOrBool|JSONSchemaPropsOrStringArray)$/
/** Their schema is the JSON they hold, of any type. */
const UNTYPED = /\.(JSON|JSONSchemaPropsOrArray|JSONSchemaPropsOrBool|JSONSchemaPropsOrStringArray)$/

/** Types whose JSON is not an object of their fields. */
const WRAPPER = /\.JSONSchemaPropsOr\w+$/

/** `Schema` nodes as src/api/schemas.ts links them: a reference is `{ $ref: definition name }`. */
export function generateSchemas(): string {
  const definitions = servedDefinitions()
  const presence = presenceFlags()
  const types = readData<Record<string, Readonly<Record<string, string>>>>('go-types.json')
  const lines = [...definitions].map(([name, fact]) => {
    const schema = { ...node(fact), ...special(name) }
    for (const [property, child] of Object.entries((schema['properties'] ?? {}) as Record<string, Record<string, unknown>>)) {
      const flags = presence(name, property)
      if (isAlwaysThere(fact.properties![property]!, flags, definitions)) child['always'] = true
      else if (isLeftOut(fact.properties![property]!, flags)) child['omitsZero'] = true
      else if (isNull(fact.properties![property]!, flags)) child['writtenAsNull'] = true
      const [inlined = '', goType = ''] = types[name]?.[property]?.split('|') ?? []
      if (inlined !== '') child['inlined'] = inlined
      if (goType !== '') child['goType'] = goType
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
  const inlinedIn = (type: string): string[] =>
    Object.values(messages[type] ?? {}).flatMap(([, inlined, ...rest]) => (rest.includes('inline') ? [inlined] : []))
  const brings = (type: string, property: string): boolean =>
    property in (messages[type] ?? {}) || inlinedIn(type).some((inlined) => brings(inlined, property))
  return function flagsOf(type, property): string | undefined {
    // Of an object they come from TypeMeta; a reference has them itself.
    if ((property === 'apiVersion' || property === 'kind') && !(property in (messages[type] ?? {}))) return 'o'
    const own = table[type]
    if (own !== undefined && property in own) return own[property]
    if (own === undefined && (messages[type] === undefined || WRAPPER.test(type))) return undefined
    const bringer = inlinedIn(type).find((inlined) => brings(inlined, property))
    return bringer === undefined ? '' : flagsOf(bringer, property)
  }
}

/**
 * Go writes a struct that is not behind a pointer whatever it holds, quantities included, and a scalar, list or map without omitempty. Times and open JSON,
 * which are null then, don't count.
 */
function isAlwaysThere(fact: Fact, flags: string | undefined, definitions: ReadonlyMap<string, Fact>): boolean {
  if (flags === undefined || flags.includes('p') || flags.includes('z')) return false
  if (fact.$ref !== undefined) return definitions.get(fact.$ref)?.properties !== undefined || WRITTEN.test(fact.$ref)
  return !flags.includes('o') && EMPTIABLE.has(fact.type ?? '')
}

const WRITTEN = /\.(Quantity|IntOrString)$/
const EMPTIABLE = new Set(['string', 'boolean', 'integer', 'number', 'array', 'object'])

/** What has omitempty and no pointer is left out when it is empty, unless it is a struct. */
const isLeftOut = (fact: Fact, flags = ''): boolean =>
  flags.includes('o') && !flags.includes('p') && fact.$ref === undefined && EMPTIABLE.has(fact.type ?? '')

/** A time or open JSON that is not behind a pointer, and a pointer without omitempty. */
function isNull(fact: Fact, flags: string | undefined): boolean {
  if (flags === undefined || flags.includes('z')) return false
  return flags.includes('p') ? !flags.includes('o') : fact.$ref !== undefined
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
