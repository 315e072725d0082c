import { badRequest, failure, gone, type ListMeta } from '#meta'
import { Compacted, type Revision, type Store } from '#store'
import type { RequestContext } from '../context.ts'
import { type ObjectVersion, versionOf } from '../registry/object-version.ts'
import { storagePrefix } from '../storage-keys.ts'
import type { WatchCache } from '../watch-cache/watch-cache.ts'
import { selectionOf } from './selection.ts'

interface Continuation {
  /** The snapshot all pages are of; -1: whatever is current (an inconsistent continue after compaction). */
  readonly rv: number
  readonly start: string
}

export interface ListResult {
  readonly versions: ObjectVersion[]
  readonly metadata: ListMeta
}

/** https://kubernetes.io/docs/reference/using-api/api-concepts/#resource-versions */
export async function list(context: RequestContext, { cache, store }: { cache: WatchCache; store: Store }): Promise<ListResult> {
  const { query, resource, info } = context
  const limit = wholeNumber(query, 'limit') ?? 0
  const token = query.get('continue')
  const continuation = token ? decodeContinue(token) : undefined
  const selection = selectionOf(resource, query, info.name)
  const at = snapshotRevision(query, continuation)
  let versions: ObjectVersion[]
  let revision: Revision
  if (at === undefined) {
    await freshEnough(query, cache, store)
    versions = cache.of(resource).list(info.namespace)
    revision = cache.revision
  } else {
    const prefix = storagePrefix(resource)
    const page = await pageAt(store, info.namespace === '' ? prefix : `${prefix}${info.namespace}/`, at, continuation, prefix)
    versions = page.versions
    revision = page.revision
  }
  if (continuation !== undefined) versions = versions.filter(({ key }) => key >= continuation.start)
  if (!selection.everything) versions = versions.filter(({ object }) => selection.selects(object))
  const metadata: ListMeta = { resourceVersion: String(revision) }
  if (limit > 0 && versions.length > limit) {
    const last = versions[limit - 1]!
    metadata.continue = encodeContinue({ rv: revision, start: `${last.key}\0` })
    if (selection.everything) metadata.remainingItemCount = versions.length - limit
    versions = versions.slice(0, limit)
  }
  return { versions, metadata }
}

function snapshotRevision(query: URLSearchParams, continuation: Continuation | undefined): Revision | undefined {
  const requested = query.get('resourceVersion') ?? ''
  const match = query.get('resourceVersionMatch') ?? ''
  if (continuation !== undefined) {
    if (requested !== '' && requested !== '0') throw badRequest('specifying resource version is not allowed when using continue')
    return continuation.rv === -1 ? undefined : continuation.rv
  }
  if (match === '') return undefined
  if (requested === '') {
    throw badRequest('resourceVersionMatch: Forbidden: resourceVersionMatch is forbidden unless resourceVersion is provided')
  }
  if (match === 'NotOlderThan') return undefined
  if (match !== 'Exact')
    throw badRequest(
      `resourceVersionMatch: Unsupported value: ${JSON.stringify(match)}: supported values: "Exact", "NotOlderThan"`,
    )
  if (requested === '0')
    throw badRequest('resourceVersionMatch: Forbidden: resourceVersionMatch "exact" is forbidden for resourceVersion "0"')
  return parseRevision(requested)
}

/** '' must show every acknowledged write, '0' takes what is there, any other at least that revision. */
async function freshEnough(query: URLSearchParams, cache: WatchCache, store: Store): Promise<void> {
  const requested = query.get('resourceVersion') ?? ''
  if (requested === '0') return
  if (requested === '') return cache.current()
  const revision = parseRevision(requested)
  if (revision > store.revision) throw tooLarge(revision, store.revision)
  await cache.reached(revision)
}

export function parseRevision(text: string): Revision {
  if (!/^\d{1,16}$/.test(text))
    throw badRequest(`Invalid value: ${JSON.stringify(text)}: strconv.ParseUint: parsing ${JSON.stringify(text)}: invalid syntax`)
  return Number(text)
}

export const tooLarge = (requested: Revision, current: Revision): Error =>
  failure(504, 'Timeout', `Too large resource version: ${requested}, current: ${current}`, {
    causes: [{ reason: 'ResourceVersionTooLarge', message: 'Too large resource version' }],
    retryAfterSeconds: 1,
  })

async function pageAt(
  store: Store,
  prefix: string,
  at: Revision,
  continuation: Continuation | undefined,
  resourcePrefix: string,
): Promise<{ versions: ObjectVersion[]; revision: Revision }> {
  try {
    const { entries, revision } = await store.list(prefix, { at })
    return { versions: entries.map((entry) => versionOf(entry.key.slice(resourcePrefix.length), entry)), revision }
  } catch (error) {
    if (!(error instanceof Compacted)) throw error
    if (continuation === undefined) throw gone(`The provided resource version has been compacted: ${at}`)
    const status = failure(
      410,
      'Expired',
      'The provided continue parameter is too old to display a consistent list result. You can start a new list without the continue parameter, or use the continue token in this response to retrieve the remainder of the results. Continuing with the provided token results in an inconsistent list - objects that were created, modified, or deleted between the time the first chunk was returned and now may show up in the list.',
    )
    status.status.metadata = { continue: encodeContinue({ rv: -1, start: continuation.start }) }
    throw status
  }
}

const encodeContinue = ({ rv, start }: Continuation): string =>
  Buffer.from(JSON.stringify({ v: 'meta.k8s.io/v1', rv, start })).toString('base64url')

function decodeContinue(token: string): Continuation {
  try {
    const { v, rv, start } = JSON.parse(Buffer.from(token, 'base64url').toString()) as {
      v?: unknown
      rv?: unknown
      start?: unknown
    }
    if (v !== 'meta.k8s.io/v1' || typeof rv !== 'number' || typeof start !== 'string') throw new Error('fields are missing')
    return { rv, start }
  } catch (error) {
    throw badRequest('continue key is not valid', error)
  }
}

export function wholeNumber(query: URLSearchParams, name: string): number | undefined {
  const text = query.get(name)
  if (text === null || text === '') return undefined
  if (!/^-?\d+$/.test(text))
    throw badRequest(
      `${name}: Invalid value: ${JSON.stringify(text)}: strconv.ParseInt: parsing ${JSON.stringify(text)}: invalid syntax`,
    )
  return Number(text)
}
