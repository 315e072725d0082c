import { readFile } from 'node:fs/promises'
import { dirname } from 'node:path'
import type { Clock, Log, Random } from '#base'
import { connectionOf, httpTransport, type Peer, readKubeconfig, type TransportRequest, type UserInfo } from '#client'
import { internalError } from '#meta'
import { AuditMetrics } from '../audit-metrics.ts'
import type { RequestInfo } from '../request-info.ts'
import type { AuditBackend } from './backends/backend.ts'
import { BatchBackend, type BatchSettings } from './backends/batch.ts'
import { type AuditLogFormat, LogBackend, standardOutput } from './backends/log.ts'
import { RotatingFile } from './backends/rotating-file.ts'
import { TruncateBackend, type TruncateSettings } from './backends/truncate.ts'
import { WebhookBackend } from './backends/webhook.ts'
import type { AuditEvent } from './event.ts'
import { type AuditPolicy, type AuditRuling, checkedPolicy, parseAuditPolicy, rulingOf } from './policy.ts'
import { type AuditKeeper, AuditTrail } from './trail.ts'

/** What is recorded, and where it goes: the `--audit-…` flags. */
export interface AuditSettings {
  /** A policy, or the file of one (`--audit-policy-file`). */
  readonly policy: AuditPolicy | string
  readonly log?: AuditLogSettings | undefined
  readonly webhook?: AuditWebhookSettings | undefined
  /** Told every event, in this process. */
  readonly record?: ((event: AuditEvent) => void) | undefined
}

/** `batch`: in the background. `blocking`: before the request goes on. `blocking-strict`: which fails when its beginning can't be kept. */
export type AuditMode = 'batch' | 'blocking' | 'blocking-strict'

interface DeliverySettings {
  readonly mode?: AuditMode | undefined
  readonly batch?: Partial<Omit<BatchSettings, 'inFlightMax'>> | undefined
  readonly truncate?: TruncateSettings | undefined
}

export interface AuditLogSettings extends DeliverySettings {
  /** `-` is standard output. */
  readonly path: string
  readonly format?: AuditLogFormat | undefined
  readonly maxAgeDays?: number | undefined
  readonly maxBackups?: number | undefined
  readonly maxSizeMegabytes?: number | undefined
  readonly compress?: boolean | undefined
}

export interface AuditWebhookSettings extends DeliverySettings {
  /** A kubeconfig whose server is the webhook. */
  readonly configFile: string
  readonly initialBackoffMs?: number | undefined
}

export interface AuditDependencies {
  readonly clock: Clock
  readonly random: Random
  readonly log: Log
}

const MEGABYTE = 1024 * 1024
const LOG_SIZE_DEFAULT_MEGABYTES = 100
const INITIAL_BACKOFF_MS = 10_000
const LOG_BATCH: BatchSettings = { bufferSize: 10_000, maxSize: 1, maxWaitMs: 0, inFlightMax: 1 }
const WEBHOOK_BATCH: BatchSettings = {
  bufferSize: 10_000,
  maxSize: 400,
  maxWaitMs: 30_000,
  throttle: { qps: 10, burst: 15 },
  inFlightMax: 50,
}

/** Records what is asked of the API server (https://kubernetes.io/docs/tasks/debug/debug-cluster/audit/). */
export class Audit implements AuditKeeper, AsyncDisposable {
  readonly clock: Clock
  readonly metrics: AuditMetrics
  readonly #policy: AuditPolicy
  readonly #backends: readonly AuditBackend[]

  constructor(
    policy: AuditPolicy,
    backends: readonly AuditBackend[],
    { clock, metrics }: { clock: Clock; metrics: AuditMetrics },
  ) {
    this.#policy = policy
    this.#backends = backends
    this.clock = clock
    this.metrics = metrics
  }

  /** Throws an Error in upstream's words when a file can't be used. */
  static async open(settings: AuditSettings, dependencies: AuditDependencies): Promise<Audit> {
    const metrics = new AuditMetrics()
    const shared = { ...dependencies, metrics }
    const policy = typeof settings.policy === 'string' ? await readPolicy(settings.policy, dependencies.log) : settings.policy
    const backends = [
      ...(settings.log === undefined ? [] : [openLog(settings.log, shared)]),
      ...(settings.webhook === undefined ? [] : [await openWebhook(settings.webhook, shared)]),
      ...(settings.record === undefined ? [] : [recorder(settings.record)]),
    ]
    return new Audit(checkedPolicy(policy), backends, { clock: dependencies.clock, metrics })
  }

