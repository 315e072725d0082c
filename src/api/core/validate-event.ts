import { deepEqual } from '#base'
import type { Event } from '../generated/types.ts'
import { immutable, immutableParts } from '../validation/common.ts'
import { complaints, type Findings, invalidValue, required } from '../validation/findings.ts'
import { qualifiedName } from '../validation/names.ts'

const LENGTH_MAX = 128
const NOTE_LENGTH_MAX = 1024

/** What both event APIs ask for: an event with an exact time is one of the newer sort, of which more must be known. They name its `reporter` differently. */
export function* validateEvent(event: Event, reporter: 'reportingComponent' | 'reportingController'): Findings {
  const [namespace = '', about = ''] = [event.metadata?.namespace, event.involvedObject?.namespace]
  const isNew = !!event.eventTime
  // Events about objects without a namespace live in `default`.
  const home = isNew ? ['default', 'kube-system'] : ['', 'default']
  const fits = about === '' ? home.includes(namespace) : isNew || namespace === about
  if (!fits) yield invalidValue('involvedObject.namespace', about, 'does not match event.namespace')
  if (!isNew) return
  const { reportingComponent = '', reportingInstance, action, reason, message } = event
  if (reportingComponent === '') yield required(reporter)
  yield* complaints(qualifiedName(reportingComponent, false), reportingComponent, reporter)
  for (const [field, value] of Object.entries({ reportingInstance, action, reason })) {
    if (!value) yield required(field)
    yield* withinLength(value, LENGTH_MAX, field)
  }
  yield* withinLength(message, NOTE_LENGTH_MAX, 'message')
}

/** What only events.k8s.io asks of a new event. */
export function* validateNewEvent(event: Event): Findings {
  yield* validateSeries(event)
  if (!event.eventTime) yield required('eventTime')
  const { type = '', firstTimestamp, lastTimestamp, count, source } = event
  if (type !== 'Normal' && type !== 'Warning') yield invalidValue('type', '', `has invalid value: ${type}`)
  const isSet = { firstTimestamp, lastTimestamp, count, source: source?.component || source?.host }
  for (const [field, value] of Object.entries(isSet)) if (value) yield invalidValue(field, '', 'needs to be unset')
}

/** What only events.k8s.io asks of a changed event: nothing but its series goes on. */
export function* validateChangedEvent(event: Event, old: Event): Findings {
  if (!deepEqual(event.series, old.series)) yield* validateSeries(event)
  yield* immutableParts(event, old, ['involvedObject', 'reason', 'message', 'source'], '')
  yield* immutableParts(event, old, ['firstTimestamp', 'lastTimestamp', 'count', 'reason', 'type'], '')
  yield* immutableParts(event, old, ['eventTime', 'action', 'related'], '')
  yield* immutable(event.reportingComponent, old.reportingComponent, 'reportingController')
  yield* immutable(event.reportingInstance, old.reportingInstance, 'reportingInstance')
}

function* validateSeries({ series }: Event): Findings {
  if (series === undefined) return
  if ((series.count ?? 0) < 2) yield invalidValue('series.count', '', 'should be at least 2')
  if (!series.lastObservedTime) yield required('series.lastObservedTime')
}

function* withinLength(value: string | undefined, max: number, field: string): Findings {
  if (Buffer.byteLength(value ?? '') > max) yield invalidValue(field, '', `can have at most ${max} characters`)
}
