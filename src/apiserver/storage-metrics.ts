import type { ResourceDefinition } from '#api'
import { familyText, type Sample } from './prometheus.ts'
import { RECENT_EVENTS_MAX } from './watch-cache/recent-events.ts'
import type { Kept } from './watch-cache/resource-cache.ts'
import type { WatchCache } from './watch-cache/watch-cache.ts'

/** Upstream's metrics of what is stored, and of the watch cache that holds it. They are read where they are kept, when somebody asks. */
export class StorageMetrics {
  readonly #cache: WatchCache

  constructor(cache: WatchCache) {
    this.#cache = cache
  }

  text(): string {
    return [
      familyText(
        'apiserver_storage_objects',
        'gauge',
        '[DEPRECATED, consider using apiserver_resource_objects instead] Number of stored objects at the time of last check split by kind. In case of a fetching error, the value will be -1.',
        this.#each(
          ({ size }) => size,
          (resource) => ({ resource: groupResourceOf(resource) }),
        ),
        'STABLE',
      ),
      familyText(
        'apiserver_resource_objects',
        'gauge',
        'Number of stored objects at the time of last check split by kind. In case of a fetching error, the value will be -1.',
        this.#each(({ size }) => size),
      ),
      familyText(
        'apiserver_resource_size_estimate_bytes',
        'gauge',
        'Estimated size of stored objects in database. Estimate is based on sum of last observed sizes of serialized objects. In case of a fetching error, the value will be -1.',
        this.#each(({ bytes }) => bytes),
      ),
      familyText(
        'apiserver_storage_events_received_total',
        'counter',
        'Number of etcd events received split by kind.',
        this.#each(({ received }) => received).filter(isCounted),
        'BETA',
      ),
      familyText(
        'apiserver_watch_cache_events_received_total',
        'counter',
        'Counter of events received in watch cache broken by resource type.',
        this.#each(({ received }) => received).filter(isCounted),
      ),
      familyText(
        'apiserver_watch_cache_events_dispatched_total',
        'counter',
        'Counter of events dispatched in watch cache broken by resource type.',
        this.#each(({ told }) => told).filter(isCounted),
      ),
      familyText(
        'apiserver_watch_cache_initializations_total',
        'counter',
        'Counter of watch cache initializations broken by resource type.',
        this.#each(({ fillings }) => fillings),
      ),
      familyText(
        'apiserver_watch_cache_resource_version',
        'gauge',
        'Current resource version of watch cache broken by resource type. This is truncated to the 15 least significant digits.',
        this.#each(({ resource }) => this.#cache.revisionOf(resource) % REVISION_LIMIT),
      ),
      familyText(
        'watch_cache_capacity',
        'gauge',
        'Total capacity of watch cache broken by resource type.',
        this.#each(() => RECENT_EVENTS_MAX),
      ),
    ].join('')
  }

  #each(
    read: (kept: Kept) => number,
    labels = (resource: ResourceDefinition): Readonly<Record<string, string>> => ({
      group: resource.group,
      resource: resource.names.plural,
    }),
  ): Sample[] {
    return this.#cache.kept().map((kept) => [labels(kept.resource), read(kept)])
  }
}

/** As upstream truncates it, to what a float holds. */
const REVISION_LIMIT = 1e15

/** Of what never happened nothing is told. */
const isCounted = ([, count]: Sample): boolean => count > 0

const groupResourceOf = ({ group, names }: ResourceDefinition): string =>
  group === '' ? names.plural : `${names.plural}.${group}`
