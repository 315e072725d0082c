import type { Revision } from '#store'

/** A place in the order in which one recorder saw things happen: asked, answered, heard. */
export type Moment = number

/** A value at the revision that wrote it. Every write of a history has a value of its own, so values tell writes apart. */
export interface Seen {
  readonly key: string
  readonly value: string
  readonly revision: Revision
}

/** How old an answer may be: not older than anything that anyone had been told before it was asked for, than one revision, or as old as it likes. */
export type Freshness = 'latest' | Revision | 'any'

/** `from` is what the writer believes to be there; undefined: nothing. */
export type Write =
  | { readonly type: 'put'; readonly key: string; readonly value: string; readonly from: Seen | undefined }
  | { readonly type: 'delete'; readonly key: string; readonly from: Seen }
export type Read =
  | { readonly type: 'get'; readonly key: string; readonly freshness: Freshness }
  | { readonly type: 'list'; readonly prefix: string; readonly freshness: Freshness }
export type Action = Write | Read

export type Answer =
  /** Not every interface tells the revision of a delete. */
  | { readonly type: 'done'; readonly revision: Revision | undefined }
  /** Something else is there, if it was told what: `null` is nothing. It had no effect. */
  | { readonly type: 'refused'; readonly current: Seen | null | undefined }
  /** `revision` is what the whole answer shows, for answers that say so. */
  | { readonly type: 'read'; readonly entries: readonly Seen[]; readonly revision: Revision | undefined }
  /** Whether it had an effect, or will have one, is not known. */
  | { readonly type: 'unknown' }
  /** It had no effect. */
  | { readonly type: 'failed' }

export interface Operation {
  readonly client: number
  readonly action: Action
  readonly answer: Answer
  readonly askedAt: Moment
  /** Infinity: nothing that came later is known to come after its effect. */
  readonly answeredAt: Moment
}

export type Told =
  | {
      readonly type: 'put' | 'delete'
      readonly key: string
      /** Of a delete: the last one. */
      readonly value: string
      readonly revision: Revision
      /** `null`: nothing was there; undefined: it is not told. */
      readonly previous: Seen | null | undefined
    }
  /** Everything up to the revision was told. */
  | { readonly type: 'progress'; readonly revision: Revision }

/** What one watcher was told of changes below a prefix after a revision, across all the watches that it took. */
export interface WatchRecord {
  readonly name: string
  readonly prefix: string
  readonly since: Revision
  readonly told: readonly (Told & { readonly at: Moment })[]
}

export interface History {
  readonly operations: readonly Operation[]
  readonly watches: readonly WatchRecord[]
}

/** Writes down what happens, in the order of one process. */
export class Recorder implements History {
  readonly operations: Operation[] = []
  readonly watches: (WatchRecord & { readonly told: (Told & { readonly at: Moment })[] })[] = []
  #moment = 0

  /** Asks, and keeps the question with its answer. An error is of the test: answers say what failed. */
  async ask<T extends Answer>(client: number, action: Action, asking: () => Promise<T>): Promise<T> {
    const askedAt = ++this.#moment
    const answer = await asking()
    const answeredAt = answer.type === 'unknown' ? Number.POSITIVE_INFINITY : ++this.#moment
    this.operations.push({ client, action, answer, askedAt, answeredAt })
    return answer
  }

  /** Begins a watcher's record; what it returns takes what the watcher is told. */
  watcher(name: string, prefix: string, since: Revision): (told: Told) => void {
    const told: (Told & { readonly at: Moment })[] = []
    this.watches.push({ name, prefix, since, told })
    return (each) => void told.push({ ...each, at: ++this.#moment })
  }
}

export const isWrite = (action: Action): action is Write => action.type === 'put' || action.type === 'delete'
