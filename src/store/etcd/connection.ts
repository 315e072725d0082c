import { isIP } from 'node:net'
import { checkServerIdentity } from 'node:tls'
import type * as Grpc from '@grpc/grpc-js'
import { type Clock, type Log, type Random, systemClock, type Timer } from '#base'
import type { StoreFailure } from '../store.ts'
import { ChangingEndpoints, type EtcdEndpoints, type EtcdTls, parseEndpoint } from './endpoint.ts'
import { EtcdError, etcdErrorOf } from './errors.ts'
import { etcdCodec, type Header, type Identity, type SnapshotResponse, type StatusResponse } from './messages.ts'
import { Strangers } from './strangers.ts'

export interface ConnectionDependencies {
  readonly clock: Clock
  readonly random: Random
  readonly log: Log
  /** Told once, with a sentence, when nobody but another cluster, or an older state of this one, answers any more. */
  readonly onReplaced?: ((error: StoreFailure) => void) | undefined
}

/** A call to a member that lost its leader hangs until its deadline, so this is what a failover costs. */
export const CALL_TIMEOUT_MS = 1_500
/** An election takes a second or two; who is told of a failure after this long has lost more than a member. */
const RETRY_BUDGET_MS = 10_000
/** In which a member that is there says whether it knows a leader; for so long calls wait for one that does. */
export const CHOICE_TIMEOUT_MS = 500
const RETRY_PAUSE_MS = 50
const RETRY_PAUSES_MAX = 10
const MESSAGE_BYTES_MAX = 2 ** 31 - 1
/** etcd closes connections that ping more often than every five seconds (`--grpc-keepalive-min-time`). */
const KEEPALIVE_MS = 10_000
const KEEPALIVE_TIMEOUT_MS = 3_000

const METHODS = {
  range: ['/etcdserverpb.KV/Range', 'RangeRequest', 'RangeResponse'],
  txn: ['/etcdserverpb.KV/Txn', 'TxnRequest', 'TxnResponse'],
  compact: ['/etcdserverpb.KV/Compact', 'CompactionRequest', 'CompactionResponse'],
  leaseGrant: ['/etcdserverpb.Lease/LeaseGrant', 'LeaseGrantRequest', 'LeaseGrantResponse'],
  alarm: ['/etcdserverpb.Maintenance/Alarm', 'AlarmRequest', 'AlarmResponse'],
  status: ['/etcdserverpb.Maintenance/Status', 'StatusRequest', 'StatusResponse'],
  moveLeader: ['/etcdserverpb.Maintenance/MoveLeader', 'MoveLeaderRequest', 'MoveLeaderResponse'],
  memberList: ['/etcdserverpb.Cluster/MemberList', 'MemberListRequest', 'MembersResponse'],
  memberAdd: ['/etcdserverpb.Cluster/MemberAdd', 'MemberAddRequest', 'MemberAddResponse'],
  memberPromote: ['/etcdserverpb.Cluster/MemberPromote', 'MemberIdRequest', 'MembersResponse'],
  memberRemove: ['/etcdserverpb.Cluster/MemberRemove', 'MemberIdRequest', 'MembersResponse'],
} as const

export type EtcdMethod = keyof typeof METHODS

/** Their answers show all that was acknowledged before they were sent. */
const LINEARIZABLE: ReadonlySet<EtcdMethod> = new Set(['range', 'txn'])
/** etcd may not say whose answer it is: 3.4 does not say it of alarms, none does of a leader that moves. */
const ANONYMOUS: ReadonlySet<EtcdMethod> = new Set(['moveLeader', 'alarm'])

export type WatchCall = Grpc.ClientDuplexStream<object, object>

export interface WatchHandle {
  readonly call: WatchCall
  end(): void
  /** What an error of the call means. */
  failed(error: unknown): EtcdError
  /** Throws for what a member of this cluster would not say. */
  vet(header: Header | undefined): void
  /** What is to be told when the member does not do what it should: calls and watches go on to another. */
  late(details: string): EtcdError
  /** Tells the error after the time that opening may take; until the timer is disposed of. */
  unlessOpened(tell: (error: EtcdError) => void): Timer
}

interface Member {
  readonly endpoint: string
  readonly tls: EtcdTls | undefined
  readonly client: Grpc.Client
  /** Streams that end with the trust in the member. */
  readonly streams: Set<() => void>
}

