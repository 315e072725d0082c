import { Compacted, type Revision } from '../store.ts'
import type { EtcdConnection } from './connection.ts'
import { EtcdError } from './errors.ts'
import type { Fence } from './fence.ts'
import {
  DELETED,
  type Event,
  type KeyValue,
  type RangeResponse,
  TARGET_MOD_REVISION,
  type TxnRequest,
  type TxnResponse,
} from './messages.ts'
import { watchEverything } from './watch.ts'

export interface ConditionalWrite {
  readonly key: string
  /** 0: absent. */
  readonly expected: Revision
  /** Absent: a delete. */
  readonly put: { readonly value: Uint8Array; readonly lease: number | undefined } | undefined
  /** A revision that was reached before the write began. */
  readonly seen: Revision
}

/**
 * Written together with every delete, by whoever deletes. Of two who delete the same revision, one of them without an answer, the history of the key alone would tell
 * both that it was theirs. Outside of the prefix, as upstream's `compact_rev_key` is; nobody reads it but in history.
 */
const DELETE_MARK_KEY = 't8s_delete_mark'

/** `current` is what stands there instead, if anything. */
export type WriteResult = { readonly revision: Revision } | { readonly current: KeyValue | undefined }

export interface WriterOptions {
  readonly connection: EtcdConnection
  readonly fence: Fence
  /** Of this process alone. */
  readonly id: string
  /** Is told of every revision that an answer names. */
  readonly note: (revision: Revision) => void
  readonly signal: AbortSignal
}

type MarkedWrite = ConditionalWrite & { readonly mark?: Uint8Array }

/**
 * Writes under the condition that a key stands at a revision, and finds out what became of a write that nobody answered. Sending it again is safe, since
 * no revision comes twice: of all its copies the condition lets one pass. When none of the later ones did, the key's history says whether an earlier one had.
 * Only absence comes twice. So before a create is sent again, the {@link Fence} is raised against its earlier copies, and the history tells whether one of
 * them had passed before.
 */
export class ConditionalWriter {
  readonly #connection: EtcdConnection
  readonly #fence: Fence
  readonly #note: (revision: Revision) => void
  readonly #signal: AbortSignal
  readonly #id: string
  #deletes = 0

  constructor({ connection, fence, id, note, signal }: WriterOptions) {
    this.#connection = connection
    this.#fence = fence
    this.#id = id
    this.#note = note
    this.#signal = signal
  }

  async write(write: ConditionalWrite): Promise<WriteResult> {
    if (write.put !== undefined) return this.#write(write)
    try {
      return await this.#write({ ...write, mark: Buffer.from(`${this.#id}/${++this.#deletes}`) })
    } catch (error) {
      if (!(error instanceof EtcdError) || error.kind !== 'no-space') throw error
      // An etcd that is full takes deletes, and nothing beside them.
      return this.#write(write)
    }
  }

  async #write(write: MarkedWrite): Promise<WriteResult> {
    return this.#connection.retrying(async (count) => {
      if (write.expected === 0) await this.#fence.closed()
      const done = count > 0 && write.expected === 0 ? await this.#findCreated(write) : undefined
      if (done !== undefined) return { revision: done }
      const response = await this.#send(write)
      const revision = response.header?.revision ?? 0
      this.#note(revision)
      if (response.succeeded) return { revision }
      const current = response.responses?.[0]?.range?.kvs?.[0]
      if (count > 0) {
        const earlier = await this.#findEarlier(write, current, revision).catch(historyGone)
        if (earlier !== undefined) return { revision: earlier }
      }
      return { current }
    })
  }

  async #send(write: MarkedWrite): Promise<TxnResponse> {
    if (write.expected !== 0) return this.#connection.attempt<TxnResponse>('txn', requestOf(write, undefined))
    try {
      for (;;) {
        // Others may raise it meanwhile.
        const named = this.#fence.revision
        const response = await this.#connection.attempt<TxnResponse>('txn', requestOf(write, this.#fence))
        const [key, fence] = response.responses?.map(({ range }) => range?.kvs?.[0]) ?? []
        const at = fence?.modRevision ?? 0
        if (response.succeeded || key !== undefined || at === named) return response
        this.#fence.foundAt(at)
      }
    } catch (error) {
      if (error instanceof EtcdError && error.kind === 'transient') this.#fence.breach()
      throw error
    }
  }

  /** The revision at which an earlier copy created the key, whatever became of it since. */
  async #findCreated(write: MarkedWrite): Promise<Revision | undefined> {
    const { header, kvs } = await this.#connection.attempt<RangeResponse>('range', { key: write.key })
    return this.#findEarlier(write, kvs?.[0], header?.revision ?? 0).catch(historyGone)
  }

  /** The revision of an earlier copy of `write` that did pass, when the key was `current` at `revision`. */
  async #findEarlier(write: MarkedWrite, current: KeyValue | undefined, revision: Revision): Promise<Revision | undefined> {
    const since = Math.max(write.expected, write.seen)
    // Nothing happened to the key meanwhile.
    if (current !== undefined && (current.modRevision ?? 0) <= since) return undefined
    if (current !== undefined && write.expected === 0 && isOurs(write, { kv: current })) return current.modRevision
    for await (const batch of watchEverything(this.#connection, since, this.#signal)) {
      for (const event of batch.events) {
        if ((event.kv?.modRevision ?? 0) > since && isOurs(write, event)) return event.kv?.modRevision
      }
      if (batch.revision >= revision) return undefined
    }
    return undefined
  }
}

/** A compaction overtook the write, which takes one of a revision that is seconds old. */
function historyGone(error: unknown): never {
  if (!(error instanceof Compacted)) throw error
  throw new EtcdError('unknown', `nobody answered the write, and its history is gone: ${error.message}`, false, { cause: error })
}

function requestOf({ key, expected, put, mark }: MarkedWrite, fence: Fence | undefined): TxnRequest {
  const conditions = [{ key, revision: expected }, ...(fence === undefined ? [] : [fence])]
  return {
    compare: conditions.map((each) => ({ target: TARGET_MOD_REVISION, key: each.key, modRevision: each.revision })),
    success: [
      put === undefined ? { deleteRange: { key } } : { put: { key, ...put } },
      ...(mark === undefined ? [] : [{ put: { key: DELETE_MARK_KEY, value: mark } }]),
    ],
    failure: conditions.map((each) => ({ range: { key: each.key } })),
  }
}

/** Whether an event is what the write would have left: from what it expected, to its value; of a delete, its mark. */
function isOurs({ key, expected, put, mark }: MarkedWrite, { type, kv, prevKv }: Event): boolean {
  if (type === DELETED) return put === undefined && mark === undefined && kv?.key === key && prevKv?.modRevision === expected
  const isFromExpected = expected === 0 ? kv?.version === 1 : prevKv?.modRevision === expected
  if (put !== undefined) return kv?.key === key && isFromExpected && Buffer.compare(kv.value ?? NOTHING, put.value) === 0
  return mark !== undefined && kv?.key === DELETE_MARK_KEY && Buffer.compare(kv.value ?? NOTHING, mark) === 0
}

const NOTHING = new Uint8Array(0)
