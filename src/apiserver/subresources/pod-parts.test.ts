import assert from 'node:assert/strict'
import test from 'node:test'
import { pods } from '#api'
import { podOf, refusal, startAdmissionTest } from '#testing'

test('ephemeral containers are added by their own door, which changes nothing else and takes none away', async () => {
  await using api = await startAdmissionTest()
  const { client } = api
  const made = await client.create(pods, podOf('p'))
  const debug = { name: 'debug', image: 'example.com/debug' }
  const update = (ephemeralContainers: (typeof debug)[] | undefined) => {
    const { ephemeralContainers: _, ...spec } = made.spec!
    const { resourceVersion: _version, ...metadata } = made.metadata!
    const sent = { ...made, metadata, spec: { ...spec, priority: 7, ...(ephemeralContainers && { ephemeralContainers }) } }
    return client.update(pods, sent, { subresource: 'ephemeralcontainers' })
  }
  const added = await update([debug])
  assert.deepEqual(
    [added.spec?.ephemeralContainers?.map(({ name }) => name), added.spec?.priority],
    [['debug'], made.spec?.priority],
  )
  for (const without of [[], undefined])
    assert.match(
      await refusal(update(without)),
      /spec.ephemeralContainers: Forbidden: existing ephemeral containers "debug" may not be removed/,
    )
})
