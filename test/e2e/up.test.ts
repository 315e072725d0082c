import assert from 'node:assert/strict'
import test from 'node:test'
import { buildTestImages } from '../images/build.ts'
import { Machine } from './machine.ts'

const NODE_PORT = 'http://10.89.0.1:30080'

test('one command starts a cluster, and kubectl runs real containers behind a Service', { timeout: 300_000 }, async (context) => {
  await using machine = new Machine('e2e')
  const startedMs = performance.now()
  await machine.t8s('up')
  context.diagnostic(`up took ${((performance.now() - startedMs) / 1000).toFixed(1)} s`)
  await machine.t8s('image', 'load', ...(await buildTestImages(machine.directory)))
  await machine.kubectl('apply', '-f', 'examples/web.yaml')
  await machine.kubectl('rollout', 'status', 'deployment/web', '--timeout=60s')

  await context.test('it answers through the node port, the cluster address and its name', async () => {
    // Ready pods reach the kernel's tables through two watches; until then the port refuses.
    const first = ['-sf', '-m', '5', '--retry', '50', '--retry-connrefused', '--retry-delay', '1']
    assert.equal(await machine.exec('curl', ...first, `${NODE_PORT}/`), 'Hello from typernetes\n')
    const clusterIP = await machine.kubectl('get', 'service', 'web', '-o', 'jsonpath={.spec.clusterIP}')
    assert.match(await machine.exec('curl', '-sf', '-m', '5', `http://${clusterIP}/hostname`), /^web-/)
    const pod = await firstPod(machine)
    assert.match(
      await machine.kubectl('exec', pod, '--', 'wget', '-qO-', 'http://web.default.svc.cluster.local/hostname'),
      /^web-/,
    )
    assert.equal(await machine.kubectl('get', '--raw', '/api/v1/namespaces/default/services/web/proxy/version'), 'v1\n')
  })

  await context.test('logs, exec with input and exit codes work', async () => {
    const pod = await firstPod(machine)
    assert.equal(await machine.kubectl('logs', pod), 'listening on 8080\n')
    assert.equal(await machine.kubectl('exec', pod, '--', 'sh', '-c', 'echo $TOKEN'), 'not-really-secret\n')
    await assert.rejects(machine.kubectl('exec', pod, '--', 'sh', '-c', 'exit 7'), { code: 7 })
  })

  await context.test('a killed container is restarted and a deleted pod replaced', async () => {
    const pod = await firstPod(machine)
    // The command may end with the container that it ends.
    await machine.kubectl('exec', pod, '--', 'kill', '1').catch((error) => assert.equal((error as { code: unknown }).code, 137))
    await machine.watchUntil('1', pod, '-o', 'jsonpath={.status.containerStatuses[0].restartCount}{"\\n"}')
    assert.equal(await machine.exec('curl', '-sf', '-m', '5', `${NODE_PORT}/version`), 'v1\n')
    await machine.kubectl('delete', pod)
    await machine.kubectl('wait', '--for=delete', '--timeout=60s', pod)
    await machine.kubectl('rollout', 'status', 'deployment/web', '--timeout=60s')
    assert.equal((await pods(machine)).length, 3)
  })

  await context.test('a rollout and its undoing lose no request', async () => {
    const script =
      'end=$((SECONDS + 20)); ok=0; bad=0; while [ $SECONDS -lt $end ]; do if curl -sf -m 3 -o /dev/null $0; then ok=$((ok + 1)); else bad=$((bad + 1)); fi; done; echo $ok $bad'
    const load = machine.start('bash', '-c', script, `${NODE_PORT}/version`)
    await rollOut(machine, 'set', 'image', 'deployment/web', 'web=t8s.local/web:2')
    assert.equal(await machine.exec('curl', '-sf', '-m', '5', `${NODE_PORT}/version`), 'v2\n')
    await rollOut(machine, 'rollout', 'undo', 'deployment/web')
    const [ok, bad] = (await load.output).trim().split(' ').map(Number)
    context.diagnostic(`${ok} requests answered during two rollouts, ${bad} failed`)
    assert.equal(bad, 0)
    assert.ok(ok! > 50, `only ${ok} requests were made`)
  })

  await context.test('a job runs to completion and a daemon set on every node', async () => {
    await machine.kubectl('apply', '-f', 'examples/job.yaml', '-f', 'examples/daemonset.yaml')
    await machine.kubectl('wait', 'job/count', '--for=condition=complete', '--timeout=60s')
    assert.match(await machine.kubectl('logs', 'job/count'), /^1\n2\n3\n$/)
    await machine.kubectl('rollout', 'status', 'daemonset/node-agent', '--timeout=60s')
    assert.equal(await machine.kubectl('logs', 'daemonset/node-agent'), 'running on node-1\n')
  })

  await context.test('kill -9 of both processes restarts no container', async () => {
    const before = await containers(machine)
    await machine.kill9('server')
    await machine.kill9('node-1')
    await machine.t8s('up')
    await machine.kubectl('rollout', 'status', 'deployment/web', '--timeout=60s')
    assert.deepEqual(await containers(machine), before)
  })

  await context.test('a second up is harmless, and reset leaves nothing behind', async () => {
    await machine.t8s('up')
    await machine.t8s('down')
    await machine.t8s('reset', '--yes')
    assert.deepEqual(machine.leftovers(), [])
  })
})

const pods = async (machine: Machine): Promise<string[]> =>
  (await machine.kubectl('get', 'pods', '-l', 'app=web', '-o', 'name')).trim().split('\n')

/** Changes the deployment and waits until the old pods are gone: a rollout is complete while they still finish their last requests. */
async function rollOut(machine: Machine, ...change: readonly string[]): Promise<void> {
  const old = await pods(machine)
  await machine.kubectl(...change)
  await machine.kubectl('rollout', 'status', 'deployment/web', '--timeout=60s')
  await machine.kubectl('wait', '--for=delete', '--timeout=60s', ...old)
}

async function firstPod(machine: Machine): Promise<string> {
  return (await pods(machine))[0]!
}

async function containers(machine: Machine): Promise<string[]> {
  const text = await machine.kubectl(
    'get',
    'pods',
    '-l',
    'app=web',
    '-o',
    'jsonpath={.items[*].status.containerStatuses[*].containerID}',
  )
  return text.split(' ').sort()
}
