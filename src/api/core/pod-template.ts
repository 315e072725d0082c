import { containerNames, formatLabels, imageNames, name, text } from '../columns.ts'
import { defineResource } from '../define-resource.ts'
import type { PodTemplate } from '../generated/types.ts'
import { defaultPodTemplate } from './default-pod.ts'

export const podTemplates = defineResource<PodTemplate>({
  group: '',
  version: 'v1',
  kind: 'PodTemplate',
  scope: 'Namespaced',
  names: { plural: 'podtemplates' },
  default: ({ template }) => defaultPodTemplate(template),
  columns: [
    name,
    text('Containers', ({ template }) => containerNames(template)),
    text('Images', ({ template }) => imageNames(template)),
    text('Pod Labels', ({ template }) => formatLabels(template?.metadata?.labels)),
  ],
  schema: 'io.k8s.api.core.v1.PodTemplate',
})
