import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import test from 'node:test'
import { nodes, pods } from '#api'
import { memoryLog, seededRandom, VirtualClock } from '#base'
import { scriptedPod, startKubeletOn, startSimulatedNode } from '#testing'
import { SimulatedRuntime } from './runtimes/simulated/index.ts'

test('a bound pod runs, becomes Ready and goes when it is deleted', async () => {
  const clock = new VirtualClock()
  const { api, kubelet } = await startSimulatedNode(clock)
  await using _api = api
  await using _kubelet = kubelet
  await api.client.create(pods, scriptedPod('web'))
  await clock.advance(1000)
  const running = await api.client.get(pods, 'default/web')
  assert.equal(running.status?.phase, 'Running')
  assert.equal(running.status?.conditions?.find(({ type }) => type === 'Ready')?.status, 'True')
  assert.match(running.status?.podIP ?? '', /^10\.88\./)
  await api.client.delete(pods, 'default/web')
  await clock.advance(35_000)
  assert.equal(await api.client.find(pods, 'default/web'), undefined)
})

test('what somebody else says that the node has stays, and may be given away', async () => {
  const clock = new VirtualClock()
  const { api, kubelet } = await startSimulatedNode(clock)
  await using _api = api
  await using _kubelet = kubelet
  const dongles = async (amount: string | null): Promise<(string | undefined)[]> => {
    const status = { capacity: { 'example.com/dongle': amount } }
    await api.client.patch(nodes, 'node-1', { status }, { type: 'merge', subresource: 'status' })
    await clock.advance(15_000)
    const now = (await api.client.get(nodes, 'node-1')).status
    assert.deepEqual([now?.capacity?.['cpu'], now?.allocatable?.['cpu']], ['4', '4'])
    return [now?.capacity?.['example.com/dongle'], now?.allocatable?.['example.com/dongle']]
  }
  assert.deepEqual(await dongles('4'), ['4', '4'])
  assert.deepEqual(await dongles('6'), ['6', '6'])
  assert.deepEqual(await dongles(null), [undefined, undefined])
})

test('a container that fails is restarted with growing delays', async () => {
  const clock = new VirtualClock()
  const { api, kubelet } = await startSimulatedNode(clock)
  await using _api = api
  await using _kubelet = kubelet
  await api.client.create(pods, scriptedPod('crash', { main: { afterSeconds: 1, exitCode: 3 } }))
  await clock.advance(5_000)
  const waiting = (await api.client.get(pods, 'default/crash')).status?.containerStatuses?.[0]
  assert.equal(waiting?.state?.waiting?.reason, 'CrashLoopBackOff')
  assert.equal(waiting?.lastState?.terminated?.exitCode, 3)
  assert.equal(waiting?.restartCount, 1)
  await clock.advance(60_000)
  const later = (await api.client.get(pods, 'default/crash')).status?.containerStatuses?.[0]
  assert.ok(later!.restartCount >= 2 && later!.restartCount <= 4, `restarted ${later!.restartCount} times`)
})

test('a pod that may not restart ends as its containers do', async () => {
  const clock = new VirtualClock()
  const { api, kubelet } = await startSimulatedNode(clock)
  await using _api = api
  await using _kubelet = kubelet
  await api.client.create(pods, scriptedPod('ok', { main: { afterSeconds: 2 } }, { restartPolicy: 'Never' }))
  await api.client.create(pods, scriptedPod('bad', { main: { afterSeconds: 2, exitCode: 1 } }, { restartPolicy: 'Never' }))
  await clock.advance(4_000)
  assert.equal((await api.client.get(pods, 'default/ok')).status?.phase, 'Succeeded')
  assert.equal((await api.client.get(pods, 'default/bad')).status?.phase, 'Failed')
})

