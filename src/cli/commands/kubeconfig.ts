import { readFileSync } from 'node:fs'
import type { CommandDefinition } from '../command.ts'
import { DATA_DIRECTORY } from '../options.ts'

export const kubeconfig: CommandDefinition = {
  register(program) {
    program
      .command('kubeconfig')
      .description("print the administrator's kubeconfig")
      .option(...DATA_DIRECTORY)
      .action(async ({ dataDir }: { dataDir: string }) => {
        const { pathsOf } = await import('#cluster')
        const { kubeconfig: path } = pathsOf(dataDir)
        let text: string
        try {
          text = readFileSync(path, 'utf8')
        } catch (error) {
          throw new Error(`there is no kubeconfig at ${path}; start the cluster with 't8s up'`, { cause: error })
        }
        process.stdout.write(text)
      })
  },
}
