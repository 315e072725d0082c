import assert from 'node:assert/strict'
import { once as onceEvent } from 'node:events'
import { readdirSync } from 'node:fs'
import { createServer } from 'node:http'
import { createServer as createHttp2Server } from 'node:http2'
import { join } from 'node:path'
import { it } from 'node:test'
import { type Pod, pods } from '#api'
import { busybox, hasEnded, isReady, NODE_IP, type RealNode, STAY, shell, untilOutput } from '../real-node.ts'

const once = { restartPolicy: 'Never' }
const main = (pod: Pod) => pod.status?.containerStatuses?.[0]
const restarts = (count: number) => (pod: Pod) => (main(pod)?.restartCount ?? 0) >= count
/** Often, and patient with a machine that is busy with the other tests. */
const quick = { periodSeconds: 1, failureThreshold: 1, timeoutSeconds: 10 }

/** The life of a pod: probes, hooks, init containers, restarts, endings. */
export function lifecycleTests(given: () => RealNode): void {
  it('a pod is Ready while its readiness probe passes: by command, HTTP, TCP and gRPC', async () => {
    const node = given()
    let grpcStatus = 1
    await using listeners = await listen(() => grpcStatus)
    const { http, grpc, closed } = listeners
    const probed = (name: string, probe: object, script = STAY): Promise<Pod> =>
      node.run(
        shell(name, script, { readinessProbe: { ...quick, ...probe } }, { hostNetwork: name !== 'ready-exec' }),
        () => true,
      )
    await Promise.all([
      probed('ready-exec', { exec: { command: ['cat', '/tmp/ok'] } }, `touch /tmp/ok; ${STAY}`),
      probed('ready-http', { httpGet: { path: '/redirect', port: http, httpHeaders: [{ name: 'X-Probe', value: 'yes' }] } }),
      probed('ready-tcp', { tcpSocket: { port: http } }),
      probed('ready-grpc', { grpc: { port: grpc, service: 'main' } }),
      probed('unready-tcp', { tcpSocket: { port: closed } }),
      probed('unready-http', { httpGet: { path: '/broken', port: http } }),
    ])
    await Promise.all(['ready-exec', 'ready-http', 'ready-tcp', 'ready-grpc'].map((name) => node.untilPod(name, isReady)))
    await node.exec('ready-exec', 'rm /tmp/ok')
    grpcStatus = 2
    await Promise.all([
      node.untilEvent(
        'ready-exec',
        'Unhealthy',
        /^Readiness probe failed: cat: can't open '\/tmp\/ok': No such file or directory\n$/,
      ),
      node.untilEvent('ready-grpc', 'Unhealthy', /^Readiness probe failed: service unhealthy \(responded with "NOT_SERVING"\)$/),
      node.untilEvent(
        'unready-tcp',
        'Unhealthy',
        new RegExp(`^Readiness probe failed: dial tcp ${NODE_IP}:${closed}: connect: connection refused$`),
      ),
      node.untilEvent('unready-http', 'Unhealthy', /^Readiness probe failed: HTTP probe failed with statuscode: 500$/),
    ])
    const unready = await node.untilPod('ready-exec', (pod) => !isReady(pod))
    assert.equal(
      unready.status?.conditions?.find(({ type }) => type === 'Ready')?.message,
      'containers with unready status: [main]',
    )
    assert.equal(main(unready)?.restartCount, 0)
  })

  it('a failing liveness probe restarts the container, and a startup probe holds the others back until it passes', async () => {
    const node = given()
    const liveness = { livenessProbe: { exec: { command: ['test', '-e', '/tmp/alive'] }, ...quick } }
    const startup = {
      startupProbe: { exec: { command: ['test', '-e', '/tmp/alive'] }, periodSeconds: 1, failureThreshold: 30 },
      ...liveness,
    }
    await Promise.all([
      node.run(shell('liveness', `touch /tmp/alive; ${STAY}`, liveness)),
      node.run(shell('slow', `sleep 2; touch /tmp/alive; ${STAY}`, startup)),
      node.run(shell('never-up', STAY, { startupProbe: { exec: { command: ['false'] }, ...quick } }), restarts(1)),
    ])
    assert.equal(main(await node.client.get(pods, 'default/slow'))?.restartCount, 0)
    await node.exec('liveness', 'rm /tmp/alive')
    const restarted = await node.untilPod('liveness', (pod) => restarts(1)(pod) && isReady(pod))
    assert.equal(main(restarted)?.lastState?.terminated?.exitCode, 0)
    await node.untilEvent('liveness', 'Killing', /^Container main failed liveness probe, will be restarted$/)
    await node.untilEvent('never-up', 'Killing', /^Container main failed startup probe, will be restarted$/)
    await node.untilEvent('never-up', 'Unhealthy', /^Startup probe failed: /)
    await node.delete('never-up', 0)
  })

  it('hooks run after the start and before the end; one that fails after the start ends the container', async () => {
    const node = given()
    const log = '>/proc/1/fd/1'
    const hooks = {
      lifecycle: {
        postStart: { exec: { command: ['sh', '-c', `echo after start ${log}`] } },
        preStop: { exec: { command: ['sh', '-c', `echo before stop ${log}; sleep 0.2`] } },
      },
    }
    await Promise.all([
      node.run(
        shell('hooks', `trap "echo stopped; exit 0" TERM; while :; do sleep 0.1; done`, hooks, {
          terminationGracePeriodSeconds: 5,
        }),
      ),
      node.run(
        shell('hook-fails', STAY, { lifecycle: { postStart: { exec: { command: ['sh', '-c', 'echo no; exit 3'] } } } }),
        restarts(1),
      ),
      node.run(
        shell('hook-sleeps', STAY, { lifecycle: { preStop: { sleep: { seconds: 1 } } } }, { terminationGracePeriodSeconds: 10 }),
      ),
    ])
    const logs = node.startKubectl('logs', '-f', 'hooks')
    let text = ''
    logs.stdout!.on('data', (chunk) => (text += chunk))
    // Once it follows, the pod may go.
    await untilOutput(logs.stdout!, /after start/)
    const startedMs = performance.now()
    await Promise.all([node.delete('hooks'), node.delete('hook-sleeps'), onceEvent(logs, 'close')])
    assert.equal(text, 'after start\nbefore stop\nstopped\n')
    const tookMs = performance.now() - startedMs
    assert.ok(tookMs > 1000 && tookMs < 8000, `ended after ${tookMs} ms`)
    await node.untilEvent('hook-fails', 'FailedPostStartHook', /^PostStartHook failed$/)
    await node.delete('hook-fails', 0)
  })

  it('init containers run in order, sidecars start among them and end last', async () => {
    const node = given()
    const volumeMounts = [{ name: 'shared', mountPath: '/shared' }]
    const note = (word: string): string => `echo ${word} >>/shared/log`
    const ended = await node.run(
      shell(
        'init',
        '',
        {},
        {
          ...once,
          volumes: [{ name: 'shared', emptyDir: {} }],
          initContainers: [
            busybox('first', note('first'), { volumeMounts }),
            busybox('sidecar', `${note('sidecar')}; trap "cat /shared/log; exit 0" TERM; while :; do sleep 0.1; done`, {
              volumeMounts,
              restartPolicy: 'Always',
              startupProbe: { exec: { command: ['grep', 'sidecar', '/shared/log'] }, periodSeconds: 1 },
            }),
            busybox('second', note('second'), { volumeMounts }),
          ],
          containers: [busybox('main', note('main'), { volumeMounts })],
        },
      ),
      hasEnded,
    )
    assert.equal(ended.status?.phase, 'Succeeded')
    assert.equal(await node.logs('init', '-c', 'sidecar'), 'first\nsidecar\nsecond\nmain\n')
    const sidecar = ended.status?.initContainerStatuses?.[1]
    assert.equal(sidecar?.state?.terminated?.exitCode, 0)
  })

  it('a failing init container is tried again, or fails a pod that may not restart', async () => {
    const node = given()
    const init = { initContainers: [busybox('init', 'exit 4')] }
    const [failed, waiting] = await Promise.all([
      node.run(shell('init-never', STAY, {}, { ...once, ...init }), hasEnded),
      node.run(shell('init-again', STAY, {}, init), ({ status }) => (status?.initContainerStatuses?.[0]?.restartCount ?? 0) > 0),
    ])
    assert.equal(failed.status?.phase, 'Failed')
    assert.equal(failed.status?.initContainerStatuses?.[0]?.state?.terminated?.exitCode, 4)
    assert.equal(failed.status?.containerStatuses?.[0]?.state?.waiting?.reason, 'PodInitializing')
    assert.equal(waiting.status?.phase, 'Pending')
    const crashing = await node.untilPod(
      'init-again',
      ({ status }) => status?.initContainerStatuses?.[0]?.state?.waiting?.reason === 'CrashLoopBackOff',
    )
    assert.equal(
      crashing.status?.conditions?.find(({ type }) => type === 'Initialized')?.message,
      'containers with incomplete status: [init]',
    )
    await node.delete('init-again', 0)
  })

  it('restart policies decide what a container that ended does, with a growing delay', async () => {
    const node = given()
    const [failed, again, done] = await Promise.all([
      node.run(shell('policy-never', 'exit 5', {}, once), hasEnded),
      node.run(
        shell(
          'policy-failure',
          '[ -e /v/x ] && exit 0; touch /v/x; exit 6',
          { volumeMounts: [{ name: 'v', mountPath: '/v' }] },
          {
            restartPolicy: 'OnFailure',
            volumes: [{ name: 'v', emptyDir: {} }],
          },
        ),
        hasEnded,
      ),
      node.run(shell('policy-always', 'exit 0'), (pod) => main(pod)?.state?.waiting?.reason === 'CrashLoopBackOff'),
    ])
    assert.equal(main(failed)?.state?.terminated?.exitCode, 5)
    assert.equal(failed.status?.phase, 'Failed')
    assert.equal(main(again)?.restartCount, 1)
    assert.equal(again.status?.phase, 'Succeeded')
    assert.equal(main(done)?.restartCount, 1)
    assert.match(
      main(done)!.state!.waiting!.message!,
      /^back-off 10s restarting failed container=main pod=policy-always_default\(/,
    )
    await node.untilEvent('policy-always', 'BackOff', /^Back-off restarting failed container main in pod policy-always_default\(/)
    await node.delete('policy-always', 0)
  })

  it('a container whose end restarts all lets the pod begin again in place, init containers, sidecars and what has ended included', async () => {
    const node = given()
    const volumeMounts = [{ name: 'v', mountPath: '/v' }]
    const exitCodes = { operator: 'In', values: [42] }
    const restartPolicyRules = [{ action: 'RestartAllContainers', exitCodes }]
    const spec = {
      restartPolicy: 'Never',
      initContainers: [
        busybox('init', 'echo init >>/v/log', { volumeMounts }),
        busybox('sidecar', STAY, { restartPolicy: 'Always' }),
      ],
      containers: [
        // Waits the first time until the other has ended.
        busybox(
          'main',
          `if [ -e /v/again ]; then ${STAY}; fi; until [ -e /v/ended ]; do sleep 0.1; done; touch /v/again; exit 42`,
          {
            volumeMounts,
            restartPolicy: 'Never',
            restartPolicyRules,
          },
        ),
        busybox('other', 'echo other >>/v/log; touch /v/ended', { volumeMounts }),
      ],
      volumes: [{ name: 'v', emptyDir: {} }],
    }
    await node.client.create(pods, shell('restart-all', STAY, {}, spec))
    const statuses = ({ status }: Pod) => [...(status?.initContainerStatuses ?? []), ...(status?.containerStatuses ?? [])]
    const again = await node.untilPod(
      'restart-all',
      (pod) =>
        statuses(pod).every(({ restartCount }) => restartCount === 1) &&
        main(pod)?.state?.running !== undefined &&
        pod.status?.containerStatuses?.[1]?.state?.terminated !== undefined,
    )
    assert.equal(await node.exec('restart-all', 'cat /v/log', 'main'), 'init\nother\ninit\nother\n')
    for (const { lastState } of statuses(again)) assert.equal(lastState?.terminated?.reason, 'RestartingAllContainers')
    assert.equal(again.status?.conditions?.find(({ type }) => type === 'AllContainersRestarting')?.status, 'False')
  })

  it('a container whose image is changed starts anew, and only the last dead one is kept, with its log', async () => {
    const node = given()
    const { metadata } = await node.run(shell('image', STAY))
    for (const [count, image] of [
      [1, 't8s.local/web:1'],
      [2, 't8s.local/web:2'],
    ] as const) {
      await node.client.patch(pods, 'default/image', { spec: { containers: [{ name: 'main', image }] } }, { type: 'strategic' })
      await node.untilPod('image', (pod) => main(pod)?.image === image && main(pod)?.restartCount === count && isReady(pod))
    }
    await node.untilEvent('image', 'Killing', /^Container main definition changed, will be restarted$/)
    await node.exec('image', 'true')
    const containers = await node.runtime.listContainers({ labels: { 'io.kubernetes.pod.name': 'image' } })
    assert.deepEqual(containers.map(({ state }) => state).sort(), ['EXITED', 'RUNNING'])
    const logs = join(node.place.directory, 'logs', `default_image_${metadata!.uid}`, 'main')
    assert.deepEqual(readdirSync(logs).sort(), ['1.log', '2.log'])
  })

  it('a container leaves a message: its file, or the end of its log when it failed', async () => {
    const node = given()
    const [file, log, both] = await Promise.all([
      node.run(shell('message-file', 'printf "all is well" >/tmp/last', { terminationMessagePath: '/tmp/last' }, once), hasEnded),
      node.run(
        shell('message-log', 'echo first; echo last; exit 1', { terminationMessagePolicy: 'FallbackToLogsOnError' }, once),
        hasEnded,
      ),
      node.run(shell('message-long', 'head -c 9000 /dev/zero | tr "\\0" x >/dev/termination-log', {}, once), hasEnded),
    ])
    assert.equal(main(file)?.state?.terminated?.message, 'all is well')
    assert.equal(main(log)?.state?.terminated?.message, 'first\nlast\n')
    assert.equal(main(both)?.state?.terminated?.message?.length, 4096)
  })

  it('a pod past its deadline is stopped and has failed', async () => {
    const node = given()
    const { status } = await node.run(shell('deadline', STAY, {}, { activeDeadlineSeconds: 2 }), hasEnded)
    assert.equal(status?.phase, 'Failed')
    assert.equal(status?.reason, 'DeadlineExceeded')
    assert.equal(status?.message, 'Pod was active on the node longer than the specified deadline')
  })

  it('a container that ignores the signal is killed after the grace, and sooner when somebody cannot wait', async () => {
    const node = given()
    const deaf = 'trap "" TERM; while :; do sleep 0.1; done'
    await Promise.all([
      node.run(shell('deaf', deaf, {}, { terminationGracePeriodSeconds: 2 })),
      node.run(shell('deaf-long', deaf, {}, { terminationGracePeriodSeconds: 600 })),
      node.run(
        shell('hook-forever', STAY, { lifecycle: { postStart: { exec: { command: ['sleep', '600'] } } } }),
        (pod) => pod.status?.startTime !== undefined,
      ),
      node.untilEvent('hook-forever', 'Started', /^Container started$/),
    ])
    const startedMs = performance.now()
    await node.client.delete(pods, 'default/deaf-long')
    await Promise.all([node.delete('deaf'), node.delete('deaf-long', 1), node.delete('hook-forever')])
    const tookMs = performance.now() - startedMs
    assert.ok(tookMs > 1900 && tookMs < 15_000, `ended after ${tookMs} ms`)
  })

  it('the events of a pod tell its life in upstream words', async () => {
    const node = given()
    await node.run(shell('told', STAY))
    await node.delete('told')
    const told = (await node.events('told')).map(({ reason, message, source }) => `${source?.component} ${reason} ${message}`)
    for (const expected of [
      'kubelet Pulled Container image "t8s.local/busybox:1" already present on machine and can be accessed by the pod',
      'kubelet Created Container created',
      'kubelet Started Container started',
      'kubelet Killing Stopping container main',
    ])
      assert.ok(
        told.some((line) => line.startsWith(expected)),
        `${expected} is not in ${told.join('; ')}`,
      )
  })
}

/** Servers on the node's address: HTTP with a redirect and a failing path, gRPC's health service, and a port where nobody listens. */
async function listen(status: () => number) {
  const http = createServer((request, response) => {
    if (request.url === '/redirect')
      response.writeHead(302, { location: `/${request.headers['x-probe'] === 'yes' ? 'ok' : 'broken'}` })
    else response.writeHead(request.url === '/ok' ? 200 : 500)
    response.end()
  })
  const grpc = createHttp2Server()
  grpc.on('stream', (stream) => {
    stream.respond({ ':status': 200, 'content-type': 'application/grpc' }, { waitForTrailers: true })
    stream.on('wantTrailers', () => stream.sendTrailers({ 'grpc-status': '0' }))
    stream.resume().on('end', () => stream.end(Buffer.from([0, 0, 0, 0, 2, 8, status()])))
  })
  const closed = createServer()
  const portOf = async (server: typeof http | typeof grpc): Promise<number> => {
    server.listen(0, NODE_IP)
    await onceEvent(server, 'listening')
    return (server.address() as { port: number }).port
  }
  const ports = { http: await portOf(http), grpc: await portOf(grpc), closed: await portOf(closed) }
  closed.close()
  return {
    ...ports,
    async [Symbol.asyncDispose]() {
      http.closeAllConnections()
      http.close()
      grpc.close()
    },
  }
}
