import type { FieldType, TypeProvider } from '../types/declarations.ts'
import { bool, bytes, double, duration, dyn, int, list, map, string, struct, type Type, timestamp } from '../types/type.ts'
import { parseDuration } from '../values/duration.ts'
import { fail } from '../values/failure.ts'
import { type Adapt, JsonList, JsonMap } from '../values/json.ts'
import { Double } from '../values/number.ts'
import { StructValue } from '../values/struct.ts'
import { parseTimestamp } from '../values/timestamp.ts'
import type { Value } from '../values/value.ts'
import { MapList, SetList } from './associative-lists.ts'
import { escapeName } from './escape.ts'
import { type CelSchema, dereference, withTypeAndObjectMeta } from './schema.ts'
import { maxElements } from './sizes.ts'

/**
 * What a schema node is to expressions: its type, how raw data becomes its values, and how large it may get. Children are made when they are asked
 * for, so that a schema may refer to itself and an unused branch costs nothing.
 */
export interface SchemaType {
  readonly type: Type
  readonly adapt: Adapt
  /** The most elements, characters or bytes; 0 for what has no size. */
  readonly maxElements: number
  /** Fields of an object by their escaped names. */
  field(name: string): SchemaType | undefined
  /** What a list or map holds. */
  readonly element: SchemaType | undefined
}

/** The types of one or several roots. Give it to an environment as its provider. */
export class SchemaTypes implements TypeProvider {
  private readonly objects = new Map<string, ObjectType>()
  private readonly nameOf: (property: string) => string | undefined

  /** `nameOf` says by what name expressions know a property; escaped, unless the types are of Kubernetes' own making. */
  constructor(nameOf = escapeName) {
    this.nameOf = nameOf
  }

  /**
   * Declares a root under a name of its own, e.g. `selfType`. Returns undefined where expressions cannot see such data: what has neither
   * properties nor a type, as upstream leaves it out. With `isResource`, the object has type and object metadata.
   */
  declare(name: string, schema: CelSchema, isResource = false): SchemaType | undefined {
    return this.typeOf(name, dereference(schema), isResource)
  }

  hasType(name: string): boolean {
    return this.objects.has(name)
  }

  field(typeName: string, field: string): FieldType | undefined {
    const found = this.objects.get(typeName)?.field(field)
    return found && { type: found.type }
  }

  private typeOf(name: string, schema: CelSchema, isResource: boolean): SchemaType | undefined {
    const child = (suffix: string, inner: CelSchema): SchemaType | undefined => {
      const node = dereference(inner)
      return this.typeOf(`${name}.${suffix}`, node, node.embeddedResource === true)
    }
    if (schema.intOrString === true) return leaf(schema, dyn, intOrString)
    switch (schema.type) {
      case 'array':
        return schema.items && listType(schema, child('@idx', schema.items))
      case 'object':
        if (schema.additionalProperties !== undefined) return mapType(schema, child('@elem', schema.additionalProperties))
        return this.objectType(name, isResource ? withTypeAndObjectMeta(schema) : schema, child)
      case 'string':
        return stringType(schema)
      case 'boolean':
        return leaf(schema, bool, (raw) => (typeof raw === 'boolean' ? raw : invalid('bool', raw)))
      case 'number':
        return leaf(schema, double, (raw) =>
          typeof raw === 'number' || typeof raw === 'bigint' ? new Double(Number(raw)) : invalid('float', raw),
        )
      case 'integer':
        return leaf(schema, int, (raw) =>
          typeof raw === 'bigint' || Number.isInteger(raw) ? (raw as number) : invalid('int', raw),
        )
      default:
        return undefined
    }
  }

  private objectType(
    name: string,
    schema: CelSchema,
    child: (suffix: string, inner: CelSchema) => SchemaType | undefined,
  ): SchemaType {
    const type = new ObjectType(name, schema, child, this.nameOf)
    this.objects.set(name, type)
    return type
  }
}

/** The sizes of everything below roots: {@link estimateCost} asks by path. */
export function sizeHints(roots: Readonly<Record<string, SchemaType>>): (path: readonly string[]) => number | undefined {
  return ([variable, ...rest]) => {
    let at: SchemaType | undefined = variable === undefined || !Object.hasOwn(roots, variable) ? undefined : roots[variable]
    for (const step of rest) {
      if (step === '@keys') return at?.type.kind === 'map' ? 0 : undefined
      at = step === '@items' || step === '@values' ? at?.element : at?.field(step)
    }
    return at?.maxElements
  }
}

class ObjectType implements SchemaType {
  readonly type: Type
  readonly maxElements = 0
  readonly element = undefined
  readonly name: string
  private readonly properties = new Map<string, string>()
  private readonly fields = new Map<string, SchemaType | undefined>()
  private readonly schema: CelSchema
  private readonly child: (suffix: string, inner: CelSchema) => SchemaType | undefined

  constructor(
    name: string,
    schema: CelSchema,
    child: (suffix: string, inner: CelSchema) => SchemaType | undefined,
    nameOf: (property: string) => string | undefined,
  ) {
    this.name = name
    this.type = struct(name)
    this.schema = schema
    this.child = child
    for (const property of Object.keys(schema.properties ?? {})) {
      const escaped = nameOf(property)
      if (escaped !== undefined) this.properties.set(escaped, property)
    }
  }

