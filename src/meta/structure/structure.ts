import type { Schema } from '../schema.ts'
import { Place, type ReadOptions } from './place.ts'
import { readerOf } from './reader.ts'

export { jsonTypeOf, StructureError } from './error.ts'
export { DEPTH_MAX } from './reader.ts'

/** What reading a document against its schema found. */
export interface Structure {
  /** The document in the one form that a Go program would print of it. */
  readonly value: unknown
  /** Paths of fields that the schema does not know, in document order. */
  readonly unknown: readonly string[]
  /** What a strict decoder says of the document, unknown fields and those that stand twice, in its order and as far as it says it. */
  readonly findings?: readonly string[]
}

/**
 * Reads a decoded document as the type that `schema` describes, and gives it as a typed client would print it: without unknown fields, nulls and empty values
 * that are left out; with the fields that are always written; scalars in their one spelling. `oddities` are those of its text. Throws {@link StructureError}. Of a
 * document that the caller gives away (`isTaken`), which nobody may use any more, nothing is copied that is as it should be.
 */
export function conform(document: unknown, schema: Schema, options: ReadOptions = {}): Structure {
  const place = new Place(schema, options)
  const value = readerOf(schema)(document, place)
  if (place.wrong !== undefined) throw place.wrong
  return { value, unknown: place.unknown, findings: [...place.findings] }
}
