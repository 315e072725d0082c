import assert from 'node:assert/strict'
import test from 'node:test'
import { configMaps } from '#api'
import { type Random, seededRandom } from '#base'
import type { KubernetesObject } from '#meta'
import { ask, askWatch, metadataOf, startTestApiServer, type TestApiServer, type WatchAnswer } from '#testing'

const SEEDS = 12
const STEPS = 120
const NAMESPACES = ['default', 'kube-system']
const NAMES = ['a', 'b', 'b-1', 'c', 'd', 'e']
const APPS = ['web', 'db', '']

/** One change as the server answered it; `app` is undefined for a delete. */
interface Change {
  readonly revision: number
  readonly key: string
  readonly app: string | undefined
}

interface Query {
  readonly namespace: string
  readonly selector: string
  selects(app: string): boolean
}

interface Watching {
  readonly query: Query
  readonly since: number
  readonly watch: WatchAnswer
  readonly stop: AbortController
}

/** All that ever happened, in order: what lists and watches must agree with. */
class Model {
  readonly #changes: Change[] = []

  add(change: Change): void {
    this.#changes.push(change)
  }

  get newest(): number {
    return this.#changes.at(-1)?.revision ?? 0
  }

  appAt(key: string, revision: number): string | undefined {
    return this.#changes.findLast((change) => change.key === key && change.revision <= revision)?.app
  }

