import type { CommandDefinition } from '../command.ts'
import { DATA_DIRECTORY } from '../options.ts'

export const snapshot: CommandDefinition = {
  register(program) {
    const group = program.command('snapshot').description('back a cluster up, and make one from a backup')
    group
      .command('save')
      .description('save the running cluster to a file that is private: it holds its keys')
      .argument('<file>')
      .option(...DATA_DIRECTORY)
      .action(async (file: string, { dataDir }: { dataDir: string }) => {
        const { saveSnapshot } = await import('#cluster')
        const { revision, bytes } = await saveSnapshot(dataDir, file)
        process.stdout.write(`saved revision ${revision} to ${file} (${(bytes / 1e6).toFixed(1)} MB)\n`)
      })
    group
      .command('restore')
      .description('make a new data directory from a file')
      .argument('<file>')
      .option(...DATA_DIRECTORY)
      .action(async (file: string, { dataDir }: { dataDir: string }) => {
        const { restoreSnapshot } = await import('#cluster')
        const { revision, takenAt } = await restoreSnapshot(dataDir, file)
        process.stdout.write(
          `restored revision ${revision} of ${takenAt} into ${dataDir}; start it with 't8s up --data-dir ${dataDir}'\n`,
        )
      })
  },
}
