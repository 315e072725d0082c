import assert from 'node:assert/strict'
import test from 'node:test'
import {
  type ClusterTrustBundle,
  clusterRoleBindings,
  clusterRoles,
  clusterTrustBundles,
  clusterTrustBundlesV1alpha1,
  deployments,
  pods,
  serviceAccounts,
} from '#api'
import { systemClock, systemRandom } from '#base'
import type { UserInfo } from '#client'
import { createAuthority } from '#cluster'
import { StatusError } from '#meta'
import { issueOdd, startTestApiServer } from '#testing'

const ENABLED = {
  featureGates: { ClusterTrustBundle: true },
  runtimeConfig: { 'certificates.k8s.io/v1beta1': true, 'certificates.k8s.io/v1alpha1': true },
}
const dependencies = { clock: systemClock, random: systemRandom }
const [one, two] = await Promise.all(['one', 'two'].map((name) => createAuthority(name, dependencies)))
const anchor = one!.certificate
const leaf = (await issueOdd(one!, { subject: [{ CN: ['leaf'] }] })).certificate

const bundle = (name: string, trustBundle: string, signerName?: string): ClusterTrustBundle => ({
  metadata: { name },
  spec: { trustBundle, ...(signerName !== undefined && { signerName }) },
})

/** The message of a refusal. */
async function refused(work: Promise<unknown>): Promise<string> {
  const error = await work.then(
    () => undefined,
    (each: unknown) => each,
  )
  assert.ok(error instanceof StatusError, 'it was accepted')
  return error.message
}

test('a bundle is of one signer by its name, and holds certificates of authorities, each once', async () => {
  await using api = await startTestApiServer(ENABLED)
  const create = (...parts: Parameters<typeof bundle>) => api.client.create(clusterTrustBundles, bundle(...parts))
  await create('roots', `before\n${anchor}between\n${two!.certificate}after`)
  await create('example.com:foo:v1', anchor, 'example.com/foo')
  const field = 'spec.trustBundle: Invalid value: "<value omitted>"'
  const wrong: readonly (readonly [string, Parameters<typeof bundle>])[] = [
    [`${field}: at least one trust anchor must be provided`, ['a', 'nothing']],
    [`${field}: entry 0 has bad block type: PRIVATE KEY`, ['a', one!.key]],
    [`${field}: entry 1 does not have the CA bit set`, ['a', `${anchor}${leaf}`]],
    [`${field}: entry 0 does not parse as X.509`, ['a', '-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n']],
    [`${field}: entry 0 has PEM block headers`, ['a', anchor.replace('-----\n', '-----\nProc-Type: 4\n\n')]],
    [`${field}: duplicate trust anchor (indices [0 2])`, ['a', `${anchor}${two!.certificate}${anchor}`]],
    [
      'metadata.name: Invalid value: "a:b": ClusterTrustBundle without signer name must not have ":" in its name',
      ['a:b', anchor],
    ],
    [
      'metadata.name: Invalid value: "a": ClusterTrustBundle for signerName example.com/foo must be named with prefix example.com:foo:',
      ['a', anchor, 'example.com/foo'],
    ],
    [
      `spec.signerName: Invalid value: "foo": must be a fully qualified domain and path of the form 'example.com/signer-name'`,
      ['foo:a', anchor, 'foo'],
    ],
  ]
  for (const [message, parts] of wrong)
    assert.equal(
      await refused(create(...parts)),
      `ClusterTrustBundle.certificates.k8s.io ${JSON.stringify(parts[0])} is invalid: ${message}`,
    )
  assert.match(
    await refused(create('a', 'x'.repeat(1024 * 1024 + 1))),
    /spec.trustBundle: Too long: may not be more than 1048576 bytes$/,
  )
})

