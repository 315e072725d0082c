import type { ResourceDefinition } from '#api'
import type { RequestInfo } from '../request-info.ts'
import type { WatchCache } from '../watch-cache/watch-cache.ts'

/** What a request takes up: seats while it runs, and after it, while what it caused goes out to watchers. */
export interface WorkEstimate {
  readonly initialSeats: number
  readonly finalSeats: number
  /** For which the final seats are held. */
  readonly additionalLatencyMs: number
}

export const ONE_SEAT: WorkEstimate = { initialSeats: 1, finalSeats: 0, additionalLatencyMs: 0 }

/** Upstream's numbers. */
const BYTES_PER_SEAT = 100_000
/** A list from the cache is written out piece by piece, so it holds no more than this at once. */
const CACHE_LIST_BYTES_MAX = 1_000_000
const LIST_SEATS_MAX = 100
const WRITE_SEATS_MAX = 10
const WATCHES_PER_SEAT = 10
const EVENT_MS = 5

const WRITES = new Set(['create', 'update', 'patch', 'delete'])

/** `maxSeats`: what one request may take of its level. */
export function estimate(
  info: RequestInfo,
  resource: ResourceDefinition | undefined,
  query: URLSearchParams | undefined,
  cache: WatchCache,
  maxSeats: number,
): WorkEstimate {
  if (info.kind !== 'resource' || resource?.stored !== true) return ONE_SEAT
  if (info.verb === 'list') return seats(listSeats(info, resource, query, cache, maxSeats))
  if (info.verb === 'watch') {
    return query?.get('sendInitialEvents') === 'true' ? seats(listSeats(info, resource, query, cache, maxSeats)) : ONE_SEAT
  }
  if (!WRITES.has(info.verb) || query?.has('dryRun')) return ONE_SEAT
  const watchers = cache.of(resource).watchersOf(info.namespace, info.name)
  if (watchers < WATCHES_PER_SEAT) return ONE_SEAT
  const wanted = Math.ceil(watchers / WATCHES_PER_SEAT)
  const finalSeats = Math.min(wanted, maxSeats, WRITE_SEATS_MAX)
  return { initialSeats: 1, finalSeats, additionalLatencyMs: (wanted * EVENT_MS) / finalSeats }
}

const seats = (initialSeats: number): WorkEstimate => ({ ...ONE_SEAT, initialSeats })

function listSeats(
  info: Extract<RequestInfo, { kind: 'resource' }>,
  resource: ResourceDefinition,
  query: URLSearchParams | undefined,
  cache: WatchCache,
  maxSeats: number,
): number {
  const { size, bytes } = cache.of(resource)
  if (size === 0 || info.name !== '') return 1
  const limit = Number(query?.get('limit')) || size
  const fromStore = (query?.get('continue') ?? '') !== '' || query?.get('resourceVersionMatch') === 'Exact'
  const selects = query?.has('labelSelector') === true || query?.has('fieldSelector') === true
  const objects = Math.min(size, fromStore && selects ? Math.max(limit, size / 2) : limit)
  const wanted = objects * (bytes / size)
  const atOnce = fromStore ? wanted : Math.min(wanted, CACHE_LIST_BYTES_MAX)
  return Math.max(1, Math.min(Math.ceil(atOnce / BYTES_PER_SEAT), maxSeats, LIST_SEATS_MAX))
}
