import { BOOTSTRAP_USAGES, type BootstrapUsage, humanDuration, isBootstrapGroup } from '#api'
import { systemClock } from '#base'
import { type CommandDefinition, UsageError } from '../command.ts'
import { duration, list } from '../component-options.ts'
import { DATA_DIRECTORY } from '../options.ts'
import { printTable } from '../table.ts'

interface CreateOptions {
  readonly dataDir: string
  readonly ttl?: number
  readonly description?: string
  readonly groups?: readonly string[]
  readonly usages: readonly BootstrapUsage[]
  readonly printJoinCommand?: boolean
  readonly controlPlane?: boolean
}

const DAY_MS = 24 * 3_600_000
/** As kubeadm's certificate keys: what it leads to are the keys of the cluster. */
const SERVER_TTL_MS = 2 * 3_600_000

export const token: CommandDefinition = {
  register(program) {
    const group = program.command('token').description('tokens by which nodes join')
    group
      .command('create')
      .description('make a token and print it')
      .argument('[token]', 'abcdef.0123456789abcdef; made when not given')
      .option('--ttl <duration>', 'how long it is valid; 0: for ever; by default 24h, for a server 2h', ttl)
      .option('--description <text>', 'what it is for')
      .option('--groups <groups>', 'whose rights it has, by commas', groups)
      .option('--usages <usages>', 'signing, authentication', usages, [...BOOTSTRAP_USAGES])
      .option('--control-plane', 'for another server instead of a node')
      .option('--print-join-command', 'print the command that joins by it')
      .option(...DATA_DIRECTORY)
      .action(async (given: string | undefined, options: CreateOptions) => {
        const { makeToken } = await import('#cluster')
        const { dataDir, description, groups: own, usages: allowed, controlPlane = false } = options
        const ttlMs = options.ttl ?? (controlPlane ? SERVER_TTL_MS : DAY_MS)
        const made = await makeToken(dataDir, { token: given, ttlMs, description, groups: own, usages: allowed, controlPlane })
        process.stdout.write(`${options.printJoinCommand ? made.joinCommand : made.token}\n`)
      })
    group
      .command('list')
      .description('print the tokens')
      .option(...DATA_DIRECTORY)
      .action(async ({ dataDir }: { dataDir: string }) => {
        const { tokensOf } = await import('#cluster')
        process.stdout.write(table(await tokensOf(dataDir), systemClock.now()))
      })
    group
      .command('delete')
      .description('delete tokens')
      .argument('<token...>', 'whole tokens or their first six characters')
      .option(...DATA_DIRECTORY)
      .action(async (tokens: string[], { dataDir }: { dataDir: string }) => {
        const { removeToken } = await import('#cluster')
        for (const each of tokens) {
          await removeToken(dataDir, each)
          process.stdout.write(`token ${each.slice(0, 6)} deleted\n`)
        }
      })
  },
}

const ttl = (text: string): number => (text === '0' ? 0 : duration('--ttl')(text))

function groups(text: string, before: readonly string[] | undefined): string[] {
  const all = list(text, before)
  const strange = all.find((each) => !isBootstrapGroup(each))
  if (strange !== undefined) throw new UsageError(`--groups takes groups such as system:bootstrappers:workers, not '${strange}'`)
  return all
}

function usages(text: string): BootstrapUsage[] {
  const all = list(text, undefined)
  const strange = all.find((each) => !(BOOTSTRAP_USAGES as readonly string[]).includes(each))
  if (strange !== undefined) throw new UsageError(`--usages takes ${BOOTSTRAP_USAGES.join(', ')}, not '${strange}'`)
  return all as BootstrapUsage[]
}

function table(tokens: readonly import('#cluster').TokenView[], nowMs: number): string {
  const rows = tokens.map(({ token: text, expiresAtMs, usages: allowed, description, groups: extra }) => [
    text,
    expiresAtMs === undefined ? '<forever>' : expiresAtMs <= nowMs ? '<invalid>' : humanDuration(expiresAtMs - nowMs),
    expiresAtMs === undefined ? '<never>' : new Date(expiresAtMs).toISOString().replace(/\.\d+Z$/, 'Z'),
    allowed.join(',') || '<none>',
    description || '<none>',
    extra.join(',') || '<none>',
  ])
  return printTable(['TOKEN', 'TTL', 'EXPIRES', 'USAGES', 'DESCRIPTION', 'EXTRA GROUPS'], rows)
}