test('a container that says itself when it is restarted is, whatever its pod says', async () => {
  const clock = new VirtualClock()
  const { api, kubelet } = await startSimulatedNode(clock)
  await using _api = api
  await using _kubelet = kubelet
  const rule = { action: 'Restart', exitCodes: { operator: 'In', values: [42] } }
  const containers = (fields: object): object => ({
    restartPolicy: 'Never',
    containers: [{ name: 'main', image: 'i', ...fields }],
  })
  const ruled = { restartPolicy: 'Never', restartPolicyRules: [rule] }
  await api.client.create(pods, scriptedPod('named', { main: { afterSeconds: 2, exitCode: 42 } }, containers(ruled)))
  await api.client.create(pods, scriptedPod('other', { main: { afterSeconds: 2, exitCode: 41 } }, containers(ruled)))
  await api.client.create(pods, scriptedPod('own', { main: { afterSeconds: 2 } }, containers({ restartPolicy: 'Always' })))
  await clock.advance(6_000)
  const seen = await Promise.all(
    ['named', 'other', 'own'].map(async (name) => {
      const { status } = await api.client.get(pods, `default/${name}`)
      return [status?.phase, status?.containerStatuses?.[0]?.restartCount]
    }),
  )
  assert.deepEqual(seen, [
    ['Running', 1],
    ['Failed', 0],
    ['Running', 1],
  ])
})

test('init containers run one after another before the others', async () => {
  const clock = new VirtualClock()
  const { api, kubelet } = await startSimulatedNode(clock)
  await using _api = api
  await using _kubelet = kubelet
  const script = { first: { afterSeconds: 5 }, second: { afterSeconds: 5 } }
  const initContainers = [
    { name: 'first', image: 'a' },
    { name: 'second', image: 'b' },
  ]
  await api.client.create(pods, scriptedPod('init', script, { initContainers }))
  await clock.advance(2_000)
  assert.deepEqual(
    (await api.client.get(pods, 'default/init')).status?.initContainerStatuses?.map(({ state }) => Object.keys(state ?? {})[0]),
    ['running', 'waiting'],
  )
  await clock.advance(10_000)
  const after = await api.client.get(pods, 'default/init')
  assert.equal(after.status?.phase, 'Running')
  assert.ok(after.status?.initContainerStatuses?.every(({ state }) => state?.terminated?.exitCode === 0))
})

test('a new kubelet adopts what its predecessor left running', async () => {
  const clock = new VirtualClock()
  const { api, kubelet, runtime } = await startSimulatedNode(clock)
  await using _api = api
  await api.client.create(pods, scriptedPod('web'))
  await clock.advance(1000)
  const before = await api.client.get(pods, 'default/web')
  await kubelet[Symbol.asyncDispose]()
  await using _again = await startKubeletOn(api, runtime, clock)
  await clock.advance(5000)
  const after = await api.client.get(pods, 'default/web')
  assert.equal(after.status?.containerStatuses?.[0]?.containerID, before.status?.containerStatuses?.[0]?.containerID)
  assert.equal(after.status?.containerStatuses?.[0]?.restartCount, 0)
})

test('a pod that was given up stays so under a new kubelet', async () => {
  const clock = new VirtualClock()
  const { api, kubelet, runtime } = await startSimulatedNode(clock)
  await using _api = api
  await api.client.create(pods, scriptedPod('late', {}, { activeDeadlineSeconds: 5 }))
  await clock.advance(10_000)
  const before = await api.client.get(pods, 'default/late')
  assert.deepEqual([before.status?.phase, before.status?.reason], ['Failed', 'DeadlineExceeded'])
  await kubelet[Symbol.asyncDispose]()
  const log = memoryLog()
  await using _again = await startKubeletOn(api, runtime, clock, { log })
  await clock.advance(5000)
  // Had it come back to life in between, it would have been given up, and told of, once more.
  assert.deepEqual(log.lines, [])
  const { phase, reason, message } = (await api.client.get(pods, 'default/late')).status!
  assert.deepEqual([phase, reason, message], ['Failed', 'DeadlineExceeded', before.status?.message])
})

/** Can be held in the middle of looking at a pod, and counts the commands it ran, each of which takes a moment. */
class SlowRuntime extends SimulatedRuntime {
  readonly clock: VirtualClock
  executed = 0
  readonly looks: (() => void)[] = []
  isSlow = false

  constructor(clock: VirtualClock) {
    super({ clock, random: seededRandom(2) })
    this.clock = clock
  }

