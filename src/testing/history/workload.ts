import { type Clock, type Random, seededRandom, type VirtualClock } from '#base'
import { type Revision, WatchOverflow } from '#store'
import type { Action, Answer, Freshness, Recorder, Seen, Told } from './history.ts'

/** What a history is made with: a store, or an API server. */
export interface Target {
  readonly prefix: string
  /** Answers, and throws only what no client may meet. */
  ask(action: Action): Promise<Answer>
  /** Follows changes after a revision until the signal ends it; throws `Broken` when it has to be taken again from where it was. */
  watch(since: Revision, signal: AbortSignal): AsyncIterable<Told>
  latest(): Promise<Revision>
}

/** A watch that ended too early; who follows takes another. */
export class Broken extends Error {
  override readonly name = 'Broken'
}

export interface WorkloadOptions {
  readonly targets: readonly Target[]
  readonly recorder: Recorder
  readonly clock: Clock
  readonly random: Random
  readonly clients: number
  readonly keys: readonly string[]
  /** What lists are of; the target's own prefix unless named. */
  readonly prefix?: string | undefined
  /** Operations of each client; it stops earlier when the signal says so. */
  readonly operations: number
  readonly signal?: AbortSignal | undefined
  /** Between the operations of one client at most; 0: none. */
  readonly pauseMs: number
  /** Kinds of reads beside those of the latest. */
  readonly freshness?: readonly ('atLeast' | 'any')[] | undefined
}

/** Out of a hundred operations. */
const PUTS = 45
const DELETES = 60
const LISTS = 75
/** So many writers take what they remember, however old it is; the others look first. */
const REMEMBERS = 70

/**
 * Clients that create, update on what they have seen, delete, get and list, all at once, on few keys, so that they get into each other's way. What they
 * do is drawn from `random` and what they are answered.
 */
export async function runClients(options: WorkloadOptions): Promise<void> {
  const seeds = Array.from({ length: options.clients }, () => options.random.int(2 ** 31))
  await Promise.all(seeds.map((seed, client) => runClient(options, client, seededRandom(seed))))
}

async function runClient(options: WorkloadOptions, client: number, random: Random): Promise<void> {
  const { targets, recorder, clock, keys, pauseMs, signal } = options
  const memory = new Map<string, Seen | undefined>()
  let newest: Revision = 0
  for (let count = 0; count < options.operations && signal?.aborted !== true; count++) {
    const target = targets[random.int(targets.length)]!
    const ask = async (action: Action): Promise<void> => {
      const answer = await recorder.ask(client, action, () => target.ask(action))
      newest = Math.max(newest, remember(memory, action, answer))
    }
    const key = keys[random.int(keys.length)]!
    const draw = random.int(100)
    if (draw >= DELETES) {
      const freshness = freshnessOf(options, random, newest)
      await ask(
        draw < LISTS ? { type: 'list', prefix: options.prefix ?? target.prefix, freshness } : { type: 'get', key, freshness },
      )
    } else {
      if (random.int(100) >= REMEMBERS) await ask({ type: 'get', key, freshness: 'latest' })
      const from = memory.get(key)
      if (draw < PUTS || from === undefined) await ask({ type: 'put', key, value: `c${client}n${count}`, from })
      else await ask({ type: 'delete', key, from })
    }
    if (pauseMs > 0) await clock.sleep(random.int(pauseMs))
  }
}

function freshnessOf({ freshness = [] }: WorkloadOptions, random: Random, newest: Revision): Freshness {
  const kind = ['latest', ...freshness][random.int(1 + freshness.length)]
  return kind === 'atLeast' ? newest : (kind as 'latest' | 'any')
}

/** Keeps what an answer says of the keys that the client knows. Returns the newest revision in it. */
function remember(memory: Map<string, Seen | undefined>, action: Action, answer: Answer): Revision {
  switch (answer.type) {
    case 'done': {
      const { revision } = answer
      if (action.type === 'put') memory.set(action.key, { key: action.key, value: action.value, revision: revision! })
      else if (action.type === 'delete') memory.delete(action.key)
      return revision ?? 0
    }
    case 'read':
      if (action.type === 'get') memory.set(action.key, answer.entries[0])
      for (const entry of answer.entries) memory.set(entry.key, entry)
      return answer.revision ?? 0
    case 'refused':
      if ('key' in action && answer.current !== undefined) memory.set(action.key, answer.current ?? undefined)
      else if ('key' in action) memory.delete(action.key)
      return answer.current?.revision ?? 0
    case 'unknown':
    case 'failed':
      return 0
  }
}

export interface Follower extends AsyncDisposable {
  /** Everything up to here was told. */
  reached(): Revision
  /** Resolves once everything up to `revision` was told; rejects with what ended the watch. */
  until(revision: Revision): Promise<void>
}

/** Runs `work` while time passes. */
export async function underClock(clock: VirtualClock, stepMs: number, work: () => Promise<void>): Promise<void> {
  let running = true
  const working = work().finally(() => {
    running = false
  })
  working.catch(() => undefined)
  while (running) await clock.advance(stepMs)
  await working
}

/** Writes once more, and waits until every follower was told of that, and so of all before it. */
export async function finish(
  { target, recorder, client, key }: { target: Target; recorder: Recorder; client: number; key: string },
  followers: readonly Follower[],
): Promise<void> {
  const action: Action = { type: 'put', key, value: 'last', from: undefined }
  const answer = await recorder.ask(client, action, () => target.ask(action))
  const last = answer.type === 'done' ? answer.revision! : await target.latest()
  await Promise.all(followers.map((follower) => follower.until(last)))
}

/** Writes down what a watcher is told, and takes the next watch where one broke. */
export function follow(target: Target, name: string, since: Revision, recorder: Recorder): Follower {
  const write = recorder.watcher(name, target.prefix, since)
  const stop = new AbortController()
  let reached = since
  let wake = (): void => undefined
  const followOnce = async (): Promise<void> => {
    for await (const told of target.watch(reached, stop.signal)) {
      write(told)
      reached = Math.max(reached, told.revision)
      wake()
    }
  }
  const watching = (async () => {
    while (!stop.signal.aborted) {
      try {
        await followOnce()
      } catch (error) {
        if (stop.signal.aborted) return
        if (!(error instanceof Broken) && !(error instanceof WatchOverflow)) throw error
      }
    }
  })()
  watching.catch(() => undefined)
  return {
    reached: () => reached,
    async until(revision) {
      while (reached < revision) {
        const woken = new Promise<void>((resolve) => {
          wake = resolve
        })
        await Promise.race([woken, watching])
      }
    },
    async [Symbol.asyncDispose]() {
      stop.abort()
      await watching.catch(() => undefined)
    },
  }
}
