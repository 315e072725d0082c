import { deepEqual } from '#base'
import type { Event } from '../generated/types.ts'
import { immutable, immutableParts } from '../validation/common.ts'
import { complaints, type Findings, invalidValue, required } from '../validation/findings.ts'
import { qualifiedName } from '../validation/names.ts'

const LENGTH_MAX = 128
const NOTE_LENGTH_MAX = 1024

/** What both event APIs ask for: an event with an exact time is one of the newer sort, of which more must be known. They name its `reporter` differently. */
export function validateEvent(event: Event, reporter: 'reportingComponent' | 'reportingController', found: Findings): void {
  const [namespace = '', about = ''] = [event.metadata?.namespace, event.involvedObject?.namespace]
  const isNew = !!event.eventTime
  // Events about objects without a namespace live in `default`.
  const home = isNew ? ['default', 'kube-system'] : ['', 'default']
  const fits = about === '' ? home.includes(namespace) : isNew || namespace === about
  if (!fits) found.push(invalidValue('involvedObject.namespace', about, 'does not match event.namespace'))
  if (!isNew) return
  const { reportingComponent = '', reportingInstance, action, reason, message } = event
  if (reportingComponent === '') found.push(required(reporter))
  complaints(qualifiedName(reportingComponent, false), reportingComponent, reporter, found)
  for (const [field, value] of Object.entries({ reportingInstance, action, reason })) {
    if (!value) found.push(required(field))
    withinLength(value, LENGTH_MAX, field, found)
  }
  withinLength(message, NOTE_LENGTH_MAX, 'message', found)
}

/** What only events.k8s.io asks of a new event. */
export function validateNewEvent(event: Event, found: Findings): void {
  validateSeries(event, found)
  if (!event.eventTime) found.push(required('eventTime'))
  const { type = '', firstTimestamp, lastTimestamp, count, source } = event
  if (type !== 'Normal' && type !== 'Warning') found.push(invalidValue('type', '', `has invalid value: ${type}`))
  const isSet = { firstTimestamp, lastTimestamp, count, source: source?.component || source?.host }
  for (const [field, value] of Object.entries(isSet)) if (value) found.push(invalidValue(field, '', 'needs to be unset'))
}

/** What only events.k8s.io asks of a changed event: nothing but its series goes on. */
export function validateChangedEvent(event: Event, old: Event, found: Findings): void {
  if (!deepEqual(event.series, old.series)) validateSeries(event, found)
  immutableParts(event, old, ['involvedObject', 'reason', 'message', 'source'], '', found)
  immutableParts(event, old, ['firstTimestamp', 'lastTimestamp', 'count', 'reason', 'type'], '', found)
  immutableParts(event, old, ['eventTime', 'action', 'related'], '', found)
  immutable(event.reportingComponent, old.reportingComponent, 'reportingController', found)
  immutable(event.reportingInstance, old.reportingInstance, 'reportingInstance', found)
}

function validateSeries({ series }: Event, found: Findings): void {
  if (series === undefined) return
  if ((series.count ?? 0) < 2) found.push(invalidValue('series.count', '', 'should be at least 2'))
  if (!series.lastObservedTime) found.push(required('series.lastObservedTime'))
}

function withinLength(value: string | undefined, max: number, field: string, found: Findings): void {
  if (Buffer.byteLength(value ?? '') > max) found.push(invalidValue(field, '', `can have at most ${max} characters`))
}
