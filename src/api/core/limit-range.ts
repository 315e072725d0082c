import { defineResource } from '../define-resource.ts'
import type { LimitRange } from '../generated/types.ts'

export const limitRanges = defineResource<LimitRange>({
  group: '',
  version: 'v1',
  kind: 'LimitRange',
  scope: 'Namespaced',
  names: { plural: 'limitranges', shortNames: ['limits'] },
  schema: 'io.k8s.api.core.v1.LimitRange',
})
