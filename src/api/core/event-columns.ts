import { ageOf, name, text, wide } from '../columns.ts'
import type { Column } from '../definition.ts'
import type { Event } from '../generated/types.ts'

export const eventColumns: readonly Column<Event>[] = [
  text('Last Seen', lastSeen, 'core.v1.Event#lastTimestamp'),
  text('Type', ({ type }) => type, 'core.v1.Event#type'),
  text('Reason', ({ reason }) => reason, 'core.v1.Event#reason'),
  text(
    'Object',
    ({ involvedObject: { kind = '', name: about } = {} }) => (about ? `${kind.toLowerCase()}/${about}` : kind.toLowerCase()),
    'core.v1.Event#involvedObject',
  ),
  wide('Subobject', ({ involvedObject }) => involvedObject?.fieldPath, 'core.v1.ObjectReference#fieldPath'),
  wide('Source', sourceOf, 'core.v1.Event#source'),
  text('Message', ({ message }) => message?.trim(), 'core.v1.Event#message'),
  wide('First Seen', firstSeen, 'core.v1.Event#firstTimestamp'),
  wide('Count', ({ series, count }) => (series ? (series.count ?? 0) : count || 1), 'core.v1.Event#count'),
  { ...name, priority: 1 },
]

function firstSeen({ firstTimestamp, eventTime }: Event, nowMs: number): string {
  return ageOf(firstTimestamp ?? eventTime ?? undefined, nowMs)
}

function lastSeen(event: Event, nowMs: number): string {
  if (event.series) return ageOf(event.series.lastObservedTime ?? undefined, nowMs)
  return event.lastTimestamp ? ageOf(event.lastTimestamp, nowMs) : firstSeen(event, nowMs)
}

function sourceOf({ source, reportingComponent, reportingInstance }: Event): string {
  const component = source?.component || reportingComponent || ''
  const host = source?.host || reportingInstance || ''
  return host ? `${component}, ${host}` : component
}
