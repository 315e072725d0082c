import type { ResourceDefinition } from '#api'
import { LabelledHistograms, LabelledNumbers } from '../prometheus.ts'

/** In seconds, upstream's. */
const WAIT_BOUNDS = [0.005, 0.025, 0.05, 0.1, 0.2, 0.4, 0.6, 0.8, 1, 1.25, 1.5, 2, 3]

type Kind = Pick<ResourceDefinition, 'group' | 'names'>

/** How many objects a list looked at, and how many it showed. */
export interface Listed {
  readonly fetched: number
  readonly returned: number
}

const counter = (name: string, help: string): LabelledNumbers => new LabelledNumbers(`apiserver_${name}`, 'counter', help)

/** Upstream's metrics of lists, and of what they cost: from the watch cache, and from the store. */
export class CacheMetrics {
  readonly #cached = {
    lists: counter('cache_list_total', 'Number of LIST requests served from watch cache'),
    fetched: counter(
      'cache_list_fetched_objects_total',
      'Number of objects read from watch cache in the course of serving a LIST request',
    ),
    returned: counter('cache_list_returned_objects_total', 'Number of objects returned for a LIST request from watch cache'),
  }
  readonly #stored = {
    lists: counter('storage_list_total', 'Number of LIST requests served from storage'),
    fetched: counter(
      'storage_list_fetched_objects_total',
      'Number of objects read from storage in the course of serving a LIST request',
    ),
    evaluated: counter(
      'storage_list_evaluated_objects_total',
      'Number of objects tested in the course of serving a LIST request from storage',
    ),
    returned: counter('storage_list_returned_objects_total', 'Number of objects returned for a LIST request from storage'),
  }
  readonly #initial = counter('init_events_total', 'Counter of init events processed in watch cache broken by resource type.')
  readonly #consistent = counter('watch_cache_consistent_read_total', 'Counter for consistent reads from cache.')
  readonly #waits = new LabelledHistograms(
    'apiserver_watch_cache_read_wait_seconds',
    'Histogram of time spent waiting for a watch cache to become fresh.',
    WAIT_BOUNDS,
  )

  /** No index is asked: objects lie by their namespaces and names. */
  listed(resource: Kind, { fetched, returned }: Listed): void {
    const labels = labelsOf(resource)
    this.#cached.lists.add({ ...labels, index: '' })
    this.#cached.fetched.add({ ...labels, index: '' }, fetched)
    this.#cached.returned.add(labels, returned)
  }

  listedFromStore(resource: Kind, { fetched, returned }: Listed): void {
    const labels = labelsOf(resource)
    this.#stored.lists.add(labels)
    this.#stored.fetched.add(labels, fetched)
    this.#stored.evaluated.add(labels, fetched)
    this.#stored.returned.add(labels, returned)
  }

  /** A watch was shown so many events of what was there, or had happened, when it began. */
  shown(resource: Kind, events: number): void {
    if (events > 0) this.#initial.add(labelsOf(resource), events)
  }

  /** A read that must not be older than something waited so long for the cache; `isConsistent`: than anything that was written before it. */
  waited(resource: Kind, ms: number, isConsistent: boolean, success: boolean): void {
    const labels = labelsOf(resource)
    this.#waits.observe(labels, ms / 1000)
    // The store is asked for nothing instead.
    if (isConsistent) this.#consistent.add({ ...labels, fallback: 'false', success: String(success) })
  }

  text(): string {
    return [...Object.values(this.#cached), ...Object.values(this.#stored), this.#initial, this.#consistent, this.#waits]
      .map((each) => each.text())
      .join('')
  }
}

const labelsOf = ({ group, names }: Kind) => ({ group, resource: names.plural })
