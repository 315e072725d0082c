import assert from 'node:assert/strict'
import { type ContainerStatus, type Pod, pods } from '#api'
import { behaviors, type Scene } from './behavior.ts'

const SECOND_MS = 1_000
/** Where time is nobody's own. */
const timeoutMs = 300_000

/** A container by the command it runs; nodes that only play are told the same by the script. */
interface Work {
  readonly command: string
  readonly script: object
}

const TRUE: Work = { command: '/bin/true', script: { afterSeconds: 0 } }
const FALSE: Work = { command: '/bin/false', script: { afterSeconds: 0, exitCode: 1 } }
const RUNS: Work = { command: 'sleep 1000000', script: {} }

type Containers = Readonly<Record<string, Work>>

/** What a pod's containers keep over their restarts. */
const DATA = { volume: { name: 'data', emptyDir: {} }, mount: { name: 'data', mountPath: '/data' } }

const containersOf = (works: Containers) =>
  Object.entries(works).map(([name, { command }]) => ({
    name,
    image: 'busybox:1.36',
    command: ['/bin/sh', '-c', command],
    volumeMounts: [DATA.mount],
  }))

/** Creates a pod and resolves with what has become of it after so many seconds. */
async function lived(
  { client, target, namespace }: Scene,
  restartPolicy: 'Always' | 'OnFailure' | 'Never',
  works: { readonly init?: Containers; readonly main: Containers },
  seconds: number,
): Promise<Pod> {
  const scripts = Object.fromEntries(Object.entries({ ...works.init, ...works.main }).map(([name, { script }]) => [name, script]))
  const name = `pod-${restartPolicy.toLowerCase()}`
  await client.create(pods, {
    metadata: { name, namespace, annotations: { 't8s.dev/simulate': JSON.stringify(scripts) } },
    spec: {
      restartPolicy,
      terminationGracePeriodSeconds: 0,
      volumes: [DATA.volume],
      containers: containersOf(works.main),
      ...(works.init && { initContainers: containersOf(works.init) }),
    },
  })
  await target.pass(seconds * SECOND_MS)
  return client.get(pods, `${namespace}/${name}`)
}

const initialized = ({ status }: Pod): unknown[] => {
  const { status: is, reason, message } = status?.conditions?.find(({ type }) => type === 'Initialized') ?? {}
  return [is, reason, message]
}

/** `name: exited CODE`, `name: running` or `name: waiting REASON` of each container. */
const states = (all: readonly ContainerStatus[] | undefined): string[] =>
  (all ?? []).map(({ name, state }) => {
    if (state?.terminated !== undefined) return `${name}: exited ${state.terminated.exitCode}`
    return state?.running === undefined ? `${name}: waiting ${state?.waiting?.reason}` : `${name}: running`
  })

