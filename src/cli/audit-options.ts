import type { Command } from 'commander'
import type { ApiServerProcessOptions } from '#cluster'
import { UsageError } from './command.ts'
import { boolean, duration, file } from './component-options.ts'
import { oneOf, wholeNumber } from './options.ts'

type AuditSettings = NonNullable<ApiServerProcessOptions['audit']>
type Mode = (typeof MODES)[number]

const MODES = ['batch', 'blocking', 'blocking-strict'] as const
const VERSION = 'audit.k8s.io/v1'
const COUNT_MAX = 2 ** 31 - 1

/** What both backends have. */
interface Delivery {
  readonly Mode: Mode
  readonly BatchBufferSize: number
  readonly BatchMaxSize: number
  readonly BatchMaxWait: number
  readonly BatchThrottleEnable: boolean
  readonly BatchThrottleQps: number
  readonly BatchThrottleBurst: number
  readonly TruncateEnabled: boolean
  readonly TruncateMaxBatchSize: number
  readonly TruncateMaxEventSize: number
}

type Prefixed<Prefix extends string> = { readonly [Name in keyof Delivery as `${Prefix}${Name}`]: Delivery[Name] }

export interface AuditOptions extends Prefixed<'auditLog'>, Prefixed<'auditWebhook'> {
  readonly auditPolicyFile?: string
  readonly auditLogPath?: string
  readonly auditLogMaxage: number
  readonly auditLogMaxbackup: number
  readonly auditLogMaxsize: number
  readonly auditLogCompress: boolean
  readonly auditLogFormat: 'json' | 'legacy'
  readonly auditWebhookConfigFile?: string
  readonly auditWebhookInitialBackoff: number
}

/** The flags of auditing, named as upstream's. */
export function withAuditOptions(command: Command): Command {
  command
    .option('--audit-policy-file <file>', 'what is recorded of which requests; nothing without it', file)
    .option('--audit-log-path <file>', "where events are written; '-' is standard output", file)
    .option('--audit-log-maxage <days>', 'how long old logs are kept; 0: for ever', count('--audit-log-maxage'), 0)
    .option('--audit-log-maxbackup <number>', 'how many old logs are kept; 0: all', count('--audit-log-maxbackup'), 0)
    .option('--audit-log-maxsize <megabytes>', 'of a log before it is put aside; 0: 100', count('--audit-log-maxsize'), 0)
    .option('--audit-log-compress [bool]', 'whether old logs are compressed', boolean('--audit-log-compress'), false)
    .option('--audit-log-format <format>', 'json or legacy', oneOf('--audit-log-format', ['json', 'legacy'] as const), 'json')
    .option('--audit-log-version <version>', 'of events in the log', oneOf('--audit-log-version', [VERSION] as const), VERSION)
    .option('--audit-webhook-config-file <file>', 'a kubeconfig of the webhook that events are sent to', file)
    .option(
      '--audit-webhook-initial-backoff <duration>',
      'before the first attempt is repeated',
      duration('--audit-webhook-initial-backoff'),
      10_000,
    )
    .option(
      '--audit-webhook-version <version>',
      'of events for the webhook',
      oneOf('--audit-webhook-version', [VERSION] as const),
      VERSION,
    )
  withDelivery(command, 'log', { mode: 'blocking', maxSize: 1, maxWaitMs: 0, throttle: false })
  return withDelivery(command, 'webhook', { mode: 'batch', maxSize: 400, maxWaitMs: 30_000, throttle: true })
}

/** Undefined when nothing is recorded: without a policy, or without a place for what it wants. */
export function auditOf(options: AuditOptions): AuditSettings | undefined {
  const { auditPolicyFile, auditLogPath, auditWebhookConfigFile } = options
  const log = auditLogPath === undefined ? undefined : logOf(options, auditLogPath)
  const webhook =
    auditWebhookConfigFile === undefined
      ? undefined
      : {
          configFile: auditWebhookConfigFile,
          initialBackoffMs: options.auditWebhookInitialBackoff,
          ...deliveryOf('webhook', options),
        }
  if (auditPolicyFile === undefined || (log === undefined && webhook === undefined)) return undefined
  return { policy: auditPolicyFile, log, webhook }
}

