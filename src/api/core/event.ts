import { defineResource } from '../define-resource.ts'
import type { Event } from '../generated/types.ts'

export const events = defineResource<Event>({
  group: '',
  version: 'v1',
  kind: 'Event',
  scope: 'Namespaced',
  names: { plural: 'events', shortNames: ['ev'] },
  schema: 'io.k8s.api.core.v1.Event',
})
