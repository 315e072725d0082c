import assert from 'node:assert/strict'
import { type ChildProcess, execFile, execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import test from 'node:test'
import { promisify } from 'node:util'
import { systemClock } from '#base'
import { openEmbeddedStore } from '#store'
import { alone } from './alone.ts'
import { EtcdCluster } from './etcd-cluster.ts'

const place = alone(import.meta.filename)
const run = promisify(execFile)
const ROOT = join(import.meta.dirname, '../..')
const T8S = join(ROOT, 't8s')
const PREFIX = '/elsewhere'
const AHEAD = 1_000_000_000
const HOUR_SECONDS = 3_600
const EVENT = {
  apiVersion: 'v1',
  kind: 'Event',
  metadata: { name: 'seen', namespace: 'default' },
  involvedObject: { kind: 'ConfigMap', name: 'kept', namespace: 'default' },
  reason: 'Seen',
  message: 'by etcdctl',
  type: 'Normal',
}

/** Two servers of one machine differ in their addresses. */
const ADDRESSES = ['10.77.0.1', '10.77.0.2']
const env = { ...process.env, HOME: place.directory, ETCDCTL_API: '3' }

const t8s = async (...words: readonly string[]): Promise<string> => (await run(T8S, words, { env, cwd: ROOT })).stdout
const dataOf = (name: string): string => join(place.directory, name)
const kubectl = async (name: string, ...words: readonly string[]): Promise<string> =>
  (await run('kubectl', ['--kubeconfig', join(dataOf(name), 'kubeconfig'), ...words], { env })).stdout

interface Running {
  readonly process: ChildProcess
  /** Its exit code, and the last it said. */
  readonly ended: Promise<{ readonly code: number | null; readonly said: string }>
}

async function serve(name: string, ...words: readonly string[]): Promise<Running> {
  const child = spawn(T8S, ['server', '--data-dir', dataOf(name), '--no-install', ...words], { env, cwd: ROOT })
  let errors = ''
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    errors = (errors + text).slice(-4000)
  })
  const ended = once(child, 'close').then(([code]) => ({ code: code as number | null, said: errors.trim().split('\n').at(-1)! }))
  for await (const line of createInterface({ input: child.stdout }))
    if (line.startsWith('The server runs')) return { process: child, ended }
  throw new Error(`the server of ${name} ended: ${(await ended).said}`)
}

