import type { CommandDefinition } from '../command.ts'
import { DATA_DIRECTORY } from '../options.ts'

export const agent: CommandDefinition = {
  register(program) {
    program
      .command('agent')
      .description('run a node in the foreground')
      .requiredOption('--node-name <name>', "the node's name")
      .option(...DATA_DIRECTORY)
      .action(async ({ dataDir, nodeName }: { dataDir: string; nodeName: string }) => {
        const { pathsOf, readConfig, runProcess, startAgent } = await import('#cluster')
        const paths = pathsOf(dataDir)
        const config = readConfig(paths.config)
        if (config === undefined) throw new Error(`there is no cluster in ${paths.root}; make one with 't8s up'`)
        await runProcess((stop) => startAgent(paths, config, nodeName, stop))
      })
  },
}
