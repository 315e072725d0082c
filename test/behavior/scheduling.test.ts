import assert from 'node:assert/strict'
import { limitRanges, nodes, type Pod, pods, priorityClasses } from '#api'
import { behaviors } from './behavior.ts'
import { isDiscovered } from './operations.ts'
import { observe, refusal, until } from './waiting.ts'

const REQUESTS = { cpu: '100m', memory: '200Mi', 'ephemeral-storage': '200Gi' }
const LIMITS = { cpu: '500m', memory: '500Mi', 'ephemeral-storage': '500Gi' }
const MIN = { cpu: '50m', memory: '100Mi', 'ephemeral-storage': '100Gi' }

const pod = (namespace: string, name: string, resources?: object): Pod => ({
  metadata: { name, namespace },
  // Scheduled nowhere: only what admission makes of it matters.
  spec: { containers: [{ name: 'main', image: 'pause:3', ...(resources && { resources }) }], nodeSelector: { nowhere: 'true' } },
})

behaviors('scheduling', (behavior) => {
  behavior(
    '[sig-scheduling] LimitRange should create a LimitRange with defaults and ensure pod has those defaults applied. [Conformance]',
    async ({ client, namespace }) => {
      const { metadata } = await client.list(limitRanges, { namespace })
      await using events = observe(client, limitRanges, { namespace, resourceVersion: metadata.resourceVersion! })
      const limits = [{ type: 'Container' as const, min: MIN, max: LIMITS, default: LIMITS, defaultRequest: REQUESTS }]
      const range = await client.create(limitRanges, { metadata: { name: 'limit-range', namespace }, spec: { limits } })
      await events.next(({ type }) => type === 'ADDED')
      assert.deepEqual(range.spec?.limits[0]?.defaultRequest, REQUESTS)
      const plain = await client.create(pods, pod(namespace, 'pod-no-resources'))
      assert.deepEqual(plain.spec?.containers[0]?.resources, { limits: LIMITS, requests: REQUESTS })
      const partial = await client.create(
        pods,
        pod(namespace, 'pod-partial', { requests: { cpu: '300m' }, limits: { memory: '300Mi' } }),
      )
      assert.deepEqual(partial.spec?.containers[0]?.resources, {
        limits: { ...LIMITS, memory: '300Mi' },
        // A limit that is set is also the request that is not.
        requests: { ...REQUESTS, cpu: '300m', memory: '300Mi' },
      })
      await refusal(client.create(pods, pod(namespace, 'too-small', { requests: { cpu: '10m' } })), 'Forbidden')
      await refusal(client.create(pods, pod(namespace, 'too-large', { limits: { cpu: '600m' } })), 'Forbidden')
      const lower = {
        ...range,
        spec: { limits: [{ ...limits[0]!, min: { cpu: '9m', memory: '1Mi', 'ephemeral-storage': '1Gi' } }] },
      }
      await client.update(limitRanges, { ...lower, metadata: range.metadata! })
      await events.next(({ type }) => type === 'MODIFIED')
      await client.create(pods, pod(namespace, 'small-enough', { requests: { cpu: '10m' } }))
      await refusal(client.create(pods, pod(namespace, 'still-too-large', { limits: { cpu: '600m' } })), 'Forbidden')
      await client.delete(limitRanges, `${namespace}/limit-range`)
      await until(client, limitRanges, `${namespace}/limit-range`, (each) => each === undefined)
      await client.create(pods, pod(namespace, 'large-enough', { limits: { cpu: '600m' } }))
    },
  )

  behavior(
    '[sig-scheduling] LimitRange should list, patch and delete a LimitRange by collection [Conformance]',
    async ({ client, namespace }) => {
      const labels = { 'limit-range': namespace }
      const selection = { labelSelector: `limit-range=${namespace}` }
      const limits = [{ type: 'Container' as const, min: MIN, max: LIMITS, default: LIMITS, defaultRequest: REQUESTS }]
      for (const name of ['one', 'two'])
        await client.create(limitRanges, { metadata: { name, namespace, labels }, spec: { limits } })
      assert.equal((await client.list(limitRanges, selection)).items.length, 2)
      const min = { ...MIN, cpu: '40m' }
      const patch = { metadata: { labels: { one: 'patched' } }, spec: { limits: [{ ...limits[0], min }] } }
      const patched = await client.patch(limitRanges, `${namespace}/one`, patch, { type: 'strategic' })
      assert.deepEqual([patched.spec?.limits[0]?.min, patched.metadata?.labels?.['one']], [min, 'patched'])
      await client.deleteCollection(limitRanges, { namespace, labelSelector: 'one=patched' })
      assert.deepEqual(
        (await client.list(limitRanges, selection)).items.map(({ metadata }) => metadata?.name),
        ['two'],
      )
    },
  )

  behavior(
    '[sig-scheduling] SchedulerPreemption [Serial] PriorityClass endpoints verify PriorityClass endpoints can be operated with different HTTP methods [Conformance]',
    async (scene) => {
      const { client, namespace } = scene
      await isDiscovered(scene, priorityClasses, [
        'create',
        'delete',
        'deletecollection',
        'get',
        'list',
        'patch',
        'update',
        'watch',
      ])
      const names = ['p1', 'p2'].map((name) => `${namespace}-${name}`)
      const labels = { behavior: namespace }
      for (const [index, name] of names.entries()) {
        await client.create(priorityClasses, { metadata: { name, labels }, value: (index + 1) * 100_000 })
      }
      for (const name of names) {
        const current = await client.get(priorityClasses, name)
        assert.equal(current.preemptionPolicy, 'PreemptLowerPriority')
        // What others have been placed by can't be moved; what describes it can.
        const moved = await refusal(client.update(priorityClasses, { ...current, value: 7 }), 'Invalid')
        assert.deepEqual(
          moved.status.details?.causes?.map(({ field }) => field),
          ['value'],
        )
        const updated = await client.update(priorityClasses, { ...current, description: 'updated' })
        assert.equal(updated.description, 'updated')
        await client.patch(priorityClasses, name, { metadata: { labels: { patched: 'yes' } } }, { type: 'json' }).then(
          () => assert.fail('a JSON patch is a list'),
          () => undefined,
        )
        const patched = await client.patch(priorityClasses, name, [{ op: 'add', path: '/description', value: 'patched' }], {
          type: 'json',
        })
        assert.equal(patched.description, 'patched')
      }
      assert.equal((await client.list(priorityClasses, { labelSelector: `behavior=${namespace}` })).items.length, 2)
      await client.delete(priorityClasses, names[0]!)
      await client.deleteCollection(priorityClasses, { labelSelector: `behavior=${namespace}` })
      assert.equal((await client.list(priorityClasses, { labelSelector: `behavior=${namespace}` })).items.length, 0)
    },
  )

  behavior('[sig-architecture] Conformance Tests should have at least two untainted nodes [Conformance]', async ({ client }) => {
    const { items } = await client.list(nodes)
    const schedulable = items.filter(
      ({ spec, status }) =>
        !spec?.unschedulable &&
        !spec?.taints?.some(({ effect }) => effect !== 'PreferNoSchedule') &&
        status?.conditions?.some(({ type, status: value }) => type === 'Ready' && value === 'True'),
    )
    assert.ok(schedulable.length >= 2, `${schedulable.length} of ${items.length} nodes take pods`)
  })

  behavior(
    '[sig-scheduling] SchedulerPredicates [Serial] validates that NodeSelector is respected if not matching [Conformance]',
    async ({ client, namespace }) => {
      await client.create(pods, pod(namespace, 'restricted-pod'))
      const unplaced = await until(
        client,
        pods,
        `${namespace}/restricted-pod`,
        (each) => conditionOf(each, 'PodScheduled')?.status === 'False',
      )
      assert.equal(conditionOf(unplaced, 'PodScheduled')?.reason, 'Unschedulable')
      assert.match(conditionOf(unplaced, 'PodScheduled')?.message ?? '', /didn't match Pod's node affinity\/selector/)
      assert.equal(unplaced?.spec?.nodeName, undefined)
    },
  )

  behavior(
    '[sig-scheduling] SchedulerPredicates [Serial] validates that NodeSelector is respected if matching [Conformance]',
    async ({ client, namespace }) => {
      const [node] = (await client.list(nodes)).items
      const name = node!.metadata!.name!
      const label = `behavior.example.com/${namespace}`
      await client.patch(nodes, name, { metadata: { labels: { [label]: '42' } } }, { type: 'merge' })
      const spec = { ...pod(namespace, 'with-labels').spec!, nodeSelector: { [label]: '42' } }
      await client.create(pods, { ...pod(namespace, 'with-labels'), spec })
      const placed = await until(client, pods, `${namespace}/with-labels`, (each) => Boolean(each?.spec?.nodeName))
      assert.equal(placed?.spec?.nodeName, name)
      await client.patch(nodes, name, { metadata: { labels: { [label]: null } } }, { type: 'merge' })
    },
  )
})

const conditionOf = (each: Pod | undefined, wanted: string) => each?.status?.conditions?.find(({ type }) => type === wanted)
