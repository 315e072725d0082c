import { apiServer } from './api-server.ts'
import { controllers } from './controllers.ts'
import type { Edit } from './edit.ts'
import { kinds } from './kinds.ts'

/** A mechanism that is switched off, or does something else. */
export interface Mutant extends Edit {
  readonly name: string
  /** The files of `test/behavior` that are run on it. */
  readonly on: readonly string[]
}

export const mutants: readonly Mutant[] = [...apiServer, ...controllers, ...kinds]
