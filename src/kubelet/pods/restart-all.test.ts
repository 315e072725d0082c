import assert from 'node:assert/strict'
import test from 'node:test'
import { type Pod, pods } from '#api'
import { seededRandom, VirtualClock } from '#base'
import { scriptedPod, startKubeletOn, startSimulatedNode } from '#testing'
import { SimulatedRuntime } from '../runtimes/simulated/index.ts'

/** Looks around, or fails, before it makes or removes a container. */
class RemovingRuntime extends SimulatedRuntime {
  beforeRemoval: () => Promise<void> = async () => undefined
  beforeCreation: (attempt: number) => Promise<void> = async () => undefined

  override async createContainer(...call: Parameters<SimulatedRuntime['createContainer']>) {
    await this.beforeCreation(call[1].metadata.attempt)
    return super.createContainer(...call)
  }

  override async removeContainer(id: string) {
    await this.beforeRemoval()
    return super.removeContainer(id)
  }
}

const all = { action: 'RestartAllContainers', exitCodes: { operator: 'In', values: [42] } }
const source = { name: 'source', image: 'i', restartPolicy: 'Never', restartPolicyRules: [all] }

/** Of every container: how often it was restarted, and what is said of its last end. */
const restartsOf = ({ status }: Pod) =>
  [...(status?.initContainerStatuses ?? []), ...(status?.containerStatuses ?? [])].map(
    ({ name, restartCount, lastState }) => `${name} ${restartCount} ${lastState?.terminated?.reason}`,
  )

const conditionOf = ({ status }: Pod, wanted: string) => {
  const { reason, message, ...rest } = status?.conditions?.find(({ type }) => type === wanted) ?? {}
  return [(rest as { status?: string }).status, reason, message]
}

/** A pod of an init container, a sidecar, a container that has ended, and one whose end restarts all. */
const together = (name: string): Pod =>
  scriptedPod(
    name,
    { init: { afterSeconds: 1 }, done: { afterSeconds: 1 }, source: { afterSeconds: [5, null], exitCode: 42 } },
    {
      restartPolicy: 'Never',
      initContainers: [
        { name: 'init', image: 'i' },
        { name: 'sidecar', image: 'i', restartPolicy: 'Always' },
      ],
      containers: [source, { name: 'done', image: 'i' }],
    },
  )

const EACH_ONCE = ['init', 'sidecar', 'source', 'done'].map((name) => `${name} 1 RestartingAllContainers`)

test('a container whose end restarts all takes the others with it, and the pod begins again in place', async () => {
  const clock = new VirtualClock()
  const runtime = new RemovingRuntime({ clock, random: seededRandom(2) })
  const { api, kubelet } = await startSimulatedNode(clock, runtime)
  await using _api = api
  await using _kubelet = kubelet
  const during: unknown[] = []
  runtime.beforeRemoval = async () => {
    const seen = await api.client.get(pods, 'default/together')
    during.push([seen.status?.phase, conditionOf(seen, 'Initialized')[0], conditionOf(seen, 'AllContainersRestarting')])
  }
  const removed: Pod[] = []
  runtime.beforeCreation = async (attempt) => {
    if (attempt > 0) removed.push(await api.client.get(pods, 'default/together'))
  }
  await api.client.create(pods, together('together'))
  await clock.advance(4_000)
  const before = await api.client.get(pods, 'default/together')
  assert.deepEqual(conditionOf(before, 'AllContainersRestarting'), ['False', undefined, undefined])
  await clock.advance(10_000)
  const [gone] = removed
  assert.deepEqual(
    [removed.length, gone!.status?.phase, conditionOf(gone!, 'AllContainersRestarting')[0]],
    [4, 'Running', 'False'],
  )
  assert.deepEqual(restartsOf(gone!), EACH_ONCE)
  const message = 'The container is removed because RestartAllContainers in place'
  const waiting = { reason: 'RestartingAllContainers', message }
  assert.deepEqual(
    gone!.status?.containerStatuses?.map(({ state }) => state?.waiting),
    [waiting, waiting],
  )
  const after = await api.client.get(pods, 'default/together')
  const restarting = ['True', 'RestartAllContainersStarted', 'container exited with restart policy rule']
  assert.deepEqual(during, new Array(4).fill(['Running', 'True', restarting]))
  assert.deepEqual(restartsOf(after), EACH_ONCE)
  assert.deepEqual(conditionOf(after, 'AllContainersRestarting'), ['False', undefined, undefined])
  assert.deepEqual([after.status?.phase, after.status?.podIP], ['Running', before.status?.podIP])
  assert.deepEqual(
    (await runtime.listPodSandboxes()).map(({ metadata }) => metadata.attempt),
    [0],
  )
  const ended = after.status?.containerStatuses?.map(({ state }) => Object.keys(state ?? {})[0])
  assert.deepEqual(ended, ['running', 'terminated'])
})

test('a kubelet goes on with a restart of all containers that its predecessor began', async () => {
  const clock = new VirtualClock()
  const runtime = new RemovingRuntime({ clock, random: seededRandom(2) })
  const { api, kubelet } = await startSimulatedNode(clock, runtime)
  await using _api = api
  let removals = 0
  runtime.beforeRemoval = async () => {
    if (removals++ > 0) throw new Error('the machine is on fire')
  }
  await api.client.create(pods, together('together'))
  await clock.advance(7_000)
  await kubelet[Symbol.asyncDispose]()
  assert.equal(conditionOf(await api.client.get(pods, 'default/together'), 'AllContainersRestarting')[0], 'True')
  runtime.beforeRemoval = async () => undefined
  await using _again = await startKubeletOn(api, runtime, clock)
  await clock.advance(10_000)
  const after = await api.client.get(pods, 'default/together')
  assert.deepEqual([after.status?.phase, conditionOf(after, 'AllContainersRestarting')[0]], ['Running', 'False'])
  assert.deepEqual(restartsOf(after), EACH_ONCE)
})

test('an init container that restarts all leaves alone what never ran, and one that always does is backed off from', async () => {
  const clock = new VirtualClock()
  const { api, kubelet } = await startSimulatedNode(clock)
  await using _api = api
  await using _kubelet = kubelet
  const script = { first: { afterSeconds: 1 }, source: { afterSeconds: 1, exitCode: [42, 0] } }
  const initContainers = [{ name: 'first', image: 'i' }, source]
  await api.client.create(pods, scriptedPod('once', script, { restartPolicy: 'Never', initContainers }))
  await api.client.create(
    pods,
    scriptedPod('loop', { source: { afterSeconds: 1, exitCode: 42 } }, { restartPolicy: 'Never', containers: [source] }),
  )
  await clock.advance(60_000)
  const [once, loop] = await Promise.all(['once', 'loop'].map((name) => api.client.get(pods, `default/${name}`)))
  assert.deepEqual(restartsOf(once!), ['first 1 RestartingAllContainers', 'source 1 RestartingAllContainers', 'main 0 undefined'])
  assert.equal(once!.status?.phase, 'Running')
  // Ends after 1 s, and after each of the waits of 0, 10, 20 and, not over yet, 40.
  assert.deepEqual(restartsOf(loop!), ['source 3 Error'])
  assert.equal(loop!.status?.containerStatuses?.[0]?.state?.waiting?.reason, 'CrashLoopBackOff')
  assert.equal(loop!.status?.phase, 'Running')
})
