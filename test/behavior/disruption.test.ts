import assert from 'node:assert/strict'
import { type Pod, type PodDisruptionBudget, podDisruptionBudgets, pods } from '#api'
import { behaviors, type Scene } from './behavior.ts'
import { retried } from './operations.ts'
import { refusal, until, untilList } from './waiting.ts'

const LABELS = { foo: 'bar' }

const budget = ({ namespace }: Scene, minAvailable: number): PodDisruptionBudget => ({
  metadata: { name: 'foo', namespace },
  spec: { selector: { matchLabels: LABELS }, minAvailable },
})

/** Creates running pods that the budget selects, and resolves with their names. */
async function run({ client, namespace }: Scene, count: number): Promise<readonly string[]> {
  const pod: Pod = {
    metadata: { generateName: 'pod-', namespace, labels: LABELS },
    spec: { containers: [{ name: 'donothing', image: 'pause:3' }], restartPolicy: 'Always', terminationGracePeriodSeconds: 0 },
  }
  const made = await Promise.all(Array.from({ length: count }, () => client.create(pods, pod)))
  const names = made.map(({ metadata }) => metadata!.name!)
  for (const name of names) await until(client, pods, `${namespace}/${name}`, isReady)
  return names
}

const isReady = (pod: Pod | undefined): boolean =>
  Boolean(pod?.status?.conditions?.some(({ type, status }) => type === 'Ready' && status === 'True'))

const evict = ({ client, namespace }: Scene, name: string): Promise<unknown> =>
  client.createSubresource(pods, `${namespace}/${name}`, 'eviction', {
    apiVersion: 'policy/v1',
    kind: 'Eviction',
    metadata: { name, namespace },
  })

const untilAllowed = ({ client, namespace }: Scene, count: number) =>
  until(client, podDisruptionBudgets, `${namespace}/foo`, (each) => {
    const { disruptionsAllowed, observedGeneration } = each?.status ?? {}
    return disruptionsAllowed === count && observedGeneration === each?.metadata?.generation
  })

/** The budget refuses, and says that it is the cause. */
async function isBlocked(scene: Scene, name: string): Promise<void> {
  const { status } = await refusal(evict(scene, name), 'TooManyRequests')
  assert.equal(status.details?.causes?.[0]?.reason, 'DisruptionBudget')
  assert.ok(await scene.client.find(pods, `${scene.namespace}/${name}`))
}

behaviors('disruption', (behavior) => {
  behavior('[sig-apps] DisruptionController should observe PodDisruptionBudget status updated [Conformance]', async (scene) => {
    const { client } = scene
    await client.create(podDisruptionBudgets, budget(scene, 1))
    await run(scene, 3)
    const { status } = (await untilAllowed(scene, 2))!
    assert.deepEqual([status?.expectedPods, status?.currentHealthy, status?.desiredHealthy], [3, 3, 1])
    assert.equal(status?.conditions?.find(({ type }) => type === 'DisruptionAllowed')?.status, 'True')
  })

  behavior('[sig-apps] DisruptionController should update/patch PodDisruptionBudget status [Conformance]', async (scene) => {
    const { client, namespace } = scene
    const key = `${namespace}/foo`
    await client.create(podDisruptionBudgets, budget(scene, 1))
    const [name] = await run(scene, 1)
    await until(client, podDisruptionBudgets, key, (each) => each?.status?.currentHealthy === 1)
    const disruptedPods = { [name!]: `${new Date(Date.now()).toISOString().slice(0, 19)}Z` }
    const updated = await retried(async () => {
      const current = await client.get(podDisruptionBudgets, key)
      return client.updateStatus(podDisruptionBudgets, { ...current, status: { ...current.status!, disruptedPods } })
    })
    assert.deepEqual(updated.status?.disruptedPods, disruptedPods)
    // Such a pod is no longer counted on.
    await until(client, podDisruptionBudgets, key, (each) => each?.status?.currentHealthy === 0)
    const patch = { status: { disruptedPods: { [name!]: null } } }
    await client.patch(podDisruptionBudgets, key, patch, { type: 'merge', subresource: 'status' })
    const healed = await until(client, podDisruptionBudgets, key, (each) => each?.status?.currentHealthy === 1)
    assert.equal(healed?.status?.disruptedPods?.[name!], undefined)
  })

  behavior(
    '[sig-apps] DisruptionController should block an eviction until the PDB is updated to allow it [Conformance]',
    async (scene) => {
      const { client, namespace } = scene
      const key = `${namespace}/foo`
      const [first, second, third] = await run(scene, 3)
      await client.create(podDisruptionBudgets, budget(scene, 3))
      await untilAllowed(scene, 0)
      await isBlocked(scene, first!)
      await retried(async () => {
        const current = await client.get(podDisruptionBudgets, key)
        return client.update(podDisruptionBudgets, { ...current, spec: { ...current.spec, minAvailable: 2 } })
      })
      await untilAllowed(scene, 1)
      await evict(scene, first!)
      await untilList(client, pods, { namespace }, (items) => items.length === 2)
      await untilAllowed(scene, 0)
      await isBlocked(scene, second!)
      await client.patch(podDisruptionBudgets, key, { spec: { minAvailable: 1 } }, { type: 'merge' })
      await untilAllowed(scene, 1)
      await evict(scene, second!)
      await until(client, pods, `${namespace}/${second}`, (each) => each === undefined)
      await untilAllowed(scene, 0)
      await isBlocked(scene, third!)
      await client.delete(podDisruptionBudgets, key)
      await evict(scene, third!)
      await until(client, pods, `${namespace}/${third}`, (each) => each === undefined)
    },
  )
})