/**
 * gRPC to the members of one etcd cluster. All calls and watches go to one member; when it fails, they all go on to the next, so that a watch never
 * stays with a member that calls have given up.
 */
export class EtcdConnection implements Disposable {
  readonly #grpc: typeof Grpc
  readonly #clock: Clock
  readonly #log: Log
  readonly #listening: Disposable | undefined
  readonly #strangers: Strangers
  #members: readonly Member[]
  #current: number
  /** Under way while it is found out who takes the place of a member that failed. */
  #choice: Promise<void> | undefined
  #failure: EtcdError | undefined
  #watchFailure: EtcdError | undefined
  #cluster: number | undefined
  #newest = 0
  #closed = false

  constructor(grpc: typeof Grpc, endpoints: EtcdEndpoints, { clock, random, log, onReplaced }: ConnectionDependencies) {
    this.#grpc = grpc
    this.#strangers = new Strangers(clock, onReplaced)
    this.#clock = clock
    this.#log = log
    this.#members = endpoints.servers.map((endpoint) => memberOf(grpc, endpoint, endpoints.tls))
    if (endpoints instanceof ChangingEndpoints) {
      this.#current = 0
      this.#listening = endpoints.onChange(() => this.#follow(endpoints))
    } else {
      // API servers that are told the same list should not all burden its first member.
      this.#current = random.int(endpoints.servers.length)
    }
  }

  static async open(endpoints: EtcdEndpoints, dependencies: ConnectionDependencies): Promise<EtcdConnection> {
    return new EtcdConnection(await import('@grpc/grpc-js'), endpoints, dependencies)
  }

  /** Why no member did what was asked last, or watches bring nothing; undefined since one did. */
  get failure(): EtcdError | undefined {
    return this.#failure ?? this.#watchFailure
  }

  /** Why a watch ended again before it had brought anything; undefined once one has. */
  noteWatch(failure: EtcdError | undefined): void {
    this.#watchFailure = failure
  }

  /** Sends until a member answers, for calls that may be sent twice. */
  async call<T>(method: EtcdMethod, request: object, timeoutMs = CALL_TIMEOUT_MS): Promise<T> {
    return this.retrying(() => this.attempt<T>(method, request, timeoutMs))
  }

