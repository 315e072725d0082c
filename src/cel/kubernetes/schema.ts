/**
 * The shape of data as far as expressions care: what `#meta`'s Schema nodes and a CRD's structural schemas both are, so that hosts hand over
 * theirs as they stand. Nodes are read lazily and by identity; a host must not change them.
 */
export interface CelSchema {
  /** A node with `ref` stands for that one. */
  readonly ref?: CelSchema
  readonly type?: 'object' | 'array' | 'string' | 'integer' | 'number' | 'boolean'
  readonly format?: string
  readonly properties?: Readonly<Record<string, CelSchema>>
  readonly required?: readonly string[]
  readonly items?: CelSchema
  readonly additionalProperties?: CelSchema
  readonly enum?: readonly unknown[]
  readonly default?: unknown
  readonly listType?: 'atomic' | 'set' | 'map'
  readonly listMapKeys?: readonly string[]
  readonly intOrString?: boolean
  readonly preserveUnknownFields?: boolean
  readonly embeddedResource?: boolean
  readonly nullable?: boolean
  readonly maxLength?: number
  readonly maxItems?: number
  readonly maxProperties?: number
}

const STRING: CelSchema = { type: 'string' }
const OBJECT_META: CelSchema = { type: 'object', properties: { name: STRING, generateName: STRING } }

export const dereference = (schema: CelSchema): CelSchema => schema.ref ?? schema

/** With `apiVersion`, `kind`, `metadata.name` and `metadata.generateName`, which are there at the root of every resource, whatever its schema says. */
export function withTypeAndObjectMeta(schema: CelSchema): CelSchema {
  const { properties = {} } = schema
  const metadata = properties['metadata'] && dereference(properties['metadata'])
  const isWhole =
    properties['kind'] !== undefined &&
    properties['apiVersion'] !== undefined &&
    metadata?.properties?.['name'] !== undefined &&
    metadata.properties['generateName'] !== undefined
  if (isWhole) return schema
  return { ...schema, properties: { ...properties, kind: STRING, apiVersion: STRING, metadata: OBJECT_META } }
}
