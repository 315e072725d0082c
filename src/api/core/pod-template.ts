import { containerNames, formatLabels, imageNames, name, text } from '../columns.ts'
import { defineResource } from '../define-resource.ts'
import type { PodTemplate } from '../generated/types.ts'
import { defaultPodTemplate } from './default-pod.ts'
import { droppingDisabled } from './disabled-pod-fields.ts'
import { templateWarnings } from './pod-warnings.ts'
import { validatePodTemplate } from './validate-pod-spec.ts'

export const podTemplates = defineResource<PodTemplate>({
  group: '',
  version: 'v1',
  kind: 'PodTemplate',
  scope: 'Namespaced',
  names: { plural: 'podtemplates' },
  returnsDeleted: true,
  generation: true,
  default: ({ template }) => defaultPodTemplate(template),
  columns: [
    name,
    text('Containers', ({ template }) => containerNames(template), 'Names of each container in the template.'),
    text('Images', ({ template }) => imageNames(template), 'Images referenced by each container in the template.'),
    text('Pod Labels', ({ template }) => formatLabels(template?.metadata?.labels), 'The labels for the pod template.'),
  ],
  validate: ({ template }, found, { old }) => validatePodTemplate(template, 'template', found, old?.template),
  warnings: (object, old, warnings) => templateWarnings(object.template, 'template', object, old, warnings),
  ...droppingDisabled<PodTemplate>(({ template }) => template?.spec),
  schema: 'io.k8s.api.core.v1.PodTemplate',
})
