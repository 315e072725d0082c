import assert from 'node:assert/strict'
import test from 'node:test'
import { type ServiceCIDR, serviceCIDRs, services } from '#api'
import { startTestCluster } from '#testing'

const range = (name: string, cidr: string): ServiceCIDR => ({
  apiVersion: 'networking.k8s.io/v1',
  kind: 'ServiceCIDR',
  metadata: { name },
  spec: { cidrs: [cidr] },
})

const readyOf = (found: ServiceCIDR | undefined): string[] =>
  (found?.status?.conditions ?? []).map(({ type, status, reason }) => `${type} ${status} ${reason}`)

test('a range of Service addresses becomes ready, and goes only when no address needs it', async () => {
  await using cluster = await startTestCluster({ transport: 'in process' })
  const { client, clock } = cluster
  assert.deepEqual(readyOf(await client.get(serviceCIDRs, 'kubernetes')), ['Ready True '])
  const service = {
    metadata: { name: 'chosen', namespace: 'default' },
    spec: { clusterIP: '203.0.113.9', ports: [{ port: 80 }] },
  }
  await assert.rejects(client.create(services, service), /the provided network does not match the current range/)
  await client.create(serviceCIDRs, range('more', '203.0.113.0/24'))
  await clock.advance(1_000)
  const ready = await client.get(serviceCIDRs, 'more')
  assert.deepEqual(readyOf(ready), ['Ready True '])
  assert.deepEqual(ready.metadata?.finalizers, ['networking.k8s.io/service-cidr-finalizer'])
  await client.create(services, service)

  await client.delete(serviceCIDRs, 'more')
  await clock.advance(60_000)
  assert.deepEqual(readyOf(await client.find(serviceCIDRs, 'more')), ['Ready False Terminating'])
  // A range that goes gives no more addresses away.
  const late = {
    ...service,
    metadata: { name: 'late', namespace: 'default' },
    spec: { ...service.spec, clusterIP: '203.0.113.10' },
  }
  await assert.rejects(client.create(services, late), /the provided network does not match the current range/)

  await client.delete(services, 'default/chosen')
  await clock.advance(11_000)
  assert.equal(await client.find(serviceCIDRs, 'more'), undefined)
})

test('a range inside another may go while its addresses are in use', async () => {
  await using cluster = await startTestCluster({ transport: 'in process' })
  const { client, clock } = cluster
  await client.create(serviceCIDRs, range('inner', '10.96.1.0/24'))
  await clock.advance(1_000)
  await client.create(services, {
    metadata: { name: 'chosen', namespace: 'default' },
    spec: { clusterIP: '10.96.1.9', ports: [{ port: 80 }] },
  })
  await client.delete(serviceCIDRs, 'inner')
  await clock.advance(9_000)
  assert.ok(await client.find(serviceCIDRs, 'inner'))
  await clock.advance(2_000)
  assert.equal(await client.find(serviceCIDRs, 'inner'), undefined)
})
