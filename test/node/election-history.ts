import { existsSync, readFileSync } from 'node:fs'
import type { Lease } from '#api'
import { systemClock, TaskGroup } from '#base'
import type { KubernetesObject } from '#meta'
import { openEtcdStore, type Store } from '#store'
import { decodeStored } from '../../src/apiserver/registry/object-version.ts'

const LEASES = '/registry/leases/kube-system/'

/** One line of what a server recorded of the writes of its own controllers and scheduler. */
export interface RecordedWrite {
  readonly user: string
  readonly verb: string
  readonly resource: string
  readonly subresource?: string | undefined
  readonly name: string
  readonly receivedMs: number
  /** Of what was written; absent where the answer does not tell. */
  readonly revision?: number | undefined
  /** The uid of what owns it. */
  readonly owner?: string | undefined
}

export interface ElectionReport {
  readonly writes: number
  /** How often a lease had another holder than before. */
  readonly terms: number
  /** Writes whose revision lies in the term of another holder, and which were asked for after that had begun. */
  readonly late: readonly string[]
  /** The same, but of requests that were being served when their process was stopped: between their last look at the fence and etcd there is a moment that nobody can close. */
  readonly underWay: readonly string[]
  readonly twice: readonly string[]
}

interface Term {
  readonly holder: string
  readonly from: number
}

/** How long before its process stopped a request may have come that was still served then, and how long a signal takes. */
const SERVED_MS_MAX = 2_000
const SIGNAL_MS_MAX = 100

/**
 * Who held which lease at which revision of etcd, as its own watch tells, to be compared with who wrote what at which revision: all of one order, whatever clocks and processes say.
 */
export class ElectionHistory implements AsyncDisposable {
  readonly #store: Store
  readonly #tasks: TaskGroup
  readonly #terms = new Map<string, Term[]>()
  readonly #stops: { readonly identity: string; readonly atMs: number }[] = []
  /** Of those who wait for a lease to be another's. */
  readonly #waiting = new Set<() => void>()

  private constructor(store: Store) {
    this.#store = store
    this.#tasks = new TaskGroup({
      onError(error) {
        throw error
      },
    })
  }

  static async follow(servers: readonly string[]): Promise<ElectionHistory> {
    const store = await openEtcdStore({ servers, clock: systemClock })
    const history = new ElectionHistory(store)
    const since = await store.latest()
    history.#tasks.spawn((signal) => history.#watch(since, signal))
    return history
  }

  stopped(identity: string): void {
    this.#stops.push({ identity, atMs: systemClock.now() })
  }

  /** Resolves, once etcd has told that somebody else holds `lease`, to who that is. */
  async heldByAnother(lease: string, holder: string | undefined): Promise<string> {
    for (;;) {
      const now = this.#terms.get(lease)?.at(-1)?.holder
      if (now !== undefined && now !== '' && now !== holder) return now
      await new Promise<void>((resolve) => this.#waiting.add(resolve))
    }
  }

  /**
   * Compares the terms with what was recorded. `records`: each of one process, whose end may have cut off the last line, with those who write there under its identity;
   * `whose` says it of a holder.
   */
  async report(
    records: readonly { readonly identity: string; readonly path: string }[],
    whose = (holder: string | undefined): string | undefined => holder,
  ): Promise<ElectionReport> {
    const [late, underWay]: [string[], string[]] = [[], []]
    const done = new Map<string, number>()
    let writes = 0
    for (const { identity, path } of records)
      for (const write of existsSync(path) ? linesOf(path) : []) {
        writes++
        const act = actOf(write)
        const isUnderWay = this.#wasUnderWay(identity, write)
        if (act !== undefined && !isUnderWay) done.set(act, (done.get(act) ?? 0) + 1)
        if (write.revision === undefined) continue
        const holder = whose(this.#holderAt(leaseOf(write.user), write.revision))
        if (holder !== identity)
          (isUnderWay ? underWay : late).push(
            `${identity} wrote ${write.resource}/${write.name} (${write.user}) at ${write.revision}, when ${holder} led`,
          )
      }
    const twice = [...done].filter(([, count]) => count > 1).map(([act, count]) => `${act}: ${count} times`)
    const terms = [...this.#terms.values()].reduce((sum, { length }) => sum + length, 0)
    return { writes, terms, late, underWay, twice }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#tasks[Symbol.asyncDispose]()
    await this.#store[Symbol.asyncDispose]()
  }

  async #watch(since: number, signal: AbortSignal): Promise<void> {
    for await (const change of this.#store.watch(LEASES, since, signal)) {
      if (change.type !== 'put') continue
      const { metadata, spec } = decodeStored(change.value) as Lease
      const terms = this.#terms.get(metadata?.name ?? '') ?? []
      this.#terms.set(metadata?.name ?? '', terms)
      const holder = spec?.holderIdentity ?? ''
      if (terms.at(-1)?.holder !== holder) terms.push({ holder, from: change.revision })
      for (const tell of this.#waiting) tell()
      this.#waiting.clear()
    }
  }

  #wasUnderWay(identity: string, { receivedMs }: RecordedWrite): boolean {
    return this.#stops.some(
      (stop) => stop.identity === identity && receivedMs >= stop.atMs - SERVED_MS_MAX && receivedMs <= stop.atMs + SIGNAL_MS_MAX,
    )
  }

  #holderAt(lease: string, revision: number): string | undefined {
    return this.#terms.get(lease)?.findLast(({ from }) => from <= revision)?.holder
  }
}

const leaseOf = (user: string): string => (user === 'system:kube-scheduler' ? 'kube-scheduler' : 'kube-controller-manager')

/** What must not happen twice: one ReplicaSet of a Deployment, one Pod of a ReplicaSet that wants one, one place of a Pod. */
function actOf({ verb, resource, subresource, name, owner }: RecordedWrite): string | undefined {
  if (verb !== 'create') return undefined
  if (subresource === 'binding') return `bound ${name}`
  return (resource === 'replicasets' || resource === 'pods') && owner !== undefined ? `made ${resource} of ${owner}` : undefined
}

function linesOf(path: string): RecordedWrite[] {
  return readFileSync(path, 'utf8')
    .split('\n')
    .slice(0, -1)
    .map((line) => JSON.parse(line) as RecordedWrite)
}

/** Of the object that was answered. */
export const ownerOf = (object: KubernetesObject | undefined): string | undefined => object?.metadata?.ownerReferences?.[0]?.uid
