import assert from 'node:assert/strict'
import { once } from 'node:events'
import { existsSync, mkdirSync, readdirSync, renameSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { it } from 'node:test'
import { pods } from '#api'
import { hasEnded, type RealNode, STAY, shell, untilOutput } from '../real-node.ts'

/** What kubectl does to a running container: logs, exec, attach, port-forward; and a restart of the kubelet meanwhile. */
export function streamTests(given: () => RealNode): void {
  it('logs are cut by lines, bytes and time, told by stream, and kept of the container before', async () => {
    const node = given()
    await node.run(
      shell(
        'log',
        'for i in 1 2 3; do echo line $i; done; sleep 0.1; echo error >&2; sleep 1.2; echo late',
        {},
        { restartPolicy: 'Never' },
      ),
      hasEnded,
    )
    assert.equal(await node.logs('log'), 'line 1\nline 2\nline 3\nerror\nlate\n')
    assert.equal(await node.logs('log', '--tail=2'), 'error\nlate\n')
    assert.equal(await node.logs('log', '--tail=0'), '')
    assert.equal(await node.logs('log', '--limit-bytes=9'), 'line 1\nli')
    const stamped = (await node.logs('log', '--timestamps')).trim().split('\n')
    assert.match(stamped[0]!, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d+\S+ line 1$/)
    assert.equal(await node.logs('log', `--since-time=${stamped[4]!.split(' ')[0]}`), 'late\n')
    await assert.rejects(node.logs('log', '--previous'), /previous terminated container "main" in pod "log" not found/)
    const long = 'head -c 40000 /dev/zero | tr "\\0" y; echo; printf unfinished'
    await node.run(shell('log-long', long, {}, { restartPolicy: 'Never' }), hasEnded)
    assert.equal(await node.logs('log-long'), `${'y'.repeat(40_000)}\nunfinished`)
    assert.equal(await node.logs('log-long', '--tail=2'), `${'y'.repeat(40_000)}\nunfinished`)
  })

  it('logs of the last container stay readable while the next one waits', async () => {
    const node = given()
    await node.run(
      shell('log-previous', 'echo run $RANDOM; exit 1'),
      ({ status }) => status?.containerStatuses?.[0]?.state?.waiting?.reason === 'CrashLoopBackOff',
    )
    assert.match(await node.logs('log-previous', '--previous'), /^run \d+\n$/)
    assert.equal(await node.logs('log-previous'), await node.logs('log-previous', '--previous'))
    await node.delete('log-previous', 0)
  })

  it('followed logs go on to the end of the container, across a rotation', async () => {
    const node = given()
    const { status, metadata } = await node.run(
      shell(
        'log-follow',
        'i=0; while [ ! -e /tmp/stop ]; do i=$((i+1)); echo $i; sleep 0.02; done; echo end',
        {},
        { restartPolicy: 'Never' },
      ),
    )
    const child = node.startKubectl('logs', '-f', 'log-follow')
    let text = ''
    child.stdout!.setEncoding('utf8').on('data', (chunk: string) => (text += chunk))
    await once(child.stdout!, 'data')
    const id = status!.containerStatuses![0]!.containerID!.replace('containerd://', '')
    const { logPath } = await node.runtime.containerStatus(id)
    assert.equal(dirname(logPath), join(node.place.directory, 'logs', `default_log-follow_${metadata!.uid}`, 'main'))
    renameSync(logPath, `${logPath}.20260101-000000`)
    await node.runtime.reopenContainerLog(id)
    await once(child.stdout!, 'data')
    await node.exec('log-follow', 'touch /tmp/stop')
    await once(child, 'close')
    const lines = text.trim().split('\n')
    assert.equal(lines.pop(), 'end')
    assert.deepEqual(
      lines,
      lines.map((_, index) => String(index + 1)),
    )
    assert.deepEqual(readdirSync(dirname(logPath)).sort(), ['0.log', '0.log.20260101-000000'])
  })

  it('exec passes input, output, errors and the exit code; attach joins the main process', async () => {
    const node = given()
    await node.run(shell('exec', 'while read line; do echo "got $line"; done; sleep 600', { stdin: true, stdinOnce: true }))
    const child = node.startKubectl('exec', '-i', 'exec', '--', 'sh', '-c', 'cat; echo oops >&2; exit 9')
    const output = { out: '', err: '' }
    child.stdout!.on('data', (chunk) => (output.out += chunk))
    child.stderr!.on('data', (chunk) => (output.err += chunk))
    child.stdin!.end('some input\n')
    const [code] = await once(child, 'close')
    assert.equal(code, 9)
    assert.equal(output.out, 'some input\n')
    assert.match(output.err, /^oops\n/)
    const attached = node.startKubectl('attach', '-i', 'exec')
    attached.stdin!.write('hello\n')
    await untilOutput(attached.stdout!, /got hello\n/)
    attached.kill()
    await once(attached, 'close')
    await node.delete('exec', 0)
  })

  it('a forwarded port reaches the pod', async () => {
    const node = given()
    const web = { image: 't8s.local/web:1', command: ['/web'], readinessProbe: { tcpSocket: { port: 8080 }, periodSeconds: 1 } }
    await node.run(shell('forward', '', web))
    const child = node.startKubectl('port-forward', 'pod/forward', ':8080')
    const [, port] = await untilOutput(child.stdout!, /127\.0\.0\.1:(\d+) ->/)
    const answer = await fetch(`http://127.0.0.1:${port}/version`)
    assert.equal(await answer.text(), 'v1\n')
    child.kill()
    await once(child, 'close')
    await node.delete('forward', 0)
  })
}

/** Alone, since it takes the kubelet away from the others. */
export function restartTests(given: () => RealNode): void {
  it('a new kubelet adopts running containers as they are, and stops what was deleted meanwhile', async () => {
    const node = given()
    const probed = { readinessProbe: { exec: { command: ['true'] }, periodSeconds: 1, initialDelaySeconds: 0 } }
    const [before] = await Promise.all([node.run(shell('adopted', STAY, probed)), node.run(shell('orphan', STAY))])
    await node.stopKubelet()
    const left = {
      logs: join(node.place.directory, 'logs/default_forgotten_11111111'),
      files: join(node.place.directory, 'kubelet/pods/11111111'),
      group: `/sys/fs/cgroup/memory${node.place.cgroup}/burstable/pod11111111`,
    }
    for (const directory of Object.values(left)) mkdirSync(directory, { recursive: true })
    await node.client.delete(pods, 'default/orphan', { gracePeriodSeconds: 0 })
    const changes: (string | undefined)[] = []
    const watching = new AbortController()
    const followed = (async () => {
      const { metadata } = await node.client.list(pods, { namespace: 'default' })
      const options = {
        namespace: 'default',
        fieldSelector: 'metadata.name=adopted',
        resourceVersion: metadata.resourceVersion,
        signal: watching.signal,
      }
      for await (const { object } of node.client.watch(pods, options))
        changes.push(JSON.stringify((object as typeof before).status?.conditions?.map(({ type, status }) => [type, status])))
    })().catch(() => undefined)
    await node.startKubelet()
    await node.exec('adopted', 'true')
    await node.exec('adopted', 'sleep 1.5')
    watching.abort()
    await followed
    const after = await node.client.get(pods, 'default/adopted')
    assert.deepEqual(after.status?.containerStatuses, before.status?.containerStatuses)
    // It never was unready, so nobody took it out of a Service.
    assert.deepEqual(
      changes.filter((change) => change?.includes('["Ready","False"]')),
      [],
    )
    const orphans = await node.runtime.listPodSandboxes({ labels: { 'io.kubernetes.pod.name': 'orphan' } })
    assert.deepEqual(orphans, [])
    for (const directory of Object.values(left)) assert.equal(existsSync(directory), false, directory)
    await node.delete('adopted')
  })
}
