import { defineResource } from '../define-resource.ts'
import type { Event } from '../generated/types.ts'
import { eventColumns } from './event-columns.ts'
import { validateEvent } from './validate-event.ts'

export const events = defineResource<Event>({
  group: '',
  version: 'v1',
  kind: 'Event',
  scope: 'Namespaced',
  names: { plural: 'events', shortNames: ['ev'] },
  createsOnUpdate: true,
  ttlSeconds: 3600,
  selectableFields: {
    'involvedObject.kind': ({ involvedObject }) => involvedObject?.kind ?? '',
    'involvedObject.namespace': ({ involvedObject }) => involvedObject?.namespace ?? '',
    'involvedObject.name': ({ involvedObject }) => involvedObject?.name ?? '',
    'involvedObject.uid': ({ involvedObject }) => involvedObject?.uid ?? '',
    'involvedObject.apiVersion': ({ involvedObject }) => involvedObject?.apiVersion ?? '',
    'involvedObject.resourceVersion': ({ involvedObject }) => involvedObject?.resourceVersion ?? '',
    'involvedObject.fieldPath': ({ involvedObject }) => involvedObject?.fieldPath ?? '',
    reason: ({ reason }) => reason ?? '',
    reportingComponent: ({ reportingComponent }) => reportingComponent ?? '',
    source: ({ source, reportingComponent }) => source?.component || (reportingComponent ?? ''),
    type: ({ type }) => type ?? '',
  },
  default(draft) {
    draft.source ??= {}
    draft.reportingComponent ??= ''
    draft.reportingInstance ??= ''
  },
  columns: eventColumns,
  validate: (event, found) => validateEvent(event, 'reportingComponent', found),
  schema: 'io.k8s.api.core.v1.Event',
})
