import { defineResource } from '../define-resource.ts'
import type { Binding } from '../generated/types.ts'

export const bindings = defineResource<Binding>({
  group: '',
  version: 'v1',
  kind: 'Binding',
  scope: 'Namespaced',
  names: { plural: 'bindings' },
  verbs: ['create'],
  stored: false,
  schema: 'io.k8s.api.core.v1.Binding',
})
