import assert from 'node:assert/strict'
import { configMaps, type MutatingWebhook, pods } from '#api'
import { StatusError } from '#meta'
import { behaviors, type Scene } from './behavior.ts'
import { Home } from './home.ts'
import { isDiscovered } from './operations.ts'
import { refusal, until, untilAnswer, untilList } from './waiting.ts'
import { CONFIGURATIONS, deny, type HookServer, patch, registered, rules, serveHooks } from './webhooks.ts'

const LISTED = 10
const VERBS = ['create', 'delete', 'deletecollection', 'get', 'list', 'patch', 'update', 'watch']

type Kind = keyof typeof CONFIGURATIONS
const KINDS = Object.keys(CONFIGURATIONS) as Kind[]

/** A server whose webhooks leave their mark on every ConfigMap: a key, or a denial. */
const marking = (scene: Scene): Promise<HookServer> =>
  serveHooks(scene, {
    '/mutating': () => patch({ op: 'add', path: '/data', value: { marked: 'yes' } }),
    '/validating': () => deny('marked'),
  })

/** Whether a new ConfigMap meets the webhook. */
async function isMarked({ client, namespace }: Scene): Promise<boolean> {
  try {
    const { data } = await client.create(configMaps, { metadata: { generateName: 'marked-', namespace } })
    return data?.['marked'] === 'yes'
  } catch (error) {
    if (error instanceof StatusError && error.message.endsWith('denied the request: marked')) return true
    throw error
  }
}

const untilMarked = (scene: Scene, expected: boolean) =>
  untilAnswer(
    () => isMarked(scene),
    (marked) => marked === expected,
  )

behaviors('webhook configurations', (behavior) => {
  for (const kind of KINDS) {
    const resource = CONFIGURATIONS[kind]

    behavior(
      `[sig-api-machinery] AdmissionWebhook [Privileged:ClusterAdmin] listing ${kind} webhooks should work [Conformance]`,
      async (scene) => {
        const { client, namespace } = scene
        await using server = await marking(scene)
        const selection = { labelSelector: `listed=${namespace}` }
        for (let at = 0; at < LISTED; at++) {
          const metadata = { name: `${namespace}-${at}`, labels: { listed: namespace } }
          await client.create(resource, { metadata, webhooks: [server.to(`/${kind}`)] })
        }
        try {
          assert.equal((await client.list(resource, selection)).items.length, LISTED)
          await untilMarked(scene, true)
        } finally {
          await client.deleteCollection(resource, selection)
        }
        await untilList(client, resource, selection, (items) => items.length === 0)
        await untilMarked(scene, false)
      },
    )

    behavior(
      `[sig-api-machinery] AdmissionWebhook [Privileged:ClusterAdmin] patching/updating a ${kind} webhook should work [Conformance]`,
      async (scene) => {
        const { client } = scene
        await using server = await marking(scene)
        await registered(scene, kind, server, [server.to(`/${kind}`)], async (name) => {
          assert.equal(await isMarked(scene), true)
          const current = await client.get(resource, name)
          const [first, ...others] = current.webhooks!
          const webhooks = [{ ...first!, rules: rules('configmaps', 'UPDATE') }, ...others]
          await client.update(resource, { ...current, webhooks })
          await untilMarked(scene, false)
          const operations = [{ op: 'replace', path: '/webhooks/0/rules/0/operations', value: ['CREATE'] }]
          await client.patch(resource, name, operations, { type: 'json' })
          await untilMarked(scene, true)
        })
      },
    )

    behavior(
      `[sig-api-machinery] AdmissionWebhook [Privileged:ClusterAdmin] should be able to create and update ${kind} webhook configurations with match conditions [Conformance]`,
      async (scene) => {
        const { client, namespace: name } = scene
        await using server = await marking(scene)
        const conditions = ({ webhooks }: { readonly webhooks?: MutatingWebhook[] }) => webhooks?.[0]?.matchConditions
        const before = [{ name: 'expression-1', expression: "object.metadata.namespace == 'production'" }]
        const after = [...before, { name: 'expression-2', expression: "object.metadata.name == 'specific-name'" }]
        await client.create(resource, { metadata: { name }, webhooks: [server.to(`/${kind}`, { matchConditions: before })] })
        try {
          const created = await client.get(resource, name)
          assert.deepEqual(conditions(created), before)
          await client.update(resource, { ...created, webhooks: [server.to(`/${kind}`, { matchConditions: after })] })
          assert.deepEqual(conditions(await client.get(resource, name)), after)
        } finally {
          await client.delete(resource, name)
        }
      },
    )

    behavior(
      `[sig-api-machinery] AdmissionWebhook [Privileged:ClusterAdmin] should reject ${kind} webhook configurations with invalid match conditions [Conformance]`,
      async (scene) => {
        const { client, namespace: name } = scene
        await using server = await marking(scene)
        const matchConditions = [{ name: 'invalid-expression-1', expression: '... [] bad expression' }]
        const webhooks = [server.to(`/${kind}`, { matchConditions })]
        const { message } = await refusal(client.create(resource, { metadata: { name }, webhooks }), 'Invalid')
        assert.match(message, /webhooks\[0\]\.matchConditions\[0\]\.expression: Invalid value: .*compilation failed/s)
        assert.equal(await client.find(resource, name), undefined)
      },
    )
  }

  behavior(
    '[sig-api-machinery] AdmissionWebhook [Privileged:ClusterAdmin] should include webhook resources in discovery documents [Conformance]',
    async (scene) => {
      for (const kind of KINDS) await isDiscovered(scene, CONFIGURATIONS[kind], VERBS)
    },
  )

  behavior(
    '[sig-api-machinery] AdmissionWebhook [Privileged:ClusterAdmin] should be able to deny attaching pod [Conformance]',
    async (scene) => {
      const { target, client, namespace } = scene
      const why = "attaching to pod 'to-be-attached-pod' is not allowed"
      await using server = await serveHooks(scene, {
        '/pods/attach': ({ name }) => (name === 'to-be-attached-pod' ? deny(why) : deny(`it is called ${name}`)),
      })
      const hook = server.to('/pods/attach', { rules: rules('pods/attach', 'CONNECT') })
      await registered(scene, 'validating', server, [hook], async () => {
        const spec = { containers: [{ name: 'container1', image: 'pause:3' }] }
        await client.create(pods, { metadata: { name: 'to-be-attached-pod', namespace }, spec })
        await until(client, pods, `${namespace}/to-be-attached-pod`, (pod) => pod?.status?.phase === 'Running')
        using home = new Home(target)
        const said = await home.refused(1, 'attach', `--namespace=${namespace}`, 'to-be-attached-pod', '-i', '-c=container1')
        assert.ok(said.includes(why), said)
      })
    },
    { needs: 'kubectl' },
  )
})
