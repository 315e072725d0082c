import assert from 'node:assert/strict'
import { join } from 'node:path'
import test from 'node:test'
import { nullLog } from '#base'
import { NftablesBackend, RulesTracker } from '#proxy'
import { NetworkLab } from './network-lab.ts'

const { nodeIP, podCIDR } = NetworkLab
const DNS_IP = '10.96.0.10'
const { signal } = new AbortController()

test('pods and the node resolve names through the cluster’s DNS address, which leads to a process on the node', async () => {
  await using lab = await NetworkLab.create()
  lab.addPod('a', '10.71.1.5')
  await lab.start('node', ['--conditions=source', join(import.meta.dirname, 'dns-process.ts'), nodeIP, '5353', DNS_IP])
  const backend = new NftablesBackend({ log: nullLog, table: 't8s-test', netns: lab.path('node'), clusterCIDRs: [podCIDR] })
  const tracker = new RulesTracker({ nodeName: 'node-1', zone: undefined, nodePortAddresses: [] })
  const metadata = { namespace: 'kube-system', name: 'kube-dns' }
  tracker.service({
    after: { metadata, spec: { clusterIP: DNS_IP, clusterIPs: [DNS_IP], ports: [{ name: 'dns', port: 53, protocol: 'UDP' }] } },
  })
  tracker.slice({
    after: {
      metadata: { ...metadata, labels: { 'kubernetes.io/service-name': 'kube-dns' } },
      addressType: 'IPv4',
      ports: [{ name: 'dns', port: 5353, protocol: 'UDP' }],
      endpoints: [{ addresses: [nodeIP], conditions: { ready: true }, hints: { forNodes: [{ name: 'node-1' }] } }],
    },
  })
  tracker.take()
  await backend.replace(tracker.all(), { signal })
  for (const from of ['a', 'node']) {
    assert.deepEqual(await lab.lookUp(from, DNS_IP, 'kube-dns.kube-system.svc.cluster.local'), [DNS_IP], from)
    assert.deepEqual(await lab.lookUp(from, DNS_IP, 'nothing.kube-system.svc.cluster.local'), ['ENOTFOUND'], from)
  }
})
