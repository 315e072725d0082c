import type { ResourceDefinition } from '#api'
import { type Answer, andThen, type Clock, nextTurn } from '#base'
import { badRequest, failure, gone, type ListMeta } from '#meta'
import { Compacted, type Revision, type Store } from '#store'
import type { RequestContext } from '../context.ts'
import { isSentAsStored } from '../presentation/form-of.ts'
import { type ObjectVersion, shownVersions, versionOf } from '../registry/object-version.ts'
import { found, keyIn } from '../registry/registry.ts'
import { storagePrefix } from '../storage-keys.ts'
import type { ResourceCache } from '../watch-cache/resource-cache.ts'
import type { WatchCache } from '../watch-cache/watch-cache.ts'
import { type Continuation, decodeContinue, encodeContinue } from './continue-token.ts'
import { type ListOptions, listOptionsOf, parseRevision, tooLarge } from './list-options.ts'
import { isTrue } from './query-values.ts'
import type { Selection } from './selection.ts'

export interface ReadDependencies {
  readonly cache: WatchCache
  readonly store: Store
  readonly clock: Clock
}

export interface ListResult {
  readonly versions: readonly ObjectVersion[]
  readonly metadata: ListMeta
}

/** How long a read waits for a revision that this server has not seen yet, upstream's three seconds. */
const FRESHNESS_WAIT_MS = 3_000
/** Objects that are looked at, or parsed, in one turn of the event loop. */
const SELECT_BATCH = 500
/** Entries that are asked of the store at once while a selector looks for what a page needs. */
const STORE_BATCH = 10_000

/** One page, or all, of a collection: from the cache at its newest, or from the store at the revision that was asked for. */
export async function list(context: RequestContext, dependencies: ReadDependencies): Promise<ListResult> {
  const { resource, info } = context
  const { options, selection } = listOptionsOf(context, 'list')
  const continuation = options.continue === '' ? undefined : decodeContinue(options.continue)
  const at = snapshotRevision(options, continuation)
  const namespace = info.namespace || (resource.scope === 'Namespaced' ? selection.namespace : '')
  const request: PageRequest = {
    cache: dependencies.cache.of(resource),
    // What a token counts from stays the same, whatever a selector narrows.
    prefix: info.namespace === '' ? '' : `${info.namespace}/`,
    namespace,
    selection,
    limit: isWhole(options) ? 0 : options.limit,
    continuation,
  }
  const page = at === undefined ? await currentPage(request, options, dependencies) : await pageAt(request, at, dependencies)
  await parse(page.versions, isSentAsStored(context))
  const metadata: ListMeta = { resourceVersion: String(page.revision) }
  const last = page.versions.at(-1)
  if (page.more && last !== undefined) {
    metadata.continue = encodeContinue({ revision: page.revision, after: last.key.slice(request.prefix.length) })
    if (selection.everything) metadata.remainingItemCount = page.remaining
  }
  return { versions: page.versions, metadata }
}

/** One object; `resourceVersion` says how fresh it has to be. */
export function get(context: RequestContext, dependencies: ReadDependencies): Answer<ObjectVersion> {
  const { resource, info, query } = context
  if (isTrue(query.get('export'))) throw badRequest('the export parameter, deprecated since v1.14, is no longer supported')
  const { cache } = dependencies
  const key = keyIn(resource, info.namespace, info.name)
  const settled = andThen(freshEnough(query.get('resourceVersion') ?? '', dependencies), () => cache.settled(resource, key))
  return andThen(settled, () => found(cache.of(resource).get(key), resource, info.name))
}

/** '' must show every acknowledged write, '0' takes what is there, any other at least that revision. 504 when it does not come. */
export function freshEnough(requested: string, dependencies: ReadDependencies): Answer<void> {
  const { cache } = dependencies
  if (requested === '') return cache.current()
  const revision = parseRevision(requested)
  return revision <= cache.revision ? undefined : comes(revision, dependencies)
}

async function comes(revision: Revision, { cache, store, clock }: ReadDependencies): Promise<void> {
  const waiting = new AbortController()
  using _timer = clock.after(FRESHNESS_WAIT_MS, () => waiting.abort(tooLarge(revision, store.revision)))
  await cache.reached(revision, waiting.signal)
}

interface PageRequest {
  readonly cache: ResourceCache
  readonly prefix: string
  readonly namespace: string
  readonly selection: Selection
  readonly limit: number
  readonly continuation: Continuation | undefined
}

/** What is not older than some state comes from the cache, which has it all at hand: then nobody is sent a part. */
const isWhole = ({ resourceVersion, match, continue: token }: ListOptions): boolean =>
  token === '' && (match === 'NotOlderThan' || (match === '' && resourceVersion === '0'))

interface Page {
  readonly versions: readonly ObjectVersion[]
  readonly revision: Revision
  readonly more: boolean
  /** Exact only when nothing was selected. */
  readonly remaining: number
}

/** The revision a list is a snapshot of; undefined: the newest that is fresh enough. */
function snapshotRevision(
  { resourceVersion, match, limit }: ListOptions,
  continuation: Continuation | undefined,
): Revision | undefined {
  if (continuation !== undefined) {
    if (resourceVersion !== '' && resourceVersion !== '0') {
      throw badRequest('specifying resource version is not allowed when using continue')
    }
    return continuation.revision === -1 ? undefined : continuation.revision
  }
  if (resourceVersion === '') return undefined
  const revision = parseRevision(resourceVersion)
  // A limit without a rule how to match has always meant an exact snapshot.
  if (match === 'Exact' || (match === '' && limit > 0 && revision > 0)) return revision
  return undefined
}

