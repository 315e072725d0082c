import { ageOf, integer, text, wide } from '../columns.ts'
import type { Column } from '../definition.ts'
import type { Event } from '../generated/types.ts'

export const eventColumns: readonly Column<Event>[] = [
  text('Last Seen', lastSeen),
  text('Type', ({ type }) => type),
  text('Reason', ({ reason }) => reason),
  text('Object', ({ involvedObject: { kind = '', name } = {} }) => (name ? `${kind.toLowerCase()}/${name}` : kind.toLowerCase())),
  wide('Subobject', ({ involvedObject }) => involvedObject?.fieldPath),
  wide('Source', sourceOf),
  text('Message', ({ message }) => message?.trim()),
  wide('First Seen', firstSeen),
  { ...integer<Event>('Count', ({ series, count }) => series?.count ?? (count || 1)), priority: 1 },
  wide('Name', ({ metadata }) => metadata?.name),
]

function firstSeen({ firstTimestamp, eventTime }: Event, nowMs: number): string {
  return ageOf(firstTimestamp ?? eventTime ?? undefined, nowMs)
}

function lastSeen(event: Event, nowMs: number): string {
  const last = event.series?.lastObservedTime ?? event.lastTimestamp
  return last ? ageOf(last, nowMs) : firstSeen(event, nowMs)
}

function sourceOf({ source, reportingComponent, reportingInstance }: Event): string {
  const component = source?.component || reportingComponent || ''
  const host = source?.host || reportingInstance || ''
  return host ? `${component}, ${host}` : component
}
