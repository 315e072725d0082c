import assert from 'node:assert/strict'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import test from 'node:test'
import { buildTestImages } from '../images/build.ts'
import { Machine } from './machine.ts'

/** Clients of very different ages: Debian's has no WebSocket and no server-side field validation. */
const PROGRAMS: Readonly<Record<string, string>> = {
  'the kubectl on the PATH': 'kubectl',
  'Debian’s kubectl': join(import.meta.dirname, '../../node_modules/.cache/t8s/kubernetes-client/usr/bin/kubectl'),
}

test('kubectl’s commands work against real containers', { timeout: 600_000 }, async (context) => {
  await using machine = new Machine('kubectl')
  await machine.t8s('up')
  await machine.t8s('image', 'load', ...(await buildTestImages(machine.directory)))
  for (const [index, [name, program]] of Object.entries(PROGRAMS).entries()) {
    await context.test(name, (each) => useEveryCommand(each, new Kubectl(machine, program, `user-${index}`)))
  }
})

/** One kubectl at work in a namespace of its own. */
class Kubectl {
  readonly machine: Machine
  readonly program: string
  readonly namespace: string

  constructor(machine: Machine, program: string, namespace: string) {
    this.machine = machine
    this.program = program
    this.namespace = namespace
  }

  run(...words: readonly string[]): Promise<string> {
    return this.machine.exec(this.program, ...this.words(words))
  }

  feed(input: string, ...words: readonly string[]): Promise<string> {
    return this.machine.feed(input, this.program, ...this.words(words))
  }

  /** With a terminal, on which `input` is typed. */
  type(input: string, ...words: readonly string[]): Promise<string> {
    const command = [this.program, ...this.words(words)].map((word) => `'${word}'`).join(' ')
    return this.machine.feed(input, 'script', '--quiet', '--return', '--flush', '--command', command, '/dev/null')
  }

  serving(sign: string, ...words: readonly string[]): Promise<AsyncDisposable> {
    return this.machine.serving(sign, this.program, ...this.words(words))
  }

  private words(words: readonly string[]): string[] {
    return ['--namespace', this.namespace, ...words]
  }
}

