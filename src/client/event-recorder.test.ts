import assert from 'node:assert/strict'
import test from 'node:test'
import { type ConfigMap, type Event, events } from '#api'
import { settle, VirtualClock } from '#base'
import { startTestApiServer } from '#testing'
import { EventRecorder } from './event-recorder.ts'

const object = (name: string): ConfigMap => ({
  apiVersion: 'v1',
  kind: 'ConfigMap',
  metadata: { name, namespace: 'default', uid: `uid-of-${name}` },
})

async function withRecorder(
  body: (recorder: EventRecorder, clock: VirtualClock, recorded: () => Promise<Event[]>) => Promise<void>,
): Promise<void> {
  const clock = new VirtualClock()
  await using api = await startTestApiServer({ clock })
  const { client, random, log } = api
  await using recorder = new EventRecorder({ client, clock, random, log, component: 'tester' })
  await body(recorder, clock, async () => {
    for (let turn = 0; turn < 20; turn++) await settle()
    return (await client.list(events, { namespace: 'default' })).items as Event[]
  })
}

test('an event that happens again is counted', () =>
  withRecorder(async (recorder, _clock, recorded) => {
    for (let time = 0; time < 3; time++) recorder.event(object('a'), 'Normal', 'Pulled', 'image pulled')
    const all = await recorded()
    assert.deepEqual(
      all.map(({ count, message }) => [count, message]),
      [[3, 'image pulled']],
    )
  }))

test('from the tenth on, similar events within ten minutes are combined in one', () =>
  withRecorder(async (recorder, clock, recorded) => {
    for (let time = 1; time <= 12; time++) recorder.event(object('a'), 'Warning', 'Failed', `try ${time}`)
    const all = await recorded()
    assert.equal(all.length, 10)
    const combined = all.find(({ message }) => message?.startsWith('('))
    assert.deepEqual([combined?.message, combined?.count], ['(combined from similar events): try 12', 3])
    await clock.advance(601_000)
    recorder.event(object('a'), 'Warning', 'Failed', 'try 13')
    assert.ok((await recorded()).some(({ message }) => message === 'try 13'))
  }))

test('an object has twenty-five events, and then one in five minutes; others have their own', () =>
  withRecorder(async (recorder, clock, recorded) => {
    const flood = (): void => {
      for (let time = 0; time < 40; time++) recorder.event(object('a'), 'Normal', 'Again', 'and again')
    }
    const count = async (): Promise<number | undefined> =>
      (await recorded()).find(({ involvedObject }) => involvedObject.name === 'a')?.count
    flood()
    assert.equal(await count(), 25)
    recorder.event(object('b'), 'Normal', 'Again', 'and again')
    assert.equal((await recorded()).length, 2)
    await clock.advance(300_000)
    flood()
    // The fifteen that were not sent, and the one that was.
    assert.equal(await count(), 41)
  }))
