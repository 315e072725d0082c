import { Command, CommanderError } from 'commander'
import { printGoDuration } from '#meta'
import { UsageError } from './command.ts'
import { commands } from './commands/index.ts'

/** Runs one command line. Resolves with the exit code: 0 done, 1 failed, 2 bad usage. Failures are one sentence on standard error. */
export async function run(parameters: readonly string[]): Promise<number> {
  const program = new Command('t8s')
    .description('Kubernetes, whole, in TypeScript: start a cluster with `t8s up`, use it with kubectl.')
    .option('--verbose', 'show where an error came from')
    .showSuggestionAfterError()
    .exitOverride()
    .configureOutput({ outputError: (text, write) => write(text.replace(/^error: /, 't8s: ')) })
  for (const command of commands) command.register(program)
  inheritSettings(program)
  try {
    await program.parseAsync(parameters, { from: 'user' })
    return Number(process.exitCode ?? 0)
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : 2
    process.stderr.write(`t8s: ${describe(error, Boolean(program.opts()['verbose']))}\n`)
    return error instanceof UsageError ? 2 : 1
  }
}

/** Commander copies `exitOverride` and output settings only to subcommands made by `command()`, and only at that time. */
function inheritSettings(program: Command): void {
  for (const command of program.commands) {
    command.copyInheritedSettings(program)
    for (const option of command.options)
      if (option.flags.endsWith('<duration>') && typeof option.defaultValue === 'number')
        option.defaultValueDescription = printGoDuration(option.defaultValue)
    inheritSettings(command)
  }
}

function describe(error: unknown, verbose: boolean): string {
  if (!(error instanceof Error)) return String(error)
  if (verbose) return error.stack ?? error.message
  return error.message.replaceAll('\n', ' ')
}
