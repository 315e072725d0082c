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

/** One line of a journal: what a process that may die at any instant says before it goes on. */
export type Entry =
  | { readonly type: 'asked'; readonly id: number; readonly client: number; readonly action: Action }
  | { readonly type: 'answered'; readonly id: number; readonly answer: Answer }
  | { readonly type: 'watching'; readonly name: string; readonly prefix: string; readonly since: Revision }
  | { readonly type: 'told'; readonly name: string; readonly told: Told }

/** Writes down what happens, in the order of one process. */
export class Recorder {
  readonly #write: (entry: Entry) => void
  #asked = 0

  constructor(write: (entry: Entry) => void) {
    this.#write = write
  }

  /** Asks, and writes down the question and its answer. An error is of the test: answers say what failed. */
  async ask<T extends Answer>(client: number, action: Action, asking: () => Promise<T>): Promise<T> {
    const id = ++this.#asked
    this.#write({ type: 'asked', id, client, action })
    const answer = await asking()
    this.#write({ type: 'answered', id, answer })
    return answer
  }

  /** Begins a watcher's record, or goes on with it; what it returns takes what the watcher is told. */
  watcher(name: string, prefix: string, since: Revision): (told: Told) => void {
    this.#write({ type: 'watching', name, prefix, since })
    return (told) => this.#write({ type: 'told', name, told })
  }
}

/** The history that journals tell, one after the other. A question whose answer is not in its journal has none. */
export class Journal implements History {
  readonly #operations: Operation[] = []
  readonly #watches = new Map<string, WatchRecord & { readonly told: (Told & { readonly at: Moment })[] }>()
  /** Places of the questions of the process that writes now. */
  #open = new Map<number, number>()
  #moment = 0

  get operations(): readonly Operation[] {
    return this.#operations
  }

  get watches(): readonly WatchRecord[] {
    return [...this.#watches.values()]
  }

  /** Another process goes on, since the last has ended. */
  next(): void {
    this.#open = new Map()
  }

  readonly add = (entry: Entry): void => {
    const at = ++this.#moment
    switch (entry.type) {
      case 'asked': {
        const { id, client, action } = entry
        this.#open.set(id, this.#operations.length)
        this.#operations.push({ client, action, answer: { type: 'unknown' }, askedAt: at, answeredAt: Number.POSITIVE_INFINITY })
        return
      }
      case 'answered': {
        const place = this.#open.get(entry.id)!
        this.#open.delete(entry.id)
        const { answer } = entry
        if (answer.type !== 'unknown') this.#operations[place] = { ...this.#operations[place]!, answer, answeredAt: at }
        return
      }
      case 'watching': {
        const { name, prefix, since } = entry
        if (!this.#watches.has(name)) this.#watches.set(name, { name, prefix, since, told: [] })
        return
      }
      case 'told':
        this.#watches.get(entry.name)!.told.push({ ...entry.told, at })
    }
  }
}

export const isWrite = (action: Action): action is Write => action.type === 'put' || action.type === 'delete'
