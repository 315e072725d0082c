import assert from 'node:assert/strict'
import { it } from 'node:test'
import { NODE, type RealNode, STAY, shell } from '../real-node.ts'

/** What monitoring reads of a kubelet, through the API server. */
export function statsTests(given: () => RealNode): void {
  const read = (path: string): Promise<string> => given().kubectl('get', '--raw', `/api/v1/nodes/${NODE}/proxy/${path}`)

  it('the summary and the metrics tell what a pod uses, as the kernel counts it', async () => {
    const node = given()
    const script = `head -c 20000000 /dev/zero >/tmp/20-megabytes; echo ready; ${STAY}`
    const volumes = [{ name: 'tmp', emptyDir: { medium: 'Memory' } }]
    const resources = { limits: { memory: '64Mi' } }
    const { metadata } = await node.run(
      shell('busy', script, { resources, volumeMounts: [{ name: 'tmp', mountPath: '/tmp' }] }, { volumes }),
    )
    const { uid, name, namespace } = metadata!
    await node.exec('busy', 'until [ $(wc -c </tmp/20-megabytes) = 20000000 ]; do sleep 0.05; done')
    const summary = JSON.parse(await read('stats/summary'))
    assert.equal(summary.node.nodeName, NODE)
    assert.ok(summary.node.cpu.usageCoreNanoSeconds > 0 && summary.node.memory.workingSetBytes > 0, JSON.stringify(summary.node))
    assert.ok(summary.node.fs.capacityBytes > summary.node.fs.availableBytes)
    assert.ok(summary.node.runtime.imageFs.capacityBytes > 0)
    const pod = summary.pods.find((each: { podRef: { uid: string } }) => each.podRef.uid === uid)
    assert.deepEqual(pod.podRef, { name, namespace, uid })
    const [container] = pod.containers
    assert.equal(container.name, 'main')
    for (const { cpu, memory } of [pod, container]) {
      assert.ok(cpu.usageCoreNanoSeconds > 1e6, JSON.stringify(cpu))
      assert.ok(memory.workingSetBytes > 20e6 && memory.workingSetBytes < 64 * 1024 * 1024, JSON.stringify(memory))
      assert.equal(memory.availableBytes, 64 * 1024 * 1024 - memory.workingSetBytes)
    }
    assert.equal(pod.network.name, 'eth0')
    assert.ok(pod.network.rxBytes >= 0 && pod.network.interfaces.length === 1)
    const small = JSON.parse(await read('stats/summary?only_cpu_and_memory=true'))
    assert.deepEqual([small.node.fs, small.pods[0].network], [undefined, undefined])

    const value = (text: string, line: RegExp): number => Number(line.exec(text)?.[1] ?? assert.fail(`${line} is not in ${text}`))
    const resource = await read('metrics/resource')
    const labels = 'container="main",namespace="default",pod="busy"'
    assert.match(
      resource,
      /^# HELP container_cpu_usage_seconds_total \[STABLE\] Cumulative cpu time consumed by the container in core-seconds\n# TYPE container_cpu_usage_seconds_total counter$/m,
    )
    assert.ok(value(resource, new RegExp(`^container_cpu_usage_seconds_total\\{${labels}\\} (\\S+) \\d+$`, 'm')) > 0.001)
    assert.ok(value(resource, new RegExp(`^container_memory_working_set_bytes\\{${labels}\\} (\\d+) \\d+$`, 'm')) > 20e6)
    assert.ok(value(resource, /^pod_memory_working_set_bytes\{namespace="default",pod="busy"\} (\d+) \d+$/m) > 20e6)
    assert.ok(value(resource, /^node_cpu_usage_seconds_total (\S+) \d+$/m) > 0)
    assert.equal(value(resource, /^resource_scrape_error (\d)$/m), 0)
    const cadvisor = await read('metrics/cadvisor')
    const own = 'container="main",id="[^"]+",image="t8s.local/busybox:1",name="[0-9a-f]{64}",namespace="default",pod="busy"'
    assert.equal(value(cadvisor, new RegExp(`^container_spec_memory_limit_bytes\\{${own}\\} (\\d+) `, 'm')), 64 * 1024 * 1024)
    assert.ok(value(cadvisor, new RegExp(`^container_cpu_usage_seconds_total\\{${own},cpu="total"\\} (\\S+) `, 'm')) > 0.001)
    assert.ok(
      value(
        cadvisor,
        /^container_network_receive_bytes_total\{container="",id="[^"]+",image="",name="[0-9a-f]+",namespace="default",pod="busy",interface="eth0"\} (\d+) /m,
      ) >= 0,
    )
    assert.match(await read('metrics'), /^process_cpu_user_seconds_total /m)
    await node.delete('busy')
  })

  it('pods, configuration and health are told as well', async () => {
    const node = given()
    await node.run(shell('listed', STAY))
    const list = JSON.parse(await read('pods'))
    assert.equal(list.kind, 'PodList')
    assert.ok(list.items.some(({ metadata }: { metadata: { name: string } }) => metadata.name === 'listed'))
    const { kubeletconfig } = JSON.parse(await read('configz'))
    assert.equal(kubeletconfig.clusterDomain, 'cluster.local')
    assert.equal(await read('healthz'), 'ok')
    await assert.rejects(read('nonsense'), /NotFound|not find the requested resource/)
    await node.delete('listed')
  })
}
