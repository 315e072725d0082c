import assert from 'node:assert/strict'
import { cronJobs, podDisruptionBudgets, podTemplates } from '#api'
import { behaviors } from './behavior.ts'
import { retried, supportsOperations } from './operations.ts'
import { observe, refusal, until } from './waiting.ts'

const container = { name: 'main', image: 'pause:3' }

behaviors('workloads', (behavior) => {
  behavior('[sig-apps] CronJob should support CronJob API operations [Conformance]', async (scene) => {
    await supportsOperations(scene, cronJobs, {
      make: () => ({
        metadata: { generateName: 'cron-' },
        spec: {
          schedule: '0 0 30 2 *',
          concurrencyPolicy: 'Allow',
          jobTemplate: { spec: { template: { spec: { containers: [container], restartPolicy: 'OnFailure' } } } },
        },
      }),
      change: (draft) => void (draft.spec!.suspend = true),
      status: { lastScheduleTime: '2024-01-02T03:04:05Z' },
    })
  })

  behavior('[sig-node] PodTemplates should run the lifecycle of PodTemplates [Conformance]', async ({ client, namespace }) => {
    const labels = { 'podtemplate-static': namespace }
    const key = `${namespace}/template`
    const template = { metadata: { name: 'nginx' }, spec: { containers: [container] } }
    await client.create(podTemplates, { metadata: { name: 'template', namespace, labels }, template })
    const patch = { metadata: { labels: { podtemplate: 'patched' } } }
    await client.patch(podTemplates, key, patch, { type: 'strategic' })
    assert.equal((await client.get(podTemplates, key)).metadata?.labels?.['podtemplate'], 'patched')
    const selection = { labelSelector: `podtemplate-static=${namespace}` }
    assert.equal((await client.list(podTemplates, selection)).items.length, 1)
    await client.delete(podTemplates, key)
    assert.equal((await client.list(podTemplates, selection)).items.length, 0)
    await refusal(client.get(podTemplates, key), 'NotFound')
  })

  behavior('[sig-node] PodTemplates should delete a collection of pod templates [Conformance]', async ({ client, namespace }) => {
    const labels = { 'podtemplate-set': 'true' }
    const selection = { namespace, labelSelector: 'podtemplate-set=true' }
    for (const name of ['one', 'two', 'three']) {
      await client.create(podTemplates, {
        metadata: { name, namespace, labels },
        template: { spec: { containers: [container] } },
      })
    }
    assert.equal((await client.list(podTemplates, selection)).items.length, 3)
    await client.deleteCollection(podTemplates, selection)
    assert.equal((await client.list(podTemplates, selection)).items.length, 0)
  })

  behavior('[sig-node] PodTemplates should replace a pod template [Conformance]', async ({ client, namespace }) => {
    const labels = { 'podtemplate-set': 'true' }
    const template = { spec: { containers: [container] } }
    const created = await client.create(podTemplates, { metadata: { name: 'replaced', namespace, labels }, template })
    const annotations = { updated: 'true' }
    const replaced = await client.update(podTemplates, { ...created, metadata: { ...created.metadata, annotations } })
    assert.deepEqual([replaced.metadata?.annotations, replaced.metadata?.uid], [annotations, created.metadata?.uid])
    // A write on an old version is refused, not lost.
    await refusal(client.update(podTemplates, { ...created, metadata: { ...created.metadata, annotations: {} } }), 'Conflict')
  })

  behavior('[sig-apps] DisruptionController should create a PodDisruptionBudget [Conformance]', async ({ client, namespace }) => {
    const key = `${namespace}/budget`
    const selector = { matchLabels: { foo: 'bar' } }
    const created = await client.create(podDisruptionBudgets, {
      metadata: { name: 'budget', namespace },
      spec: { selector, minAvailable: '1%' },
    })
    assert.equal(created.spec?.minAvailable, '1%')
    const updated = await retried(async () =>
      client.update(podDisruptionBudgets, {
        ...(await client.get(podDisruptionBudgets, key)),
        spec: { selector, minAvailable: '2%' },
      }),
    )
    assert.equal(updated.spec?.minAvailable, '2%')
    const patched = await client.patch(podDisruptionBudgets, key, { spec: { minAvailable: '3%' } }, { type: 'strategic' })
    assert.equal(patched.spec?.minAvailable, '3%')
    await using events = observe(client, podDisruptionBudgets, { namespace, resourceVersion: patched.metadata!.resourceVersion! })
    await client.delete(podDisruptionBudgets, key)
    await events.next(({ type }) => type === 'DELETED')
    await refusal(client.get(podDisruptionBudgets, key), 'NotFound')
  })

  behavior(
    '[sig-apps] DisruptionController Listing PodDisruptionBudgets for all namespaces should list and delete a collection of PodDisruptionBudgets [Conformance]',
    async ({ client, namespace }) => {
      const labels = { budgets: namespace }
      const selection = { labelSelector: `budgets=${namespace}` }
      const spec = { selector: { matchLabels: { foo: 'bar' } }, minAvailable: 2 }
      for (const name of ['one', 'two'])
        await client.create(podDisruptionBudgets, { metadata: { name, namespace, labels }, spec })
      await client.create(podDisruptionBudgets, { metadata: { name: 'other', namespace }, spec })
      assert.equal((await client.list(podDisruptionBudgets, selection)).items.length, 2)
      await client.deleteCollection(podDisruptionBudgets, { namespace, ...selection })
      for (const name of ['one', 'two'])
        await until(client, podDisruptionBudgets, `${namespace}/${name}`, (each) => each === undefined)
      assert.equal((await client.list(podDisruptionBudgets, { namespace })).items.length, 1)
    },
  )
})