  /** Runs `attempt` again while it fails transiently and the budget lasts. It is told how often it has run. */
  async retrying<T>(attempt: (count: number) => Promise<T>): Promise<T> {
    const endMs = this.#clock.monotonic() + RETRY_BUDGET_MS
    for (let count = 0; ; count++) {
      try {
        return await attempt(count)
      } catch (error) {
        const isWorthIt = error instanceof EtcdError && error.kind === 'transient'
        // Until all were asked, this is a failover and no failure.
        if (isWorthIt && count >= this.#members.length - 1) this.#failure = error
        if (!isWorthIt || this.#closed || this.#clock.monotonic() >= endMs) throw error
        // The first round goes through the members at once.
        if (count >= this.#members.length - 1) await this.pause(count + 1)
      }
    }
  }

  /** Calls back later, unless the timer is disposed of. */
  after(ms: number, callback: () => void): Timer {
    return this.#clock.after(ms, callback)
  }

  /** Calls back after the time that an answer may take; until the timer is disposed of. */
  whenAnswersAreDue(callback: () => void): Timer {
    return this.after(CALL_TIMEOUT_MS, callback)
  }

  /** Waits before the next attempt, after `count` in vain. */
  pause(count: number): Promise<void> {
    return this.#clock.sleep(RETRY_PAUSE_MS * Math.min(RETRY_PAUSES_MAX, count))
  }

  /** Sends once. Throws {@link EtcdError}. */
  attempt<T>(method: EtcdMethod, request: object, timeoutMs = CALL_TIMEOUT_MS): Promise<T> {
    if (this.#choice === undefined) return this.#ask<T>(this.#member(), method, request, timeoutMs)
    return this.#choice.then(() => this.#ask<T>(this.#member(), method, request, timeoutMs))
  }

  #ask<T>(member: Member, method: EtcdMethod, request: object, timeoutMs: number): Promise<T> {
    const [path, input, output] = METHODS[method]
    // grpc-js takes points in time of the system's clock.
    const options = { deadline: systemClock.now() + timeoutMs }
    const newest = LINEARIZABLE.has(method) ? this.#newest : 0
    const metadata = new this.#grpc.Metadata()
    // A member that knows no leader then says so, instead of keeping silent until the deadline.
    if (LINEARIZABLE.has(method)) metadata.set('hasleader', 'true')
    return new Promise<T>((resolve, reject) => {
      const done = (error: Grpc.ServiceError | null, response?: T): void => {
        if (error !== null) {
          reject(this.#failed(member, error))
          return
        }
        try {
          const { header } = response as { readonly header?: Header | Identity }
          if (header !== undefined || !ANONYMOUS.has(method)) {
            this.#vet(member, header, newest)
            this.#strangers.clear()
          }
          this.#failure = undefined
          resolve(response as T)
        } catch (refusal) {
          reject(refusal)
        }
      }
      member.client.makeUnaryRequest<object, T>(path, encoder(input), decoder<T>(output), request, metadata, options, done)
    })
  }

  /** A watch stream on the member that calls go to. `end` releases it. */
  watch(): WatchHandle {
    const member = this.#member()
    const metadata = new this.#grpc.Metadata()
    // A member that loses its leader then ends the watch instead of keeping silent.
    metadata.set('hasleader', 'true')
    const call = member.client.makeBidiStreamRequest<object, object>(
      '/etcdserverpb.Watch/Watch',
      encoder('WatchRequest'),
      decoder<object>('WatchResponse'),
      metadata,
    )
    const cancel = (): void => call.cancel()
    member.streams.add(cancel)
    const end = (): void => {
      member.streams.delete(cancel)
      call.cancel()
    }
    const late = (details: string): EtcdError => this.#failed(member, { code: this.#grpc.status.DEADLINE_EXCEEDED, details })
    return {
      call,
      end,
      failed: (error) => this.#failed(member, error),
      vet: (header) => this.#vet(member, header, 0),
      late,
      unlessOpened: (tell) => this.whenAnswersAreDue(() => tell(late('the member did not open the watch in time'))),
    }
  }

  /** All of one moment as the member sends it: its database, and behind it the SHA-256 of that. */
  snapshot(signal: AbortSignal): AsyncIterable<SnapshotResponse> {
    const member = this.#member()
    const [path, encode, decode] = ['/etcdserverpb.Maintenance/Snapshot', encoder('SnapshotRequest'), decoder('SnapshotResponse')]
    const call = member.client.makeServerStreamRequest<object, unknown>(path, encode, decode, {})
    const cancel = (): void => call.cancel()
    signal.addEventListener('abort', cancel, { once: true })
    const failed = (error: unknown): EtcdError => this.#failed(member, error)
    return (async function* () {
      try {
        for await (const part of call) yield part as SnapshotResponse
      } catch (error) {
        throw failed(error)
      } finally {
        signal.removeEventListener('abort', cancel)
        call.cancel()
      }
    })()
  }

  [Symbol.dispose](): void {
    this.#closed = true
    this.#strangers[Symbol.dispose]()
    this.#listening?.[Symbol.dispose]()
    for (const member of this.#members) close(member)
  }

  /** Goes on with who is still a member, and with who has become one. */
  #follow({ servers, tls }: EtcdEndpoints): void {
    const before = this.#members
    const current = before[this.#current]
    this.#members = servers.map(
      (endpoint) => before.find((each) => each.endpoint === endpoint && each.tls === tls) ?? memberOf(this.#grpc, endpoint, tls),
    )
    this.#current = Math.max(
      0,
      this.#members.findIndex(({ endpoint }) => endpoint === current?.endpoint),
    )
    for (const member of before) if (!this.#members.includes(member)) close(member)
  }

  #member(): Member {
    if (this.#closed) throw new EtcdError('refused', 'the store is closed', false)
    const { failure } = this.#strangers
    if (failure !== undefined) throw new EtcdError('refused', failure.message, false)
    return this.#members[this.#current]!
  }

  /** An answer from another cluster, or from a time before `newest`, is none: its member was restored, or never was one of these. */
  #vet(member: Member, { clusterId = 0, revision = 0 }: Header | Identity = {}, newest: number): void {
    // As every read and write has it, which decode the nearest double.
    const cluster = Number(clusterId)
    this.#cluster ??= cluster
    if (revision < newest || cluster !== this.#cluster) {
      const details =
        revision < newest
          ? `${member.endpoint} went back from revision ${newest} to ${revision}: it was restored, or belongs to another cluster`
          : `${member.endpoint} belongs to another cluster than the one that answered first`
      this.#strangers.answered(details)
      throw this.#failed(member, { code: this.#grpc.status.UNAVAILABLE, details })
    }
    if (revision > this.#newest) this.#newest = revision
  }

  #failed(member: Member, cause: unknown): EtcdError {
    const error = etcdErrorOf(this.#grpc, cause)
    if (error.kind === 'unauthenticated' || (error.kind === 'refused' && error.isMembersFault)) this.#failure = error
    if (error.isMembersFault && !this.#closed && this.#members[this.#current] === member && this.#members.length > 1) {
      this.#current = (this.#current + 1) % this.#members.length
      const next = this.#members[this.#current]!.endpoint
      this.#log.warn('An etcd member does not answer; the next is asked', { member: member.endpoint, next, error: error.message })
      for (const cancel of [...member.streams]) cancel()
      if (this.#members.length > 2) this.#choose(member)
    }
    return error
  }

  /** Goes on to the first of the others that says it knows a leader: the next in turn may be the machine that is gone, and would keep everybody waiting once more. */
  #choose(failed: Member): void {
    this.#choice ??= (async () => {
      const others = this.#members.filter((member) => member !== failed)
      const led = others.map(async (member) => {
        const { leader = 0n } = await this.#ask<StatusResponse>(member, 'status', {}, CHOICE_TIMEOUT_MS)
        if (leader === 0n) throw new EtcdError('transient', `${member.endpoint} knows no leader`, true)
        return member
      })
      const chosen = await Promise.any(led).catch(() => undefined)
      this.#choice = undefined
      const before = this.#members[this.#current]
      if (chosen === undefined || chosen === before || !this.#members.includes(chosen)) return
      this.#current = this.#members.indexOf(chosen)
      for (const cancel of [...(before?.streams ?? [])]) cancel()
    })()
  }
}

const memberOf = (grpc: typeof Grpc, endpoint: string, tls: EtcdTls | undefined): Member => ({
  endpoint,
  tls,
  client: clientOf(grpc, endpoint, tls),
  streams: new Set(),
})

function close({ client, streams }: Member): void {
  for (const cancel of [...streams]) cancel()
  client.close()
}

function clientOf(grpc: typeof Grpc, endpoint: string, tls: EtcdTls | undefined): Grpc.Client {
  const { protocol, hostname, host } = parseEndpoint(endpoint)
  const pem = (text: string | undefined): Buffer | null => (text === undefined ? null : Buffer.from(text))
  const credentials =
    protocol === 'http:'
      ? grpc.credentials.createInsecure()
      : grpc.credentials.createSsl(pem(tls?.ca), pem(tls?.key), pem(tls?.certificate), {
          checkServerIdentity: (_name, certificate) => checkServerIdentity(hostname, certificate),
        })
  return new grpc.Client(host, credentials, {
    // Node takes no address as the name of a TLS server, and grpc-js would give it one; what the certificate must say is checked above.
    ...(isIP(hostname) !== 0 && { 'grpc.ssl_target_name_override': 'etcd' }),
    'grpc.max_receive_message_length': MESSAGE_BYTES_MAX,
    'grpc.max_send_message_length': MESSAGE_BYTES_MAX,
    'grpc.keepalive_time_ms': KEEPALIVE_MS,
    'grpc.keepalive_timeout_ms': KEEPALIVE_TIMEOUT_MS,
    'grpc.keepalive_permit_without_calls': 1,
    'grpc.initial_reconnect_backoff_ms': 100,
    'grpc.max_reconnect_backoff_ms': 1_000,
    // Each store has connections of its own, which end with it.
    'grpc.use_local_subchannel_pool': 1,
    // Whether a call is sent again is decided where its effect is known.
    'grpc.enable_retries': 0,
  })
}

const encoder =
  (message: string) =>
  (value: object): Buffer =>
    etcdCodec.encode(message, value)

const decoder =
  <T>(message: string) =>
  (bytes: Buffer): T =>
    etcdCodec.decode(message, bytes) as T
