import assert from 'node:assert/strict'
import { controllerRevisions, type Pod, pods } from '#api'
import { behaviors } from './behavior.ts'
import { assertHolds } from './operations.ts'
import { observe, refusal, until, untilList } from './waiting.ts'

type PodSpec = NonNullable<Pod['spec']>

const pod = (namespace: string, name: string, spec: Partial<PodSpec> = {}, labels: Record<string, string> = {}): Pod => ({
  metadata: { name, namespace, labels },
  spec: { containers: [{ name: 'main', image: 'pause:3' }], terminationGracePeriodSeconds: 0, ...spec },
})

const isRunning = (each: Pod | undefined): boolean => each?.status?.phase === 'Running'

behaviors('pods', (behavior) => {
  behavior('[sig-node] Pods should get a host IP [NodeConformance] [Conformance]', async ({ client, namespace }) => {
    await client.create(pods, pod(namespace, 'hosted'))
    const running = await until(client, pods, `${namespace}/hosted`, isRunning)
    assert.match(running?.status?.hostIP ?? '', /^\d+\.\d+\.\d+\.\d+$/)
    assert.deepEqual(running?.status?.hostIPs?.[0]?.ip, running?.status?.hostIP)
  })

  behavior('[sig-node] Pods should be submitted and removed [NodeConformance] [Conformance]', async ({ client, namespace }) => {
    const selection = { namespace, labelSelector: `time=${namespace}` }
    const listed = await client.list(pods, selection)
    assert.deepEqual(listed.items, [])
    await using events = observe(client, pods, { ...selection, resourceVersion: listed.metadata.resourceVersion! })
    await client.create(pods, pod(namespace, 'submitted', { terminationGracePeriodSeconds: 30 }, { time: namespace }))
    await events.next(({ type }) => type === 'ADDED')
    await until(client, pods, `${namespace}/submitted`, isRunning)
    await client.delete(pods, `${namespace}/submitted`, { gracePeriodSeconds: 1 })
    await events.next(({ type, object }) => type === 'MODIFIED' && object.metadata?.deletionTimestamp !== undefined)
    const { object } = await events.next(({ type }) => type === 'DELETED')
    assert.ok(object.metadata?.deletionTimestamp)
    assert.deepEqual((await client.list(pods, selection)).items, [])
  })

  behavior('[sig-node] Pods should be updated [NodeConformance] [Conformance]', async ({ client, namespace }) => {
    const key = `${namespace}/updated`
    await client.create(pods, pod(namespace, 'updated', {}, { time: 'before' }))
    await until(client, pods, key, isRunning)
    await client.patch(pods, key, { metadata: { labels: { time: 'after' } } }, { type: 'strategic' })
    const { items } = await client.list(pods, { namespace, labelSelector: 'time=after' })
    assert.equal(items.length, 1)
    assert.ok(isRunning(items[0]))
  })

  behavior(
    '[sig-node] Pods should allow activeDeadlineSeconds to be updated [NodeConformance] [Conformance]',
    async ({ client, namespace }) => {
      const key = `${namespace}/deadline`
      await client.create(pods, pod(namespace, 'deadline'))
      await until(client, pods, key, isRunning)
      await client.patch(pods, key, { spec: { activeDeadlineSeconds: 1 } }, { type: 'strategic' })
      const failed = await until(client, pods, key, (each) => each?.status?.phase === 'Failed')
      assert.equal(failed?.status?.reason, 'DeadlineExceeded')
    },
  )

  behavior('[sig-node] Pods should delete a collection of pods [Conformance]', async ({ client, namespace }) => {
    const selection = { namespace, labelSelector: 'type=Testing' }
    for (const name of ['one', 'two', 'three']) await client.create(pods, pod(namespace, name, {}, { type: 'Testing' }))
    await untilList(client, pods, selection, (items) => items.length === 3 && items.every(isRunning))
    await client.deleteCollection(pods, selection)
    await untilList(client, pods, selection, (items) => items.length === 0)
  })

  behavior('[sig-node] Pods should patch a pod status [Conformance]', async ({ client, namespace }) => {
    const key = `${namespace}/patched`
    await client.create(pods, pod(namespace, 'patched'))
    await until(client, pods, key, isRunning)
    const status = { message: 'Patched by a test', reason: 'E2E' }
    const patched = await client.patch(pods, key, { status }, { type: 'merge', subresource: 'status' })
    assertHolds(patched.status, { ...status, phase: 'Running' })
    assert.equal(patched.metadata?.generation, 1)
  })

  behavior(
    '[sig-node] Pods should run through the lifecycle of Pods and PodStatus [Conformance]',
    async ({ client, namespace }) => {
      const key = `${namespace}/life`
      const selection = { labelSelector: `life=${namespace}` }
      const { metadata } = await client.list(pods, { namespace, ...selection })
      await using events = observe(client, pods, { namespace, ...selection, resourceVersion: metadata.resourceVersion! })
      await client.create(pods, pod(namespace, 'life', {}, { life: namespace }))
      await events.next(({ object }) => isRunning(object as Pod))
      await client.patch(
        pods,
        key,
        { metadata: { labels: { patched: 'true' } }, spec: { containers: [{ name: 'main', image: 'pause:4' }] } },
        { type: 'strategic' },
      )
      await events.next(({ object }) => object.metadata?.labels?.['patched'] === 'true')
      assert.equal((await client.get(pods, key)).spec?.containers[0]?.image, 'pause:4')
      const current = await client.get(pods, key)
      const condition = { type: 'Behavior', status: 'False' as const, reason: 'E2E' }
      const conditions = [...(current.status?.conditions ?? []), condition]
      const updated = await client.updateStatus(pods, { ...current, status: { ...current.status, conditions } })
      assert.ok(updated.status?.conditions?.some(({ type }) => type === 'Behavior'))
      assert.equal((await client.list(pods, selection)).items.length, 1)
      await client.deleteCollection(pods, { namespace, ...selection })
      await events.next(({ type }) => type === 'DELETED')
      await refusal(client.get(pods, key), 'NotFound')
    },
  )

  behavior(
    '[sig-node] Pods Extended Pods Set QOS Class should be set on Pods with matching resource requests and limits for memory and cpu [Conformance]',
    async ({ client, namespace }) => {
      const amounts = { cpu: '100m', memory: '100Mi' }
      const resources = { requests: amounts, limits: amounts }
      await client.create(pods, pod(namespace, 'sure', { containers: [{ name: 'main', image: 'pause:3', resources }] }))
      assert.equal((await client.get(pods, `${namespace}/sure`)).status?.qosClass, 'Guaranteed')
    },
  )

  behavior(
    '[sig-node] Pods Extended (pod generation) Pod Generation pod generation should start at 1 and increment per update [MinimumKubeletVersion:1.34] [Conformance]',
    async ({ client, namespace }) => {
      const key = `${namespace}/counted`
      const created = await client.create(pods, pod(namespace, 'counted'))
      assert.equal(created.metadata?.generation, 1)
      await until(client, pods, key, (each) => isRunning(each) && each?.status?.observedGeneration === 1)
      const changes: readonly (readonly [spec: object | undefined, generation: number])[] = [
        [undefined, 1],
        [{ tolerations: [{ key: 'behavior', operator: 'Exists', effect: 'NoExecute', tolerationSeconds: 10 }] }, 2],
        [{ activeDeadlineSeconds: 1_000 }, 3],
        [{ containers: [{ name: 'main', image: 'pause:4' }] }, 4],
      ]
      for (const [spec, generation] of changes) {
        const patch = { metadata: { labels: { step: String(generation) } }, ...(spec && { spec }) }
        const patched = await client.patch(pods, key, patch, { type: 'strategic' })
        assert.equal(patched.metadata?.generation, generation)
        await until(client, pods, key, (each) => each?.status?.observedGeneration === generation)
      }
    },
  )

  behavior(
    '[sig-node] Pods Extended (pod generation) Pod Generation custom-set generation on new pods and graceful delete [Conformance]',
    async ({ client, namespace }) => {
      const key = `${namespace}/wishful`
      const draft = pod(namespace, 'wishful', { terminationGracePeriodSeconds: 30 })
      const created = await client.create(pods, {
        ...draft,
        metadata: { ...draft.metadata, generation: 100, finalizers: ['example.com/held'] },
      })
      assert.equal(created.metadata?.generation, 1)
      await until(client, pods, key, isRunning)
      await client.delete(pods, key)
      const deleting = await client.get(pods, key)
      assert.equal(deleting.metadata?.generation, 2)
      await client.patch(pods, key, { metadata: { finalizers: null } }, { type: 'merge' })
    },
  )

  behavior(
    '[sig-node] Pods Extended (pod generation) Pod Generation issue 500 podspec updates and verify generation and observedGeneration eventually converge [MinimumKubeletVersion:1.34] [Conformance]',
    async ({ client, namespace }) => {
      const UPDATES = 500
      const key = `${namespace}/busy`
      await client.create(pods, pod(namespace, 'busy'))
      const running = await until(client, pods, key, isRunning)
      const standard = running?.spec?.tolerations ?? []
      for (let turn = 0; turn < UPDATES; turn++) {
        const tolerations = [...standard, { key: 'behavior', operator: 'Exists', effect: 'NoExecute', tolerationSeconds: turn }]
        await client.patch(pods, key, { spec: { tolerations } }, { type: 'strategic' })
      }
      const expected = UPDATES + 1
      assert.equal((await client.get(pods, key)).metadata?.generation, expected)
      await until(client, pods, key, (each) => each?.status?.observedGeneration === expected)
    },
  )

  behavior(
    '[sig-apps] ControllerRevision [Serial] should manage the lifecycle of a ControllerRevision [Conformance]',
    async ({ client, namespace }) => {
      const labels = { revisions: namespace }
      const selection = { namespace, labelSelector: `revisions=${namespace}` }
      const make = (name: string, revision: number) =>
        client.create(controllerRevisions, { metadata: { name, namespace, labels }, data: { spec: { a: 1 } }, revision })
      const created = await make('first', 1)
      const patched = await client.patch(
        controllerRevisions,
        `${namespace}/first`,
        { metadata: { labels: { patched: 'true' } } },
        { type: 'strategic' },
      )
      assert.equal(patched.metadata?.labels?.['patched'], 'true')
      const numbered = await client.update(controllerRevisions, { ...patched, revision: 3 })
      assert.equal(numbered.revision, 3)
      const changed = await refusal(client.update(controllerRevisions, { ...numbered, data: { spec: { a: 2 } } }), 'Invalid')
      assert.deepEqual(
        changed.status.details?.causes?.map(({ field }) => field),
        ['data'],
      )
      await make('second', 2)
      assert.equal((await client.list(controllerRevisions, selection)).items.length, 2)
      await client.delete(controllerRevisions, `${namespace}/first`)
      await client.deleteCollection(controllerRevisions, selection)
      assert.equal((await client.list(controllerRevisions, selection)).items.length, 0)
      assert.ok(created.metadata?.uid)
    },
  )

  behavior(
    '[sig-node] Ephemeral Containers [NodeConformance] should update the ephemeral containers in an existing pod [Conformance]',
    async ({ client, namespace }) => {
      const key = `${namespace}/debugged`
      await client.create(pods, pod(namespace, 'debugged'))
      await until(client, pods, key, isRunning)
      const untilRunning = (name: string) =>
        until(client, pods, key, (each) =>
          Boolean(each?.status?.ephemeralContainerStatuses?.some((own) => own.name === name && own.state?.running !== undefined)),
        )
      const debugger1 = { name: 'debugger1', image: 'pause:3', stdin: true, tty: true }
      const patch = { spec: { ephemeralContainers: [debugger1] } }
      await client.patch(pods, key, patch, { type: 'strategic', subresource: 'ephemeralcontainers' })
      const one = await untilRunning('debugger1')
      assert.deepEqual(
        one?.spec?.ephemeralContainers?.map(({ name }) => name),
        ['debugger1'],
      )
      const debugger2 = { ...debugger1, name: 'debugger2', terminationMessagePolicy: 'File' as const }
      const current = await client.get(pods, key)
      const ephemeralContainers = [...current.spec!.ephemeralContainers!, debugger2]
      const spec = { ...current.spec!, ephemeralContainers }
      await client.update(pods, { ...current, spec }, { subresource: 'ephemeralcontainers' })
      const two = await untilRunning('debugger2')
      assert.deepEqual(
        two?.spec?.ephemeralContainers?.map(({ name }) => name),
        ['debugger1', 'debugger2'],
      )
      // Neither can be taken away again.
      const gone = { ...two!, spec: { ...two!.spec!, ephemeralContainers: [] } }
      await refusal(client.update(pods, gone, { subresource: 'ephemeralcontainers' }), 'Invalid')
    },
  )
})