  override async listPodSandboxes(...filter: Parameters<SimulatedRuntime['listPodSandboxes']>) {
    if (this.isSlow) await new Promise<void>((resolve) => this.looks.push(resolve))
    return super.listPodSandboxes(...filter)
  }

  override async execSync(...call: Parameters<SimulatedRuntime['execSync']>) {
    this.executed++
    await this.clock.sleep(100)
    return super.execSync(...call)
  }
}

test('a deletion that overtakes a step in the middle of its look runs the hooks once', async () => {
  const clock = new VirtualClock()
  const runtime = new SlowRuntime(clock)
  const { api, kubelet } = await startSimulatedNode(clock, runtime)
  await using _api = api
  await using _kubelet = kubelet
  const lifecycle = { preStop: { exec: { command: ['bye'] } } }
  await api.client.create(pods, scriptedPod('web', {}, { containers: [{ name: 'main', image: 'web:1', lifecycle }] }))
  await clock.advance(1000)
  runtime.isSlow = true
  await api.client.patch(pods, 'default/web', { metadata: { labels: { a: 'b' } } }, { type: 'merge' })
  await clock.advance(1000)
  assert.equal(runtime.looks.length, 1)
  await api.client.delete(pods, 'default/web')
  await clock.advance(1000)
  runtime.isSlow = false
  for (const goOn of runtime.looks) goOn()
  await clock.advance(35_000)
  assert.equal(await api.client.find(pods, 'default/web'), undefined)
  assert.equal(runtime.executed, 1)
})

/** Remembers what containers were told. */
class RecordingRuntime extends SimulatedRuntime {
  readonly environments = new Map<string, Record<string, string>>()

  override async createContainer(...call: Parameters<SimulatedRuntime['createContainer']>) {
    const [, { metadata, envs }] = call
    this.environments.set(metadata.name, Object.fromEntries(envs.map(({ key, value }) => [key, value])))
    return super.createContainer(...call)
  }
}

test('a variable comes from the file that an init container wrote, or its container waits for it', async (t) => {
  const rootDirectory = mkdtempSync(join(tmpdir(), 't8s-kubelet-'))
  t.after(() => rmSync(rootDirectory, { recursive: true }))
  const clock = new VirtualClock()
  const runtime = new RecordingRuntime({ clock, random: seededRandom(2) })
  const { api, kubelet } = await startSimulatedNode(clock, runtime, { rootDirectory })
  await using _api = api
  await using _kubelet = kubelet
  const from = (name: string, fields: object = {}) => ({
    name,
    valueFrom: { fileKeyRef: { volumeName: 'shared', path: 'app.env', key: name, ...fields } },
  })
  const env = [from('HOST'), from('NONE', { optional: true }), { name: 'URL', value: 'http://$(HOST)' }]
  const spec = {
    volumes: [{ name: 'shared', emptyDir: {} }],
    initContainers: [{ name: 'setup', image: 'a', volumeMounts: [{ name: 'shared', mountPath: '/shared' }] }],
    containers: [{ name: 'main', image: 'b', env }],
  }
  const { metadata } = await api.client.create(pods, scriptedPod('env', { setup: { afterSeconds: 5 } }, spec))
  await clock.advance(10_000)
  const waiting = async () => (await api.client.get(pods, 'default/env')).status?.containerStatuses?.[0]?.state?.waiting
  assert.deepEqual(await waiting(), { reason: 'CreateContainerConfigError', message: "couldn't parse env file" })
  const file = join(rootDirectory, 'pods', metadata?.uid ?? '', 'volumes/kubernetes.io~empty-dir/shared/app.env')
  writeFileSync(file, "OTHER='1'\n")
  await clock.advance(15_000)
  const message = `environment variable key "HOST" not found in file ${JSON.stringify(file)}`
  assert.deepEqual(await waiting(), { reason: 'CreateContainerConfigError', message })
  writeFileSync(file, "HOST='db.internal'\n")
  await clock.advance(15_000)
  assert.equal((await api.client.get(pods, 'default/env')).status?.phase, 'Running')
  const { HOST, NONE, URL } = runtime.environments.get('main')!
  assert.deepEqual([HOST, NONE, URL], ['db.internal', undefined, 'http://db.internal'])
})
