import type { Command } from 'commander'

/** One command of `t8s`: a file in `commands/` and a line in its list. Loads what it needs only when it runs. */
export interface CommandDefinition {
  /** Adds the command with its options and action to the program. */
  register(program: Command): void
}

/** A mistake in how the command was called: exit code 2. */
export class UsageError extends Error {
  override readonly name = 'UsageError'
}
