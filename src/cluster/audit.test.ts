import assert from 'node:assert/strict'
import test from 'node:test'
import { configMaps } from '#api'
import { VirtualClock } from '#base'
import { type AuditEvent, startCluster } from '#cluster'

test('a cluster in this process tells a test what is asked of it', async () => {
  const events: AuditEvent[] = []
  const rules = [{ level: 'Request', resources: [{ resources: ['configmaps'] }], namespaces: ['default'] } as const]
  const audit = {
    policy: { rules, omitStages: ['RequestReceived'] as const },
    record: (event: AuditEvent) => void events.push(event),
  }
  await using cluster = await startCluster({ nodes: 0, clock: new VirtualClock(), audit })
  await cluster.client.create(configMaps, {
    apiVersion: 'v1',
    kind: 'ConfigMap',
    metadata: { name: 'mine', namespace: 'default' },
    data: { a: 'b' },
  })
  const mine = events.filter(({ objectRef }) => objectRef?.name === 'mine')
  assert.deepEqual(
    mine.map(({ verb, user, requestObject }) => [verb, user.username, (requestObject as { data: object }).data]),
    [['create', 'kubernetes-admin', { a: 'b' }]],
  )
})
