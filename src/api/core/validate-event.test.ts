import assert from 'node:assert/strict'
import test from 'node:test'
import { deepClone } from '#base'
import { type Event, events, eventsEvents, type ResourceDefinition } from '../index.ts'
import { foundBy } from '../validation/findings.ts'

const TIME = '2026-01-01T00:00:00.000000Z'
const event: Event = {
  metadata: { name: 'e', namespace: 'default' },
  involvedObject: { kind: 'Pod', namespace: 'default', name: 'p' },
  eventTime: TIME,
  type: 'Normal',
  reason: 'R',
  action: 'A',
  reportingComponent: 'example.com/c',
  reportingInstance: 'i',
}
/** Both event APIs get the form that is stored. */
const said = (resource: unknown, object: object, isNew = true): string[] =>
  foundBy((found) => (resource as ResourceDefinition).validate(object as never, found, { nowMs: 0, isNew })).map(
    ({ field, message }) => `${field}: ${message}`,
  )
const { eventTime: _, ...timeless } = event

test('an event with an exact time says who saw what', () => {
  assert.deepEqual(said(events, event), [])
  assert.deepEqual(said(events, timeless), [])
  const bare = { metadata: { name: 'e', namespace: 'a' }, involvedObject: {}, eventTime: TIME, message: 'm'.repeat(1025) }
  assert.deepEqual(
    said(events, bare).filter((finding) => !finding.includes('name part')),
    [
      'involvedObject.namespace: Invalid value: "": does not match event.namespace',
      'reportingComponent: Required value',
      'reportingInstance: Required value',
      'action: Required value',
      'reason: Required value',
      'message: Invalid value: "": can have at most 1024 characters',
    ],
  )
  const long = { ...event, reportingInstance: 'i'.repeat(129), reportingComponent: 'a b' }
  const [reporter, instance] = said(eventsEvents, long)
  assert.match(reporter!, /^reportingController: Invalid value: "a b": name part must consist of/)
  assert.equal(instance, 'reportingInstance: Invalid value: "": can have at most 128 characters')
})

test('events.k8s.io takes only new events of the newer sort', () => {
  assert.deepEqual(said(eventsEvents, event), [])
  const old = { ...timeless, type: 'Odd', firstTimestamp: TIME, lastTimestamp: TIME, count: 1, source: { component: 'c' } }
  const expected = [
    'series.count: Invalid value: "": should be at least 2',
    'series.lastObservedTime: Required value',
    'eventTime: Required value',
    'type: Invalid value: "": has invalid value: Odd',
    'firstTimestamp: Invalid value: "": needs to be unset',
    'lastTimestamp: Invalid value: "": needs to be unset',
    'count: Invalid value: "": needs to be unset',
    'source: Invalid value: "": needs to be unset',
  ]
  assert.deepEqual(said(eventsEvents, { ...old, series: { count: 1 } }), expected)
  assert.deepEqual(said(eventsEvents, old, false), [])
  assert.deepEqual(said(events, old), [])
})

test('of an event of events.k8s.io only the series goes on', () => {
  const changed = (change: (draft: Event) => void): string[] => {
    const draft = deepClone(event)
    change(draft)
    return foundBy((found) => eventsEvents.validateUpdate(draft as never, event as never, found, { nowMs: 0 })).map(
      ({ field, message }) => `${field}: ${message}`,
    )
  }
  assert.deepEqual(
    changed((draft) => {
      draft.series = { count: 2, lastObservedTime: TIME }
    }),
    [],
  )
  assert.deepEqual(
    changed((draft) => {
      draft.series = { count: 1 }
      draft.reason = 'S'
      draft.reportingComponent = 'c'
    }),
    [
      'series.count: Invalid value: "": should be at least 2',
      'series.lastObservedTime: Required value',
      'reason: Invalid value: "S": field is immutable',
      'reason: Invalid value: "S": field is immutable',
      'reportingController: Invalid value: "c": field is immutable',
    ],
  )
})
