import assert from 'node:assert/strict'
import { mkdirSync, mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import test from 'node:test'
import type { ClusterTrustBundle, ClusterTrustBundleProjection } from '#api'
import { VirtualClock } from '#base'
import { projectedVolume } from './data-volumes.ts'
import { trustAnchors } from './trust-anchors.ts'
import type { VolumeContext } from './volume.ts'

const pem = (...texts: string[]): string =>
  texts.map((text) => `-----BEGIN CERTIFICATE-----\n${btoa(text)}\n-----END CERTIFICATE-----\n`).join('')

const bundle = (name: string, trustBundle: string, signerName = '', labels: Record<string, string> = {}): ClusterTrustBundle => ({
  metadata: { name, labels },
  spec: { trustBundle, signerName },
})

const BUNDLES = [
  bundle('roots', `text\n${pem('b', 'a')}`),
  bundle('example.com:foo:old', pem('c', 'b'), 'example.com/foo', { live: 'no' }),
  bundle('example.com:foo:new', pem('b', 'd'), 'example.com/foo', { live: 'yes' }),
  bundle('example.com:bar:x', pem('e'), 'example.com/bar', { live: 'yes' }),
]

const anchors = (source: Omit<ClusterTrustBundleProjection, 'path'>): string =>
  trustAnchors({ path: 'ca.pem', ...source }, BUNDLES).toString()

test('a bundle is projected by its name, or all of a signer that labels choose, each certificate once', () => {
  assert.equal(anchors({ name: 'roots' }), pem('a', 'b'))
  const signerName = 'example.com/foo'
  assert.equal(anchors({ signerName, labelSelector: {} }), pem('b', 'c', 'd'))
  assert.equal(anchors({ signerName, labelSelector: { matchLabels: { live: 'yes' } } }), pem('b', 'd'))
})

test('a bundle that is not there holds up the pod unless it is optional; without a selector a signer has none', () => {
  assert.throws(() => anchors({ name: 'x' }), { message: 'clustertrustbundle.certificates.k8s.io "x" not found' })
  const none = 'combination of signerName and labelSelector matched zero ClusterTrustBundles'
  assert.throws(() => anchors({ signerName: 'example.com/foo' }), { message: none })
  assert.throws(() => anchors({ signerName: 'example.com/no', labelSelector: {} }), { message: none })
  assert.equal(anchors({ name: 'x', optional: true }), '')
  assert.equal(anchors({ signerName: 'example.com/no', labelSelector: {}, optional: true }), '')
})

test('a projected volume has the file of a bundle, and only the pod’s user reads it where there is one', async () => {
  const root = mkdtempSync(join(tmpdir(), 't8s-trust-'))
  try {
    for (const [user, mode] of [
      [undefined, 0o644],
      [process.getuid?.() ?? 0, 0o600],
    ] as const) {
      const directory = join(root, String(user))
      const context = {
        pod: { spec: { containers: [{ name: 'c', ...(user !== undefined && { securityContext: { runAsUser: user } }) }] } },
        directory,
        clock: new VirtualClock(),
        mountTmpfs: async (path: string) => void mkdirSync(path, { recursive: true }),
        trustBundles: async () => BUNDLES,
      } as unknown as VolumeContext
      const sources = [{ clusterTrustBundle: { name: 'roots', path: 'ca.pem' } }]
      await projectedVolume.prepare({ name: 'v', projected: { sources } }, context)
      assert.equal(readFileSync(join(directory, 'ca.pem'), 'utf8'), pem('a', 'b'))
      assert.equal(statSync(join(directory, 'ca.pem')).mode & 0o777, mode)
    }
  } finally {
    rmSync(root, { recursive: true })
  }
})
