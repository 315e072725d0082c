import type { Log } from '#base'
import { cidrFamilyOf, type Family } from '../../addresses.ts'
import type { RulesChange } from '../../changes.ts'
import type { ServiceRules } from '../../rules.ts'
import type { ProxyBackend } from '../backend.ts'
import { deleteArguments, type StaleFlows, staleFlows } from './conntrack.ts'
import { ipv4, ipv6 } from './family.ts'
import { Table } from './table.ts'
import { runTool } from './tool.ts'

export interface NftablesOptions {
  readonly log: Log
  /** Name of the table; clusters that share a network namespace need different ones. */
  readonly table?: string
  /** Path of the network namespace to work in; the process's own by default. */
  readonly netns?: string | undefined
  /** Where pods live, at most one for each family. What leaves this range is masqueraded. */
  readonly clusterCIDRs?: readonly string[]
  readonly families?: readonly Family[]
}

const TABLE_NAME = /^[A-Za-z][A-Za-z0-9_-]{0,63}$/

/** Services as nftables maps: loaded whole in one transaction, changed entry by entry afterwards. */
export class NftablesBackend implements ProxyBackend {
  readonly #log: Log
  readonly #netns: string | undefined
  readonly #name: string
  readonly #tables: readonly Table[]
  #warnedOfConntrack = false

  constructor({ log, netns, table = 'kube-proxy', clusterCIDRs = [], families = ['IPv4'] }: NftablesOptions) {
    if (!TABLE_NAME.test(table)) throw new Error(`nftables table name ${JSON.stringify(table)} is not a plain word`)
    this.#log = log
    this.#netns = netns
    this.#name = table
    this.#tables = [ipv4, ipv6]
      .filter(({ family }) => families.includes(family))
      .map(
        (words) =>
          new Table(
            words,
            table,
            clusterCIDRs.find((cidr) => cidrFamilyOf(cidr) === words.family),
          ),
      )
  }

  async replace(rules: ReadonlyMap<string, ServiceRules>, { signal }: { readonly signal: AbortSignal }): Promise<void> {
    const list = [...rules.values()]
    await this.#load(this.#tables.map((table) => table.replace(list)).join(''), signal)
  }

  async apply(changes: ReadonlyMap<string, RulesChange>, { signal }: { readonly signal: AbortSignal }): Promise<void> {
    const list = [...changes].map(([key, { before, after }]) => [key, before, after] as const)
    const steps = this.#tables.map((table) => table.apply(list))
    for (const step of [0, 1]) {
      const text = steps.map((transactions) => transactions[step] ?? '').join('')
      if (text !== '') await this.#load(text, signal)
    }
    await this.#forget(staleFlows(changes.values()), signal)
  }

  cleanup(): Promise<void> {
    return cleanupNftables({ table: this.#name, netns: this.#netns })
  }

  async #load(text: string, signal: AbortSignal): Promise<void> {
    const { code, stderr } = await runTool('nft', ['-f', '-'], { netns: this.#netns, input: text, signal })
    if (code !== 0) throw new Error(`nft refused the rules: ${stderr.trim().split('\n').slice(0, 3).join(' ')}`)
  }

  async #forget(flows: readonly StaleFlows[], signal: AbortSignal): Promise<void> {
    for (const flow of flows) {
      try {
        // Exit code 1 says only that there was none.
        await runTool('conntrack', deleteArguments(flow), { netns: this.#netns, signal })
      } catch (error) {
        if (signal.aborted) throw error
        if (!this.#warnedOfConntrack) this.#log.warn('Stale UDP flows stay: conntrack cannot be run', { error })
        this.#warnedOfConntrack = true
        return
      }
    }
  }
}

/** Removes the tables, if they are there. */
export async function cleanupNftables(options: { readonly table: string; readonly netns?: string | undefined }): Promise<void> {
  const { table, netns } = options
  // Declaring a table before deleting it makes the deletion succeed either way.
  const text = ['ip', 'ip6'].map((ip) => `table ${ip} ${table}\ndelete table ${ip} ${table}\n`).join('')
  const { code, stderr } = await runTool('nft', ['-f', '-'], { netns, input: text })
  if (code !== 0) throw new Error(`nft could not remove table ${table}: ${stderr.trim()}`)
}
