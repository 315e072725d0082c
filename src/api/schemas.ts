import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { assert } from '#base'
import type { Schema } from '#meta'

/** A node of `generated/schemas.json`: a {@link Schema} whose references are still names. */
interface RawSchema extends Omit<Schema, 'ref' | 'properties' | 'items' | 'additionalProperties'> {
  readonly $ref?: string
  readonly properties?: Readonly<Record<string, RawSchema>>
  readonly items?: RawSchema
  readonly additionalProperties?: RawSchema
}

type Descriptions = Readonly<Record<string, readonly [own: string, properties: Readonly<Record<string, string>>]>>

let raw: Readonly<Record<string, RawSchema>> | undefined
let descriptions: Descriptions | undefined
let queryParameters: Readonly<Record<string, readonly QueryParameter[]>> | undefined
const linked = new Map<string, Schema>()

/** The schema of a published definition. Definitions are read at the first call and linked one by one, so that start-up pays for none. */
export function schemaOf(name: string): Schema {
  const known = linked.get(name)
  if (known !== undefined) return known
  raw ??= readGenerated<Readonly<Record<string, RawSchema>>>('schemas.json')
  const definition = raw[name]
  assert(definition !== undefined, `the published definitions contain ${name}`)
  const schema = link(definition, name)
  linked.set(name, schema)
  return schema
}

/** Whether a definition is a published one; those of custom kinds are not. */
export function isPublished(name: string): boolean {
  raw ??= readGenerated<Readonly<Record<string, RawSchema>>>('schemas.json')
  return Object.hasOwn(raw, name)
}

/** What upstream's documentation says of a definition, or of one of its properties; '' when nothing. */
export function describe(name: string, property?: string): string {
  descriptions ??= readGenerated<Descriptions>('descriptions.json')
  const found = descriptions[name]
  return (property === undefined ? found?.[0] : found?.[1][property]) ?? ''
}

/** What may stand behind the question mark of a URL: its name, its type in JSON, and what upstream's documentation says of it. */
export type QueryParameter = readonly [name: string, type: 'boolean' | 'integer' | 'string', text: string]

/** The query parameters that a type of options has (ListOptions, PodLogOptions ...). */
export function queryParametersOf(options: string): readonly QueryParameter[] {
  queryParameters ??= readGenerated<Readonly<Record<string, readonly QueryParameter[]>>>('query-parameters.json')
  const found = queryParameters[options]
  assert(found !== undefined, `there are options called ${options}`)
  return found
}

function link(node: RawSchema, name?: string): Schema {
  const { $ref, properties, items, additionalProperties, ...rest } = node
  const schema: Record<string, unknown> = { ...rest }
  if (name !== undefined) {
    schema['name'] = name
    // Half a megabyte of prose is read only by whoever asks for it (OpenAPI).
    Object.defineProperty(schema, 'description', { get: () => describe(name) || undefined, enumerable: false })
  }
  if ($ref !== undefined) {
    const get = (): Schema => {
      const value = schemaOf($ref)
      // Found once: every walk through an object goes through here.
      Object.defineProperty(schema, 'ref', { value, enumerable: true })
      return value
    }
    Object.defineProperty(schema, 'ref', { get, enumerable: true, configurable: true })
  }
  if (items !== undefined) schema['items'] = link(items)
  if (additionalProperties !== undefined) schema['additionalProperties'] = link(additionalProperties)
  if (properties !== undefined) {
    const children: Record<string, Schema> = {}
    for (const [key, child] of Object.entries(properties)) {
      const property = link(child)
      if (name !== undefined)
        Object.defineProperty(property, 'description', { get: () => describe(name, key) || undefined, enumerable: false })
      children[key] = property
    }
    schema['properties'] = children
  }
  return schema as Schema
}

/** A table that the generators made. Only this file knows where they are: in a bundle, all of a layer is in one folder. */
export const readGenerated = <T>(file: string): T =>
  JSON.parse(readFileSync(join(import.meta.dirname, 'generated', file), 'utf8')) as T
