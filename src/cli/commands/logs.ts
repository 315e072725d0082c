import { createReadStream, existsSync, readdirSync, statSync, watch } from 'node:fs'
import { basename, join } from 'node:path'
import type { CommandDefinition } from '../command.ts'
import { DATA_DIRECTORY } from '../options.ts'

export const logs: CommandDefinition = {
  register(program) {
    program
      .command('logs')
      .description('print the log of a component: server, a node, containerd-NODE')
      .argument('<component>')
      .option('-f, --follow', 'go on as it is written')
      .option(...DATA_DIRECTORY)
      .action(async (component: string, { dataDir, follow }: { dataDir: string; follow?: boolean }) => {
        const { pathsOf } = await import('#cluster')
        const { logs: directory } = pathsOf(dataDir)
        const file = join(directory, `${basename(component)}.log`)
        if (!existsSync(file)) {
          const known = existsSync(directory)
            ? readdirSync(directory)
                .map((name) => basename(name, '.log'))
                .join(', ')
            : ''
          throw new Error(`there is no log of ${component}${known === '' ? '' : `; there are ${known}`}`)
        }
        const size = await print(file, 0)
        if (follow) await followFrom(file, size)
      })
  },
}

async function print(file: string, start: number): Promise<number> {
  const { size } = statSync(file)
  if (size <= start) return size
  for await (const chunk of createReadStream(file, { start, end: size - 1 })) process.stdout.write(chunk as Buffer)
  return size
}

async function followFrom(file: string, start: number): Promise<never> {
  let at = start
  for (;;) {
    await new Promise<void>((resolve) => {
      const watcher = watch(file, () => {
        watcher.close()
        resolve()
      })
      if (statSync(file).size > at) {
        watcher.close()
        resolve()
      }
    })
    at = await print(file, at)
  }
}
