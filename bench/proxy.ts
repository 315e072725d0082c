/**
 * How long does it take to load many Services into the kernel, and to change one of them?
 * Needs root, nftables and iproute2; works in a network namespace of its own. Usage: node --conditions=source bench/proxy.ts [services]
 */
import { execFileSync } from 'node:child_process'
import type { EndpointSlice, Service } from '#api'
import { nullLog } from '#base'
import { NftablesBackend, RulesTracker } from '#proxy'

const serviceCount = Number(process.argv[2] ?? 10_000)
const ENDPOINTS = 3
const namespace = `t8s-test-bench-${process.pid}`
const { signal } = new AbortController()

execFileSync('ip', ['netns', 'add', namespace])
try {
  const tracker = new RulesTracker({ nodeName: 'node-1', zone: undefined, nodePortAddresses: ['192.168.0.1'] })
  const backend = new NftablesBackend({ log: nullLog, netns: `/run/netns/${namespace}`, clusterCIDRs: ['10.128.0.0/9'] })
  const rulesMs = await timed(async () => {
    for (let at = 0; at < serviceCount; at++) {
      tracker.service({ after: serviceAt(at) })
      tracker.slice({ after: sliceAt(at, ENDPOINTS) })
    }
    tracker.take()
  })
  // A process that loads one empty table is what any change costs at least.
  const emptyMs = await timed(() => backend.replace(new Map(), { signal }))
  const loadMs = await timed(() => backend.replace(tracker.all(), { signal }))
  const changes: number[] = []
  for (let round = 0; round < 20; round++) {
    const at = Math.floor((round * serviceCount) / 20)
    tracker.slice({ before: sliceAt(at, ENDPOINTS), after: sliceAt(at, ENDPOINTS + 1 + (round % 2)) })
    changes.push(await timed(() => backend.apply(tracker.take(), { signal })))
  }
  changes.sort((a, b) => a - b)
  const ratio = (ms: number): string => `${(ms / emptyMs).toFixed(1)} × an empty load`
  console.log(`rules of ${serviceCount} Services: ${rulesMs.toFixed(0)} ms`)
  console.log(`full load: ${loadMs.toFixed(0)} ms, ${ratio(loadMs)}`)
  console.log(`one change: median ${changes[10]!.toFixed(1)} ms, worst ${changes.at(-1)!.toFixed(1)} ms, ${ratio(changes[10]!)}`)
} finally {
  execFileSync('ip', ['netns', 'del', namespace])
}

function serviceAt(at: number): Service {
  const clusterIP = `10.96.${at >> 8}.${at & 255}`
  return {
    metadata: { namespace: 'default', name: `svc-${at}` },
    spec: { clusterIP, clusterIPs: [clusterIP], ports: [{ port: 80, protocol: 'TCP' }] },
  }
}

function sliceAt(at: number, endpoints: number): EndpointSlice {
  return {
    metadata: { namespace: 'default', name: `svc-${at}-x`, labels: { 'kubernetes.io/service-name': `svc-${at}` } },
    addressType: 'IPv4',
    ports: [{ name: '', port: 8080, protocol: 'TCP' }],
    endpoints: Array.from({ length: endpoints }, (_, slot) => ({
      addresses: [`10.${128 + slot}.${at >> 8}.${at & 255}`],
      nodeName: 'node-2',
      conditions: { ready: true },
    })),
  }
}

async function timed(work: () => void | Promise<void>): Promise<number> {
  const start = performance.now()
  await work()
  return performance.now() - start
}
