import { humanDuration } from '#api'
import { systemClock } from '#base'
import type { CommandDefinition } from '../command.ts'
import { DATA_DIRECTORY, oneOf } from '../options.ts'
import { printTable } from '../table.ts'

export const certs: CommandDefinition = {
  register(program) {
    const group = program.command('certs').description('certificates of this machine')
    group
      .command('check')
      .description('say when certificates expire; exit code 1 when one has')
      .option(...DATA_DIRECTORY)
      .option('-o, --output <format>', 'json', oneOf('--output', ['json'] as const))
      .action(async ({ dataDir, output }: { dataDir: string; output?: 'json' }) => {
        const { certificatesOf } = await import('#cluster')
        const nowMs = systemClock.now()
        const found = (await certificatesOf(dataDir)).map(({ name, endMs, authority }) => ({
          name,
          expires: new Date(endMs).toISOString(),
          expired: endMs <= nowMs,
          authority,
        }))
        if (output === 'json') process.stdout.write(`${JSON.stringify(found, null, 2)}\n`)
        else {
          const rows = found.map(({ name, expires, expired, authority }) => [
            name,
            expires.replace(/\.\d+Z$/, 'Z'),
            expired ? '<expired>' : humanDuration(Date.parse(expires) - nowMs),
            authority || '<itself>',
          ])
          process.stdout.write(printTable(['CERTIFICATE', 'EXPIRES', 'RESIDUAL', 'AUTHORITY'], rows))
        }
        if (found.some(({ expired }) => expired)) process.exitCode = 1
      })
    group
      .command('renew')
      .description('renew all certificates but the authorities now, without a restart')
      .option(...DATA_DIRECTORY)
      .action(async ({ dataDir }: { dataDir: string }) => {
        const { renewCertificates } = await import('#cluster')
        const renewed = await renewCertificates(dataDir, (step) => void process.stderr.write(`t8s: ${step}\n`))
        for (const name of renewed) process.stdout.write(`renewed ${name}\n`)
      })
  },
}
