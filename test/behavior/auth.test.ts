import assert from 'node:assert/strict'
import type { webcrypto } from 'node:crypto'
import {
  certificateSigningRequests,
  configMaps,
  localSubjectAccessReviews,
  type Pod,
  pods,
  roleBindings,
  serviceAccounts,
  subjectAccessReviews,
  tokenReviews,
} from '#api'
import { armoured, CERTIFICATE_DER } from '#testing'
import { behaviors } from './behavior.ts'
import { isDiscovered, supportsOperations } from './operations.ts'
import { send } from './raw.ts'
import { observe, until } from './waiting.ts'

const TOKEN_PATH = '/var/run/secrets/kubernetes.io/serviceaccount'

/** A request for a certificate, in PEM and base64. */
async function csr(commonName: string): Promise<string> {
  await import('reflect-metadata')
  const { Pkcs10CertificateRequestGenerator } = await import('@peculiar/x509')
  const algorithm = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' }
  const keys = (await crypto.subtle.generateKey(algorithm, true, ['sign', 'verify'])) as webcrypto.CryptoKeyPair
  const request = await Pkcs10CertificateRequestGenerator.create({ name: `CN=${commonName}`, keys, signingAlgorithm: algorithm })
  return Buffer.from(`${request.toString('pem')}\n`).toString('base64')
}