behaviors(
  'container outcomes',
  (behavior) => {
    behavior(
      '[sig-node] InitContainer [NodeConformance] should invoke init containers on a RestartNever pod [Conformance]',
      async (scene) => {
        const pod = await lived(scene, 'Never', { init: { init1: TRUE, init2: TRUE }, main: { run1: TRUE } }, 30)
        assert.deepEqual([pod.status?.phase, initialized(pod)[0]], ['Succeeded', 'True'])
        assert.deepEqual(states(pod.status?.initContainerStatuses), ['init1: exited 0', 'init2: exited 0'])
        assert.deepEqual(states(pod.status?.containerStatuses), ['run1: exited 0'])
      },
      { timeoutMs },
    )

    behavior(
      '[sig-node] InitContainer [NodeConformance] should invoke init containers on a RestartAlways pod [Conformance]',
      async (scene) => {
        const pod = await lived(scene, 'Always', { init: { init1: TRUE, init2: TRUE }, main: { run1: RUNS } }, 30)
        assert.deepEqual([pod.status?.phase, initialized(pod)[0]], ['Running', 'True'])
        assert.deepEqual(states(pod.status?.initContainerStatuses), ['init1: exited 0', 'init2: exited 0'])
        assert.ok(pod.status?.initContainerStatuses?.every(({ ready, restartCount }) => ready && restartCount === 0))
        assert.deepEqual(states(pod.status?.containerStatuses), ['run1: running'])
      },
      { timeoutMs },
    )

    behavior(
      '[sig-node] InitContainer [NodeConformance] should not start app containers if init containers fail on a RestartAlways pod [Conformance]',
      async (scene) => {
        const pod = await lived(scene, 'Always', { init: { init1: FALSE, init2: TRUE }, main: { run1: RUNS } }, 90)
        const incomplete = 'containers with incomplete status: [init1 init2]'
        assert.deepEqual([pod.status?.phase, ...initialized(pod)], ['Pending', 'False', 'ContainersNotInitialized', incomplete])
        const [first, second] = pod.status?.initContainerStatuses ?? []
        assert.ok((first?.restartCount ?? 0) >= 3, `${first?.restartCount} restarts`)
        assert.equal(first?.lastState?.terminated?.exitCode ?? first?.state?.terminated?.exitCode, 1)
        assert.deepEqual(states([second!, ...(pod.status?.containerStatuses ?? [])]), [
          'init2: waiting PodInitializing',
          'run1: waiting PodInitializing',
        ])
      },
      { timeoutMs },
    )

    behavior(
      '[sig-node] InitContainer [NodeConformance] should not start app containers and fail the pod if init containers fail on a RestartNever pod [Conformance]',
      async (scene) => {
        const pod = await lived(scene, 'Never', { init: { init1: TRUE, init2: FALSE }, main: { run1: TRUE } }, 30)
        const incomplete = 'containers with incomplete status: [init2]'
        assert.deepEqual([pod.status?.phase, ...initialized(pod)], ['Failed', 'False', 'ContainersNotInitialized', incomplete])
        assert.deepEqual(states(pod.status?.initContainerStatuses), ['init1: exited 0', 'init2: exited 1'])
        assert.deepEqual(states(pod.status?.containerStatuses), ['run1: waiting PodInitializing'])
      },
      { timeoutMs },
    )

    behavior(
      '[sig-node] Container Runtime blackbox test when starting a container that exits should run with the expected status [NodeConformance] [Conformance]',
      async (scene) => {
        // Each start counts itself in a file, where containers are real.
        const counted = (rest: string): string => `n=$(cat /data/n 2>/dev/null || echo 0); echo $((n+1)) >/data/n; ${rest}`
        const twice: Work = {
          command: counted('[ $n -ge 2 ] && sleep 1000000; exit 1'),
          script: { afterSeconds: [0, 0, null], exitCode: 1 },
        }
        const once: Work = { command: counted('[ $n -ge 1 ] && exit 0; exit 1'), script: { afterSeconds: 0, exitCode: [1, 0] } }
        const outcomes: unknown[] = []
        for (const [policy, work] of [
          ['Always', twice],
          ['OnFailure', once],
          ['Never', FALSE],
        ] as const) {
          const { status } = await lived(scene, policy, { main: { main: work } }, 60)
          const [own] = status?.containerStatuses ?? []
          outcomes.push([policy, status?.phase, ...states([own!]), own?.restartCount, own?.ready])
        }
        assert.deepEqual(outcomes, [
          ['Always', 'Running', 'main: running', 2, true],
          ['OnFailure', 'Succeeded', 'main: exited 0', 1, false],
          ['Never', 'Failed', 'main: exited 1', 0, false],
        ])
      },
      { timeoutMs },
    )

    behavior(
      '[sig-node] Kubelet when scheduling a busybox command that always fails in a pod should have an terminated reason [NodeConformance] [Conformance]',
      async (scene) => {
        const { status } = await lived(scene, 'Never', { main: { bin: FALSE } }, 30)
        const { exitCode, reason } = status?.containerStatuses?.[0]?.state?.terminated ?? {}
        assert.deepEqual([exitCode, reason], [1, 'Error'])
      },
      { timeoutMs },
    )

    behavior(
      '[sig-node] Kubelet when scheduling a busybox command that always fails in a pod should be possible to delete [NodeConformance] [Conformance]',
      async (scene) => {
        const { client, target, namespace } = scene
        const { metadata, status } = await lived(scene, 'Always', { main: { bin: FALSE } }, 30)
        assert.ok((status?.containerStatuses?.[0]?.restartCount ?? 0) > 0)
        await client.delete(pods, `${namespace}/${metadata?.name}`)
        await target.pass(30 * SECOND_MS)
        assert.equal(await client.find(pods, `${namespace}/${metadata?.name}`), undefined)
      },
      { timeoutMs },
    )
  },
  { ownTime: true },
)
