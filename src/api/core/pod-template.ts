import { defineResource } from '../define-resource.ts'
import type { PodTemplate } from '../generated/types.ts'

export const podTemplates = defineResource<PodTemplate>({
  group: '',
  version: 'v1',
  kind: 'PodTemplate',
  scope: 'Namespaced',
  names: { plural: 'podtemplates' },
  schema: 'io.k8s.api.core.v1.PodTemplate',
})
