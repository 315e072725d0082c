import { type CommandDefinition, UsageError } from '../command.ts'
import { DATA_DIRECTORY } from '../options.ts'

export const reset: CommandDefinition = {
  register(program) {
    program
      .command('reset')
      .description('delete the cluster with all its data')
      .option(...DATA_DIRECTORY)
      .option('--yes', 'really delete')
      .action(async ({ dataDir, yes }: { dataDir: string; yes?: boolean }) => {
        if (!yes) throw new UsageError(`this deletes everything in ${dataDir}; say --yes if you mean it`)
        const { reset: remove } = await import('#cluster')
        const existed = await remove(dataDir, (step) => void process.stderr.write(`t8s: ${step}\n`))
        process.stdout.write(existed ? 'The cluster is deleted.\n' : 'There was no cluster.\n')
      })
  },
}