function logOf(options: AuditOptions, path: string): AuditSettings['log'] {
  return {
    path,
    format: options.auditLogFormat,
    maxAgeDays: options.auditLogMaxage,
    maxBackups: options.auditLogMaxbackup,
    maxSizeMegabytes: options.auditLogMaxsize,
    compress: options.auditLogCompress,
    ...deliveryOf('log', options),
  }
}

const count = (name: string, least = 0): ((text: string) => number) => wholeNumber(name, least, COUNT_MAX)

function rate(name: string): (text: string) => number {
  return (text) => {
    const value = Number(text)
    if (!(value > 0)) throw new UsageError(`${name} takes a positive number, not '${text}'`)
    return value
  }
}

interface Usual {
  readonly mode: Mode
  readonly maxSize: number
  readonly maxWaitMs: number
  readonly throttle: boolean
}

function withDelivery(command: Command, plugin: 'log' | 'webhook', { mode, maxSize, maxWaitMs, throttle }: Usual): Command {
  const flag = (name: string): string => `--audit-${plugin}-${name}`
  return command
    .option(`${flag('mode')} <mode>`, MODES.join(', '), oneOf(flag('mode'), MODES), mode)
    .option(`${flag('batch-buffer-size')} <events>`, 'events that wait', count(flag('batch-buffer-size'), 1), 10_000)
    .option(`${flag('batch-max-size')} <events>`, 'events handed on at once', count(flag('batch-max-size'), 1), maxSize)
    .option(`${flag('batch-max-wait')} <duration>`, 'how long an event waits', duration(flag('batch-max-wait')), maxWaitMs)
    .option(
      `${flag('batch-throttle-enable')} [bool]`,
      'whether batches are limited',
      boolean(flag('batch-throttle-enable')),
      throttle,
    )
    .option(`${flag('batch-throttle-qps')} <number>`, 'batches a second', rate(flag('batch-throttle-qps')), 10)
    .option(`${flag('batch-throttle-burst')} <number>`, 'batches at once', count(flag('batch-throttle-burst'), 1), 15)
    .option(`${flag('truncate-enabled')} [bool]`, 'whether events are cut to a size', boolean(flag('truncate-enabled')), false)
    .option(
      `${flag('truncate-max-batch-size')} <bytes>`,
      'of events handed on at once',
      count(flag('truncate-max-batch-size'), 1),
      10 * 1024 * 1024,
    )
    .option(`${flag('truncate-max-event-size')} <bytes>`, 'of an event', count(flag('truncate-max-event-size'), 1), 100 * 1024)
}

function deliveryOf(
  plugin: 'log' | 'webhook',
  options: AuditOptions,
): Pick<NonNullable<AuditSettings['log']>, 'mode' | 'batch' | 'truncate'> {
  const values = options as unknown as Readonly<Record<string, unknown>>
  const prefix = plugin === 'log' ? 'auditLog' : 'auditWebhook'
  const of = <Name extends keyof Delivery>(name: Name): Delivery[Name] => values[prefix + name] as Delivery[Name]
  const [maxEventBytes, maxBatchBytes] = [of('TruncateMaxEventSize'), of('TruncateMaxBatchSize')]
  if (maxBatchBytes < maxEventBytes)
    throw new UsageError(
      `invalid audit truncate ${plugin} max batch size ${maxBatchBytes}, must be greater than max event size (${maxEventBytes})`,
    )
  return {
    mode: of('Mode'),
    batch: {
      bufferSize: of('BatchBufferSize'),
      maxSize: of('BatchMaxSize'),
      maxWaitMs: of('BatchMaxWait'),
      throttle: of('BatchThrottleEnable') ? { qps: of('BatchThrottleQps'), burst: of('BatchThrottleBurst') } : undefined,
    },
    ...(of('TruncateEnabled') && { truncate: { maxEventBytes, maxBatchBytes } }),
  }
}
