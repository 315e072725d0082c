import assert from 'node:assert/strict'
import { nodes, type Pod, pods, priorityClasses, type ReplicaSet, replicaSets } from '#api'
import { behaviors, type Scene } from './behavior.ts'
import { until, untilList } from './waiting.ts'

/** An extended resource that a test gives a node, so that its pods compete with nobody else's. */
const resourceOf = ({ namespace }: Scene): string => `example.com/${namespace}`

const asking = (scene: Scene, name: string, amount: number, more: Partial<NonNullable<Pod['spec']>> = {}): Pod => ({
  metadata: { name, namespace: scene.namespace },
  spec: podSpec(scene, amount, more),
})

const podSpec = (scene: Scene, amount: number, more: Partial<NonNullable<Pod['spec']>> = {}): NonNullable<Pod['spec']> => {
  const amounts = { [resourceOf(scene)]: String(amount) }
  return {
    containers: [{ name: 'main', image: 'pause:3', resources: { requests: amounts, limits: amounts } }],
    terminationGracePeriodSeconds: 0,
    ...more,
  }
}

/** Gives the first node so many of the scene's resource while `body` runs. */
async function offering(scene: Scene, amount: number, body: (node: string) => Promise<void>): Promise<void> {
  const { client } = scene
  const node = (await client.list(nodes)).items[0]!.metadata!.name!
  // The kubelet would offer what the node has in its own time, and keeps what is offered already.
  const write = (value: string | null) => {
    const amounts = { [resourceOf(scene)]: value }
    return client.patch(
      nodes,
      node,
      { status: { capacity: amounts, allocatable: amounts } },
      { type: 'merge', subresource: 'status' },
    )
  }
  await write(String(amount))
  try {
    await body(node)
  } finally {
    await write(null)
  }
}

/** Priority classes of the scene's own, by their values. */
async function withPriorities(
  scene: Scene,
  values: readonly number[],
  body: (nameOf: (value: number) => string) => Promise<void>,
) {
  const { client, namespace } = scene
  const nameOf = (value: number): string => `${namespace}-${value}`
  for (const value of values) await client.create(priorityClasses, { metadata: { name: nameOf(value) }, value })
  try {
    await body(nameOf)
  } finally {
    for (const value of values) await client.delete(priorityClasses, nameOf(value))
  }
}

const isRunning = (each: Pod | undefined): boolean => each?.status?.phase === 'Running'
const unschedulable = (each: Pod | undefined): string | undefined =>
  each?.status?.conditions?.find(({ type, reason }) => type === 'PodScheduled' && reason === 'Unschedulable')?.message

const create = async ({ client, namespace }: Scene, ...wanted: readonly Pod[]): Promise<void> => {
  for (const each of wanted) await client.create(pods, each)
  for (const { metadata } of wanted) await until(client, pods, `${namespace}/${metadata?.name}`, isRunning)
}

