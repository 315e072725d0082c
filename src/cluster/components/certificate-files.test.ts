import assert from 'node:assert/strict'
import { X509Certificate } from 'node:crypto'
import { mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import test from 'node:test'
import { type SelfSubjectReview, selfSubjectReviews } from '#api'
import { systemClock, systemRandom, VirtualClock } from '#base'
import { type Client, printKubeconfig } from '#client'
import { startTestApiServer } from '#testing'
import { createPki, identities } from '../pki-directory.ts'
import { connectBy } from './connection.ts'
import { selfSigned } from './self-signed.ts'

const YEAR_MS = 365 * 24 * 3_600_000

function directory() {
  const path = mkdtempSync(join(tmpdir(), 't8s-files-'))
  const put = (name: string, text: string): void => {
    writeFileSync(join(path, `${name}.new`), text)
    renameSync(join(path, `${name}.new`), join(path, name))
  }
  return { path, put, [Symbol.dispose]: () => rmSync(path, { recursive: true }) }
}

const idOf = (certificate: string): string =>
  `X509SHA256=${new X509Certificate(certificate).fingerprint256.replaceAll(':', '').toLowerCase()}`

/** The certificate by which the server knows a client now. */
async function shownBy(client: Client): Promise<string | undefined> {
  const review: SelfSubjectReview = { apiVersion: 'authentication.k8s.io/v1', kind: 'SelfSubjectReview', metadata: {} }
  const { status } = await client.create(selfSubjectReviews, review)
  return status?.userInfo?.extra?.['authentication.kubernetes.io/credential-id']?.[0]
}

for (const [component, identity] of [
  ['kube-scheduler', identities.scheduler],
  ['kube-controller-manager', identities.controllerManager],
] as const) {
  test(`${component} goes on by the certificate that somebody renewed in its files, without a restart`, async () => {
    using files = directory()
    await using stack = new AsyncDisposableStack()
    const pki = await createPki({ clock: systemClock, random: systemRandom })
    const api = stack.use(await startTestApiServer())
    const serving = await pki.serverCA.issue(identities.apiServer(['127.0.0.1']))
    const tls = { ...serving, clientCA: pki.clientCA.certificate }
    const { port } = stack.use(await api.server.listen({ host: '127.0.0.1', port: 0, tls }))
    const [first, second] = [await pki.clientCA.issue(identity), await pki.clientCA.issue(identity)]
    files.put('client.crt', first.certificate)
    files.put('client.key', first.key)
    files.put(
      'kubeconfig',
      await printKubeconfig({
        clusters: [
          {
            name: 'a',
            cluster: {
              server: `https://127.0.0.1:${port}`,
              'certificate-authority-data': Buffer.from(pki.serverCA.certificate).toString('base64'),
            },
          },
        ],
        users: [{ name: 'a', user: { 'client-certificate': 'client.crt', 'client-key': 'client.key' } }],
        contexts: [{ name: 'a', context: { cluster: 'a', user: 'a' } }],
        'current-context': 'a',
      }),
    )
    const told: string[] = []
    let heard = Promise.withResolvers<void>()
    const tell = (message: string): void => {
      told.push(message)
      heard.resolve()
      heard = Promise.withResolvers()
    }
    const log = {
      ...{ debug() {}, error() {}, child: () => log },
      info: tell,
      warn: (message: string, fields?: object) => tell(`${message}: ${(fields as { problem?: string }).problem}`),
    }
    const { client } = stack.use(await connectBy(join(files.path, 'kubeconfig'), component, { log }))
    assert.equal(await shownBy(client), idOf(first.certificate))
    const until = async (holds: () => boolean): Promise<void> => {
      while (!holds()) await heard.promise
    }
    // Half of it is none yet; an end that has come is no renewal.
    files.put('client.key', second.key)
    await until(() => told.some((each) => each.endsWith('the key is of another')))
    assert.equal(await shownBy(client), idOf(first.certificate))
    files.put('client.crt', second.certificate)
    await until(() => told.includes('A certificate was read anew'))
    assert.equal(await shownBy(client), idOf(second.certificate))
    files.put('client.crt', 'nonsense')
    const seen = told.length
    await until(() => told.length > seen)
    assert.equal(await shownBy(client), idOf(second.certificate))
  })
}

test('a certificate that a component made for itself is kept over restarts, and made anew after its end or when it is broken', async () => {
  using files = directory()
  const clock = new VirtualClock(Date.now())
  const start = () => selfSigned(files.path, 'kubelet', ['node-1', '127.0.0.1'], { clock, random: systemRandom })
  const first = await start()
  assert.deepEqual(await start(), first)
  await clock.advance(YEAR_MS)
  const second = await start()
  assert.notEqual(second.certificate, first.certificate)
  assert.ok(Date.parse(new X509Certificate(second.certificate).validTo) > clock.now())
  files.put('kubelet.key', first.key)
  const third = await start()
  assert.ok(![first.key, second.key].includes(third.key))
  assert.equal(readFileSync(join(files.path, 'kubelet.key'), 'utf8'), third.key)
})
