import assert from 'node:assert/strict'
import test from 'node:test'
import { deployments, pods } from '#api'
import { startTestApiServer } from '#testing'
import { discoverResources } from './discovery.ts'

test('discovery finds every kind once, with the definition we have of it', async () => {
  await using api = await startTestApiServer()
  const { resources, failures } = await discoverResources(api.client, new AbortController().signal)
  assert.equal(failures.size, 0)
  assert.ok(resources.includes(pods as never))
  assert.ok(resources.includes(deployments as never))
  const names = resources.map(({ group, names: { plural } }) => `${plural}.${group}`)
  assert.equal(new Set(names).size, names.length)
  assert.ok(!names.some((name) => name.includes('/')))
})
