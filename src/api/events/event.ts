import { events } from '../core/event.ts'
import { eventColumns } from '../core/event-columns.ts'
import { validateChangedEvent, validateEvent, validateNewEvent } from '../core/validate-event.ts'
import { defineResource } from '../define-resource.ts'
import type { Event, EventsEvent } from '../generated/types.ts'
import { fromCoreEvent, toCoreEvent } from './core-form.ts'

export const eventsEvents = defineResource<EventsEvent>({
  group: 'events.k8s.io',
  version: 'v1',
  kind: 'Event',
  scope: 'Namespaced',
  names: { plural: 'events', shortNames: ['ev'] },
  createsOnUpdate: true,
  ttlSeconds: 3600,
  selectableFields: {
    'regarding.kind': ({ regarding }) => regarding?.kind ?? '',
    'regarding.namespace': ({ regarding }) => regarding?.namespace ?? '',
    'regarding.name': ({ regarding }) => regarding?.name ?? '',
    'regarding.uid': ({ regarding }) => regarding?.uid ?? '',
    'regarding.apiVersion': ({ regarding }) => regarding?.apiVersion ?? '',
    'regarding.resourceVersion': ({ regarding }) => regarding?.resourceVersion ?? '',
    'regarding.fieldPath': ({ regarding }) => regarding?.fieldPath ?? '',
    reason: ({ reason }) => reason ?? '',
    reportingController: ({ reportingController }) => reportingController ?? '',
    type: ({ type }) => type ?? '',
  },
  default: (draft) => events.default(draft as Event),
  storage: {
    group: '',
    version: 'v1',
    kind: 'Event',
    toStored: toCoreEvent,
    fromStored: fromCoreEvent,
  },
  columns: eventColumns.map((column) => ({
    ...column,
    value: (event, context) => column.value(toCoreEvent(event), context),
  })),
  validate(event, found, { isNew }) {
    validateEvent(event as Event, 'reportingController', found)
    if (isNew) validateNewEvent(event as Event, found)
  },
  validateUpdate: (event, old, found) => validateChangedEvent(event as Event, old as Event, found),
  schema: 'io.k8s.api.events.v1.Event',
})