  /** Of a request that has just come. */
  trail(request: TransportRequest, peer: Peer, id: string): AuditTrail {
    return new AuditTrail(this, request, peer, id)
  }

  rulingOf(info: RequestInfo, user: UserInfo | undefined): AuditRuling {
    const ruling = rulingOf(this.#policy, info, user)
    this.metrics.level(ruling.level)
    return ruling
  }

  keep(event: AuditEvent): boolean | Promise<boolean> {
    this.metrics.event()
    const answers = this.#backends.map((backend) => backend.process([event]))
    if (answers.every((answer) => typeof answer === 'boolean')) return answers.every(Boolean)
    return Promise.all(answers.map(async (answer) => answer)).then((kept) => kept.every(Boolean))
  }

  refuse(): never {
    this.metrics.rejected()
    throw internalError(new Error('failed to store audit event'))
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.#backends.map((backend) => backend[Symbol.asyncDispose]()))
  }
}

type Shared = AuditDependencies & { readonly metrics: AuditMetrics }

async function readPolicy(file: string, log: Log): Promise<AuditPolicy> {
  let bytes: Uint8Array
  try {
    bytes = await readFile(file)
  } catch (error) {
    const why = `failed to read file path ${JSON.stringify(file)}: ${(error as Error).message}`
    throw new Error(`loading audit policy file: ${why}`, { cause: error })
  }
  try {
    return await parseAuditPolicy(bytes, (problem) =>
      log.warn('The audit policy has errors and is read leniently', { file, problem }),
    )
  } catch (error) {
    throw new Error(`loading audit policy file: ${(error as Error).message}: from file ${file}`, { cause: error })
  }
}

function openLog(settings: AuditLogSettings, shared: Shared): AuditBackend {
  const { path, format = 'json', maxSizeMegabytes = 0, maxBackups = 0, maxAgeDays = 0, compress = false } = settings
  const maxBytes = (maxSizeMegabytes || LOG_SIZE_DEFAULT_MEGABYTES) * MEGABYTE
  const sink = path === '-' ? standardOutput : new RotatingFile({ path, maxBytes, maxBackups, maxAgeDays, compress, ...shared })
  return delivered(new LogBackend(sink, format, shared), settings, 'blocking', LOG_BATCH, shared)
}

async function openWebhook(settings: AuditWebhookSettings, shared: Shared): Promise<AuditBackend> {
  const { configFile, initialBackoffMs = INITIAL_BACKOFF_MS } = settings
  let transport: ReturnType<typeof httpTransport>
  try {
    const kubeconfig = await readKubeconfig(configFile)
    transport = httpTransport({ ...connectionOf(kubeconfig, { directory: dirname(configFile) }), userAgent: 'kube-apiserver' })
  } catch (error) {
    throw new Error(`initializing audit webhook: ${(error as Error).message}`, { cause: error })
  }
  const webhook = new WebhookBackend({ ...shared, transport, initialBackoffMs })
  return delivered(webhook, settings, 'batch', WEBHOOK_BATCH, shared)
}

/** How a backend is reached: in the background or not, and with how large events. */
function delivered(
  backend: AuditBackend,
  { mode, batch, truncate }: DeliverySettings,
  usual: AuditMode,
  usualBatch: BatchSettings,
  shared: Shared,
): AuditBackend {
  const reached = inMode(backend, mode ?? usual, { ...usualBatch, ...batch }, shared)
  return truncate === undefined ? reached : new TruncateBackend(reached, truncate, shared)
}

function inMode(backend: AuditBackend, mode: AuditMode, batch: BatchSettings, shared: Shared): AuditBackend {
  switch (mode) {
    case 'batch':
      return new BatchBackend(backend, batch, shared)
    case 'blocking-strict':
      return backend
    case 'blocking':
      return {
        process(events) {
          const kept = backend.process(events)
          return typeof kept === 'boolean' ? true : kept.then(() => true)
        },
        [Symbol.asyncDispose]: () => backend[Symbol.asyncDispose](),
      }
  }
}

const recorder = (record: (event: AuditEvent) => void): AuditBackend => ({
  process(events) {
    for (const event of events) record(event)
    return true
  },
  async [Symbol.asyncDispose]() {},
})