async function useEveryCommand(context: test.TestContext, kubectl: Kubectl): Promise<void> {
  const { machine, namespace } = kubectl
  const field = (what: string, path: string): Promise<string> => kubectl.run('get', ...what.split(' '), '-o', `jsonpath=${path}`)
  const rolledOut = (): Promise<string> => kubectl.run('rollout', 'status', 'deployment/web', '--timeout=60s')
  await kubectl.run('create', 'namespace', namespace)

  await context.test('apply, get in every form, describe, explain', async () => {
    const file = join(machine.directory, `${namespace}.yaml`)
    writeFileSync(file, readFileSync('examples/web.yaml', 'utf8').replace(/ {4,6}nodePort: .*\n/, ''))
    await kubectl.run('apply', '-f', file)
    await rolledOut()
    assert.match(await kubectl.run('apply', '-f', file), /deployment.apps\/web unchanged/)
    assert.match(await kubectl.run('get', 'deployments'), /^NAME +READY +UP-TO-DATE +AVAILABLE +AGE\nweb +3\/3 +3 +3 /)
    assert.match(
      await kubectl.run('get', 'pods', '-o', 'wide'),
      /\nweb-\S+ +1\/1 +Running +0 +\S+ +10\.\S+ +node-1 +<none> +<none>\n/,
    )
    assert.match(await kubectl.run('get', 'service', 'web', '-o', 'yaml'), /\n {2}type: NodePort\n/)
    const list = JSON.parse(await kubectl.run('get', 'pods', '-o', 'json')) as { items: { kind: string }[] }
    assert.deepEqual(
      list.items.map(({ kind }) => kind),
      ['Pod', 'Pod', 'Pod'],
    )
    assert.equal(await field('deployment web', '{.status.readyReplicas}'), '3')
    assert.match(await kubectl.run('describe', 'deployment', 'web'), /NewReplicaSet: +web-\S+ \(3\/3 replicas created\)/)
    // Since 1.36 shown of several objects only on demand.
    assert.match(await kubectl.run('describe', 'pods', '--show-events=true'), /Normal +Scheduled .*Successfully assigned user-/)
    assert.match(await kubectl.run('explain', 'deployment.spec.strategy.type'), /Can be "Recreate" or "RollingUpdate"/)
  })

  await context.test('label, annotate, patch of every type, edit, scale, set', async () => {
    await kubectl.run('label', 'deployment', 'web', 'tier=front')
    await kubectl.run('annotate', 'deployment', 'web', 'note=written')
    await kubectl.run(
      'patch',
      'deployment',
      'web',
      '-p',
      '{"spec":{"template":{"spec":{"containers":[{"name":"web","tty":true}]}}}}',
    )
    await kubectl.run('patch', 'deployment', 'web', '--type=merge', '-p', '{"metadata":{"labels":{"tier":"back"}}}')
    await kubectl.run('patch', 'deployment', 'web', '--type=json', '-p', '[{"op":"replace","path":"/spec/replicas","value":2}]')
    await machine.exec('env', 'EDITOR=sed -i s/written/edited/', kubectl.program, '-n', namespace, 'edit', 'deployment', 'web')
    assert.equal(
      await field(
        'deployment web',
        '{.metadata.labels.tier} {.metadata.annotations.note} {.spec.replicas} {.spec.template.spec.containers[*].tty}',
      ),
      'back edited 2 true',
    )
    await kubectl.run('scale', 'deployment', 'web', '--replicas=1')
    await rolledOut()
    await kubectl.run('set', 'image', 'deployment/web', 'web=t8s.local/web:2')
    await rolledOut()
    assert.equal(
      await field('deployment web', '{.spec.template.spec.containers[0].image} {.status.replicas}'),
      't8s.local/web:2 1',
    )
  })

  await context.test('rollout restart, history and undo', async () => {
    // The oldest of these clients drops fields it does not know when it rolls back, so the handler it can't know goes first.
    await kubectl.run(
      'patch',
      'deployment',
      'web',
      '--type=json',
      '-p',
      '[{"op":"remove","path":"/spec/template/spec/containers/0/lifecycle"}]',
    )
    await rolledOut()
    await kubectl.run('rollout', 'restart', 'deployment/web')
    await rolledOut()
    const revisions = (await kubectl.run('rollout', 'history', 'deployment/web')).trim().split('\n').slice(2)
    assert.equal(revisions.length, 5)
    await kubectl.run('rollout', 'undo', 'deployment/web')
    await rolledOut()
    assert.equal(await field('deployment web', '{.metadata.annotations.deployment\\.kubernetes\\.io/revision}'), '6')
  })

  await context.test('run, wait, logs, exec with and without a terminal, cp, attach', async () => {
    await kubectl.run(
      'run',
      'solo',
      '--image=t8s.local/busybox:1',
      '--restart=Never',
      '--',
      'sh',
      '-c',
      'echo up; exec sleep 3600',
    )
    await kubectl.run('wait', 'pod/solo', '--for=condition=Ready', '--timeout=60s')
    assert.equal(await kubectl.run('logs', 'solo'), 'up\n')
    assert.equal(await kubectl.feed('from stdin', 'exec', '-i', 'solo', '--', 'cat'), 'from stdin')
    assert.match(
      await kubectl.type('echo sum-$((1+1)); tty; exit\n', 'exec', '-it', 'solo', '--', 'sh'),
      /sum-2\r?\n\/dev\/pts\/0/,
    )
    await assert.rejects(kubectl.run('exec', 'solo', '--', 'sh', '-c', 'exit 7'), { code: 7 })
    const [there, back] = [join(machine.directory, `${namespace}-there`), join(machine.directory, `${namespace}-back`)]
    writeFileSync(there, 'carried\n'.repeat(10_000))
    await kubectl.run('cp', there, 'solo:/tmp/file')
    await kubectl.run('cp', 'solo:/tmp/file', back)
    assert.equal(readFileSync(back, 'utf8'), readFileSync(there, 'utf8'))
    await kubectl.run(
      'run',
      'talker',
      '--image=t8s.local/busybox:1',
      '--restart=Never',
      '--stdin',
      '--attach=false',
      '--',
      'sh',
      '-c',
      'read x; echo got $x',
    )
    await kubectl.run('wait', 'pod/talker', '--for=condition=Ready', '--timeout=60s')
    assert.match(await kubectl.feed('word\n', 'attach', '-i', 'talker'), /got word\n/)
    assert.equal(await kubectl.run('logs', '-f', 'talker'), 'got word\n')
    const counting = 'for i in 1 2 3 4 5; do echo $i; usleep 200000; done'
    await kubectl.run('run', 'counter', '--image=t8s.local/busybox:1', '--restart=Never', '--', 'sh', '-c', counting)
    await kubectl.run('wait', 'pod/counter', '--for=condition=Ready', '--timeout=60s')
    assert.equal(await kubectl.run('logs', '-f', 'counter'), '1\n2\n3\n4\n5\n')
    assert.equal(await kubectl.run('logs', '--tail=2', 'counter'), '4\n5\n')
    assert.match(await kubectl.run('logs', '--timestamps', 'counter'), /^\d{4}-\d\d-\d\dT\S+Z 1\n/)
  })

  await context.test('create, expose, port-forward and proxy', async () => {
    await kubectl.run('create', 'configmap', 'settings', '--from-literal=a=1', `--from-file=${join('examples', 'job.yaml')}`)
    await kubectl.run('create', 'secret', 'generic', 'keys', '--from-literal=k=v')
    await kubectl.run('create', 'serviceaccount', 'robot')
    await kubectl.run('create', 'role', 'reader', '--verb=get,list', '--resource=pods')
    await kubectl.run('create', 'rolebinding', 'reader', '--role=reader', `--serviceaccount=${namespace}:robot`)
    assert.equal(await kubectl.run('auth', 'can-i', 'list', 'pods', `--as=system:serviceaccount:${namespace}:robot`), 'yes\n')
    await kubectl.run('create', 'job', 'once', '--image=t8s.local/busybox:1', '--', 'true')
    await kubectl.run('wait', 'job/once', '--for=condition=complete', '--timeout=60s')
    assert.equal(await field('secret keys', '{.data.k}'), 'dg==')
    await kubectl.run('expose', 'deployment', 'web', '--name=exposed', '--port=80', '--target-port=8080')
    for (const [target, port] of [
      ['deployment/web', '8080'],
      ['service/exposed', '80'],
    ] as const) {
      await using _forward = await kubectl.serving('Forwarding from 127.0.0.1:18080', 'port-forward', target, `18080:${port}`)
      assert.equal(await machine.exec('curl', '-sf', '-m', '5', 'http://127.0.0.1:18080/version'), 'v2\n')
    }
    await using _proxy = await kubectl.serving('Starting to serve', 'proxy', '--port=18001')
    const path = `api/v1/namespaces/${namespace}/services/exposed/proxy/version`
    assert.equal(await machine.exec('curl', '-sf', '-m', '5', `http://127.0.0.1:18001/${path}`), 'v2\n')
  })

  await context.test('top, auth, api-resources, cluster-info, version', async () => {
    await assert.rejects(kubectl.run('top', 'nodes'), /Metrics API not available/)
    assert.equal(await kubectl.run('auth', 'can-i', 'create', 'pods'), 'yes\n')
    assert.match(await kubectl.run('auth', 'can-i', '--list'), /\*\.\* +\[\] +\[\] +\[\*\]/)
    assert.match(await kubectl.run('api-resources'), /deployments +deploy +apps\/v1 +true +Deployment/)
    assert.match(await kubectl.run('cluster-info'), /control plane.* is running at/)
    assert.match(await kubectl.run('version', '-o', 'json'), /"gitVersion": "v1\.36\./)
  })

  await context.test('cordon, drain, uncordon, delete', async () => {
    await kubectl.run('cordon', 'node-1')
    await kubectl.run(
      'drain',
      'node-1',
      '--ignore-daemonsets',
      '--force',
      '--delete-emptydir-data',
      '--grace-period=1',
      '--timeout=90s',
    )
    await kubectl.run('wait', 'pod', '-l', 'app=web', '--for=condition=PodScheduled=false', '--timeout=60s')
    const message = await field('pods -l app=web', '{.items[0].status.conditions[?(@.type=="PodScheduled")].message}')
    assert.match(message, /^0\/1 nodes are available: 1 node\(s\) were unschedulable\./)
    await kubectl.run('uncordon', 'node-1')
    await rolledOut()
    await kubectl.run('delete', 'deployment,service,configmap,job', '--all', '--timeout=60s')
    await kubectl.run('delete', 'namespace', namespace, '--timeout=90s')
    await assert.rejects(kubectl.run('get', 'namespace', namespace), /NotFound/)
  })
}
