import type { Schema } from '../schema.ts'
import { Place, typeName } from './error.ts'
import { readerOf } from './reader.ts'

export { StructureError } from './error.ts'
export { DEPTH_MAX } from './reader.ts'

/** What reading a document against its schema found. */
export interface Structure {
  /** The document in the one form that a Go program would print of it. */
  readonly value: unknown
  /** Paths of fields that the schema does not know, in document order. */
  readonly unknown: readonly string[]
}

/**
 * Reads a decoded document as the type that `schema` describes, and gives it as a typed client would print it: without unknown fields, nulls and empty values
 * that are left out; with the fields that are always written; scalars in their one spelling. Throws {@link StructureError}. Of a document that the caller gives
 * away (`isTaken`), which nobody may use any more, nothing is copied that is as it should be.
 */
export function conform(document: unknown, schema: Schema, isTaken = false): Structure {
  const place = new Place(isTaken)
  place.owner = typeName(schema)
  return { value: readerOf(schema)(document, place), unknown: place.unknown }
}
