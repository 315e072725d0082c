import type { ServiceRules } from '../../rules.ts'
import { baseTable, type TableObject } from './base-table.ts'
import { Claims } from './claims.ts'
import { contribution, type Element } from './elements.ts'
import type { FamilyWords } from './family.ts'

/** Entries in one statement: lines stay of a size that is pleasant to debug. */
const ELEMENTS_PER_STATEMENT = 1_000

/** Mirrors what is in the kernel's table of one family, and writes the transactions that change it. */
export class Table {
  readonly #words: FamilyWords
  readonly #name: string
  readonly #clusterCIDR: string | undefined
  #objects = new Claims<string>()
  #elements = new Claims<string>()
  /** Services in order of first sight; the order settles who owns what two of them claim. */
  #owners = new Map<string, number>()
  #nextOwner = 0

  constructor(words: FamilyWords, name: string, clusterCIDR: string | undefined) {
    this.#words = words
    this.#name = name
    this.#clusterCIDR = clusterCIDR
  }

  /** A transaction that leaves exactly these rules, whatever was there. */
  replace(rules: Iterable<ServiceRules>): string {
    this.#objects = new Claims()
    this.#elements = new Claims()
    this.#owners = new Map()
    for (const service of rules) this.#change(service.key, undefined, service)
    return baseTable(this.#words, this.#name, this.#clusterCIDR) + this.#settle().join('')
  }

  /** Transactions, in order, that change some Services; empty texts when nothing changes in this family. */
  apply(
    changes: Iterable<readonly [key: string, before: ServiceRules | undefined, after: ServiceRules | undefined]>,
  ): readonly string[] {
    for (const [key, before, after] of changes) this.#change(key, before, after)
    return this.#settle()
  }

  #change(key: string, before: ServiceRules | undefined, after: ServiceRules | undefined): void {
    let owner = this.#owners.get(key)
    if (owner === undefined) this.#owners.set(key, (owner = this.#nextOwner++))
    if (before !== undefined) {
      const { objects, elements } = contribution(before, this.#words, this.#clusterCIDR)
      for (const object of objects) this.#objects.release(owner, object.name)
      for (const element of elements) this.#elements.release(owner, addressOf(element))
    }
    if (after === undefined) {
      this.#owners.delete(key)
      return
    }
    const { objects, elements } = contribution(after, this.#words, this.#clusterCIDR)
    for (const object of objects) this.#objects.claim(owner, object.name, JSON.stringify(object))
    for (const element of elements) this.#elements.claim(owner, addressOf(element), element.value ?? '')
  }

  /**
   * Transactions to be made one after the other. Entries go before what they point to, and come after it. What is merely gone goes in a transaction of its own, after the
   * switch: a packet that was sent to the old balancer still finds its entries there, since each of its lookups sees the rules of that moment.
   */
  #settle(): readonly string[] {
    const removed: Element[] = []
    const added: Element[] = []
    for (const [address, { was, is }] of this.#elements.settle()) {
      const [object, key] = address.split('|') as [string, string]
      if (was !== undefined) removed.push({ object, key })
      if (is !== undefined) added.push({ object, key, value: is })
    }
    const gone: TableObject[] = []
    const fresh: TableObject[] = []
    for (const { was, is } of this.#objects.settle().values()) {
      if (was !== undefined) gone.push(JSON.parse(was) as TableObject)
      if (is !== undefined) fresh.push(JSON.parse(is) as TableObject)
    }
    const goneNames = new Set(gone.map(({ name }) => name))
    const addedKeys = new Set(added.map(({ object, key }) => `${object}|${key}`))
    const leaving = removed.filter(({ object }) => !goneNames.has(object))
    const isReplaced = ({ object, key }: Element): boolean => addedKeys.has(`${object}|${key}`)
    const arrival = [...this.#definitions(fresh), ...this.#statements('add', added)]
    // An object that is made anew under its name must go first.
    if (fresh.some(({ name }) => goneNames.has(name))) {
      return [[...this.#statements('delete', leaving), ...this.#deletions(gone), ...arrival].join('')]
    }
    return [
      [...this.#statements('delete', leaving.filter(isReplaced)), ...arrival].join(''),
      [
        ...this.#statements(
          'delete',
          leaving.filter((element) => !isReplaced(element)),
        ),
        ...this.#deletions(gone),
      ].join(''),
    ]
  }

  /** Chains are emptied first, since they point at each other and at sets. */
  #deletions(gone: readonly TableObject[]): string[] {
    const table = `${this.#words.ip} ${this.#name}`
    const chains = gone.filter(({ kind }) => kind === 'chain')
    return [
      ...chains.map(({ name }) => `flush chain ${table} ${name}\n`),
      ...chains.map(({ name }) => `delete chain ${table} ${name}\n`),
      ...gone.filter(({ kind }) => kind !== 'chain').map(({ kind, name }) => `delete ${kind} ${table} ${name}\n`),
    ]
  }

  #definitions(fresh: readonly TableObject[]): string[] {
    if (fresh.length === 0) return []
    const data = fresh.filter(({ kind }) => kind !== 'chain')
    const chains = fresh.filter(({ kind }) => kind === 'chain')
    const lines = [...data, ...chains].map(({ kind, name, body }) => `  ${kind} ${name} { ${body} }\n`)
    return [`table ${this.#words.ip} ${this.#name} {\n`, ...lines, '}\n']
  }

  #statements(verb: 'add' | 'delete', elements: readonly Element[]): string[] {
    const statements: string[] = []
    for (const [object, list] of Map.groupBy(elements, (element) => element.object)) {
      for (let from = 0; from < list.length; from += ELEMENTS_PER_STATEMENT) {
        const entries = list.slice(from, from + ELEMENTS_PER_STATEMENT)
        const texts = entries.map(({ key, value }) => (value ? `${key} : ${value}` : key))
        statements.push(`${verb} element ${this.#words.ip} ${this.#name} ${object} { ${texts.join(', ')} }\n`)
      }
    }
    return statements
  }
}

function addressOf({ object, key }: Element): string {
  return `${object}|${key}`
}
