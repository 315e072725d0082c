import type { CommandDefinition } from '../command.ts'
import { DATA_DIRECTORY } from '../options.ts'

export const server: CommandDefinition = {
  register(program) {
    program
      .command('server')
      .description("run a cluster's control plane in the foreground")
      .option(...DATA_DIRECTORY)
      .action(async ({ dataDir }: { dataDir: string }) => {
        const { pathsOf, readConfig, runProcess, startServer } = await import('#cluster')
        const paths = pathsOf(dataDir)
        const config = readConfig(paths.config)
        if (config === undefined) throw new Error(`there is no cluster in ${paths.root}; make one with 't8s up'`)
        await runProcess((stop) => startServer(paths, config, stop))
      })
  },
}
