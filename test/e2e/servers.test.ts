import assert from 'node:assert/strict'
import { X509Certificate } from 'node:crypto'
import { readdirSync, readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import test from 'node:test'
import { demonstrate } from './ha-demonstration.ts'
import { restartInTurn } from './rolling-restart.ts'
import { memberFile, ServerLab, type ServerMachine } from './server-lab.ts'

/** `script/ha-demo` is the long form. */
const FAULT_MS = 2_500
const RENEWAL_MS = 500
const ETCD_PORTS = { server: 2379, peer: 2380 } as const

test('servers with an etcd of their own: joined by token, cut off, killed, removed', { timeout: 240_000 }, async (context) => {
  await using lab = await ServerLab.start(3)
  const [first, second, third] = lab.servers as [(typeof lab.servers)[0], (typeof lab.servers)[0], (typeof lab.servers)[0]]

  let node: AsyncDisposable | undefined

  await context.test('each is a voting member, and its keys and data are for nobody else', async () => {
    assert.match(
      await third.machine.t8s('member', 'list'),
      /^NAME.*\n(?:s\d +(?:member|leader) +[0-9a-f]+ +https:\/\/10\.89\.0\.\d:2379\n){3}$/,
    )
    for (const { machine } of lab.servers) {
      assert.equal(statSync(join(machine.data, 'etcd/data')).mode & 0o777, 0o700)
      for (const place of ['pki', 'etcd'])
        for (const file of readdirSync(join(machine.data, place)))
          if (file.endsWith('.key')) assert.equal(statSync(join(machine.data, place, file)).mode & 0o777, 0o600, file)
    }
    assert.deepEqual(memberFile(first).others.toSorted(), ['https://10.89.0.2:2379', 'https://10.89.0.3:2379'])
  })

  await context.test('the kubernetes Service leads to all of them', async () => {
    const addresses = '{.subsets[0].addresses[*].ip}'
    const text = await second.machine.kubectl('get', 'endpoints', 'kubernetes', '-o', `jsonpath=${addresses}`)
    assert.equal(text, '10.89.0.1 10.89.0.2 10.89.0.3')
  })

  await context.test('what servers share is encrypted, and a token of nodes does not lead to it', async () => {
    const { machine } = first
    const text = await machine.kubectl('-n', 'kube-system', 'get', 'secrets', '-o', 'json')
    assert.doesNotMatch(Buffer.from(text, 'base64').toString() + text, /PRIVATE KEY/)
    const { items } = JSON.parse(text) as {
      items: { metadata: { name: string; ownerReferences?: object[] }; data: { bundle?: string } }[]
    }
    const bundles = items.filter(({ metadata }) => metadata.name.startsWith('t8s-certs-'))
    assert.equal(bundles.length, 2)
    for (const { data, metadata } of bundles) {
      assert.doesNotMatch(Buffer.from(data.bundle ?? '', 'base64').toString('latin1'), /KEY/)
      assert.equal(metadata.ownerReferences?.length, 1, 'goes with its token')
    }
    const node = (await machine.t8s('token', 'create')).trim()
    const refused = (token: string, sentence: RegExp) =>
      assert.rejects(
        lab.outside.t8s('server', '--join', first.url, '--token', token, '--no-install'),
        ({ stderr }: Error & { stderr: string }) => sentence.test(stderr),
      )
    const [, own = ''] = /--token (\S+)/.exec((await lab.joinWords()).join(' ')) ?? []
    await Promise.all([
      refused(node, /--join needs the --token of a server/),
      refused(`${node}.${'0'.repeat(64)}`, /shares nothing with the bearer of this token/),
      refused(`${own.slice(0, -64)}${'0'.repeat(64)}`, /the last part of the token does not open what servers share/),
    ])
  })

  await context.test('a node that joined by one server learns of the others', async () => {
    const words = (await first.machine.t8s('token', 'create', '--print-join-command')).trim().split(' ').slice(1)
    const program = join(import.meta.dirname, '../../t8s')
    node = await lab.outside.serving('The node runs', program, ...words, '--node-name', 'n', '--data-dir', lab.outside.data)
    await first.machine.kubectl('wait', '--for=condition=Ready', '--timeout=60s', 'node/n')
    const file = join(lab.outside.data, 'nodes/n/node.json')
    const known = (): string[] => (JSON.parse(readFileSync(file, 'utf8')) as { servers?: string[] }).servers ?? []
    await until(() => known().length === 3)
    assert.deepEqual(known(), [first.url, second.url, third.url])
  })

  await context.test(
    'certificates of servers and of etcd are renewed under load, without a restart or a failed request',
    async () => {
      const pids = lab.servers.map((server) => lab.etcdPid(server))
      const before = await Promise.all(lab.servers.map(shownByEtcd))
      const { losses, phases } = await demonstrate(
        lab,
        lab.servers.map((_, server) => ({ kind: 'renewed', server })),
        { faultMs: RENEWAL_MS, say: (text) => context.diagnostic(text) },
      )
      assert.deepEqual([losses.lost, losses.doubled], [[], []])
      assert.ok(losses.acknowledged > 3 * lab.servers.length, `${losses.acknowledged}`)
      for (const { phase, failedOver } of phases) assert.deepEqual(failedOver, {}, phase)
      assert.deepEqual(
        lab.servers.map((server) => lab.etcdPid(server)),
        pids,
      )
      const now = await Promise.all(lab.servers.map(shownByEtcd))
      assert.deepEqual(now, lab.servers.map(keptForEtcd))
      assert.equal(new Set([...before, ...now].flatMap((each) => Object.values(each))).size, 4 * lab.servers.length)
    },
  )

  await context.test('etcd that is killed is started again, and its server goes on meanwhile', async () => {
    const before = lab.etcdPid(second)!
    process.kill(before, 'SIGKILL')
    await second.machine.kubectl('create', 'configmap', 'without-its-etcd')
    await until(() => ![undefined, before].includes(lab.etcdPid(second)))
    assert.match(await second.machine.t8s('status'), /server +running.*: etcd, kube-apiserver/)
  })

  await context.test('nothing is lost when machines are cut off or killed, and each finds its data again', async () => {
    const faults = [
      { kind: 'cut off', server: 0 },
      { kind: 'killed', server: 1 },
    ] as const
    const { losses, phases } = await demonstrate(lab, faults, { faultMs: FAULT_MS, say: (text) => context.diagnostic(text) })
    assert.deepEqual([losses.lost, losses.doubled], [[], []])
    assert.equal(
      phases.reduce((sum, { stale }) => sum + stale, 0),
      0,
    )
    assert.ok(losses.acknowledged > 50, `${losses.acknowledged}`)
    for (const { writes, phase } of phases) assert.ok(writes > 0, `no write in ${phase}`)
  })

  await context.test('each server is restarted in turn, and no client notices', async () => {
    const { requests, failed, kubectl, informer } = await restartInTurn(lab, (text) => context.diagnostic(text))
    assert.deepEqual([failed, kubectl.failed], [[], []])
    assert.deepEqual([informer.missing, informer.doubled], [0, 0])
    assert.ok(requests > 100 && kubectl.runs > 5 && informer.told > 30, `${requests} ${kubectl.runs} ${informer.told}`)
  })

  await context.test('a member is removed for good, but not below a majority', async () => {
    await lab.kill(first)
    const { machine } = second
    await assert.rejects(machine.t8s('member', 'remove', 's3'), ({ stderr }: Error & { stderr: string }) =>
      /without s3 etcd would have 2 members, of which 1 answer and 2 must; start s1 first/.test(stderr),
    )
    await machine.t8s('member', 'remove', 's1')
    assert.match(await machine.t8s('member', 'list'), /^NAME.*\n(?:s[23] .*\n){2}$/)
    await assert.rejects(lab.run(first), /etcd member s1 was removed from the cluster; delete what it kept with 't8s reset --yes/)
    await until(() => memberFile(third).others.join() === 'https://10.89.0.2:2379')
    await machine.kubectl('create', 'configmap', 'after-the-removal')
  })

  await context.test('the node goes on by another server when its own is gone', async () => {
    const { machine } = third
    const pod = { spec: { nodeName: 'n', terminationGracePeriodSeconds: 0 } }
    await machine.kubectl(
      'run',
      'p',
      '--image=nowhere.local/none:1',
      '--image-pull-policy=Never',
      `--overrides=${JSON.stringify(pod)}`,
    )
    // What the kubelet says of a pod it has seen.
    await machine.watchUntil('10.89.0.99', 'pod', 'p', '-o', 'custom-columns=:.status.hostIP', '--no-headers')
    await machine.kubectl('delete', 'pod', 'p')
  })
  await node?.[Symbol.asyncDispose]()
})

type EtcdCertificates = Readonly<Record<keyof typeof ETCD_PORTS, string>>

/** The fingerprints of the certificates that a machine's etcd shows to who connects now. */
async function shownByEtcd({ machine, address }: ServerMachine): Promise<EtcdCertificates> {
  const script = `
    const socket = require('tls').connect({ host: process.argv[1], port: process.argv[2], rejectUnauthorized: false }, () => {
      console.log(socket.getPeerCertificate().fingerprint256)
      process.exit(0)
    })`
  const shownAt = async (port: number): Promise<string> =>
    (await machine.exec(process.execPath, '-e', script, address, String(port))).trim()
  return { server: await shownAt(ETCD_PORTS.server), peer: await shownAt(ETCD_PORTS.peer) }
}

function keptForEtcd({ machine }: ServerMachine): EtcdCertificates {
  const kept = (name: string): string => new X509Certificate(readFileSync(join(machine.data, `etcd/${name}.crt`))).fingerprint256
  return { server: kept('server'), peer: kept('peer') }
}

/** Waits for what no event tells. */
async function until(condition: () => boolean): Promise<void> {
  for (let count = 0; count < 600 && !condition(); count++) await new Promise((resolve) => setTimeout(resolve, 50))
  assert.ok(condition())
}
