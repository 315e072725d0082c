import type { Clock } from '#base'
import type { WatchFrame } from '#client'
import { invalid, StatusError } from '#meta'
import type { Revision, Store } from '#store'
import type { RequestContext } from '../context.ts'
import type { Presenter } from '../presentation/presenter.ts'
import type { ObjectVersion } from '../registry/object-version.ts'
import { scopeOf } from '../request-metrics.ts'
import { shuttingDown } from '../shutdown/lifecycle.ts'
import type { CacheEvent } from '../watch-cache/resource-cache.ts'
import type { WatchCache } from '../watch-cache/watch-cache.ts'
import { seenBy } from '../watch-cache/watch-hub.ts'
import { freshEnough } from './list.ts'
import { type ListOptions, listOptionsOf, revisionProblem } from './list-options.ts'
import type { Selection } from './selection.ts'
import { type Backlog, Watcher } from './watcher.ts'
import type { Watches } from './watches.ts'

const INITIAL_EVENTS_END = { 'k8s.io/initial-events-end': 'true' }

export interface WatchDependencies {
  readonly cache: WatchCache
  readonly store: Store
  readonly clock: Clock
  /** The watches of this server: their deadlines and their end. */
  readonly watches: Watches
}

/**
 * Prepares a watch: whatever is wrong with the request throws here. Later refusals, a revision that is gone among them, are ERROR frames, since
 * the answer has begun by then. How it is to be shown is asked once its options are right (https://kubernetes.io/docs/reference/using-api/api-concepts/#efficient-detection-of-changes).
 */
export async function watch(
  context: RequestContext,
  streaming: () => { readonly presenter: Presenter; readonly mediaType: string },
  dependencies: WatchDependencies,
): Promise<{ readonly frames: Watcher; readonly mediaType: string }> {
  const { resource } = context
  const { options, selection } = listOptionsOf(context, 'watch')
  const problem = options.resourceVersion === '' ? undefined : revisionProblem(options.resourceVersion)
  if (problem !== undefined) throw invalid({ group: resource.group, kind: resource.names.plural }, '', [problem])
  const { presenter, mediaType } = streaming()
  if (dependencies.watches.isDraining) throw shuttingDown()
  let watcher: Watcher
  try {
    watcher = await open(context, options, selection, presenter, dependencies)
  } catch (error) {
    if (!(error instanceof StatusError)) throw error
    watcher = new Watcher(presenter, dependencies.watches.rounds, 0, [presenter.error(error.status)].values())
    watcher.end()
  }
  return { frames: watcher, mediaType }
}

async function open(
  { resource, info, patience }: RequestContext,
  options: ListOptions,
  selection: Selection,
  presenter: Presenter,
  dependencies: WatchDependencies,
): Promise<Watcher> {
  const { cache, watches, clock } = dependencies
  const startedAtMs = clock.monotonic()
  const source = cache.of(resource)
  const named = Number(options.resourceVersion)
  const initial = options.sendInitialEvents ?? named === 0
  // Without a revision a watch begins no earlier than now; with one it waits only if the state at that revision is to be shown.
  if (named === 0 ? options.resourceVersion === '' : initial) await freshEnough(options.resourceVersion, dependencies)
  const namespace = info.namespace || selection.namespace
  await cache.settled(resource, namespace && `${namespace}/`)
  // From here to the subscription nothing is awaited, so no event can slip between.
  let since: Revision
  let backlog: Backlog | undefined
  if (initial) {
    since = cache.revisionOf(resource)
    const at = since
    const end = options.allowWatchBookmarks ? () => presenter.bookmark(at, INITIAL_EVENTS_END) : undefined
    backlog = stateFrames(source.list(namespace), selection, presenter, end, (events, isMarked) => {
      cache.metrics.shown(resource, events)
      if (options.sendInitialEvents && isMarked) watches.metrics.listed(info, scopeOf(info), clock.monotonic() - startedAtMs)
    })
  } else if (named === 0) {
    since = cache.revisionOf(resource)
  } else {
    const events = source.eventsAfter(named)
    since = Math.max(named, cache.revisionOf(resource))
    if (events.length > 0)
      backlog = pastFrames(events, namespace, selection, presenter, (count) => cache.metrics.shown(resource, count))
  }
  const watcher = new Watcher(presenter, watches.rounds, since, backlog, watches.metrics.of(info))
  watcher.own(source.watch({ namespace, name: selection.name, selection }, watcher))
  watches.keep(watcher, { signal: patience.signal, options, revision: () => cache.revisionOf(resource) })
  return watcher
}

/** What is there, as if it had just come, and then the mark that it was all. */
function* stateFrames(
  versions: readonly ObjectVersion[],
  selection: Selection,
  presenter: Presenter,
  end: (() => WatchFrame) | undefined,
  shown: (events: number, isMarked: boolean) => void,
): Generator<WatchFrame | undefined, undefined> {
  let events = 0
  for (const version of versions) {
    const isSelected = selection.selects(version.object)
    if (isSelected) events++
    yield isSelected ? presenter.frame('ADDED', version) : undefined
  }
  if (end !== undefined) yield end()
  shown(events, end !== undefined)
}

function* pastFrames(
  events: readonly CacheEvent[],
  namespace: string,
  selection: Selection,
  presenter: Presenter,
  shown: (events: number) => void,
): Generator<WatchFrame | undefined, undefined> {
  let count = 0
  for (const event of events) {
    const inside = namespace === '' || event.version.object.metadata?.namespace === namespace
    const delivery = inside ? seenBy(event, selection) : undefined
    if (delivery !== undefined) count++
    yield delivery && presenter.frame(delivery.type, delivery.version)
  }
  shown(count)
}
