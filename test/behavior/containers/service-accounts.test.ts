import assert from 'node:assert/strict'
import { configMaps, type Pod, pods, serviceAccounts, tokenReviews } from '#api'
import { behaviors, type Scene } from '../behavior.ts'
import { send } from '../raw.ts'
import { until } from '../waiting.ts'
import * as programs from './programs.ts'

const TOKEN_PATH = '/var/run/secrets/kubernetes.io/serviceaccount'
/** Any image with Node.js on its path. */
const IMAGE = process.env['T8S_BEHAVIOR_NODE_IMAGE'] ?? 't8s.local/node:1'
const LIFETIME_SECONDS = 3600

/** Runs programs in the containers of one pod to their end; resolves with what each printed, by container. */
async function printed(
  { client, target, namespace }: Scene,
  containers: Readonly<Record<string, string>>,
  spec: Omit<Pod['spec'] & object, 'containers'> = {},
  mounts: readonly { readonly name: string; readonly mountPath: string }[] = [],
): Promise<{ readonly pod: Pod; readonly output: Readonly<Record<string, string>> }> {
  const { metadata } = await client.create(pods, {
    metadata: { generateName: 'printing-', namespace },
    spec: {
      restartPolicy: 'Never',
      ...spec,
      containers: Object.entries(containers).map(([name, program]) => ({
        name,
        image: IMAGE,
        command: ['node', '--eval', program],
        volumeMounts: [...mounts],
      })),
    },
  })
  const key = `${namespace}/${metadata!.name}`
  const pod = await until(client, pods, key, (each) => ['Succeeded', 'Failed'].includes(each?.status?.phase ?? ''))
  const output: Record<string, string> = {}
  for (const name of Object.keys(containers)) {
    const path = `/api/v1/namespaces/${namespace}/pods/${metadata!.name}/log?container=${name}`
    output[name] = (await send(target, { method: 'GET', path })).text
  }
  assert.equal(pod?.status?.phase, 'Succeeded', JSON.stringify(output))
  return { pod: pod!, output }
}

/** What the server says of a token that a pod was given. */
async function reviewOf({ client }: Scene, token: string, audiences?: string[]) {
  const { status } = await client.create(tokenReviews, { spec: { token, ...(audiences && { audiences }) } })
  return status!
}

behaviors('service accounts', (behavior) => {
  behavior(
    '[sig-auth] ServiceAccounts should mount an API token into pods [Conformance]',
    async (scene) => {
      const { client, namespace } = scene
      const account = await client.create(serviceAccounts, { metadata: { name: 'mount-test', namespace } })
      const { pod, output } = await printed(
        scene,
        {
          token: programs.print(`${TOKEN_PATH}/token`),
          'root-ca': programs.print(`${TOKEN_PATH}/ca.crt`),
          namespace: programs.print(`${TOKEN_PATH}/namespace`),
          itself: programs.whoAmI(TOKEN_PATH),
        },
        { serviceAccountName: 'mount-test' },
      )
      const published = await client.get(configMaps, `${namespace}/kube-root-ca.crt`)
      assert.equal(output['root-ca'], published.data?.['ca.crt'])
      assert.equal(output['namespace'], namespace)
      const { authenticated, user } = await reviewOf(scene, output['token']!)
      assert.deepEqual(
        [authenticated, user?.username, user?.uid, user?.extra?.['authentication.kubernetes.io/pod-uid']],
        [true, `system:serviceaccount:${namespace}:mount-test`, account.metadata?.uid, [pod.metadata?.uid]],
      )
      // A process in the pod reaches the API by what is mounted and nothing else, and is its account there.
      assert.equal(output['itself'], user?.username)
      // Which lasts as long as the pod.
      await client.delete(pods, `${namespace}/${pod.metadata!.name}`, { gracePeriodSeconds: 0 })
      await until(client, pods, `${namespace}/${pod.metadata!.name}`, (each) => each === undefined)
      assert.equal((await reviewOf(scene, output['token']!)).authenticated ?? false, false)
    },
    { containers: true },
  )

  behavior(
    '[sig-auth] ServiceAccounts should mount projected service account token [Conformance]',
    async (scene) => {
      const { namespace } = scene
      const audience = 'https://vault.example.com'
      const volume = (path: string, more: object = {}) => ({
        serviceAccountToken: { path, expirationSeconds: LIFETIME_SECONDS, ...more },
      })
      const { output } = await printed(
        scene,
        {
          plain: programs.print('/secrets/projected/token'),
          meant: programs.print('/secrets/projected/for/vault'),
          mode: programs.modeOf('/secrets/projected/token'),
        },
        {
          automountServiceAccountToken: false,
          volumes: [
            {
              name: 'projected',
              projected: { defaultMode: 0o440, sources: [volume('token'), volume('for/vault', { audience })] },
            },
          ],
        },
        [{ name: 'projected', mountPath: '/secrets/projected' }],
      )
      const [plain, meant] = [output['plain']!, output['meant']!]
      assert.equal((await reviewOf(scene, plain)).user?.username, `system:serviceaccount:${namespace}:default`)
      // It is for the API, the other for another, and each only as long as was asked for.
      assert.equal((await reviewOf(scene, meant)).authenticated ?? false, false)
      assert.deepEqual((await reviewOf(scene, meant, [audience])).audiences, [audience])
      const { aud, exp, iat } = claimsOf(meant)
      assert.deepEqual([aud, exp - iat], [[audience], LIFETIME_SECONDS])
      assert.equal(output['mode'], '440')
    },
    { containers: true },
  )

  behavior(
    '[sig-auth] ServiceAccounts ServiceAccountIssuerDiscovery should support OIDC discovery of service account issuer [Conformance]',
    async (scene) => {
      const { namespace } = scene
      const sources = [
        { serviceAccountToken: { path: 'token', expirationSeconds: LIFETIME_SECONDS, audience: 'oidc-discovery-test' } },
      ]
      const { output } = await printed(
        scene,
        { validator: programs.validate({ apiPath: TOKEN_PATH, tokenPath: '/var/run/secrets/tokens/token' }) },
        { volumes: [{ name: 'tokens', projected: { sources } }] },
        [{ name: 'tokens', mountPath: '/var/run/secrets/tokens' }],
      )
      const { subject, audience, isForgedRefused } = JSON.parse(output['validator']!) as Readonly<Record<string, unknown>>
      assert.deepEqual(
        [subject, audience, isForgedRefused],
        [`system:serviceaccount:${namespace}:default`, ['oidc-discovery-test'], true],
      )
    },
    { containers: true },
  )
})

function claimsOf(token: string): { readonly aud: string[]; readonly exp: number; readonly iat: number } {
  return JSON.parse(Buffer.from(token.split('.')[1]!, 'base64url').toString()) as ReturnType<typeof claimsOf>
}
