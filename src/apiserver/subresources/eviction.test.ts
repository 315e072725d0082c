import assert from 'node:assert/strict'
import test from 'node:test'
import { type Pod, type PodDisruptionBudget, podDisruptionBudgets, pods, serviceAccounts } from '#api'
import { deepClone } from '#base'
import type { Client } from '#client'
import { StatusError } from '#meta'
import { startTestApiServer } from '#testing'

const labels = { app: 'web' }

async function withPods(body: (client: Client) => Promise<void>, budget: object, status: object = {}): Promise<void> {
  await using api = await startTestApiServer()
  const { client } = api
  await client.create(serviceAccounts, { metadata: { name: 'default', namespace: 'default' } })
  const created = await client.create(podDisruptionBudgets, {
    metadata: { name: 'budget', namespace: 'default' },
    spec: { selector: { matchLabels: labels }, ...budget },
  })
  const counted = {
    currentHealthy: 1,
    desiredHealthy: 2,
    disruptionsAllowed: 0,
    expectedPods: 2,
    observedGeneration: 1,
    ...status,
  }
  await client.updateStatus(podDisruptionBudgets, { ...deepClone(created), status: counted })
  for (const [name, ready] of [
    ['ready', 'True'],
    ['unready', 'False'],
  ] as const) {
    const pod: Pod = {
      metadata: { name, namespace: 'default', labels },
      spec: { containers: [{ name: 'c', image: 'i' }], nodeName: 'node-1' },
    }
    const { metadata, spec } = await client.create(pods, pod)
    const conditions = [{ type: 'Ready', status: ready }]
    await client.updateStatus(pods, { metadata: metadata!, spec: spec!, status: { phase: 'Running', conditions } })
  }
  await body(client)
}

const evict = (client: Client, name: string, options: { dryRun?: boolean } = {}): Promise<unknown> =>
  client.createSubresource(
    pods,
    `default/${name}`,
    'eviction',
    { apiVersion: 'policy/v1', kind: 'Eviction', metadata: { name } },
    options,
  )

async function refusalOf(call: Promise<unknown>): Promise<StatusError> {
  const error = await call.then(
    () => undefined,
    (reason: unknown) => reason,
  )
  assert.ok(error instanceof StatusError, 'the eviction was accepted')
  return error
}

test('an eviction that a budget does not allow is refused with the reason, also as a dry run', () =>
  withPods(async (client) => {
    for (const dryRun of [false, true]) {
      const { status } = await refusalOf(evict(client, 'ready', { dryRun }))
      assert.deepEqual(
        [status.code, status.reason, status.message],
        [429, 'TooManyRequests', "Cannot evict pod as it would violate the pod's disruption budget."],
      )
      assert.deepEqual(status.details?.causes, [
        { reason: 'DisruptionBudget', message: 'The disruption budget budget needs 2 healthy pods and has 1 currently' },
      ])
    }
    assert.equal((await client.get(pods, 'default/ready')).metadata?.deletionTimestamp, undefined)
  }, {}))

test('an eviction takes from the budget, and tells the pod and whoever counts failures', () =>
  withPods(
    async (client) => {
      await evict(client, 'ready', { dryRun: true })
      assert.equal((await client.get(podDisruptionBudgets, 'default/budget')).status?.disruptionsAllowed, 1)
      await evict(client, 'ready')
      const { status }: PodDisruptionBudget = await client.get(podDisruptionBudgets, 'default/budget')
      assert.deepEqual([status?.disruptionsAllowed, Object.keys(status?.disruptedPods ?? {})], [0, ['ready']])
      const pod = await client.get(pods, 'default/ready')
      assert.ok(pod.metadata?.deletionTimestamp)
      const condition = pod.status?.conditions?.find(({ type }) => type === 'DisruptionTarget')
      assert.deepEqual(
        [condition?.status, condition?.reason, condition?.message],
        ['True', 'EvictionByEvictionAPI', 'Eviction API: evicting'],
      )
    },
    {},
    { disruptionsAllowed: 1 },
  ))

test('an unready pod goes when its budget is healthy, or says that such pods always may', async () => {
  await withPods(async (client) => assert.equal((await refusalOf(evict(client, 'unready'))).code, 429), {})
  await withPods(async (client) => void (await evict(client, 'unready')), {}, { currentHealthy: 2 })
  await withPods(async (client) => void (await evict(client, 'unready')), { unhealthyPodEvictionPolicy: 'AlwaysAllow' })
})

test('a budget that no controller has counted yet asks for patience', () =>
  withPods(
    async (client) => {
      const { status } = await refusalOf(evict(client, 'ready'))
      assert.equal(status.details?.retryAfterSeconds, 10)
      assert.equal(status.details.causes?.[0]?.message, 'The disruption budget budget is still being processed by the server.')
    },
    {},
    { observedGeneration: 0, disruptionsAllowed: 1 },
  ))
