import assert from 'node:assert/strict'
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import test from 'node:test'
import { certificateSigningRequests, KUBELET_CLIENT, KUBELET_SERVING, nodes } from '#api'
import { nullLog, seededRandom, VirtualClock } from '#base'
import type { Client } from '#client'
import { API_SERVER_CLIENT, LEGACY_UNKNOWN } from '#controllers'
import { startTestCluster } from '#testing'
import { type Authority, createAuthority, type KeyPair } from '../pki.ts'
import { readBundle, readPair, writePair } from '../pki-directory.ts'
import { bundleStore, ManagedCertificate, validityOf } from './managed-certificate.ts'
import { kubeletWish, NodeCertificates, type NodeIdentity } from './node-certificates.ts'
import { publishJoining } from './publish.ts'
import { requestCertificate } from './request-certificate.ts'

const HOUR_MS = 3_600_000
const CONTROLLERS = [
  'certificatesigningrequest-approving-controller',
  'certificatesigningrequest-signing-controller',
  't8s-node-certificate-approving-controller',
]
const SETTINGS = { clusterId: 'a', clusterCIDR: '', clusterDNS: '', clusterDomain: '', clientCA: '' }

const ca = createAuthority('test', { clock: new VirtualClock(), random: seededRandom(1) })

/** A cluster that signs, and the certificate of a node that lives for an hour. */
async function start() {
  await using stack = new AsyncDisposableStack()
  const directory = mkdtempSync(join(tmpdir(), 't8s-test-'))
  stack.defer(() => rmSync(directory, { recursive: true }))
  const pair = await ca
  const signers = [API_SERVER_CLIENT, KUBELET_CLIENT, KUBELET_SERVING, LEGACY_UNKNOWN]
  const signing = { authorities: Object.fromEntries(signers.map((name) => [name, pair])), durationMs: 24 * HOUR_MS }
  const cluster = stack.use(await startTestCluster({ transport: 'in process', controllers: CONTROLLERS, signing }))
  await publishJoining(cluster.client, { server: 'https://192.0.2.1:6443', ca: '', settings: SETTINGS })
  const node = cluster.clientFor({ username: 'system:node:a', groups: ['system:nodes', 'system:authenticated'] })
  const { clock, random } = cluster
  const certificateBy = (client: () => Client): ManagedCertificate => {
    const wish = { ...kubeletWish('a'), expirationSeconds: 3600 }
    const obtain = (signal: AbortSignal): Promise<KeyPair> => requestCertificate(client(), wish, { signal })
    const store = bundleStore(directory, 'kubelet')
    const certificate = new ManagedCertificate({ name: 'kubelet', obtain, store, clock, random, log: nullLog })
    certificate.start()
    return certificate
  }
  const owned = stack.move()
  return { cluster, clock, directory, node, certificateBy, [Symbol.asyncDispose]: () => owned.disposeAsync() }
}

const next = (certificate: ManagedCertificate): Promise<KeyPair> =>
  new Promise((resolve) => {
    const listening = certificate.onChange((pair) => {
      listening[Symbol.dispose]()
      resolve(pair)
    })
  })

test('a certificate is asked for when it is missing, kept for its owner alone, and found again', async () => {
  await using setup = await start()
  const { directory, node, certificateBy } = setup
  let first: KeyPair
  {
    await using certificate = certificateBy(() => node)
    first = await certificate.ready()
  }
  assert.equal(statSync(join(directory, 'kubelet.pem')).mode & 0o777, 0o600)
  assert.deepEqual(readBundle(directory, 'kubelet'), first)
  await using again = certificateBy(() => assert.fail('nothing is asked for'))
  assert.deepEqual(again.current, first)
})

