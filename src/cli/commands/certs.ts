import { humanDuration } from '#api'
import { systemClock } from '#base'
import type { CertificateView } from '#cluster'
import type { CommandDefinition } from '../command.ts'
import { DATA_DIRECTORY, oneOf } from '../options.ts'
import { printTable } from '../table.ts'

export const certs: CommandDefinition = {
  register(program) {
    const group = program.command('certs').description('certificates of this machine')
    group
      .command('check')
      .description('say when certificates expire; exit code 1 when one has, or can not be used')
      .option(...DATA_DIRECTORY)
      .option('-o, --output <format>', 'json', oneOf('--output', ['json'] as const))
      .action(async ({ dataDir, output }: { dataDir: string; output?: 'json' }) => {
        const { certificatesOf } = await import('#cluster')
        const nowMs = systemClock.now()
        const found = await certificatesOf(dataDir)
        const isExpired = ({ endMs }: CertificateView): boolean => endMs !== undefined && endMs <= nowMs
        if (output === 'json') {
          const rows = found.map((each) => ({
            name: each.name,
            expires: each.endMs === undefined ? null : new Date(each.endMs).toISOString(),
            expired: isExpired(each),
            authority: each.authority,
            ...(each.problem !== undefined && { problem: each.problem }),
          }))
          process.stdout.write(`${JSON.stringify(rows, null, 2)}\n`)
        } else
          process.stdout.write(
            printTable(
              COLUMNS,
              found.map((each) => rowOf(each, nowMs)),
            ),
          )
        const warnings = found.map((each) => warningOf(each, nowMs)).filter((each) => each !== undefined)
        for (const warning of warnings) process.stderr.write(`t8s: ${warning}\n`)
        if (found.some((each) => isExpired(each) || each.problem !== undefined)) process.exitCode = 1
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

const COLUMNS = ['CERTIFICATE', 'EXPIRES', 'RESIDUAL', 'AUTHORITY']
/** For which certificates are issued: in the last year of an authority they are cut short by its end. */
const YEAR_MS = 365 * 24 * 3_600_000

function rowOf({ name, endMs, authority, problem }: CertificateView, nowMs: number): string[] {
  if (endMs === undefined) return [name, '<none>', '<none>', '<unknown>']
  const residual = endMs <= nowMs ? '<expired>' : humanDuration(endMs - nowMs)
  const expires = new Date(endMs).toISOString().replace(/\.\d+Z$/, 'Z')
  return [name, expires, residual, problem === undefined ? authority || '<itself>' : '<unknown>']
}

/** What should be done about a certificate; undefined when nothing need be. */
function warningOf({ name, endMs, authority, problem }: CertificateView, nowMs: number): string | undefined {
  if (problem !== undefined) return problem
  if (authority !== '' || endMs === undefined) return undefined
  if (endMs <= nowMs) return `the authority ${name} has expired, and with it all that it issued; put another in its place`
  if (endMs - nowMs > YEAR_MS) return undefined
  return `the authority ${name} ends in ${humanDuration(endMs - nowMs)}, and what it issues ends with it; renew does not replace it`
}
