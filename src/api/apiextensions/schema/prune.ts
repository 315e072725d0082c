import { setOwn } from '#base'
import { conform, DEPTH_MAX, isObject, type Structure, StructureError } from '#meta'
import { schemaOf } from '../../schemas.ts'
import { inKeyOrder } from '../internal-form.ts'
import { additionalOf, isEmbedded, propertyOf, type Structural } from './structural.ts'

export interface PruneOptions {
  /** Drops what is no metadata instead of throwing: what is stored can't be sent back. */
  readonly lenient?: boolean
}

/** Metadata or a type's name of the wrong type. */
export class ResourceError extends StructureError {
  readonly field: string
  readonly value: unknown
  readonly detail: string

  constructor(field: string, value: unknown, detail: string) {
    // Of the object's own metadata upstream says only what its reader says.
    super(field === 'metadata' ? detail : `${field}: Invalid value: ${JSON.stringify(inKeyOrder(value))}: ${detail}`)
    this.field = field
    this.value = value
    this.detail = detail
  }
}

/**
 * Reads a document as an object of a custom kind: what the schema does not know is left out, metadata (also of embedded objects) is read as metadata.
 * Types of other fields are the business of validation. Throws {@link ResourceError} for metadata of the wrong type.
 * https://kubernetes.io/docs/tasks/extend-kubernetes/custom-resources/custom-resource-definitions/#field-pruning
 */
export function pruneObject(document: unknown, schema: Structural, { lenient = false }: PruneOptions = {}): Structure {
  const pruner = new Pruner({ metadata: lenient ? 'lenient' : 'strict', keepsAll: false })
  const value = pruner.read(document, { ...schema, 'x-kubernetes-embedded-resource': true })
  return { value, unknown: pruner.unknownInOrder() }
}

/** What is left of a part of an object, a default for instance; metadata in it stays as it is. */
export const pruneValue = (value: unknown, schema: Structural): unknown =>
  new Pruner({ metadata: 'asItIs', keepsAll: false }).read(value, schema)

/** A part of an object whose metadata is read as metadata, also that of embedded objects. Throws {@link ResourceError}. */
export const readMetadata = (value: unknown, schema: Structural): unknown =>
  new Pruner({ metadata: 'strict', keepsAll: true }).read(value, schema)

interface Ways {
  readonly metadata: 'strict' | 'lenient' | 'asItIs'
  /** Nothing is left out. */
  readonly keepsAll: boolean
}

class Pruner {
  readonly #unknown: string[] = []
  /** Of metadata of the object itself, and of those inside it. */
  readonly #ownMetadata: string[] = []
  readonly #innerMetadata: string[] = []
  readonly #ways: Ways

  constructor(ways: Ways) {
    this.#ways = ways
  }

  /** As upstream comes upon them. */
  unknownInOrder(): string[] {
    return [...this.#ownMetadata, ...this.#unknown.sort(), ...this.#innerMetadata.sort()]
  }

  read(value: unknown, schema: Structural): unknown {
    return this.#value(value, schema, { path: '', place: '', keeps: false, depth: 0 })
  }

  /** `keeps`: what encloses the value keeps what it does not know, and so do items of a list. */
  #value(value: unknown, node: Structural | undefined, around: Around): unknown {
    if (typeof value !== 'object' || value === null) return value
    if (around.depth > DEPTH_MAX) throw new StructureError('json: exceeded max depth')
    const keeps = around.keeps || this.#ways.keepsAll || node?.['x-kubernetes-preserve-unknown-fields'] === true
    if (keeps && node === undefined) return value
    if (!Array.isArray(value)) return this.#map(value as Record<string, unknown>, node ?? {}, { ...around, keeps })
    return value.map((item, index) => {
      const step = `[${index}]`
      const below = { path: `${around.path}${step}`, place: `${around.place}${step}`, keeps, depth: around.depth + 1 }
      return this.#value(item, node?.items, below)
    })
  }

  #map(value: Record<string, unknown>, node: Structural, { path, place, keeps, depth }: Around): unknown {
    const result: Record<string, unknown> = {}
    for (const key of Object.keys(value)) {
      const child = join(path, key)
      if (isEmbedded(node) && META_FIELDS.has(key)) {
        if (place !== '' && isDropped(value[key], propertyOf(node, key))) continue
        const read = this.#metaField(key, value[key], { path: child, place: join(place, key) })
        if (read !== undefined) result[key] = read
        continue
      }
      const property = propertyOf(node, key)
      const isKnown = property !== undefined || node.additionalProperties !== undefined
      const own = property === undefined ? `${place}[${key}]` : join(place, key)
      const below = { path: child, place: own, keeps: false, depth: depth + 1 }
      if (isKnown) setOwn(result, key, this.#value(value[key], property ?? additionalOf(node), below))
      else if (keeps) setOwn(result, key, value[key])
      else this.#unknown.push(child)
    }
    return result
  }

  #metaField(name: string, value: unknown, { path, place }: Pick<Around, 'path' | 'place'>): unknown {
    if (this.#ways.metadata === 'asItIs') return value
    const isLenient = this.#ways.metadata === 'lenient'
    if (name !== 'metadata') {
      if (typeof value === 'string') return value
      if (isLenient) return undefined
      throw new ResourceError(place, value, 'must be a string')
    }
    try {
      const { value: metadata, unknown } = conform(value, schemaOf(OBJECT_META))
      const known = path === 'metadata' ? this.#ownMetadata : this.#innerMetadata
      for (const field of unknown) known.push(`${path}.${field}`)
      return metadata ?? {}
    } catch (error) {
      if (!(error instanceof StructureError)) throw error
      if (isLenient) return isObject(value) ? wellFormed(value) : undefined
      throw new ResourceError(place, value, error.message)
    }
  }
}

interface Around {
  /** As warnings of unknown fields name it. */
  readonly path: string
  /** As errors do: keys of maps stand in brackets. */
  readonly place: string
  readonly keeps: boolean
  readonly depth: number
}

const join = (path: string, name: string): string => (path === '' ? name : `${path}.${name}`)

/** A null that the schema neither allows nor replaces is gone before anybody reads it. */
const isDropped = (value: unknown, node: Structural | undefined): boolean =>
  value === null && node !== undefined && node.nullable !== true && node.default === undefined

const OBJECT_META = 'io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta'
const META_FIELDS = new Set(['apiVersion', 'kind', 'metadata'])

/** What can be read of metadata, field by field. */
function wellFormed(metadata: Record<string, unknown>): Record<string, unknown> {
  const result: Record<string, unknown> = {}
  for (const [field, value] of Object.entries(metadata)) {
    try {
      Object.assign(result, conform({ [field]: value }, schemaOf(OBJECT_META)).value)
    } catch (error) {
      if (!(error instanceof StructureError)) throw error
    }
  }
  return result
}
