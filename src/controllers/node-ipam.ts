import { nodes } from '#api'
import { defineController, done, type ManagerContext } from './framework/index.ts'

const NODE_BITS = 24

/** Gives each node a range of the cluster's pod addresses. One worker, so that no two nodes can get the same. */
export const nodeIPAM = defineController({
  name: 'node-controller',
  flag: 'node-ipam-controller',
  for: nodes,
  workers: 1,
  async reconcile({ key, cache, client }, { clusterCIDR }: ManagerContext) {
    if (clusterCIDR === '') return done
    const cached = cache(nodes).get(key)
    if (cached === undefined || cached.spec?.podCIDR || cached.metadata?.deletionTimestamp !== undefined) return done
    // The cache may not show what the last turn gave away.
    const { items } = await client.list(nodes)
    const node = items.find(({ metadata }) => metadata?.name === key)
    if (node === undefined || node.spec?.podCIDR) return done
    const taken = new Set(items.flatMap(({ spec }) => spec?.podCIDRs ?? []))
    const free = ranges(clusterCIDR).find((range) => !taken.has(range))
    if (free === undefined) throw new Error(`no range of ${clusterCIDR} is left for node ${key}`)
    await client.patch(nodes, key, { spec: { podCIDR: free, podCIDRs: [free] } }, { type: 'merge' })
    return done
  },
})

/** Every /24 of a range, in order. */
function ranges(cidr: string): string[] {
  const [address = '', bits = '16'] = cidr.split('/')
  const first = address.split('.').reduce((value, octet) => value * 256 + Number(octet), 0)
  const count = 2 ** Math.max(0, NODE_BITS - Number(bits))
  return Array.from({ length: count }, (_, index) => {
    const start = first + index * 2 ** (32 - NODE_BITS)
    return `${[24, 16, 8, 0].map((shift) => Math.floor(start / 2 ** shift) % 256).join('.')}/${NODE_BITS}`
  })
}
