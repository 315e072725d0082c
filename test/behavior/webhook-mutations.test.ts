import assert from 'node:assert/strict'
import { type ConfigMap, configMaps, customResourceDefinitions, type Pod, pods } from '#api'
import type { AdmissionRequest } from '#apiserver'
import { behaviors, type Scene } from './behavior.ts'
import { defining, groupOf, objectOf } from './custom.ts'
import { type Answer, type Answers, allow, type HookServer, patch, registered, rules, serveHooks } from './webhooks.ts'

/** Each stage adds its key where the key before it is there already. */
const STAGES = ['mutation-start', 'mutation-stage-1', 'mutation-stage-2'] as const

const stage =
  (at: 1 | 2) =>
  ({ object }: AdmissionRequest): Answer => {
    const { data = {} } = object as ConfigMap
    return data[STAGES[at - 1]!] === 'yes' ? patch({ op: 'add', path: `/data/${STAGES[at]}`, value: 'yes' }) : allow
  }

const ANSWERS: Answers = { '/stage-1': stage(1), '/stage-2': stage(2) }

const startOf = ({ namespace }: Scene, name: string): ConfigMap => ({
  metadata: { name, namespace },
  data: { 'mutation-start': 'yes' },
})
const MUTATED = { 'mutation-start': 'yes', 'mutation-stage-1': 'yes', 'mutation-stage-2': 'yes' }

/** Webhooks that are asked about the scene's widgets in v1, one behind the other. */
const onWidgets = (scene: Scene, server: HookServer) =>
  ['/stage-1', '/stage-2'].map((path) =>
    server.to(path, {
      rules: rules(`${groupOf(scene)}/widgets`, 'CREATE', 'UPDATE').map((rule) => ({ ...rule, apiVersions: ['v1'] })),
      namespaceSelector: {},
    }),
  )

const text = { type: 'string' }

