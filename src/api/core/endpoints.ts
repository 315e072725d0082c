import { defineResource } from '../define-resource.ts'
import type { Endpoints } from '../generated/types.ts'

export const endpoints = defineResource<Endpoints>({
  group: '',
  version: 'v1',
  kind: 'Endpoints',
  scope: 'Namespaced',
  names: { plural: 'endpoints', shortNames: ['ep'] },
  default(draft) {
    for (const { ports } of draft.subsets ?? []) for (const port of ports ?? []) port.protocol ||= 'TCP'
  },
  schema: 'io.k8s.api.core.v1.Endpoints',
})