test('a certificate is renewed with another key when 70 to 90 per cent of its life are over', async () => {
  await using setup = await start()
  const { clock, node, certificateBy } = setup
  await using certificate = certificateBy(() => node)
  let pair = await certificate.ready()
  const parts: number[] = []
  for (let round = 0; round < 5; round++) {
    const { startMs, endMs } = validityOf(pair)
    const renewed = next(certificate)
    await clock.advance(startMs + (endMs - startMs) * 0.7 - clock.now() - 1_000)
    assert.equal(certificate.current, pair)
    let at = clock.now()
    const counted = renewed.then((fresh) => {
      at = validityOf(fresh).startMs + 5 * 60_000
    })
    await clock.advance((endMs - startMs) * 0.2 + 2_000)
    const fresh = await renewed
    await counted
    parts.push((at - startMs) / (endMs - startMs))
    assert.notEqual(fresh.key, pair.key)
    pair = fresh
  }
  assert.ok(
    parts.every((part) => part >= 0.69 && part <= 0.92),
    String(parts),
  )
  assert.ok(new Set(parts.map((part) => part.toFixed(2))).size > 1, `they differ: ${parts}`)
})

test('a server that is away is asked again until there is a certificate', async () => {
  await using setup = await start()
  const { clock, node, certificateBy } = setup
  let tries = 0
  const flaky = new Proxy(node, {
    get: (target, key: keyof Client) =>
      key === 'create' && ++tries < 4 ? () => Promise.reject(new Error('connection refused')) : target[key].bind(target),
  })
  await using certificate = certificateBy(() => flaky)
  const ready = certificate.ready()
  let isReady = false
  void ready.then(() => (isReady = true))
  // Keys are made off the main thread, so time goes on in small steps until all tries were made.
  while (!isReady) {
    await clock.advance(1_000)
    await new Promise((resolve) => setImmediate(resolve))
  }
  assert.equal(tries, 4)
})

test('a certificate can be renewed at once', async () => {
  await using setup = await start()
  const { cluster, node, certificateBy } = setup
  await using certificate = certificateBy(() => node)
  const first = await certificate.ready()
  const second = await certificate.renew()
  assert.notEqual(second.certificate, first.certificate)
  assert.equal((await cluster.client.list(certificateSigningRequests)).items.length, 2)
})

const DAY_MS = 24 * HOUR_MS
const YEAR_MS = 365 * DAY_MS
const WISH = { commonName: 'a', usages: ['client'] } as const

/** A certificate that is kept as two files and issued in this process, as those of a control plane are. */
async function issuedHere(authority: Authority, directory: string, clock: VirtualClock) {
  const store = { read: () => readPair(directory, 'a'), write: (pair: KeyPair) => writePair(directory, 'a', pair) }
  const issued: KeyPair[] = []
  const obtain = async (): Promise<KeyPair> => {
    issued.push(await authority.issue(WISH))
    return issued.at(-1)!
  }
  const options = { name: 'a', obtain, store, authority: authority.certificate, clock, random: seededRandom(3), log: nullLog }
  const certificate = new ManagedCertificate(options)
  certificate.start()
  await certificate.ready()
  return { certificate, issued, [Symbol.asyncDispose]: () => certificate[Symbol.asyncDispose]() }
}

