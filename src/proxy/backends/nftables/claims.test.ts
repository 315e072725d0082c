import assert from 'node:assert/strict'
import test from 'node:test'
import { Claims } from './claims.ts'

test('the longest-standing owner’s wish is in force, and the next one’s when it goes', () => {
  const claims = new Claims<string>()
  claims.claim(2, 'k', 'b')
  assert.deepEqual([...claims.settle()], [['k', { was: undefined, is: 'b' }]])
  claims.claim(1, 'k', 'a')
  assert.deepEqual([...claims.settle()], [['k', { was: 'b', is: 'a' }]])
  claims.release(1, 'k')
  claims.claim(1, 'k', 'a')
  assert.equal(claims.settle().size, 0, 'what is given back and taken again has not changed')
  claims.release(1, 'k')
  assert.deepEqual([...claims.settle()], [['k', { was: 'a', is: 'b' }]])
  claims.release(2, 'k')
  assert.deepEqual([...claims.settle()], [['k', { was: 'b', is: undefined }]])
})
