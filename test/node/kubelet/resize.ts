import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { it } from 'node:test'
import { type Pod, pods } from '#api'
import { type RealNode, STAY, shell } from '../real-node.ts'

const main = (pod: Pod) => pod.status?.containerStatuses?.[0]
const condition = (pod: Pod, wanted: string) => pod.status?.conditions?.find(({ type }) => type === wanted)

/** Resources that change while a pod runs. */
export function resizeTests(given: () => RealNode): void {
  const resize = (name: string, resources: object): Promise<Pod> =>
    given().client.patch(
      pods,
      `default/${name}`,
      { spec: { containers: [{ name: 'main', resources }] } },
      { type: 'strategic', subresource: 'resize' },
    )

  it('a resize changes the control groups of a running container, and of its pod, without a restart', async () => {
    const node = given()
    const before = await node.run(
      shell('resize', STAY, {
        resources: { requests: { cpu: '100m', memory: '32Mi' }, limits: { cpu: '400m', memory: '64Mi' } },
      }),
    )
    const id = main(before)!.containerID!.replace('containerd://', '')
    const pod = `${node.place.cgroup}/burstable/pod${before.metadata!.uid}`
    const read = (group: string, file: string): string =>
      readFileSync(`/sys/fs/cgroup/${file.split('.')[0]}${group}/${file}`, 'utf8').trim()
    for (const [cpu, quota, memory] of [
      ['800m', '80000', '96Mi'],
      ['200m', '20000', '48Mi'],
    ] as const) {
      const { metadata } = await resize('resize', { requests: { cpu: '100m', memory: '32Mi' }, limits: { cpu, memory } })
      const after = await node.untilPod(
        'resize',
        (each) => main(each)?.resources?.limits?.['cpu'] === cpu && condition(each, 'PodResizeInProgress') === undefined,
      )
      assert.equal(after.status?.observedGeneration, metadata!.generation)
      assert.equal(main(after)?.restartCount, 0)
      assert.equal(main(after)?.containerID, main(before)?.containerID)
      for (const group of [pod, `${pod}/${id}`]) {
        assert.equal(read(group, 'cpu.cfs_quota_us'), quota)
        assert.equal(read(group, 'memory.limit_in_bytes'), String(Number.parseInt(memory, 10) * 1024 * 1024))
      }
    }
    await node.untilEvent(
      'resize',
      'ResizeStarted',
      /^Pod resize started: \{"containers":\[\{"name":"main","resources":\{"limits":\{"cpu":"800m","memory":"96Mi"\},"requests":\{"cpu":"100m","memory":"32Mi"\}\}\}\],"generation":2\}$/,
    )
    await node.untilEvent('resize', 'ResizeCompleted', /"generation":3\}$/)
    await node.delete('resize')
  })

  it('a resize whose policy says so restarts the container with the new resources', async () => {
    const node = given()
    const resizePolicy = [{ resourceName: 'memory', restartPolicy: 'RestartContainer' }]
    await node.run(
      shell('resize-restart', STAY, { resizePolicy, resources: { requests: { memory: '32Mi' }, limits: { memory: '32Mi' } } }),
    )
    await resize('resize-restart', { requests: { memory: '32Mi' }, limits: { memory: '64Mi' } })
    const after = await node.untilPod(
      'resize-restart',
      (each) => main(each)?.restartCount === 1 && main(each)?.state?.running !== undefined,
    )
    assert.equal(main(after)?.resources?.limits?.['memory'], '64Mi')
    await node.untilEvent('resize-restart', 'Killing', /^Container main resize requires restart$/)
    await node.delete('resize-restart')
  })

  it('a resize that does not fit waits, and says why', async () => {
    const node = given()
    await node.run(shell('resize-large', STAY, { resources: { requests: { cpu: '50m' } } }))
    const { metadata } = await resize('resize-large', { requests: { cpu: '1000' } })
    const pending = await node.untilPod('resize-large', (each) => condition(each, 'PodResizePending') !== undefined)
    const { status, reason, message, observedGeneration } = condition(pending, 'PodResizePending')!
    assert.deepEqual(
      { status, reason, observedGeneration },
      { status: 'True', reason: 'Infeasible', observedGeneration: metadata!.generation },
    )
    assert.match(message!, /^Node didn't have enough capacity: cpu, requested: 1000000, capacity: \d+$/)
    assert.deepEqual(main(pending)?.allocatedResources, { cpu: '50m' })
    assert.deepEqual(main(pending)?.resources, { requests: { cpu: '50m' } })
    await resize('resize-large', { requests: { cpu: '60m' } })
    const after = await node.untilPod('resize-large', (each) => main(each)?.resources?.requests?.['cpu'] === '60m')
    assert.equal(condition(after, 'PodResizePending'), undefined)
    await node.delete('resize-large')
  })
}