async function currentPage(request: PageRequest, options: ListOptions, dependencies: ReadDependencies): Promise<Page> {
  const { cache, selection, limit, continuation } = request
  const { metrics } = dependencies.cache
  // An inconsistent continue goes on in the newest state.
  await freshEnoughToList(continuation === undefined ? options.resourceVersion : '', cache.resource, dependencies)
  await dependencies.cache.settled(cache.resource, request.namespace && `${request.namespace}/`)
  const revision = dependencies.cache.revisionOf(cache.resource)
  const candidates =
    continuation === undefined ? candidatesOf(request) : cache.list(request.namespace, request.prefix + continuation.after)
  if (selection.everything) {
    const versions = limit === 0 ? candidates : candidates.slice(0, limit)
    const remaining = candidates.length - versions.length
    metrics.listed(cache.resource, { fetched: versions.length, returned: versions.length })
    return { versions, revision, more: remaining > 0, remaining }
  }
  const versions: ObjectVersion[] = []
  const more = await select(candidates, selection, limit, versions)
  metrics.listed(cache.resource, { fetched: candidates.length, returned: versions.length })
  return { versions, revision, more, remaining: 0 }
}

/** As {@link freshEnough}, which counts how long that takes unless nothing is to be waited for. */
async function freshEnoughToList(requested: string, resource: ResourceDefinition, dependencies: ReadDependencies): Promise<void> {
  if (requested === '0') return
  const { clock, cache } = dependencies
  const startedAtMs = clock.monotonic()
  const done = (success: boolean): void =>
    cache.metrics.waited(resource, clock.monotonic() - startedAtMs, requested === '', success)
  try {
    await freshEnough(requested, dependencies)
  } catch (error) {
    done(false)
    throw error
  }
  done(true)
}

/** A list of one name looks at one object. */
function candidatesOf({ cache, namespace, selection: { name } }: PageRequest): readonly ObjectVersion[] {
  if (name === '' || (namespace === '' && cache.resource.scope === 'Namespaced')) return cache.list(namespace)
  const version = cache.get(keyIn(cache.resource, namespace, name))
  return version === undefined ? [] : [version]
}

async function pageAt(request: PageRequest, at: Revision, dependencies: ReadDependencies): Promise<Page> {
  const { store, cache } = dependencies
  if (at > store.revision) await freshEnough(String(at), dependencies)
  try {
    const page = await readStore(request, at, store)
    cache.metrics.listedFromStore(request.cache.resource, { fetched: page.fetched, returned: page.versions.length })
    return page
  } catch (error) {
    if (!(error instanceof Compacted)) throw error
    throw expired(request.continuation)
  }
}

async function readStore(request: PageRequest, at: Revision, store: Store): Promise<Page & { readonly fetched: number }> {
  const { cache, prefix, namespace, selection, limit, continuation } = request
  const root = storagePrefix(cache.resource)
  const below = namespace === '' ? root : `${root}${namespace}/`
  const batch = selection.everything ? limit : STORE_BATCH
  const versions: ObjectVersion[] = []
  let fetched = 0
  let after = continuation && root + prefix + continuation.after
  for (;;) {
    const { entries, remaining } = await store.list(below, { at, limit: batch, after })
    fetched += entries.length
    const found = entries.map((entry) => {
      const key = entry.key.slice(root.length)
      const cached = cache.resource.custom === undefined ? cache.get(key) : undefined
      return cached?.revision === entry.revision ? cached : versionOf(key, entry, cache.resource)
    })
    const shown = await shownVersions(cache.resource, found)
    if (selection.everything) return { versions: shown, revision: at, more: remaining > 0, remaining, fetched }
    const more = await select(shown, selection, limit, versions)
    if (more || remaining === 0) return { versions, revision: at, more, remaining: 0, fetched }
    after = entries.at(-1)!.key
  }
}

/** Adds what is selected up to the limit; true when there is more. Between pieces other work goes on: `candidates` is a snapshot. */
async function select(
  candidates: readonly ObjectVersion[],
  selection: Selection,
  limit: number,
  found: ObjectVersion[],
): Promise<boolean> {
  for (const [index, version] of candidates.entries()) {
    if (index % SELECT_BATCH === SELECT_BATCH - 1) await nextTurn()
    if (!selection.selects(version.object)) continue
    if (limit > 0 && found.length === limit) return true
    found.push(version)
  }
  return false
}

/**
 * What nobody has read since the server started is parsed piece by piece, rather than all at once by whoever shows it; not at all where its
 * bytes are enough, since a new server would be larger by all its objects after the first list.
 */
async function parse(versions: readonly ObjectVersion[], asStored: boolean): Promise<void> {
  const done = asStored ? SENDABLE : PARSED
  if (done.has(versions)) return
  let parsed = 0
  for (const version of versions) {
    if (version.isParsed || (asStored && version.isJson)) continue
    void version.object
    if (++parsed % SELECT_BATCH === 0) await nextTurn()
  }
  done.add(versions)
}

/** Lists that were gone through before: versions stay as they are, and what they have at hand stays there. */
const [SENDABLE, PARSED] = [new WeakSet<readonly ObjectVersion[]>(), new WeakSet<readonly ObjectVersion[]>()]

function expired(continuation: Continuation | undefined): Error {
  if (continuation === undefined) return gone('The resourceVersion for the provided list is too old.')
  const status = failure(
    410,
    'Expired',
    'The provided continue parameter is too old to display a consistent list result. You can start a new list without the continue parameter, or use the continue token in this response to retrieve the remainder of the results. Continuing with the provided token results in an inconsistent list - objects that were created, modified, or deleted between the time the first chunk was returned and now may show up in the list.',
  )
  status.status.metadata = { continue: encodeContinue({ ...continuation, revision: -1 }) }
  return status
}
