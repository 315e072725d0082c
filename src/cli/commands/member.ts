import type { CommandDefinition } from '../command.ts'
import { DATA_DIRECTORY } from '../options.ts'
import { printTable } from '../table.ts'

export const member: CommandDefinition = {
  register(program) {
    const group = program.command('member').description('members of the etcd that several servers share')
    group
      .command('list')
      .description('print the members')
      .option(...DATA_DIRECTORY)
      .action(async ({ dataDir }: { dataDir: string }) => {
        const { memberRows } = await import('#cluster')
        const rows = await memberRows(dataDir)
        process.stdout.write(
          printTable(
            ['NAME', 'STATE', 'ID', 'CLIENT URLS'],
            rows.map(({ name, state, id, clientURLs }) => [name || '<none>', state, id, clientURLs.join(',') || '<none>']),
          ),
        )
      })
    group
      .command('remove')
      .description('take a member out, for good; refused while the others could not go on without it')
      .argument('<name>', 'its name, or its id')
      .option(...DATA_DIRECTORY)
      .action(async (name: string, { dataDir }: { dataDir: string }) => {
        const { removeEtcdMember } = await import('#cluster')
        await removeEtcdMember(dataDir, name)
        process.stdout.write(`member ${name} is removed; delete what its server kept with 't8s reset --yes' there\n`)
      })
  },
}
