import assert from 'node:assert/strict'
import test from 'node:test'
import { VirtualClock } from '#base'
import { allow, noOpinion } from '../types.ts'
import { DecisionCache } from './decision-cache.ts'

test('answers are remembered by what they were, in bounded number, and long questions not at all', async () => {
  const clock = new VirtualClock(0)
  const cache = new DecisionCache({ authorizedMs: 300, unauthorizedMs: 30 }, clock)
  cache.set('yes', allow('so'))
  cache.set('no', noOpinion())
  cache.set('x'.repeat(10_001), allow())
  assert.deepEqual(
    [cache.get('yes')?.reason, cache.get('no')?.decision, cache.get('x'.repeat(10_001))],
    ['so', 'no-opinion', undefined],
  )
  await clock.advance(30)
  assert.deepEqual([cache.get('yes')?.decision, cache.get('no')], ['allow', undefined])
  for (let at = 0; at < 8191; at++) {
    cache.set(`q${at}`, allow())
    // What is asked again stays.
    if (at === 4000) cache.get('yes')
  }
  cache.set('last', allow())
  assert.equal(cache.get('q0'), undefined)
  assert.equal(cache.get('yes')?.decision, 'allow')
  await clock.advance(300)
  assert.equal(cache.get('yes'), undefined)
})