test('its signer is for good, and both versions are the same objects', async () => {
  await using api = await startTestApiServer(ENABLED)
  const { client } = api
  const made = await client.create(clusterTrustBundlesV1alpha1, bundle('example.com:foo:v1', anchor, 'example.com/foo'))
  assert.equal(made.apiVersion, 'certificates.k8s.io/v1alpha1')
  const live = await client.get(clusterTrustBundles, 'example.com:foo:v1')
  assert.equal(live.apiVersion, 'certificates.k8s.io/v1beta1')
  const message = await refused(
    client.update(clusterTrustBundles, { ...live, spec: { ...live.spec, signerName: 'example.com/bar' } }),
  )
  assert.match(message, /spec.signerName: Invalid value: "example.com\/bar": field is immutable/)
  await client.update(clusterTrustBundles, { ...live, spec: { ...live.spec, trustBundle: two!.certificate } })
  const selected = { fieldSelector: 'spec.signerName=example.com/foo' }
  assert.equal((await client.list(clusterTrustBundles, selected)).items[0]?.spec.trustBundle, two!.certificate)
  assert.equal((await client.list(clusterTrustBundlesV1alpha1, selected)).items.length, 1)
  assert.equal((await client.list(clusterTrustBundles, { fieldSelector: 'spec.signerName=' })).items.length, 0)
})

test('who publishes for a signer holds the verb attest on it, or on its domain; every service account may read', async () => {
  await using api = await startTestApiServer(ENABLED)
  const { client } = api
  const ann: UserInfo = { username: 'ann', groups: ['system:authenticated'] }
  const rules = (...signers: string[]) => [
    { apiGroups: ['certificates.k8s.io'], resources: ['clustertrustbundles'], verbs: ['*'] },
    { apiGroups: ['certificates.k8s.io'], resources: ['signers'], verbs: ['attest'], resourceNames: signers },
  ]
  const role = await client.create(clusterRoles, { metadata: { name: 'publisher' }, rules: rules('example.com/foo') })
  const roleRef = { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: 'publisher' }
  await client.create(clusterRoleBindings, {
    metadata: { name: 'publisher' },
    roleRef,
    subjects: [{ apiGroup: roleRef.apiGroup, kind: 'User', name: 'ann' }],
  })
  const own = api.clientFor(ann)
  await own.create(clusterTrustBundles, bundle('example.com:foo:a', anchor, 'example.com/foo'))
  await own.create(clusterTrustBundles, bundle('of-nobody', anchor))
  const bar = bundle('example.com:bar:a', anchor, 'example.com/bar')
  assert.match(
    await refused(own.create(clusterTrustBundles, bar)),
    /user not permitted to attest for signerName "example.com\/bar"$/,
  )
  await client.update(clusterRoles, { ...role, rules: rules('example.com/*') })
  await own.create(clusterTrustBundles, bar)
  const account: UserInfo = { username: 'system:serviceaccount:a:b', groups: ['system:serviceaccounts', 'system:authenticated'] }
  assert.equal((await api.clientFor(account).list(clusterTrustBundles)).items.length, 3)
  const node: UserInfo = { username: 'system:node:n', groups: ['system:nodes', 'system:authenticated'] }
  assert.equal((await api.clientFor(node).list(clusterTrustBundles)).items.length, 3)
  assert.match(
    await refused(api.clientFor({ username: 'eve', groups: ['system:authenticated'] }).list(clusterTrustBundles)),
    /forbidden/,
  )
})

const projecting = {
  containers: [{ name: 'c', image: 'i' }],
  volumes: [{ name: 'v', projected: { sources: [{ clusterTrustBundle: { name: 'roots', path: 'ca.pem' } }] } }],
}

test('a pod that projects a bundle loses it while the feature is off, unless it had it before', async () => {
  for (const isOn of [false, true]) {
    const featureGates = { ClusterTrustBundle: true, ClusterTrustBundleProjection: isOn }
    await using api = await startTestApiServer({ ...ENABLED, featureGates })
    await api.client.create(serviceAccounts, { metadata: { name: 'default', namespace: 'default' } })
    const pod = await api.client.create(pods, {
      metadata: { name: 'p', namespace: 'default' },
      spec: structuredClone(projecting),
    })
    const kept = pod.spec?.volumes?.find(({ name }) => name === 'v')?.projected?.sources
    assert.deepEqual(kept, [isOn ? { clusterTrustBundle: { name: 'roots', path: 'ca.pem' } } : {}])
    const labels = { app: 'a' }
    const template = { metadata: { labels }, spec: structuredClone(projecting) }
    const made = await api.client.create(deployments, {
      metadata: { name: 'd', namespace: 'default' },
      spec: { selector: { matchLabels: labels }, template },
    })
    assert.deepEqual(made.spec?.template.spec?.volumes?.[0]?.projected?.sources, kept)
  }
})
