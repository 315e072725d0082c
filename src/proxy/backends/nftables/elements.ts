import { createHash } from 'node:crypto'
import type { Endpoint } from '../../endpoints.ts'
import { type Frontend, frontendKey, type ServiceRules, type Target } from '../../rules.ts'
import { balancer, insideBalancer, markAll, markInside, type TableObject } from './base-table.ts'
import type { FamilyWords } from './family.ts'

/** One entry of a map or set of the table. */
export interface Element {
  readonly object: string
  readonly key: string
  /** Absent in sets. */
  readonly value?: string | undefined
}

/** What one Service puts into a table. */
export interface Contribution {
  readonly objects: readonly TableObject[]
  readonly elements: readonly Element[]
}

type Balance = Extract<Target, { readonly kind: 'balance' }>

/**
 * Writes a Service's rules as entries of flat maps. A frontend with three endpoints becomes
 *
 *   svc  10.96.0.20 . tcp . 80      goto lb3
 *   ep3  10.96.0.20 . tcp . 80 . 0  10.71.1.5 . 8080   (and slots 1, 2)
 *
 * Only session affinity needs chains of its own: a set of clients and a chain for each endpoint.
 */
export function contribution(rules: ServiceRules, words: FamilyWords, clusterCIDR: string | undefined): Contribution {
  const objects: TableObject[] = []
  const elements: Element[] = []
  for (const address of rules.clusterIPs)
    if (address.includes(':') === (words.family === 'IPv6')) elements.push({ object: 'cluster-ips', key: address })
  for (const frontend of rules.frontends) {
    if (frontend.family !== words.family) continue
    const key = frontendKey(frontend)
    if (frontend.target.kind === 'balance') balance('outside', frontend, frontend.target)
    else elements.push({ object: 'no-ep', key, value: frontend.target.kind === 'drop' ? 'drop' : 'goto do-reject' })
    if (frontend.inside?.kind === 'balance') balance('inside', frontend, frontend.inside)
    if (frontend.sourceRanges !== undefined) {
      elements.push({ object: 'guarded', key })
      for (const range of frontend.sourceRanges) elements.push({ object: 'sources', key: `${key} . ${range}` })
    }
  }
  return { objects, elements }

  function balance(side: 'outside' | 'inside', frontend: Frontend, target: Balance): void {
    const key = frontendKey(frontend)
    const count = target.endpoints.length
    for (const { address, isLocal } of target.endpoints)
      if (isLocal) elements.push({ object: 'hairpin', key: `${address} . ${address}` })
    const map = side === 'outside' ? 'svc' : 'inside'
    if (target.affinitySeconds !== undefined) {
      const mark = side === 'inside' ? markInside(words, clusterCIDR) : target.masquerade ? markAll() : undefined
      const sticky = stickyChains(rules.key, frontend, target, target.affinitySeconds, mark, words)
      objects.push(...sticky)
      elements.push({ object: map, key, value: `goto ${sticky.at(-1)!.name}` })
      return
    }
    const slots = side === 'outside' ? `ep${count}` : `iep${count}`
    objects.push(...(side === 'outside' ? balancer(words, count) : insideBalancer(words, count, clusterCIDR)))
    elements.push({ object: map, key, value: `goto ${side === 'inside' ? 'ilb' : target.masquerade ? 'mlb' : 'lb'}${count}` })
    for (const [slot, endpoint] of target.endpoints.entries())
      elements.push({ object: slots, key: `${key} . ${slot}`, value: `${endpoint.address} . ${endpoint.port}` })
  }
}

/**
 * For each endpoint a set of its clients, which forgets them after the time-out, and a chain that notes the client and goes
 * there; then a chain that sends known clients where they were and the others anywhere. That one is the last. Names are made
 * from content, so that a changed list is a new chain, while sets, and with them the clients' memory, stay.
 */
function stickyChains(
  serviceKey: string,
  { portName, protocol }: Frontend,
  { endpoints }: Balance,
  seconds: number,
  mark: string | undefined,
  words: FamilyWords,
): TableObject[] {
  const { ip, addressType, join } = words
  const port = `${serviceKey} ${portName} ${protocol} ${seconds}`
  const idOf = ({ address, port: number }: Endpoint): string => digest(`${port} ${address} ${number}`)
  const ids = endpoints.map(idOf)
  const perEndpoint = endpoints.flatMap(({ address, port: number }, at): TableObject[] => [
    { kind: 'set', name: `clients-${ids[at]}`, body: `type ${addressType}; flags dynamic,timeout; timeout ${seconds}s;` },
    {
      kind: 'chain',
      name: `to-${ids[at]}`,
      body: `update @clients-${ids[at]} { ${ip} saddr }; meta l4proto ${protocol} dnat ${ip} to ${join(address, number)};`,
    },
  ])
  const known = ids.map((id) => `${ip} saddr @clients-${id} goto to-${id};`)
  const anywhere = ids.map((id, slot) => `${slot} : goto to-${id}`).join(', ')
  const body = [
    ...(mark === undefined ? [] : [`${mark};`]),
    ...known,
    `numgen random mod ${ids.length} vmap { ${anywhere} };`,
  ].join(' ')
  return [...perEndpoint, { kind: 'chain', name: `sticky-${digest(`${port} ${body}`)}`, body }]
}

function digest(text: string): string {
  return createHash('sha256').update(text).digest('hex').slice(0, 16)
}
