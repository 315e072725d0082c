import { apiServer } from './api-server.ts'
import { controllers } from './controllers.ts'
import type { Edit } from './edit.ts'
import { kinds } from './kinds.ts'

/** A mechanism that is switched off, or does something else. */
export interface Mutant extends Edit {
  readonly name: string
  /** The files of `test/behavior` that are run on it. */
  readonly on: readonly string[]
  /** No behaviour of the list is about it; a file of unit tests that are run on it instead. */
  readonly unit?: string
}

export const mutants: readonly Mutant[] = [...apiServer, ...controllers, ...kinds]

/** Files of the tests that a mutant is run on. */
export const testsOf = ({ on, unit }: Mutant): readonly string[] =>
  unit === undefined ? on.map((name) => `test/behavior/${name}.test.ts`) : [unit]
