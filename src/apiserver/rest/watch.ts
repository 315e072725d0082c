import { AsyncQueue, type Clock, type Timer } from '#base'
import type { WatchFrame } from '#client'
import { gone } from '#meta'
import type { Revision, Store } from '#store'
import type { RequestContext } from '../context.ts'
import { errorFrame, type Presenter } from '../presentation/presenter.ts'
import { isTrue } from '../request-info.ts'
import type { CacheEvent } from '../watch-cache/resource-cache.ts'
import type { WatchCache } from '../watch-cache/watch-cache.ts'
import { parseRevision, wholeNumber } from './list.ts'
import { type Selection, selectionOf } from './selection.ts'

/** Frames a watcher may have waiting before it is cut off; it then relists, and nobody else is held up. */
export const WATCH_BUFFER_FRAMES_MAX = 10_000
const BOOKMARK_PERIOD_MS = 60_000
const TIMEOUT_DEFAULT_MIN_MS = 30 * 60_000
const INITIAL_EVENTS_END = { 'k8s.io/initial-events-end': 'true' }

export interface WatchDependencies {
  readonly cache: WatchCache
  readonly store: Store
  readonly clock: Clock
  /** In [0, 1): spreads the ends of watches that name no time-out. */
  readonly jitter: () => number
  /** Ends every watch when the server shuts down. */
  readonly shutdown: AbortSignal
}

/** Prepares a watch: whatever is wrong with the request throws here; the frames then only end. */
export async function watch(
  context: RequestContext,
  presenter: Presenter,
  dependencies: WatchDependencies,
): Promise<AsyncIterable<WatchFrame>> {
  const { resource, query, info } = context
  const { cache } = dependencies
  const selection = selectionOf(resource, query, info.name)
  const requested = query.get('resourceVersion') ?? ''
  const sendInitial = isTrue(query.get('sendInitialEvents'))
  const since = requested === '' || requested === '0' ? undefined : parseRevision(requested)
  if (requested !== '0' || sendInitial) await cache.current()
  const watcher = new Watcher(context, selection, presenter, dependencies)
  const source = cache.of(resource)
  // From here to the subscription nothing is awaited, so no event can slip between.
  if (sendInitial || since === undefined) watcher.sendState(source.list(info.namespace))
  else watcher.sendPast(() => source.eventsAfter(since), since)
  if (sendInitial) watcher.bookmark(INITIAL_EVENTS_END)
  watcher.follow(source)
  return watcher.frames()
}

class Watcher {
  readonly #queue = new AsyncQueue<WatchFrame>(Number.MAX_SAFE_INTEGER)
  readonly #context: RequestContext
  readonly #selection: Selection
  readonly #presenter: Presenter
  readonly #dependencies: WatchDependencies
  readonly #stack = new DisposableStack()
  #bookmarkTimer: Timer | undefined
  #since: Revision = 0

  constructor(context: RequestContext, selection: Selection, presenter: Presenter, dependencies: WatchDependencies) {
    this.#context = context
    this.#selection = selection
    this.#presenter = presenter
    this.#dependencies = dependencies
  }

  sendState(versions: Iterable<CacheEvent['version']>): void {
    for (const version of versions)
      if (this.#selection.selects(version.object)) this.#queue.push(this.#presenter.frame('ADDED', version))
    this.#since = this.#dependencies.cache.revision
  }

  sendPast(events: () => readonly CacheEvent[], since: Revision): void {
    this.#since = since
    try {
      for (const event of events()) this.#send(event)
    } catch (error) {
      // A revision that is gone is told within the stream, as upstream does once the watch was accepted.
      this.#queue.push(errorFrame((error as ReturnType<typeof gone>).status))
      this.#queue.close()
    }
  }

  bookmark(annotations?: Readonly<Record<string, string>>): void {
    this.#queue.push(this.#presenter.bookmark(this.#dependencies.cache.revision, annotations))
  }

  follow(source: { subscribe(listener: (event: CacheEvent) => void): Disposable }): void {
    const { clock, jitter, shutdown } = this.#dependencies
    const { query, signal } = this.#context
    const end = (): void => this.#queue.close()
    this.#stack.use(source.subscribe((event) => this.#send(event)))
    const seconds = wholeNumber(query, 'timeoutSeconds')
    this.#stack.use(clock.after(seconds ? seconds * 1000 : TIMEOUT_DEFAULT_MIN_MS * (1 + jitter()), end))
    for (const each of [signal, shutdown]) {
      if (each.aborted) end()
      each.addEventListener('abort', end, { once: true })
      this.#stack.defer(() => each.removeEventListener('abort', end))
    }
    if (isTrue(query.get('allowWatchBookmarks'))) this.#armBookmark()
    this.#stack.defer(() => this.#bookmarkTimer?.[Symbol.dispose]())
  }

  async *frames(): AsyncIterable<WatchFrame> {
    try {
      yield* this.#queue
    } finally {
      this.#stack.dispose()
    }
  }

  #armBookmark(): void {
    this.#bookmarkTimer = this.#dependencies.clock.after(BOOKMARK_PERIOD_MS, () => {
      this.bookmark()
      this.#armBookmark()
    })
  }

  #send({ type, revision, version, previous }: CacheEvent): void {
    if (revision <= this.#since) return
    const namespace = this.#context.info.namespace
    if (namespace !== '' && version.object.metadata?.namespace !== namespace) return
    const is = type !== 'DELETED' && this.#selection.selects(version.object)
    const was = previous !== undefined && this.#selection.selects(previous.object)
    if (!is && !was) return
    // What enters or leaves the selection appears or disappears for this watcher.
    const seen = is ? (was ? 'MODIFIED' : 'ADDED') : 'DELETED'
    if (this.#queue.size >= WATCH_BUFFER_FRAMES_MAX) {
      this.#queue.drain()
      this.#queue.push(errorFrame(gone('the watcher is too slow: its buffer is full').status))
      this.#queue.close()
      return
    }
    this.#queue.push(this.#presenter.frame(seen, version))
  }
}
