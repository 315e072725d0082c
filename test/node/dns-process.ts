/** A DNS server in a process of its own, for tests that need it in a network namespace: `dns-process.ts ADDRESS PORT CLUSTER_IP`. */

import { startDns } from '#addons'
import { namespaces, services } from '#api'
import { openLog, systemClock, systemRandom } from '#base'
import type { Client } from '#client'
import { Shelves } from '#testing'

const [host = '', port = '', clusterIP = ''] = process.argv.slice(2)
const shelves = new Shelves()
shelves.for(namespaces).set({ metadata: { name: 'kube-system' } })
shelves.for(services).set({
  metadata: { namespace: 'kube-system', name: 'kube-dns' },
  spec: { clusterIP, clusterIPs: [clusterIP], ports: [{ name: 'dns', port: 53, protocol: 'UDP' }] },
})
await startDns({
  // Without an advertised address nothing is written.
  client: {} as Client,
  sources: shelves,
  clock: systemClock,
  random: systemRandom,
  log: await openLog({ level: 'warn' }),
  listen: { host, port: Number(port) },
  clusterDomain: 'cluster.local',
  clusterIP,
  upstreams: [],
})
console.log('up')