behaviors('placement', (behavior) => {
  behavior(
    '[sig-scheduling] SchedulerPredicates [Serial] validates resource limits of pods that are allowed to run [Conformance]',
    (scene) =>
      offering(scene, 5, async () => {
        const { client, namespace } = scene
        await create(scene, asking(scene, 'filler-1', 2), asking(scene, 'filler-2', 2))
        await client.create(pods, asking(scene, 'additional', 2))
        const refused = await until(client, pods, `${namespace}/additional`, (each) => unschedulable(each) !== undefined)
        assert.ok(unschedulable(refused)?.includes(`Insufficient ${resourceOf(scene)}`), unschedulable(refused))
        assert.equal(refused?.spec?.nodeName, undefined)
        // The room that is left is enough for another.
        await create(scene, asking(scene, 'small', 1))
      }),
  )

  behavior(
    '[sig-scheduling] SchedulerPredicates [Serial] validates that there exists conflict between pods with same hostPort and protocol but one using 0.0.0.0 hostIP [Conformance]',
    async (scene) => {
      const { client, namespace } = scene
      const node = (await client.list(nodes)).items[0]!
      const nodeSelector = { 'kubernetes.io/hostname': node.metadata!.labels!['kubernetes.io/hostname']! }
      const hosted = (name: string, hostIP?: string, protocol: 'TCP' | 'UDP' = 'TCP'): Pod => ({
        metadata: { name, namespace },
        spec: {
          nodeSelector,
          terminationGracePeriodSeconds: 0,
          containers: [
            {
              name: 'main',
              image: 'pause:3',
              ports: [{ containerPort: 8080, hostPort: 54322, protocol, ...(hostIP && { hostIP }) }],
            },
          ],
        },
      })
      await create(scene, hosted('everywhere'))
      await client.create(pods, hosted('loopback', '127.0.0.1'))
      const refused = await until(client, pods, `${namespace}/loopback`, (each) => unschedulable(each) !== undefined)
      assert.match(unschedulable(refused) ?? '', /didn't have free ports for the requested pod ports/)
      // Another protocol is another port.
      await create(scene, hosted('datagrams', '127.0.0.1', 'UDP'))
    },
  )

  const preempting = {
    'validates basic preemption works': 'high',
    'validates lower priority pod preemption by critical pod': 'system-cluster-critical',
  }
  for (const [title, by] of Object.entries(preempting)) {
    behavior(`[sig-scheduling] SchedulerPreemption [Serial] ${title} [Conformance]`, (scene) =>
      offering(scene, 5, () =>
        withPriorities(scene, [1, 100, 1000], async (nameOf) => {
          const { client, namespace } = scene
          const low = { priorityClassName: nameOf(1) }
          const medium = { priorityClassName: nameOf(100) }
          await create(scene, asking(scene, 'low', 2, low), asking(scene, 'medium', 3, medium))
          const priorityClassName = by === 'high' ? nameOf(1000) : by
          await client.create(pods, asking(scene, 'preemptor', 2, { priorityClassName }))
          await until(client, pods, `${namespace}/preemptor`, isRunning)
          await until(client, pods, `${namespace}/low`, (each) => each === undefined)
          const kept = await client.get(pods, `${namespace}/medium`)
          assert.equal(kept.metadata?.deletionTimestamp, undefined)
        }),
      ),
    )
  }

  behavior(
    '[sig-scheduling] SchedulerPreemption [Serial] validates pod disruption condition is added to the preempted pod [Conformance]',
    (scene) =>
      offering(scene, 1, () =>
        withPriorities(scene, [1, 1000], async (nameOf) => {
          const { client, namespace } = scene
          const victim = asking(scene, 'victim', 1, { priorityClassName: nameOf(1) })
          await create(scene, { ...victim, metadata: { ...victim.metadata, finalizers: ['e2e.example.com/test'] } })
          await client.create(pods, asking(scene, 'preemptor', 1, { priorityClassName: nameOf(1000) }))
          const preempted = await until(client, pods, `${namespace}/victim`, (each) => Boolean(each?.metadata?.deletionTimestamp))
          const condition = preempted?.status?.conditions?.find(({ type }) => type === 'DisruptionTarget')
          assert.deepEqual([condition?.status, condition?.reason], ['True', 'PreemptionByScheduler'])
          await client.patch(pods, `${namespace}/victim`, { metadata: { finalizers: null } }, { type: 'merge' })
          await until(client, pods, `${namespace}/preemptor`, isRunning)
        }),
      ),
  )

  behavior(
    '[sig-scheduling] SchedulerPreemption [Serial] PreemptionExecutionPath runs ReplicaSets to verify preemption running path [Conformance]',
    (scene) =>
      offering(scene, 10, () =>
        withPriorities(scene, [1, 2, 3, 4], async (nameOf) => {
          const { client, namespace } = scene
          const set = (priority: number, replicas: number, amount: number): ReplicaSet => ({
            metadata: { name: `rs-pod${priority}`, namespace },
            spec: {
              replicas,
              selector: { matchLabels: { name: `pod${priority}` } },
              template: {
                metadata: { labels: { name: `pod${priority}` } },
                spec: podSpec(scene, amount, { priorityClassName: nameOf(priority) }),
              },
            },
          })
          const untilRunning = (priority: number, count: number) =>
            untilList(
              client,
              pods,
              { namespace, labelSelector: `name=pod${priority}` },
              (items) => items.filter((each) => isRunning(each) && !each.metadata?.deletionTimestamp).length === count,
            )
          // Five of the least, four of the next and one that takes the last piece fill the node.
          for (const [priority, replicas] of [
            [1, 5],
            [2, 4],
            [3, 1],
          ] as const) {
            await client.create(replicaSets, set(priority, replicas, 1))
            await untilRunning(priority, replicas)
          }
          await client.create(replicaSets, set(4, 1, 7))
          await untilRunning(4, 1)
          // Seven pieces came from those that matter least.
          await untilRunning(1, 0)
          await untilRunning(2, 2)
          await untilRunning(3, 1)
          const sizes = (await client.list(replicaSets, { namespace })).items.map(({ metadata, spec }) => [
            metadata?.name,
            spec?.replicas,
          ])
          assert.deepEqual(sizes, [
            ['rs-pod1', 5],
            ['rs-pod2', 4],
            ['rs-pod3', 1],
            ['rs-pod4', 1],
          ])
        }),
      ),
  )
})
