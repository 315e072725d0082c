import { goQuote } from '#base'
import type { Oddities } from '../json/reader.ts'
import type { Schema } from '../schema.ts'
import { mismatch, type StructureError } from './error.ts'

/** Upstream tells no more of one document. */
const FINDINGS_MAX = 100

export interface ReadOptions {
  /** What the text has that plain data does not show. */
  readonly oddities?: Oddities | undefined
  /** Whether the document is nobody else's: then it is what is read, changed where it has to be. */
  readonly isTaken?: boolean | undefined
}

/** Where a reader is in the document, and what it has found. One reading uses one place, which its readers move. */
export class Place {
  readonly root: Schema
  readonly oddities: Oddities | undefined
  readonly isTaken: boolean
  /** Fields, keys and list indices from the document's root. */
  readonly path: (string | number)[] = []
  /** How the number that is read stands in the text, where that is not how it prints. */
  literal: string | undefined
  /** Paths of fields that the schema does not know. */
  readonly unknown: string[] = []
  /** What a strict decoder finds: each once, in the order of the document. */
  readonly findings = new Set<string>()
  /** The first value of a wrong type. Reading goes on behind it: a text that makes no sense to its field is told before. */
  wrong: StructureError | undefined

  constructor(root: Schema, { oddities, isTaken = false }: ReadOptions) {
    this.root = root
    this.oddities = oddities
    // An odd document is read from its text, beside the data.
    this.isTaken = isTaken && oddities === undefined
  }

  /** `spec.containers[0].name`. */
  print(): string {
    let text = ''
    for (const element of this.path) text += typeof element === 'number' ? `[${element}]` : text === '' ? element : `.${element}`
    return text
  }

  find(what: 'unknown field' | 'duplicate field'): void {
    const path = this.print()
    if (what === 'unknown field') this.unknown.push(path)
    if (this.findings.size < FINDINGS_MAX) this.findings.add(`${what} ${goQuote(path)}`)
  }

  /** Keeps the error for a value of another type than stands here; the value itself is passed over. */
  refuse(value: unknown): undefined {
    this.wrong ??= mismatch(value, this)
  }
}
