/** How many pods a second can be given a node, in a cluster of `NODES` nodes? Usage: node --conditions=source bench/schedule.ts [nodes] [pods] */
import { makeNode, makePod, SmallCluster } from '../src/scheduler/fixtures.ts'

const nodeCount = Number(process.argv[2] ?? 1_000)
const podCount = Number(process.argv[3] ?? 2_000)
const ZONES = 3

const zoneOf = (at: number): string => `zone-${at % ZONES}`
const nodes = Array.from({ length: nodeCount }, (_, at) =>
  makeNode({ name: `node-${at}`, labels: { 'topology.kubernetes.io/zone': zoneOf(at) }, cpu: '32', memory: '128Gi' }),
)
const requests = { cpu: '100m', memory: '128Mi' }
const web = { app: 'web' }
const kinds = {
  plain: {},
  'spread over zones': {
    labels: web,
    topologySpreadConstraints: [
      {
        topologyKey: 'topology.kubernetes.io/zone',
        maxSkew: 1,
        whenUnsatisfiable: 'DoNotSchedule',
        labelSelector: { matchLabels: web },
      },
    ],
  },
  'apart from each other': {
    labels: web,
    affinity: {
      podAntiAffinity: {
        requiredDuringSchedulingIgnoredDuringExecution: [
          { topologyKey: 'kubernetes.io/hostname', labelSelector: { matchLabels: web } },
        ],
      },
    },
  },
}

for (const [kind, spec] of Object.entries(kinds)) {
  const cluster = new SmallCluster(nodes)
  const count = kind === 'apart from each other' ? Math.min(podCount, nodeCount) : podCount
  const pods = Array.from({ length: count }, (_, at) => makePod({ name: `pod-${at}`, requests, ...spec }))
  const decideMs = timed(() => {
    for (const pod of pods) {
      const decision = cluster.decide(pod)
      if (decision.kind === 'placed') cluster.cache.assume(pod, decision.nodeName)
    }
  })
  // The least anyone could do: look at each node's free CPU once and take the emptiest.
  const bareMs = timed(() => {
    for (const _ of pods) {
      let best = cluster.cache.nodes[0]!
      for (const node of cluster.cache.nodes) if ((node.requested.get('cpu') ?? 0) < (best.requested.get('cpu') ?? 0)) best = node
    }
  })
  const perSecond = Math.round((count * 1000) / decideMs)
  console.log(
    `${kind}: ${perSecond} pods/s over ${nodeCount} nodes, ${(decideMs / bareMs).toFixed(1)} × a bare look at every node`,
  )
}

function timed(work: () => void): number {
  const start = performance.now()
  work()
  return performance.now() - start
}
