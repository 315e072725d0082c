import assert from 'node:assert/strict'
import test from 'node:test'
import type { Pod } from '#api'
import { laterOf } from './pod-worker.ts'

const state = (resourceVersion: string, deletionTimestamp?: string): Pod => ({
  metadata: { name: 'a', uid: 'u', resourceVersion, ...(deletionTimestamp && { deletionTimestamp }) },
})

test('a state of before the deletion is no news for whoever knows of it', () => {
  const [alive, deleted, told] = [state('1'), state('2', '2026-01-01T00:00:00Z'), state('3', '2026-01-01T00:00:00Z')]
  assert.equal(laterOf(alive, deleted), deleted)
  assert.equal(laterOf(deleted, told), told)
  assert.equal(laterOf(deleted, alive), deleted)
  assert.equal(laterOf(alive, state('4')).metadata?.resourceVersion, '4')
})
