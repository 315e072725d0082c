import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import test from 'node:test'
import { certificateSigningRequests } from '#api'
import { nullLog, seededRandom, VirtualClock } from '#base'
import type { Client } from '#client'
import { API_SERVER_CLIENT, KUBELET_CLIENT, KUBELET_SERVING, LEGACY_UNKNOWN } from '#controllers'
import { startTestCluster } from '#testing'
import { createAuthority, type KeyPair } from '../pki.ts'
import { readBundle } from '../pki-directory.ts'
import { bundleStore, ManagedCertificate, validityOf } from './managed-certificate.ts'
import { kubeletWish } from './node-certificates.ts'
import { publishJoining } from './publish.ts'
import { requestCertificate } from './request-certificate.ts'

const HOUR_MS = 3_600_000
const CONTROLLERS = ['certificatesigningrequest-approving-controller', 'certificatesigningrequest-signing-controller']
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