  /** Keys that a query selects at a revision, in order. */
  keysAt(revision: number, query: Query): string[] {
    return [...new Set(this.#changes.map(({ key }) => key))]
      .filter((key) => this.#selects(key, this.appAt(key, revision), query))
      .sort()
  }

  eventsAfter(since: number, query: Query): string[] {
    return this.#changes
      .filter(({ revision }) => revision > since)
      .flatMap(({ revision, key, app }) => {
        const is = this.#selects(key, app, query)
        const was = this.#selects(key, this.appAt(key, revision - 1), query)
        return is || was ? [`${is ? (was ? 'MODIFIED' : 'ADDED') : 'DELETED'} ${key} ${revision}`] : []
      })
  }

  #selects(key: string, app: string | undefined, { namespace, selects }: Query): boolean {
    return app !== undefined && (namespace === '' || key.startsWith(`${namespace}/`)) && selects(app)
  }
}

class Run {
  readonly #api: TestApiServer
  readonly #random: Random
  readonly #model = new Model()
  readonly #watches: Watching[] = []
  readonly #base: number
  #compacted = 0

  constructor(api: TestApiServer, random: Random) {
    this.#api = api
    this.#random = random
    this.#base = api.store.revision
  }

  async step(): Promise<void> {
    const choice = this.#random.int(10)
    if (choice < 6) await this.#write()
    else if (choice < 7) await this.#list()
    else if (choice < 8) await this.#pages()
    else if (choice < 9) await this.#watch()
    else await this.#compact()
  }

  /** Every watch has told exactly what the model says. */
  async finish(): Promise<void> {
    for (const { query, since, watch, stop } of this.#watches) {
      stop.abort()
      const told: string[] = []
      for (let frame = await watch.next(); frame !== undefined; frame = await watch.next()) {
        const { namespace, name, resourceVersion } = metadataOf(frame)
        told.push(`${frame.type} ${namespace}/${name} ${resourceVersion}`)
      }
      assert.deepEqual(told, this.#model.eventsAfter(since, query), `watch of ${pathOf(query)} after ${since}`)
    }
  }

  async #write(): Promise<void> {
    const { client } = this.#api
    const [namespace, name] = [this.#pick(NAMESPACES), this.#pick(NAMES)]
    const key = `${namespace}/${name}`
    const before = this.#model.appAt(key, this.#model.newest)
    const app = this.#pick(APPS)
    if (before !== undefined && this.#random.int(3) === 0) {
      await client.delete(configMaps, key)
      this.#model.add({ revision: this.#api.store.revision, key, app: undefined })
      return
    }
    const labels: Record<string, string> = app === '' ? {} : { app }
    const metadata = { name, namespace, labels, annotations: { at: String(this.#api.store.revision) } }
    const object = { apiVersion: 'v1', kind: 'ConfigMap', metadata }
    const { metadata: written } = await (before === undefined
      ? client.create(configMaps, object)
      : client.update(configMaps, object))
    this.#model.add({ revision: Number(written?.resourceVersion), key, app })
  }

  async #list(): Promise<void> {
    const query = this.#query()
    const at = this.#pastRevision()
    const exact = this.#random.int(2) === 0 && at > 0
    const { code, object } = await this.#get(query, exact ? `resourceVersion=${at}&resourceVersionMatch=Exact` : '')
    if (exact && at < this.#compacted) {
      assert.equal(code, 410)
      return
    }
    const expected = this.#model.keysAt(exact ? at : this.#model.newest, query)
    assert.deepEqual(keysOf(object.items), expected, `list of ${pathOf(query)} ${exact ? `at ${at}` : 'now'}`)
  }

  /** Pages, with writes and sometimes a compaction between them. */
  async #pages(): Promise<void> {
    const query = this.#query()
    const limit = 1 + this.#random.int(3)
    let revision: number | undefined
    let token: string | undefined = ''
    let seen: string[] = []
    let after = ''
    do {
      const { code, object } = await this.#get(query, `limit=${limit}&continue=${token}`)
      if (code === 410) {
        assert.ok(revision !== undefined && revision < this.#compacted)
        // From here on a snapshot of now, behind what was shown already.
        after = seen.at(-1) ?? ''
        seen = []
        revision = undefined
        token = object.metadata.continue
        continue
      }
      assert.equal(code, 200)
      revision ??= Number(object.metadata.resourceVersion)
      assert.equal(Number(object.metadata.resourceVersion), revision)
      assert.ok(object.items.length <= limit)
      seen.push(...keysOf(object.items))
      token = object.metadata.continue
      const all = this.#model.keysAt(revision, query).filter((key) => key > after)
      if (query.selector === '') assert.equal(object.metadata.remainingItemCount, token ? all.length - seen.length : undefined)
      if (this.#random.int(2) === 0) await this.#write()
      if (this.#random.int(6) === 0) await this.#compact()
      if (!token) assert.deepEqual(seen, all, `pages of ${pathOf(query)} at ${revision}`)
    } while (token)
  }

  async #watch(): Promise<void> {
    const query = this.#query()
    const since = Math.max(this.#pastRevision(), this.#base)
    const stop = new AbortController()
    const line = `GET ${pathOf(query)}?watch=true&resourceVersion=${since}&labelSelector=${query.selector}`
    this.#watches.push({ query, since, stop, watch: await askWatch(this.#api, line, { signal: stop.signal }) })
  }

  async #compact(): Promise<void> {
    const revision = this.#pastRevision()
    if (revision <= this.#compacted || revision === 0) return
    await this.#api.store.compact(revision)
    this.#compacted = revision
  }

  #get(query: Query, parameters: string): ReturnType<typeof ask> {
    return ask(this.#api, `GET ${pathOf(query)}?${parameters}&labelSelector=${query.selector}`)
  }

  #query(): Query {
    const namespace = this.#pick(['', ...NAMESPACES])
    return this.#pick<Query>([
      { namespace, selector: '', selects: () => true },
      { namespace, selector: 'app%3Dweb', selects: (app) => app === 'web' },
      { namespace, selector: 'app+in+(web,db)', selects: (app) => app !== '' },
      { namespace, selector: 'app!%3Dweb', selects: (app) => app !== 'web' },
      { namespace, selector: '!app', selects: (app) => app === '' },
    ])
  }

  #pastRevision(): number {
    const newest = this.#model.newest
    return newest === 0 ? 0 : this.#base + this.#random.int(newest - this.#base + 1)
  }

  #pick<T>(values: readonly T[]): T {
    return values[this.#random.int(values.length)]!
  }
}

const pathOf = ({ namespace }: Query): string =>
  namespace === '' ? '/api/v1/configmaps' : `/api/v1/namespaces/${namespace}/configmaps`

const keysOf = (items: readonly KubernetesObject[]): string[] =>
  items.map(({ metadata }) => `${metadata?.namespace}/${metadata?.name}`)

for (let seed = 1; seed <= SEEDS; seed++) {
  test(`lists, pages and watches agree with a plain history of all writes (seed ${seed})`, async () => {
    await using api = await startTestApiServer({ seed })
    // The server has one of its own, which the history does not know of.
    await api.client.delete(configMaps, 'kube-system/kube-apiserver-legacy-service-account-token-tracking')
    const run = new Run(api, seededRandom(seed))
    for (let step = 0; step < STEPS; step++) await run.step()
    await run.finish()
  })
}
