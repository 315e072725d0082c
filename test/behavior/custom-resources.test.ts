import assert from 'node:assert/strict'
import { type CustomResourceDefinition, customResourceDefinitions } from '#api'
import type { KubernetesObject } from '#meta'
import { crdOf } from '#testing'
import { behaviors } from './behavior.ts'
import { defining, groupOf, objectOf } from './custom.ts'
import { isDiscovered } from './operations.ts'
import { read, send } from './raw.ts'
import { observe, refusal, until, untilAnswer, untilList } from './waiting.ts'

const PATH = '/apis/apiextensions.k8s.io/v1/customresourcedefinitions'
const LISTED = 10

const isEstablished = (crd: CustomResourceDefinition | undefined): boolean =>
  Boolean(crd?.status?.conditions?.some(({ type, status }) => type === 'Established' && status === 'True'))

behaviors('custom resources', (behavior) => {
  behavior(
    '[sig-api-machinery] CustomResourceDefinition resources [Privileged:ClusterAdmin] Simple CustomResourceDefinition creating/deleting custom resource definition objects works [Conformance]',
    async (scene) => {
      const { client } = scene
      let name = ''
      await defining(scene, {}, async ({ crd, kinds }) => {
        name = crd.metadata!.name!
        assert.equal((await client.create(kinds[0]!, objectOf(kinds[0]!, 'one'))).metadata?.name, 'one')
      })
      await refusal(client.get(customResourceDefinitions, name), 'NotFound')
      const path = `/apis/${groupOf(scene)}/v1/widgets`
      await untilAnswer(
        () => send(scene.target, { method: 'GET', path }),
        ({ status }) => status === 404,
      )
    },
  )

  behavior(
    '[sig-api-machinery] CustomResourceDefinition resources [Privileged:ClusterAdmin] Simple CustomResourceDefinition listing custom resource definition objects works [Conformance]',
    async (scene) => {
      const { client, namespace } = scene
      const selection = { labelSelector: `e2e-list-test=${namespace}` }
      const labelled = Array.from({ length: LISTED }, (_, at) => {
        const crd = crdOf({ group: groupOf(scene), kind: `Kind${at}`, scope: 'Cluster' })
        return { ...crd, metadata: { ...crd.metadata, labels: { 'e2e-list-test': namespace } } }
      })
      const other = crdOf({ group: groupOf(scene), kind: 'Other', scope: 'Cluster' })
      const otherName = other.metadata!.name!
      try {
        const created = await Promise.all([...labelled, other].map((crd) => client.create(customResourceDefinitions, crd)))
        for (const { metadata } of created) await until(client, customResourceDefinitions, metadata!.name!, isEstablished)
        const { items } = await client.list(customResourceDefinitions, selection)
        const byName = new Map(created.map(({ metadata, spec }) => [metadata?.name, spec]))
        assert.equal(items.length, LISTED)
        for (const { metadata, spec } of items) assert.deepEqual(spec, byName.get(metadata?.name))
      } finally {
        await client.deleteCollection(customResourceDefinitions, selection)
      }
      await untilList(client, customResourceDefinitions, selection, (items) => items.length === 0)
      assert.equal((await client.get(customResourceDefinitions, otherName)).metadata?.deletionTimestamp, undefined)
      await client.delete(customResourceDefinitions, otherName)
    },
  )

  behavior(
    '[sig-api-machinery] CustomResourceDefinition resources [Privileged:ClusterAdmin] Simple CustomResourceDefinition getting/updating/patching custom resource definition status sub-resource works [Conformance]',
    async (scene) => {
      const { client, target } = scene
      await defining(scene, {}, async ({ crd }) => {
        const name = crd.metadata!.name!
        const status = await read<CustomResourceDefinition>(target, `${PATH}/${name}/status`)
        assert.deepEqual(status.spec, crd.spec)
        // Upstream's suite writes conditions that have nothing but a message.
        const conditions = [...(status.status?.conditions ?? []), { message: 'updated' } as never]
        const updated = await client.updateStatus(customResourceDefinitions, {
          ...status,
          status: { ...status.status, conditions },
        } as CustomResourceDefinition)
        const messages = ({ status: own }: CustomResourceDefinition) => own?.conditions?.map(({ message }) => message)
        assert.ok(messages(updated)?.includes('updated'))
        assert.ok(messages(await client.get(customResourceDefinitions, name))?.includes('updated'))
        const patch = [{ op: 'add', path: '/status/conditions', value: [{ message: 'patched' }] }]
        const patched = await client.patch(customResourceDefinitions, name, patch, { type: 'json', subresource: 'status' })
        assert.ok(messages(patched)?.includes('patched'))
        assert.equal(patched.metadata?.generation, crd.metadata?.generation)
      })
    },
  )

  behavior(
    '[sig-api-machinery] CustomResourceDefinition resources [Privileged:ClusterAdmin] should include custom resource definition resources in discovery documents [Conformance]',
    (scene) => isDiscovered(scene, customResourceDefinitions, ['create', 'delete', 'get', 'list', 'patch', 'update', 'watch']),
  )

  behavior(
    '[sig-api-machinery] CustomResourceDefinition resources [Privileged:ClusterAdmin] custom resource defaulting for requests and from storage works [Conformance]',
    async (scene) => {
      const { client } = scene
      const schema = { type: 'object', properties: { a: { type: 'string' }, b: { type: 'string' } } }
      await defining(scene, { schema }, async ({ crd, kinds: [widgets] }) => {
        const name = crd.metadata!.name!
        const field = (of: string): string => `/spec/versions/0/schema/openAPIV3Schema/properties/${of}/default`
        const first = await client.create(widgets!, objectOf(widgets!, 'first'))
        assert.equal(first['a'], undefined)
        await client.patch(customResourceDefinitions, name, [{ op: 'add', path: field('a'), value: 'A' }], { type: 'json' })
        const fromStorage = await untilAnswer(
          () => client.get(widgets!, 'first'),
          (seen) => seen['a'] !== undefined,
        )
        assert.deepEqual([fromStorage['a'], fromStorage['b']], ['A', undefined])
        assert.equal((await client.create(widgets!, objectOf(widgets!, 'second')))['a'], 'A')
        const swap = [
          { op: 'remove', path: field('a') },
          { op: 'add', path: field('b'), value: 'B' },
        ]
        await client.patch(customResourceDefinitions, name, swap, { type: 'json' })
        const second = await untilAnswer(
          () => client.get(widgets!, 'second'),
          (seen) => seen['b'] !== undefined,
        )
        // What a request was given stays; what reading alone gave is gone.
        assert.deepEqual([second['a'], second['b']], ['A', 'B'])
        const again = await client.get(widgets!, 'first')
        assert.deepEqual([again['a'], again['b']], [undefined, 'B'])
      })
    },
  )

  behavior(
    '[sig-api-machinery] CustomResourceDefinition Watch [Privileged:ClusterAdmin] CustomResourceDefinition Watch watch on custom resource definition objects [Conformance]',
    async (scene) => {
      const { client } = scene
      await defining(scene, {}, async ({ kinds: [widgets] }) => {
        const { metadata } = await client.list(widgets!)
        await using stack = new AsyncDisposableStack()
        const watched = (name: string) =>
          stack.use(
            observe(client, widgets!, {
              fieldSelector: `metadata.name=${name}`,
              resourceVersion: metadata.resourceVersion!,
            }),
          )
        const watches = { a: watched('a'), b: watched('b') }
        const patch = [{ op: 'add', path: '/dummy', value: 'test' }]
        const steps = {
          ADDED: (name: string) => client.create(widgets!, objectOf(widgets!, name)),
          MODIFIED: (name: string) => client.patch(widgets!, name, patch, { type: 'json' }),
          DELETED: (name: string) => client.delete(widgets!, name),
        }
        for (const [type, step] of Object.entries(steps)) {
          for (const name of ['a', 'b'] as const) {
            await step(name)
            // The very next event of this watch, so that nothing of the other object came before it.
            const event = await watches[name].next(() => true)
            const seen = event.object as KubernetesObject & { dummy?: string }
            assert.deepEqual([event.type, seen.metadata?.name, seen.dummy], [type, name, type === 'ADDED' ? undefined : 'test'])
          }
        }
      })
    },
  )
})
