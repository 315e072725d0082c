import assert from 'node:assert/strict'
import { type PodTemplate, podTemplates } from '#api'
import type { Client } from '#client'
import { isGone, type KubernetesList, StatusError } from '#meta'
import { behaviors } from './behavior.ts'

const TEMPLATES = 100
const PAGE = 17
/** Twice the time in which upstream compacts its store. */
const COMPACTION_MS_MAX = 11 * 60_000
const LOOK_AGAIN_SECONDS = 10

async function createTemplates(client: Client, namespace: string): Promise<readonly string[]> {
  const names = Array.from({ length: TEMPLATES }, (_, at) => `template-${String(at).padStart(4, '0')}`)
  const template = { spec: { containers: [{ name: 'test', image: 'test2' }] } }
  await Promise.all(names.map((name) => client.create(podTemplates, { metadata: { name, namespace }, template })))
  return names
}

const namesOf = ({ items }: KubernetesList<PodTemplate>): string[] => items.map(({ metadata }) => metadata!.name!)

/** The token that the server offers instead of one that is too old; it may take its time until then. */
async function tokenOfExpiry(client: Client, namespace: string, token: string | undefined): Promise<string | undefined> {
  for (;;) {
    try {
      await client.list(podTemplates, { namespace, limit: PAGE, continue: token })
    } catch (error) {
      if (!(error instanceof StatusError && isGone(error))) throw error
      assert.deepEqual([error.code, error.reason], [410, 'Expired'])
      return error.status.metadata?.continue
    }
    // Nothing happens to the templates, so that the server ends this watch when its time is over.
    for await (const _ of client.watch(podTemplates, { namespace, timeoutSeconds: LOOK_AGAIN_SECONDS }));
  }
}

behaviors('chunking', (behavior) => {
  behavior(
    '[sig-api-machinery] Servers with support for API chunking should return chunks of results for list calls [Conformance]',
    async ({ client, namespace }) => {
      const names = await createTemplates(client, namespace)
      const seen: string[] = []
      let resourceVersion: string | undefined
      let token: string | undefined
      do {
        const page = await client.list(podTemplates, { namespace, limit: PAGE, continue: token })
        assert.ok(page.items.length <= PAGE)
        resourceVersion ??= page.metadata.resourceVersion
        assert.equal(page.metadata.resourceVersion, resourceVersion, 'every page is of one snapshot')
        seen.push(...namesOf(page))
        token = page.metadata.continue
        const remaining = TEMPLATES - seen.length
        assert.equal(page.metadata.remainingItemCount ?? 0, remaining)
        assert.equal(Boolean(token), remaining > 0)
      } while (token)
      assert.deepEqual(seen, names)
      assert.equal((await client.list(podTemplates, { namespace })).items.length, TEMPLATES)
    },
  )

  behavior(
    '[sig-api-machinery] Servers with support for API chunking should support continue listing from the last key if the original version has been compacted away, though the list is inconsistent [Slow] [Conformance]',
    async ({ target, client, namespace }) => {
      const names = await createTemplates(client, namespace)
      const first = await client.list(podTemplates, { namespace, limit: PAGE })
      assert.deepEqual([first.items.length, first.metadata.remainingItemCount], [PAGE, TEMPLATES - PAGE])
      // A revision later than the first page's is the newest, so that the page's may be forgotten.
      const key = `${namespace}/${names.at(-1)}`
      await client.patch(podTemplates, key, { metadata: { labels: { later: 'yes' } } }, { type: 'merge' })
      await target.compact()
      const inconsistent = await tokenOfExpiry(client, namespace, first.metadata.continue)
      assert.ok(inconsistent)

      const seen = namesOf(first)
      let token: string | undefined = inconsistent
      let resourceVersion: string | undefined
      while (token) {
        const page: KubernetesList<PodTemplate> = await client.list(podTemplates, { namespace, limit: PAGE, continue: token })
        resourceVersion ??= page.metadata.resourceVersion
        assert.notEqual(resourceVersion, first.metadata.resourceVersion)
        assert.equal(page.metadata.resourceVersion, resourceVersion, 'the pages that follow are of one snapshot again')
        seen.push(...namesOf(page))
        token = page.metadata.continue
        assert.equal(page.items.length, token ? PAGE : TEMPLATES % PAGE)
        assert.equal(page.metadata.remainingItemCount ?? 0, TEMPLATES - seen.length)
      }
      assert.deepEqual(seen, names)
    },
    { timeoutMs: COMPACTION_MS_MAX },
  )
})
