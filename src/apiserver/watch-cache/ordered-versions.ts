import type { ObjectKey } from '#meta'
import type { ObjectVersion } from '../registry/object-version.ts'

/** Of a run: what one insertion may have to move. */
export const RUN_LENGTH_MAX = 512

/**
 * Versions of different objects in the order of their keys, in runs of bounded length: an insertion moves a part of one run, however many objects there are, and a list is
 * a copy of whole runs.
 */
export class OrderedVersions {
  /** None is empty. */
  readonly #runs: ObjectVersion[][] = []

  /** Those of `versions`, which are in order. */
  constructor(versions: readonly ObjectVersion[] = []) {
    for (let at = 0; at < versions.length; at += RUN_LENGTH_MAX) this.#runs.push(versions.slice(at, at + RUN_LENGTH_MAX))
  }

  /** Puts a version in its place, or in that of the one with its key. */
  set(version: ObjectVersion): void {
    const { key } = version
    // What comes behind all others goes into the last run.
    const index = Math.min(this.#runOf(key), this.#runs.length - 1)
    const run = this.#runs[index]
    if (run === undefined) {
      this.#runs.push([version])
      return
    }
    const at = lowerBound(run, key)
    if (run[at]?.key === key) run[at] = version
    else if (at === run.length) run.push(version)
    else run.splice(at, 0, version)
    // What comes in order leaves full runs behind.
    const isLast = index === this.#runs.length - 1 && at === run.length - 1
    if (run.length > RUN_LENGTH_MAX) this.#runs.splice(index + 1, 0, run.splice(isLast ? RUN_LENGTH_MAX : RUN_LENGTH_MAX / 2))
  }

  delete(key: ObjectKey): void {
    const index = this.#runOf(key)
    const run = this.#runs[index]
    const at = run === undefined ? 0 : lowerBound(run, key)
    if (run?.[at]?.key !== key) return
    run.splice(at, 1)
    const next = this.#runs[index + 1]
    if (run.length === 0) this.#runs.splice(index, 1)
    else if (next !== undefined && run.length + next.length <= RUN_LENGTH_MAX / 2) this.#runs.splice(index, 2, [...run, ...next])
  }

  /** Those with keys from `from` on, up to but without `to` where one is named. The array is the caller's. */
  list(from: ObjectKey = '', to?: ObjectKey): ObjectVersion[] {
    const first = this.#runOf(from)
    const last = to === undefined ? this.#runs.length : this.#runOf(to)
    const parts = this.#runs.slice(first, last + 1)
    // The last first: it may be the first, too.
    if (to !== undefined && last < this.#runs.length && last >= first)
      parts[last - first] = this.#runs[last]!.slice(0, lowerBound(this.#runs[last]!, to))
    if (parts[0] !== undefined) parts[0] = parts[0].slice(lowerBound(parts[0], from))
    return ([] as ObjectVersion[]).concat(...parts)
  }

  /** The run that has `key`, or would: the first that does not end before it. */
  #runOf(key: ObjectKey): number {
    let [low, high] = [0, this.#runs.length]
    while (low < high) {
      const middle = (low + high) >> 1
      if (this.#runs[middle]!.at(-1)!.key < key) low = middle + 1
      else high = middle
    }
    return low
  }
}

/** Where `key` is, or would be. */
function lowerBound(run: readonly ObjectVersion[], key: ObjectKey): number {
  let [low, high] = [0, run.length]
  while (low < high) {
    const middle = (low + high) >> 1
    if (run[middle]!.key < key) low = middle + 1
    else high = middle
  }
  return low
}
