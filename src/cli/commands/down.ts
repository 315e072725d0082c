import type { CommandDefinition } from '../command.ts'
import { DATA_DIRECTORY } from '../options.ts'

export const down: CommandDefinition = {
  register(program) {
    program
      .command('down')
      .description('stop the cluster and its pods; data is kept')
      .option(...DATA_DIRECTORY)
      .action(async ({ dataDir }: { dataDir: string }) => {
        const { down: stop } = await import('#cluster')
        const ran = await stop(dataDir, (step) => void process.stderr.write(`t8s: ${step}\n`))
        process.stdout.write(ran ? 'The cluster is down; its data is kept.\n' : 'No cluster was running.\n')
      })
  },
}
