import { defineResource } from '../define-resource.ts'
import type { EventsEvent } from '../generated/types.ts'

export const eventsEvents = defineResource<EventsEvent>({
  group: 'events.k8s.io',
  version: 'v1',
  kind: 'Event',
  scope: 'Namespaced',
  names: { plural: 'events', shortNames: ['ev'] },
  schema: 'io.k8s.api.events.v1.Event',
})