test('servers over an etcd of others: another joins, and all end with a sentence when it is restored under them', async (context) => {
  execFileSync('ip', ['link', 'set', 'lo', 'up'])
  for (const address of ADDRESSES) execFileSync('ip', ['addr', 'add', `${address}/32`, 'dev', 'lo'])
  mkdirSync(place.directory, { recursive: true })
  await using etcd = await EtcdCluster.start(1)
  const wordsOf = (index: number): string[] => ['--advertise-address', ADDRESSES[index]!, '--api-port', String(7443 + index)]
  let first = await serve('a', '--store', `etcd=${etcd.servers[0]}`, '--etcd-prefix', PREFIX, ...wordsOf(0))
  const etcdctl = async (...words: readonly string[]): Promise<string> =>
    (await run('etcdctl', ['--endpoints', etcd.servers[0]!, ...words], { env })).stdout
  const value = (name: string, object: string): Promise<string> =>
    kubectl(name, 'get', 'configmap', object, '--ignore-not-found', '-o', 'jsonpath={.data.a}')

  await context.test('another server joins with a token, and serves the same', async () => {
    const line = await t8s('token', 'create', '--control-plane', '--print-join-command', '--data-dir', dataOf('a'))
    const words = line.trim().split(' ').slice(2)
    const second = await serve('b', ...words, ...wordsOf(1))
    await kubectl('a', 'create', 'configmap', 'kept', '--from-literal=a=one')
    assert.equal(await value('b', 'kept'), 'one')
    await kubectl('b', 'create', 'configmap', 'other', '--from-literal=a=two')
    assert.equal(await value('a', 'other'), 'two')
    const servers = await kubectl('a', 'get', 'endpoints', 'kubernetes', '-o', 'jsonpath={.subsets[*].addresses[*].ip}')
    assert.deepEqual(servers.split(' ').sort(), ADDRESSES)

    // Nobody deletes events: etcd ends them, as etcdctl sees.
    const event = join(place.directory, 'event.json')
    writeFileSync(event, JSON.stringify(EVENT))
    await kubectl('a', 'create', '-f', event)
    const fields = await etcdctl('get', `${PREFIX}/events/default/seen`, '-w', 'fields')
    const lease = BigInt(/^"Lease" : (\d+)$/m.exec(fields)![1]!).toString(16)
    const [, granted, keys] = /TTL\((\d+)s\).*attached keys\(\[(.*)\]\)/.exec(
      await etcdctl('lease', 'timetolive', lease, '--keys'),
    )!
    assert.ok(Number(granted) >= HOUR_SECONDS && Number(granted) < 1.2 * HOUR_SECONDS, granted)
    assert.ok(keys!.split(' ').includes(`${PREFIX}/events/default/seen`), keys)

    const snapshot = join(place.directory, 'etcd.db')
    await etcd.saveSnapshot(snapshot)
    for (let count = 0; count < 5; count++) await kubectl('a', 'create', 'configmap', `lost-${count}`, '--from-literal=a=x')
    await etcd.restoreMember(0, snapshot)
    const ends = await Promise.all([first.ended, second.ended])
    for (const { code, said } of ends) {
      assert.equal(code, 1)
      assert.match(
        said,
        /etcd was restored or replaced while this server used it \(.* went back from revision \d+ to \d+: .*Start it again/,
      )
    }
  })

  await context.test('a server that starts anew has what the snapshot has, and goes on from there', async () => {
    first = await serve('a')
    assert.equal(await value('a', 'kept'), 'one')
    assert.equal(await value('a', 'lost-0'), '')
    await kubectl('a', 'create', 'configmap', 'new', '--from-literal=a=three')
    assert.equal(await value('a', 'new'), 'three')
  })

  await context.test('its snapshot is restored into the embedded store, and not into the etcd of others', async () => {
    const file = join(place.directory, 'saved.tar')
    const stored = async (key: string): Promise<{ value: string; revision: number }> => {
      const [entry] = (
        JSON.parse(await etcdctl('get', PREFIX + key, '-w', 'json')) as { kvs: { value: string; mod_revision: number }[] }
      ).kvs
      return { value: entry!.value, revision: entry!.mod_revision }
    }
    await t8s('snapshot', 'save', file, '--data-dir', dataOf('a'))
    await assert.rejects(
      t8s('snapshot', 'restore', file, '--data-dir', dataOf('r')),
      /the saved cluster was kept in an etcd of others \(etcd=http:.*\); say --store embedded, or --cluster-init/,
    )
    await t8s('snapshot', 'restore', file, '--data-dir', dataOf('r'), '--store', 'embedded')
    await using store = await openEmbeddedStore({ directory: join(dataOf('r'), 'store'), clock: systemClock })
    for (const name of ['kept', 'other', 'new']) {
      const key = `/configmaps/default/${name}`
      const entry = (await store.get(`/registry${key}`))!
      assert.deepEqual({ value: Buffer.from(entry.value).toString('base64'), revision: entry.revision }, await stored(key), name)
    }
    assert.ok(store.revision > AHEAD)
    const { entries } = await store.list('/registry/')
    assert.ok(entries.every(({ key }) => !key.startsWith('/registry/masterleases/')))
    context.diagnostic(`${entries.length} objects came out of an etcd of others, at their revisions`)
  })
  first.process.kill('SIGTERM')
  assert.equal((await first.ended).code, 0)
})
