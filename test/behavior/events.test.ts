import assert from 'node:assert/strict'
import { type EventsEvent, events, eventsEvents } from '#api'
import { behaviors } from './behavior.ts'
import { assertHolds } from './operations.ts'
import { refusal } from './waiting.ts'

const labels = { 'behavior-event': 'true' }
const selection = { labelSelector: 'behavior-event=true' }

const coreEvent = (namespace: string, name: string) => ({
  apiVersion: 'v1',
  kind: 'Event',
  metadata: { name, namespace, labels },
  involvedObject: { namespace },
  message: 'this is a test event',
  reason: 'Test',
  source: { component: 'behavior' },
  type: 'Normal',
  count: 1,
  firstTimestamp: '2017-09-19T13:49:16Z',
  lastTimestamp: '2017-09-19T13:49:16Z',
})

const event = (namespace: string, name: string): EventsEvent => ({
  apiVersion: 'events.k8s.io/v1',
  kind: 'Event',
  metadata: { name, namespace, labels },
  regarding: { namespace },
  eventTime: '2017-09-19T13:49:16.000000Z',
  note: 'this is a test event',
  reason: 'Test',
  action: 'Do',
  type: 'Normal',
  reportingController: 'behavior-controller',
  reportingInstance: 'behavior-node',
  series: { count: 2, lastObservedTime: '2017-09-19T13:49:16.000000Z' },
})

behaviors('events', (behavior) => {
  behavior(
    '[sig-instrumentation] Events should manage the lifecycle of an event [Conformance]',
    async ({ client, namespace }) => {
      const key = `${namespace}/event-test`
      const created = await client.create(events, coreEvent(namespace, 'event-test'))
      const listed = await client.list(events, selection)
      assert.equal(listed.items.filter(({ metadata }) => metadata?.namespace === namespace).length, 1)
      const patched = await client.patch(events, key, { message: 'patched' }, { type: 'strategic' })
      assert.equal(patched.message, 'patched')
      const fetched = await client.get(events, key)
      assert.equal(fetched.message, 'patched')
      const series = { count: 100, lastObservedTime: '2017-09-19T13:49:16.000000Z' }
      await client.update(events, { ...fetched, series })
      assert.deepEqual((await client.get(events, key)).series, series)
      assert.equal(created.metadata?.uid, fetched.metadata?.uid)
      await client.delete(events, key)
      await refusal(client.get(events, key), 'NotFound')
      assert.deepEqual((await client.list(events, { namespace, ...selection })).items, [])
    },
  )

  behavior('[sig-instrumentation] Events should delete a collection of events [Conformance]', async ({ client, namespace }) => {
    for (const name of ['one', 'two', 'three']) await client.create(events, coreEvent(namespace, name))
    assert.equal((await client.list(events, { namespace, ...selection })).items.length, 3)
    await client.deleteCollection(events, { namespace, ...selection })
    assert.deepEqual((await client.list(events, { namespace, ...selection })).items, [])
  })

  behavior(
    '[sig-instrumentation] Events API should ensure that an event can be fetched, patched, deleted, and listed [Conformance]',
    async ({ client, namespace }) => {
      const key = `${namespace}/event-test`
      await client.create(eventsEvents, event(namespace, 'event-test'))
      for (const scope of [{ namespace }, {}]) {
        const { items } = await client.list(eventsEvents, { ...scope, ...selection })
        assert.ok(items.some(({ metadata }) => metadata?.namespace === namespace && metadata.name === 'event-test'))
      }
      const fetched = await client.get(eventsEvents, key)
      assertHolds(fetched, { ...event(namespace, 'event-test'), series: { count: 2 } })
      // One object in two groups.
      const core = await client.get(events, key)
      assert.deepEqual([core.message, core.metadata?.uid], [fetched.note, fetched.metadata?.uid])
      const series = { count: 100, lastObservedTime: '2024-01-02T03:04:05.000006Z' }
      const patched = await client.patch(eventsEvents, key, { series }, { type: 'strategic' })
      assert.deepEqual(patched.series, series)
      const later = { count: 101, lastObservedTime: '2024-01-02T03:04:06.000000Z' }
      await client.update(eventsEvents, { ...patched, series: later })
      assert.deepEqual((await client.get(eventsEvents, key)).series, later)
      await client.delete(eventsEvents, key)
      await refusal(client.get(eventsEvents, key), 'NotFound')
      for (const scope of [{ namespace }, {}]) {
        const { items } = await client.list(eventsEvents, { ...scope, ...selection })
        assert.ok(!items.some(({ metadata }) => metadata?.namespace === namespace))
      }
    },
  )

  behavior(
    '[sig-instrumentation] Events API should delete a collection of events [Conformance]',
    async ({ client, namespace }) => {
      for (const name of ['one', 'two', 'three']) await client.create(eventsEvents, event(namespace, name))
      assert.equal((await client.list(eventsEvents, { namespace, ...selection })).items.length, 3)
      await client.deleteCollection(eventsEvents, { namespace, ...selection })
      assert.deepEqual((await client.list(eventsEvents, { namespace, ...selection })).items, [])
      assert.deepEqual((await client.list(events, { namespace, ...selection })).items, [])
    },
  )
})