behaviors('auth', (behavior) => {
  behavior(
    '[sig-auth] Certificates API [Privileged:ClusterAdmin] should support CSR API operations [Conformance]',
    async (scene) => {
      const { client, namespace } = scene
      const request = await csr('e2e.example.com')
      const make = () => ({
        metadata: { generateName: 'e2e-example-csr-' },
        spec: {
          request,
          signerName: 'example.com/e2e',
          expirationSeconds: 3600,
          usages: ['digital signature', 'key encipherment', 'server auth'],
        },
      })
      await supportsOperations(scene, certificateSigningRequests, {
        make,
        status: { certificate: armoured(CERTIFICATE_DER, 'CERTIFICATE') },
      })
      // Who asked is what the server knows, and its decision has a door of its own.
      const created = await client.create(certificateSigningRequests, { ...make(), metadata: { name: namespace } })
      assert.ok(created.spec.username)
      const conditions = [{ type: 'Approved', status: 'True', reason: 'Behavior', message: 'Set from a test' }]
      const patched = await client.patch(
        certificateSigningRequests,
        namespace,
        { metadata: { annotations: { patched: 'approval' } }, status: { conditions } },
        {
          type: 'merge',
          subresource: 'approval',
        },
      )
      assert.deepEqual(
        [patched.status?.conditions?.map(({ type }) => type), patched.metadata?.annotations?.['patched']],
        [['Approved'], 'approval'],
      )
      const updated = await client.update(
        certificateSigningRequests,
        { ...patched, metadata: { ...patched.metadata, annotations: { updated: 'approval' } } },
        { subresource: 'approval' },
      )
      assert.deepEqual([updated.status?.conditions?.length, updated.metadata?.annotations?.['updated']], [1, 'approval'])
      await client.delete(certificateSigningRequests, namespace)
    },
  )

  behavior('[sig-auth] SubjectReview should support SubjectReview API operations [Conformance]', async (scene) => {
    const { client, namespace, target } = scene
    await isDiscovered(scene, subjectAccessReviews, ['create'])
    await isDiscovered(scene, localSubjectAccessReviews, ['create'])
    await client.create(serviceAccounts, { metadata: { name: 'reviewed', namespace } })
    const user = `system:serviceaccount:${namespace}:reviewed`
    const groups = ['system:serviceaccounts', `system:serviceaccounts:${namespace}`, 'system:authenticated']
    const resourceAttributes = { verb: 'list', resource: 'configmaps', namespace, version: 'v1' }
    const asked = async (): Promise<unknown[]> => {
      const spec = { user, groups, resourceAttributes }
      const review = await client.create(subjectAccessReviews, { spec })
      const local = await client.create(localSubjectAccessReviews, { metadata: { namespace }, spec })
      const path = `/api/v1/namespaces/${namespace}/configmaps`
      const { status } = await send(target, { method: 'GET', path, headers: { 'impersonate-user': user } })
      return [review.status?.allowed, local.status?.allowed, status]
    }
    // The reviews say what the very same call then meets.
    assert.deepEqual(await asked(), [false, false, 403])
    await client.create(roleBindings, {
      metadata: { name: 'reviewed', namespace },
      roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: 'view' },
      subjects: [{ kind: 'ServiceAccount', name: 'reviewed', namespace }],
    })
    assert.deepEqual(await asked(), [true, true, 200])
  })

  behavior(
    '[sig-auth] ServiceAccounts should run through the lifecycle of a ServiceAccount [Conformance]',
    async ({ client, namespace }) => {
      const labels = { 'test-serviceaccount-static': namespace }
      const key = `${namespace}/testserviceaccount`
      const selection = { labelSelector: `test-serviceaccount-static=${namespace}` }
      const { metadata } = await client.list(serviceAccounts, selection)
      await using events = observe(client, serviceAccounts, { ...selection, resourceVersion: metadata.resourceVersion! })
      await client.create(serviceAccounts, { metadata: { name: 'testserviceaccount', namespace, labels } })
      await events.next(({ type }) => type === 'ADDED')
      const patch = { automountServiceAccountToken: false }
      const patched = await client.patch(serviceAccounts, key, patch, { type: 'strategic' })
      assert.equal(patched.automountServiceAccountToken, false)
      await events.next(({ type }) => type === 'MODIFIED')
      assert.equal((await client.list(serviceAccounts, selection)).items.length, 1)
      await client.deleteCollection(serviceAccounts, { namespace, ...selection })
      await events.next(({ type }) => type === 'DELETED')
    },
  )

  behavior('[sig-auth] ServiceAccounts should update a ServiceAccount [Conformance]', async ({ client, namespace }) => {
    const created = await client.create(serviceAccounts, { metadata: { name: 'updated', namespace } })
    assert.equal(created.automountServiceAccountToken, undefined)
    const updated = await client.update(serviceAccounts, { ...created, automountServiceAccountToken: true })
    assert.equal(updated.automountServiceAccountToken, true)
  })

  behavior(
    '[sig-auth] ServiceAccounts should guarantee kube-root-ca.crt exist in any namespace [Conformance]',
    async ({ client, namespace }) => {
      const key = `${namespace}/kube-root-ca.crt`
      const published = await until(client, configMaps, key, (each) => Boolean(each?.data?.['ca.crt']))
      await client.delete(configMaps, key)
      const again = await until(
        client,
        configMaps,
        key,
        (each) => each !== undefined && each.metadata?.uid !== published?.metadata?.uid,
      )
      assert.deepEqual(again?.data, published?.data)
      await client.update(configMaps, { ...again!, data: {} })
      await until(client, configMaps, key, (each) => each?.data?.['ca.crt'] === published?.data?.['ca.crt'])
    },
  )

  behavior(
    '[sig-auth] ServiceAccounts should allow opting out of API token automount [Conformance]',
    async ({ client, namespace }) => {
      const isMounted = ({ spec }: Pod): boolean =>
        Boolean(spec?.containers[0]?.volumeMounts?.some(({ mountPath }) => mountPath === TOKEN_PATH))
      const accounts = [
        ['default-of-account', undefined],
        ['mount', true],
        ['no-mount', false],
      ] as const
      for (const [account, automountServiceAccountToken] of accounts) {
        await client.create(serviceAccounts, {
          metadata: { name: account, namespace },
          ...(automountServiceAccountToken !== undefined && { automountServiceAccountToken }),
        })
        for (const wish of [undefined, true, false]) {
          const made = await client.create(pods, {
            metadata: { generateName: `${account}-`, namespace },
            spec: {
              serviceAccountName: account,
              containers: [{ name: 'token-test', image: 'pause:3' }],
              ...(wish !== undefined && { automountServiceAccountToken: wish }),
            },
          })
          // The pod's own word counts before its account's.
          assert.equal(isMounted(made), wish ?? automountServiceAccountToken ?? true, `${account}, ${wish}`)
        }
      }
    },
  )

  behavior(
    '[sig-auth] ServiceAccounts should create a serviceAccountToken and ensure a successful TokenReview [Conformance]',
    async ({ client, namespace }) => {
      const created = await client.create(serviceAccounts, { metadata: { name: 'holder', namespace } })
      const request = {
        kind: 'TokenRequest',
        apiVersion: 'authentication.k8s.io/v1',
        spec: { audiences: [] as string[] },
        status: { token: '' },
      }
      const { status } = await client.createSubresource(serviceAccounts, `${namespace}/holder`, 'token', request)
      const review = await client.create(tokenReviews, { spec: { token: status.token } })
      assert.equal(review.status?.error, undefined)
      assert.equal(review.status?.authenticated, true)
      assert.equal(review.status?.user?.username, `system:serviceaccount:${namespace}:holder`)
      assert.equal(review.status?.user?.uid, created.metadata?.uid)
      assert.deepEqual(review.status?.user?.groups?.toSorted(), [
        'system:authenticated',
        'system:serviceaccounts',
        `system:serviceaccounts:${namespace}`,
      ])
      // It dies with its account.
      await client.delete(serviceAccounts, `${namespace}/holder`)
      const late = await client.create(tokenReviews, { spec: { token: status.token } })
      assert.equal(late.status?.authenticated ?? false, false)
    },
  )
})
