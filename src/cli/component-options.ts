import { readFileSync } from 'node:fs'
import { isIP } from 'node:net'
import { resolve } from 'node:path'
import type { Command } from 'commander'
import type { ElectionOptions } from '#cluster'
import { parseGoDuration } from '#meta'
import { UsageError } from './command.ts'
import { wholeNumber } from './options.ts'

/** `true` for a bare flag, else as Go's flags read it. */
export const boolean =
  (name: string) =>
  (text: string): boolean => {
    if (['true', 't', '1', 'TRUE', 'True', 'T'].includes(text)) return true
    if (['false', 'f', '0', 'FALSE', 'False', 'F'].includes(text)) return false
    throw new UsageError(`${name} takes true or false, not '${text}'`)
  }

/** A duration as Go writes it (`1h30m`, `15s`, `500ms`), in milliseconds. */
export const duration =
  (name: string) =>
  (text: string): number => {
    const ms = parseGoDuration(text)
    if (ms === undefined) throw new UsageError(`${name} takes a duration such as 15s or 1h30m, not '${text}'`)
    return ms
  }

/** Values by commas, and the flag again for more. */
export const list = (text: string, before: readonly string[] | undefined): string[] => [
  ...(before ?? []),
  ...text.split(',').filter((each) => each !== ''),
]

/** The name of a file, made absolute, since another process may read it; `-` and nothing stay what they are. */
export const file = (path: string): string => (path === '' || path === '-' ? path : resolve(path))

export const files = (path: string, before: readonly string[] | undefined): string[] => list(path, before).map(file)

export const address =
  (name: string) =>
  (text: string): string => {
    if (isIP(text) === 0) throw new UsageError(`${name} takes an IP address, not '${text}'`)
    return text
  }

export const addresses =
  (name: string) =>
  (text: string): string[] =>
    list(text, undefined).map(address(name))

export const cidr =
  (name: string) =>
  (text: string): string => {
    const [base = '', bits = '', rest] = text.split('/')
    const family = isIP(base)
    if (family === 0 || rest !== undefined || !/^\d{1,3}$/.test(bits) || Number(bits) > (family === 4 ? 32 : 128))
      throw new UsageError(`${name} takes a range such as 10.0.0.0/16, not '${text}'`)
    return text
  }

export const cidrs =
  (name: string) =>
  (text: string): string[] =>
    list(text, undefined).map(cidr(name))

/** What the parts of a cluster say against a flag is said of its usage. */
export function checked<T>(read: () => T): T {
  try {
    return read()
  } catch (error) {
    throw new UsageError((error as Error).message, { cause: error })
  }
}

/** `10.0.0.1:53`, `[::1]:53` or `:53`, which means every address. */
export const hostPort =
  (name: string) =>
  (text: string): { readonly host: string; readonly port: number } => {
    const match = /^(?:\[([^\]]+)\]|([^:]*)):(\d+)$/.exec(text)
    const host = match?.[1] ?? match?.[2] ?? ''
    if (match === null || (host !== '' && isIP(host) === 0))
      throw new UsageError(`${name} takes an address and a port such as 0.0.0.0:53, not '${text}'`)
    return { host: host === '' ? '0.0.0.0' : host, port: wholeNumber(name, 0, 65_535)(match[3]!) }
  }

/** The text of a file that a flag names. */
export function readFlagFile(name: string, path: string): string {
  try {
    return readFileSync(path, 'utf8')
  } catch (error) {
    throw new UsageError(`${name} ${path} cannot be read: ${(error as Error).message}`, { cause: error })
  }
}

/** A certificate and its key, given both or not at all. */
export function readFlagPair(
  [certificateFlag, certificate]: readonly [string, string | undefined],
  [keyFlag, key]: readonly [string, string | undefined],
): { readonly certificate: string; readonly key: string } | undefined {
  if (certificate === undefined && key === undefined) return undefined
  if (certificate === undefined || key === undefined) throw new UsageError(`${certificateFlag} and ${keyFlag} go together`)
  return { certificate: readFlagFile(certificateFlag, certificate), key: readFlagFile(keyFlag, key) }
}

export interface LogOptions {
  readonly v: number
}

/** klog's verbosity: 4 and above tell what is of use in debugging. */
export const logLevelOf = ({ v }: LogOptions): 'debug' | 'info' => (v >= 4 ? 'debug' : 'info')

export const withLogOptions = (command: Command): Command =>
  command.option('-v, --v <level>', 'how much is logged; 4 and above: everything', wholeNumber('--v', 0, 10), 0)

export interface LeaderOptions {
  readonly leaderElect: boolean
  readonly leaderElectLeaseDuration: number
  readonly leaderElectRenewDeadline: number
  readonly leaderElectRetryPeriod: number
  readonly leaderElectResourceName: string
  readonly leaderElectResourceNamespace: string
}

export const withLeaderOptions = (command: Command, name: string): Command =>
  command
    .option('--leader-elect [bool]', 'run only while holding the lease', boolean('--leader-elect'), true)
    .option(
      '--leader-elect-lease-duration <duration>',
      'when others may take over',
      duration('--leader-elect-lease-duration'),
      15_000,
    )
    .option(
      '--leader-elect-renew-deadline <duration>',
      'when a leader gives up',
      duration('--leader-elect-renew-deadline'),
      10_000,
    )
    .option('--leader-elect-retry-period <duration>', 'between two tries', duration('--leader-elect-retry-period'), 2_000)
    .option('--leader-elect-resource-name <name>', 'of the Lease', name)
    .option('--leader-elect-resource-namespace <namespace>', 'of the Lease', 'kube-system')

/** As upstream: lease longer than deadline, deadline longer than retries with their jitter. */
export function electionOf(options: LeaderOptions, identity: string): ElectionOptions | undefined {
  if (!options.leaderElect) return undefined
  const { leaderElectLeaseDuration: leaseMs, leaderElectRenewDeadline: renewMs, leaderElectRetryPeriod: retryMs } = options
  if (leaseMs <= renewMs) throw new UsageError('--leader-elect-lease-duration must be longer than --leader-elect-renew-deadline')
  if (renewMs <= retryMs * 1.2)
    throw new UsageError('--leader-elect-renew-deadline must be longer than 1.2 times --leader-elect-retry-period')
  const lease = `${options.leaderElectResourceNamespace}/${options.leaderElectResourceName}`
  return { lease, identity, leaseMs, renewMs, retryMs }
}
