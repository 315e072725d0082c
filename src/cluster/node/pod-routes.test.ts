import assert from 'node:assert/strict'
import test from 'node:test'
import type { Node } from '#api'
import { rangesOfOthers } from './pod-routes.ts'
import { hardwareAddress, tunnelName } from './tunnel.ts'

const node = (name: string, podCIDR?: string, address?: string): Node => ({
  metadata: { name },
  spec: podCIDR === undefined ? {} : { podCIDR },
  status: { addresses: [{ type: 'Hostname', address: name }, ...(address ? [{ type: 'InternalIP', address }] : [])] },
})

test('pods of other nodes are at their internal addresses, once both are known', () => {
  const nodes = [
    node('a', '10.244.0.0/24', '192.0.2.1'),
    node('b', '10.244.1.0/24', '192.0.2.2'),
    node('c', '10.244.2.0/24'),
    node('d', undefined, '192.0.2.4'),
  ]
  assert.deepEqual(rangesOfOthers(nodes, 'a'), [{ podCIDR: '10.244.1.0/24', address: '192.0.2.2' }])
})

test("the tunnel's ends are known from the ranges alone", () => {
  assert.equal(hardwareAddress('10.244.1.0'), '0e:58:0a:f4:01:00')
  assert.ok(tunnelName('a-long-cluster-id', 'a-very-long-node-name').length <= 15)
})
