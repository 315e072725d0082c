import assert from 'node:assert/strict'
import { type Job, jobs, pods } from '#api'
import { behaviors } from './behavior.ts'
import { statusIsApart } from './operations.ts'
import { observe, refusal, until, untilList } from './waiting.ts'

const LABEL = 'batch.kubernetes.io/job-name'

/** A job whose pods run until they are stopped. */
const job = (namespace: string, name: string, spec: Partial<NonNullable<Job['spec']>> = {}, labels = {}): Job => ({
  metadata: { name, namespace, labels },
  spec: {
    parallelism: 2,
    completions: 2,
    backoffLimit: 6,
    template: {
      spec: { restartPolicy: 'Never', containers: [{ name: 'c', image: 'pause:3' }], terminationGracePeriodSeconds: 0 },
    },
    ...spec,
  },
})

behaviors('jobs', (behavior) => {
  behavior('[sig-apps] Job should delete a job [Conformance]', async ({ client, namespace }) => {
    const selection = { namespace, labelSelector: `${LABEL}=foo` }
    await client.create(jobs, job(namespace, 'foo'))
    await untilList(
      client,
      pods,
      selection,
      (items) => items.length === 2 && items.every(({ status }) => status?.phase === 'Running'),
    )
    await client.delete(jobs, `${namespace}/foo`, { propagationPolicy: 'Background' })
    await until(client, jobs, `${namespace}/foo`, (each) => each === undefined)
    await untilList(client, pods, selection, (items) => items.length === 0)
  })

  behavior(
    '[sig-apps] Job should adopt matching orphans and release non-matching pods [Conformance]',
    async ({ client, namespace }) => {
      const selection = { namespace, labelSelector: `${LABEL}=adopt` }
      const created = await client.create(jobs, job(namespace, 'adopt'))
      const isOwned = (owners: readonly { uid: string }[] | undefined): boolean =>
        Boolean(owners?.some(({ uid }) => uid === created.metadata?.uid))
      const [pod] = await untilList(client, pods, selection, (items) => items.length === 2)
      const key = `${namespace}/${pod!.metadata!.name}`
      await client.patch(pods, key, { metadata: { ownerReferences: null } }, { type: 'merge' })
      await until(client, pods, key, (each) => isOwned(each?.metadata?.ownerReferences))
      const without = { [LABEL]: null, 'job-name': null, 'batch.kubernetes.io/controller-uid': null, 'controller-uid': null }
      await client.patch(pods, key, { metadata: { labels: without } }, { type: 'merge' })
      await until(client, pods, key, (each) => !isOwned(each?.metadata?.ownerReferences))
    },
  )

  behavior('[sig-apps] Job should apply changes to a job status [Conformance]', async (scene) => {
    const { client, namespace } = scene
    await client.create(jobs, job(namespace, 'status'))
    await until(client, jobs, `${namespace}/status`, (each) => each?.status?.active === 2)
    const conditions = [{ type: 'CustomConditionType', status: 'True', reason: 'E2E', message: 'Set from a test' }]
    await statusIsApart(scene, jobs, `${namespace}/status`, { conditions })
  })

  behavior('[sig-apps] Job should manage the lifecycle of a job [Conformance]', async ({ client, namespace }) => {
    const key = `${namespace}/life`
    const labels = { 'e2e-job-label': namespace }
    const selection = { namespace, labelSelector: `e2e-job-label=${namespace}` }
    const created = await client.create(jobs, job(namespace, 'life', { suspend: true }, labels))
    await until(client, jobs, key, (each) =>
      Boolean(each?.status?.conditions?.some(({ type, status }) => type === 'Suspended' && status === 'True')),
    )
    assert.equal((await client.list(pods, { namespace })).items.length, 0)
    await using events = observe(client, jobs, { ...selection, resourceVersion: created.metadata!.resourceVersion! })
    const patched = await client.patch(jobs, key, { metadata: { labels: { patched: 'true' } } }, { type: 'strategic' })
    assert.equal(patched.metadata?.labels?.['patched'], 'true')
    await events.next(({ object }) => object.metadata?.labels?.['patched'] === 'true')
    await client.patch(jobs, key, { metadata: { annotations: { updated: 'true' } }, spec: { suspend: false } }, { type: 'merge' })
    await events.next(({ object }) => object.metadata?.annotations?.['updated'] === 'true')
    await untilList(client, pods, { namespace }, (items) => items.length === 2)
    assert.equal((await client.list(jobs, { labelSelector: selection.labelSelector })).items.length, 1)
    await client.deleteCollection(jobs, { ...selection, propagationPolicy: 'Background' })
    await until(client, jobs, key, (each) => each === undefined)
    await refusal(client.get(jobs, key), 'NotFound')
  })
})