behaviors('webhook mutations', (behavior) => {
  behavior(
    '[sig-api-machinery] AdmissionWebhook [Privileged:ClusterAdmin] should mutate configmap [Conformance]',
    async (scene) => {
      await using server = await serveHooks(scene, ANSWERS)
      await registered(scene, 'mutating', server, [server.to('/stage-1'), server.to('/stage-2')], async () => {
        assert.deepEqual((await scene.client.create(configMaps, startOf(scene, 'both'))).data, MUTATED)
        const other = { ...startOf(scene, 'neither'), data: { other: 'yes' } }
        assert.deepEqual((await scene.client.create(configMaps, other)).data, { other: 'yes' })
      })
    },
  )

  behavior(
    '[sig-api-machinery] AdmissionWebhook [Privileged:ClusterAdmin] should mutate pod and apply defaults after mutation [Conformance]',
    async (scene) => {
      const { client, namespace } = scene
      const container = { name: 'webhook-added-init-container', image: 'webhook-added-image' }
      await using server = await serveHooks(scene, {
        '/mutating-pods': ({ object }) =>
          (object as Pod).spec?.initContainers === undefined
            ? patch({ op: 'add', path: '/spec/initContainers', value: [container] })
            : allow,
      })
      const hook = server.to('/mutating-pods', { rules: rules('pods', 'CREATE') })
      await registered(scene, 'mutating', server, [hook], async () => {
        const spec = { containers: [{ name: 'example', image: 'pause:3' }] }
        const { spec: mutated } = await client.create(pods, { metadata: { name: 'mutated', namespace }, spec })
        assert.deepEqual(
          mutated?.initContainers?.map(({ name, terminationMessagePolicy }) => [name, terminationMessagePolicy]),
          [['webhook-added-init-container', 'File']],
        )
      })
    },
  )

  behavior(
    '[sig-api-machinery] AdmissionWebhook [Privileged:ClusterAdmin] should mutate custom resource [Conformance]',
    async (scene) => {
      await using server = await serveHooks(scene, ANSWERS)
      await defining(scene, {}, async ({ kinds: [widgets] }) => {
        await registered(scene, 'mutating', server, onWidgets(scene, server), async () => {
          const object = objectOf(widgets!, 'mutated', { data: { 'mutation-start': 'yes' } })
          assert.deepEqual((await scene.client.create(widgets!, object))['data'], MUTATED)
        })
      })
    },
  )

  behavior(
    '[sig-api-machinery] AdmissionWebhook [Privileged:ClusterAdmin] should mutate custom resource with pruning [Conformance]',
    async (scene) => {
      await using server = await serveHooks(scene, ANSWERS)
      const data = { type: 'object', properties: { 'mutation-start': text, 'mutation-stage-1': text } }
      await defining(scene, { schema: { type: 'object', properties: { data } } }, async ({ kinds: [widgets] }) => {
        await registered(scene, 'mutating', server, onWidgets(scene, server), async () => {
          const object = objectOf(widgets!, 'pruned', { data: { 'mutation-start': 'yes' } })
          const { 'mutation-stage-2': _, ...known } = MUTATED
          assert.deepEqual((await scene.client.create(widgets!, object))['data'], known)
          // What no webhook changes is no less pruned.
          const other = objectOf(widgets!, 'other', { data: { 'mutation-stage-1': 'no', unknown: 'yes' } })
          assert.deepEqual((await scene.client.create(widgets!, other))['data'], { 'mutation-stage-1': 'no' })
        })
      })
    },
  )

  behavior(
    '[sig-api-machinery] AdmissionWebhook [Privileged:ClusterAdmin] should mutate custom resource with different stored version [Conformance]',
    async (scene) => {
      const { client } = scene
      await using server = await serveHooks(scene, ANSWERS)
      const versions = [{ name: 'v1' }, { name: 'v2' }]
      await defining(scene, { versions }, async ({ crd, kinds: [first, second] }) => {
        await registered(scene, 'mutating', server, onWidgets(scene, server), async () => {
          await client.create(first!, objectOf(first!, 'crossed', { data: { fine: 'yes' } }))
          const swap = [true, false].map((storage, at) => ({
            op: 'replace',
            path: `/spec/versions/${1 - at}/storage`,
            value: storage,
          }))
          const moved = await client.patch(customResourceDefinitions, crd.metadata!.name!, swap, { type: 'json' })
          assert.deepEqual(
            moved.spec.versions.map(({ storage }) => storage),
            [false, true],
          )
          // Asked for in v1, stored in v2, and shown to webhooks that know only v1.
          const patched = await client.patch(first!, 'crossed', { data: { 'mutation-start': 'yes' } }, { type: 'merge' })
          assert.deepEqual(patched['data'], { fine: 'yes', ...MUTATED })
          const inSecond = await client.patch(second!, 'crossed', { data: { later: 'yes' } }, { type: 'merge' })
          assert.deepEqual(
            [inSecond.apiVersion, inSecond['data']],
            [`${groupOf(scene)}/v2`, { fine: 'yes', later: 'yes', ...MUTATED }],
          )
        })
      })
    },
  )

  behavior(
    "[sig-api-machinery] AdmissionWebhook [Privileged:ClusterAdmin] should mutate everything except 'skip-me' configmaps [Conformance]",
    async (scene) => {
      await using server = await serveHooks(scene, ANSWERS)
      const matchConditions = [{ name: 'skip-me', expression: "object.metadata.name != 'skip-me'" }]
      const hooks = [server.to('/stage-1', { matchConditions }), server.to('/stage-2', { matchConditions })]
      await registered(scene, 'mutating', server, hooks, async () => {
        const skipped = await scene.client.create(configMaps, startOf(scene, 'skip-me'))
        assert.deepEqual(skipped.data, { 'mutation-start': 'yes' })
        assert.deepEqual((await scene.client.create(configMaps, startOf(scene, 'mutated'))).data, MUTATED)
      })
    },
  )
})