test('what was kept and is of no use is replaced: another’s key, half a file, another authority, an end that has come', async () => {
  const clock = new VirtualClock(Date.now())
  const [own, foreign] = await Promise.all(
    ['own', 'own'].map((name) => createAuthority(name, { clock, random: seededRandom(name.length + clock.now()) })),
  )
  const directory = mkdtempSync(join(tmpdir(), 't8s-test-'))
  using stack = new DisposableStack()
  stack.defer(() => rmSync(directory, { recursive: true }))
  const file = (ending: string): string => join(directory, `a.${ending}`)
  const [good, other, strange] = [await own!.issue(WISH), await own!.issue(WISH), await foreign!.issue(WISH)]
  const kept: Readonly<Record<string, () => void>> = {
    // Killed between the writing of the two.
    'another key': () => writePair(directory, 'a', { certificate: good.certificate, key: other.key }),
    'half a certificate': () => {
      writePair(directory, 'a', good)
      writeFileSync(file('crt'), good.certificate.slice(0, 200))
    },
    'an empty key': () => {
      writePair(directory, 'a', good)
      writeFileSync(file('key'), '')
    },
    'no key': () => {
      writePair(directory, 'a', good)
      rmSync(file('key'))
    },
    'an authority of the same name': () => writePair(directory, 'a', strange),
  }
  for (const [what, prepare] of Object.entries(kept)) {
    prepare()
    await using started = await issuedHere(own!, directory, clock)
    assert.equal(started.issued.length, 1, what)
    assert.deepEqual(readPair(directory, 'a'), started.issued[0], what)
    assert.equal(statSync(file('key')).mode & 0o777, 0o600)
  }
  writePair(directory, 'a', good)
  {
    await using same = await issuedHere(own!, directory, clock)
    assert.deepEqual([same.certificate.current, same.issued.length], [good, 0])
  }
  await clock.advance(YEAR_MS)
  await using late = await issuedHere(own!, directory, clock)
  assert.notEqual(readFileSync(file('crt'), 'utf8'), good.certificate)
  assert.equal(late.issued.length, 1)
})

test('no certificate outlives its authority, and when that is over it is asked for once a minute, not without end', async () => {
  const clock = new VirtualClock(Date.now())
  const authority = await createAuthority('old', { clock, random: seededRandom(5) })
  const endMs = validityOf(authority).endMs
  await clock.advance(endMs - clock.now() - DAY_MS)
  const directory = mkdtempSync(join(tmpdir(), 't8s-test-'))
  using stack = new DisposableStack()
  stack.defer(() => rmSync(directory, { recursive: true }))
  await using last = await issuedHere(authority, directory, clock)
  assert.equal(validityOf(last.issued[0]!).endMs, endMs)
  await clock.advance(DAY_MS)
  last.issued.length = 0
  // Keys are made off the main thread, so time goes on in small steps.
  for (let step = 0; step < 100; step++) {
    await clock.advance(6_000)
    await new Promise((resolve) => setImmediate(resolve))
  }
  assert.ok(last.issued.length <= 11, `${last.issued.length} in ten minutes`)
})

test('each certificate of a node is renewed before it ends, over and over: client, server, proxy and DNS', async () => {
  await using setup = await start()
  const { cluster, clock, node, directory } = setup
  await cluster.client.create(nodes, { apiVersion: 'v1', kind: 'Node', metadata: { name: 'a' } })
  const status = { addresses: [{ type: 'InternalIP', address: '192.0.2.1' }] }
  await cluster.client.patch(nodes, 'a', { status }, { type: 'merge', subresource: 'status' })
  const { random } = cluster
  await using all = new NodeCertificates({
    directory,
    nodeName: 'a',
    address: '192.0.2.1',
    client: () => node,
    clock,
    random,
    log: nullLog,
  })
  const names: readonly NodeIdentity[] = ['kubelet', 'kubelet-server', 'proxy', 'dns']
  const seen = new Map<NodeIdentity, KeyPair[]>(names.map((name) => [name, []]))
  using stack = new DisposableStack()
  for (const name of names) {
    stack.use(
      all.of(name).onChange((pair) => {
        const before = seen.get(name)!.at(-1)
        if (before !== undefined) assert.ok(clock.now() < validityOf(before).endMs, `${name} was over before it was renewed`)
        seen.get(name)!.push(pair)
      }),
    )
  }
  all.start()
  await Promise.all(names.map((name) => all.of(name).ready()))
  while (names.some((name) => seen.get(name)!.length < 3)) {
    await clock.advance(HOUR_MS)
    await new Promise((resolve) => setImmediate(resolve))
  }
  for (const name of names) {
    const pairs = seen.get(name)!
    assert.equal(new Set(pairs.map(({ key }) => key)).size, pairs.length, name)
    assert.deepEqual(readBundle(directory, name), pairs.at(-1))
    assert.ok(validityOf(pairs.at(-1)!).endMs > clock.now())
  }
})
