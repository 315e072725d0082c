import type { CommandDefinition } from '../command.ts'
import { DATA_DIRECTORY } from '../options.ts'

export const image: CommandDefinition = {
  register(program) {
    const group = program.command('image').description('images of the nodes of this machine')
    group
      .command('load')
      .description('load docker-archive or OCI tar files into every node')
      .argument('<file...>', 'archives, gzipped or not')
      .option(...DATA_DIRECTORY)
      .action(async (files: string[], { dataDir }: { dataDir: string }) => {
        const { loadImages } = await import('#cluster')
        for (const reference of await loadImages(dataDir, files)) process.stdout.write(`loaded ${reference}\n`)
      })
  },
}