  readonly adapt: Adapt = (raw) => {
    if (raw === null || raw === undefined) return nullOr(this.schema)
    if (typeof raw !== 'object' || Array.isArray(raw))
      return fail('invalid data, expected a map for the provided schema with type=object')
    return new SchemaObject(this, raw as Readonly<Record<string, unknown>>)
  }

  field(name: string): SchemaType | undefined {
    if (!this.fields.has(name)) {
      const property = this.properties.get(name)
      this.fields.set(name, property === undefined ? undefined : this.child(name, this.schema.properties![property]!))
    }
    return this.fields.get(name)
  }

  property(name: string): string | undefined {
    return this.properties.get(name)
  }

  get names(): Iterable<string> {
    return this.properties.keys()
  }
}

/** An object of a schema over the raw object. A property that is null is as absent as one that is not there, though both count in its size. */
class SchemaObject extends StructValue {
  override readonly typeName: string
  private readonly objectType: ObjectType
  private readonly raw: Readonly<Record<string, unknown>>

  constructor(objectType: ObjectType, raw: Readonly<Record<string, unknown>>) {
    super()
    this.typeName = objectType.name
    this.objectType = objectType
    this.raw = raw
  }

  override field(name: string): Value | undefined {
    return this.has(name) ? this.objectType.field(name)?.adapt(this.raw[this.objectType.property(name)!]) : undefined
  }

  override has(name: string): boolean {
    const property = this.objectType.property(name)
    if (property === undefined || !Object.hasOwn(this.raw, property)) return false
    return this.raw[property] !== undefined && this.raw[property] !== null
  }

  override get size(): number {
    return Object.keys(this.raw).length
  }

  override names(): readonly string[] {
    return [...this.objectType.names].filter((name) => this.has(name) && this.objectType.field(name) !== undefined)
  }
}

const nullOr = ({ nullable }: CelSchema): Value =>
  nullable === true ? null : fail('invalid data, got null for schema with nullable=false')

const invalid = (wanted: string, raw: unknown): never =>
  fail(`invalid data, expected ${wanted}, got ${Array.isArray(raw) ? 'array' : typeof raw}`)

function leaf(schema: CelSchema, type: Type, adapt: Adapt): SchemaType {
  return {
    type,
    adapt: (raw) => (raw === null || raw === undefined ? nullOr(schema) : adapt(raw)),
    maxElements: maxElements(schema),
    field: () => undefined,
    element: undefined,
  }
}

const intOrString: Adapt = (raw) => {
  if (typeof raw === 'string' || Number.isInteger(raw)) return raw as string | number
  return fail('invalid data, expected XIntOrString value to be either a string or integer')
}

function listType(schema: CelSchema, element: SchemaType | undefined): SchemaType | undefined {
  if (element === undefined) return undefined
  const keys = (schema.listMapKeys ?? []).map((key) => escapeName(key) ?? key)
  const make = (raw: readonly unknown[]): Value => {
    if (schema.listType === 'set') return new SetList(raw, element.adapt)
    return schema.listType === 'map' ? new MapList(raw, element.adapt, keys) : new JsonList(raw, element.adapt)
  }
  const adapt: Adapt = (raw) =>
    Array.isArray(raw) ? make(raw) : fail('invalid data, expected an array for the provided schema with type=array')
  return { ...leaf(schema, list(element.type), adapt), element }
}

function mapType(schema: CelSchema, element: SchemaType | undefined): SchemaType | undefined {
  if (element === undefined) return undefined
  const adapt: Adapt = (raw) =>
    typeof raw === 'object' && !Array.isArray(raw)
      ? new JsonMap(raw as Readonly<Record<string, unknown>>, element.adapt)
      : fail('invalid data, expected a map for the provided schema with type=object')
  return { ...leaf(schema, map(string, element.type), adapt), element }
}

const DATE = /^\d{4}-\d{2}-\d{2}$/

function stringType(schema: CelSchema): SchemaType {
  const text = (raw: unknown): string => (typeof raw === 'string' ? raw : invalid('string', raw))
  switch (schema.format) {
    case 'byte':
      return leaf(schema, bytes, (raw) => bytesOf(text(raw)))
    case 'duration':
      return leaf(schema, duration, (raw) => parseDuration(text(raw)))
    case 'date':
      return leaf(schema, timestamp, (raw) =>
        DATE.test(text(raw)) ? parseTimestamp(`${text(raw)}T00:00:00Z`) : fail(`Invalid date formatted string ${text(raw)}`),
      )
    case 'date-time':
      return leaf(schema, timestamp, (raw) => parseTimestamp(text(raw)))
    default:
      return leaf(schema, string, text)
  }
}

const BASE64 = /^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/

function bytesOf(text: string): Uint8Array {
  if (BASE64.test(text)) return Uint8Array.from(Buffer.from(text, 'base64'))
  const at = /^[A-Za-z0-9+/]*/.exec(text)![0].length
  return fail(`Invalid byte formatted string ${text}: illegal base64 data at input byte ${at}`)
}
