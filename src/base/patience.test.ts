import assert from 'node:assert/strict'
import test from 'node:test'
import { EndingPatience, SignalPatience } from './patience.ts'

test('who waits hears of the end once, and who no longer listens does not', () => {
  const patience = new EndingPatience()
  const heard: unknown[] = []
  patience.onEnd((reason) => heard.push(['first', reason]))
  patience.onEnd((reason) => heard.push(['second', reason]))[Symbol.dispose]()
  patience.end('gone')
  patience.end('gone again')
  assert.deepEqual(heard, [['first', 'gone']])
})

test('who asks after the end hears of it at once', () => {
  const patience = new EndingPatience()
  patience.end(undefined)
  let calls = 0
  patience.onEnd(() => calls++)[Symbol.dispose]()
  assert.equal(calls, 1)
})

test('its signal is one, whether it was asked for before the end or after', () => {
  const before = new EndingPatience()
  const { signal } = before
  assert.equal(signal.aborted, false)
  before.end('gone')
  assert.equal(signal.reason, 'gone')
  assert.equal(before.signal, signal)
  const after = new EndingPatience()
  after.end('gone')
  assert.equal(after.signal.reason, 'gone')
})

test('a signal is a patience; none has no end', () => {
  const controller = new AbortController()
  const patience = new SignalPatience(controller)
  const heard: unknown[] = []
  patience.onEnd((reason) => heard.push(reason))
  patience.onEnd(() => heard.push('not this'))[Symbol.dispose]()
  controller.abort('gone')
  patience.onEnd((reason) => heard.push(`${reason} already`))
  assert.deepEqual(heard, ['gone', 'gone already'])
  assert.equal(patience.signal, controller.signal)
  const endless = new SignalPatience({})
  endless.onEnd(() => heard.push('never'))[Symbol.dispose]()
  assert.equal(endless.signal.aborted, false)
})
