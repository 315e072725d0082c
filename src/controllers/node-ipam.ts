import { type AddressRange, nodes, parseRange, subrangeAt } from '#api'
import { defineController, done, type ManagerContext } from './framework/index.ts'

/** Of the ranges of nodes, as upstream by default. */
export const NODE_MASK_SIZES = { IPv4: 24, IPv6: 64 } as const

export type NodeMaskSizes = Readonly<Record<'IPv4' | 'IPv6', number>>

/** Gives each node a range of the cluster's pod addresses, one of each family. One worker, so that no two nodes can get the same. */
export const nodeIPAM = defineController({
  name: 'node-controller',
  flag: 'node-ipam-controller',
  for: nodes,
  workers: 1,
  async reconcile({ key, cache, client, recorder }, { clusterCIDR, nodeMaskSizes = NODE_MASK_SIZES }: ManagerContext) {
    if (clusterCIDR === '') return done
    const cached = cache(nodes).get(key)
    if (cached === undefined || cached.spec?.podCIDR || cached.metadata?.deletionTimestamp !== undefined) return done
    // The cache may not show what the last turn gave away.
    const { items } = await client.list(nodes)
    const node = items.find(({ metadata }) => metadata?.name === key)
    if (node === undefined || node.spec?.podCIDR) return done
    const taken = new Set(items.flatMap(({ spec }) => spec?.podCIDRs ?? []))
    const free = clusterCIDR.split(',').map((cidr) => freeRange(cidr, nodeMaskSizes, taken))
    if (!free.every((range) => range !== undefined)) {
      recorder.event(node, 'Normal', 'CIDRNotAvailable', `Node ${key} status is now: CIDRNotAvailable`)
      throw new Error(`no range of ${clusterCIDR} is left for node ${key}`)
    }
    await client.patch(nodes, key, { spec: { podCIDR: free[0], podCIDRs: free } }, { type: 'merge' })
    return done
  },
})

function freeRange(cidr: string, sizes: NodeMaskSizes, taken: ReadonlySet<string>): string | undefined {
  const range = parseRange(cidr)
  if (range === undefined) return undefined
  for (const free of rangesOf(range, sizes[range.family])) if (!taken.has(free)) return free
  return undefined
}

/** Every range of that size, in order. */
function* rangesOf(range: AddressRange, bits: number): Iterable<string> {
  const count = bits < range.bits ? 0n : 1n << BigInt(bits - range.bits)
  for (let index = 0n; index < count; index++) yield subrangeAt(range, bits, index)
}
