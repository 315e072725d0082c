import assert from 'node:assert/strict'
import { podTemplates } from '#api'
import { behaviors } from './behavior.ts'

const TEMPLATES = 100
const PAGE = 17

behaviors('chunking', (behavior) => {
  behavior(
    '[sig-api-machinery] Servers with support for API chunking should return chunks of results for list calls [Conformance]',
    async ({ client, namespace }) => {
      const names = Array.from({ length: TEMPLATES }, (_, at) => `template-${String(at).padStart(4, '0')}`)
      const template = { spec: { containers: [{ name: 'test', image: 'test2' }] } }
      await Promise.all(names.map((name) => client.create(podTemplates, { metadata: { name, namespace }, template })))
      const seen: string[] = []
      let resourceVersion: string | undefined
      let token: string | undefined
      do {
        const { items, metadata } = await client.list(podTemplates, { namespace, limit: PAGE, continue: token })
        assert.ok(items.length <= PAGE)
        resourceVersion ??= metadata.resourceVersion
        assert.equal(metadata.resourceVersion, resourceVersion, 'every page is of one snapshot')
        seen.push(...items.map((item) => item.metadata!.name!))
        token = metadata.continue
        const remaining = TEMPLATES - seen.length
        assert.equal(metadata.remainingItemCount ?? 0, remaining)
        assert.equal(Boolean(token), remaining > 0)
      } while (token)
      assert.deepEqual(seen, names)
      assert.equal((await client.list(podTemplates, { namespace })).items.length, TEMPLATES)
    },
  )
})
