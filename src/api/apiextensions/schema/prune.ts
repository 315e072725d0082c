import { setOwn } from '#base'
import { conform, DEPTH_MAX, isObject, type Structure, StructureError } from '#meta'
import { schemaOf } from '../../schemas.ts'
import { fieldOf, isEmbedded, keepsUnknown, type Structural } from './structural.ts'

export interface PruneOptions {
  /** Drops metadata of the wrong type instead of throwing: what is stored can't be sent back. */
  readonly lenient?: boolean
}

/**
 * Reads a document as an object of a custom kind: what the schema does not know is left out, metadata (also of embedded objects) is read as metadata.
 * Types of other fields are the business of validation. Throws `StructureError` for metadata of the wrong type.
 * https://kubernetes.io/docs/tasks/extend-kubernetes/custom-resources/custom-resource-definitions/#field-pruning
 */
export function pruneObject(document: unknown, schema: Structural, options: PruneOptions = {}): Structure {
  const pruner = new Pruner(options)
  const value = pruner.object(document as Record<string, unknown>, schema, '', true, 0)
  return { value, unknown: pruner.unknown.sort() }
}

/** What is left of a part of an object, a default for instance. */
export function pruneValue(value: unknown, schema: Structural): Structure {
  const pruner = new Pruner({ lenient: true })
  return { value: pruner.value(value, schema, '', 0), unknown: pruner.unknown.sort() }
}

class Pruner {
  readonly unknown: string[] = []
  readonly #lenient: boolean

  constructor({ lenient = false }: PruneOptions) {
    this.#lenient = lenient
  }

  value(value: unknown, node: Structural, path: string, depth: number): unknown {
    if (depth > DEPTH_MAX) throw new StructureError('json: exceeded max depth')
    if (Array.isArray(value)) {
      const { items } = node
      return items === undefined ? value : value.map((item, index) => this.value(item, items, `${path}[${index}]`, depth + 1))
    }
    return isObject(value) ? this.object(value, node, path, isEmbedded(node), depth) : value
  }

  object(value: Record<string, unknown>, node: Structural, path: string, isResource: boolean, depth: number): unknown {
    const result: Record<string, unknown> = {}
    for (const key of Object.keys(value)) {
      const child = path === '' ? key : `${path}.${key}`
      if (isResource && (key === 'apiVersion' || key === 'kind')) {
        const name = this.#typeName(value[key], child)
        if (name !== undefined) result[key] = name
      } else if (isResource && key === 'metadata') {
        const metadata = this.#metadata(value[key], child)
        if (metadata !== undefined) result[key] = metadata
      } else {
        const known = fieldOf(node, key)
        if (known !== undefined) setOwn(result, key, this.value(value[key], known, child, depth + 1))
        else if (keepsUnknown(node)) setOwn(result, key, value[key])
        else this.unknown.push(child)
      }
    }
    return result
  }

  #typeName(value: unknown, path: string): string | undefined {
    if (typeof value === 'string') return value
    if (this.#lenient || value === null) return undefined
    throw new StructureError(`${path}: Invalid value: ${JSON.stringify(value)}: must be string`)
  }

  #metadata(value: unknown, path: string): unknown {
    try {
      const { value: metadata, unknown } = conform(value, schemaOf('io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta'))
      for (const field of unknown) this.unknown.push(`${path}.${field}`)
      return metadata
    } catch (error) {
      if (this.#lenient && error instanceof StructureError) return undefined
      throw error
    }
  }
}
