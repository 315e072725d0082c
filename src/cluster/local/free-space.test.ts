import assert from 'node:assert/strict'
import { tmpdir } from 'node:os'
import test from 'node:test'
import { ensureFreeSpace } from './free-space.ts'

test('a file system without room is refused in one sentence, one with room is not', () => {
  // Every Linux has one that never has any.
  assert.throws(
    () => ensureFreeSpace('/proc'),
    /^Error: the disk of \/proc has 0 MiB left, and a cluster needs 64 MiB at the least; free some space/,
  )
  ensureFreeSpace(tmpdir())
})
