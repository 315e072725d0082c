import { age, NONE, name, text } from '../columns.ts'
import { defineResource } from '../define-resource.ts'
import type { IngressClass } from '../generated/types.ts'
import { IMMUTABLE, invalidValue, required } from '../validation/findings.ts'

export const ingressClasses = defineResource<IngressClass>({
  group: 'networking.k8s.io',
  version: 'v1',
  kind: 'IngressClass',
  scope: 'Cluster',
  names: { plural: 'ingressclasses' },
  generation: true,
  default({ spec }) {
    if (spec?.parameters) spec.parameters.scope ||= 'Cluster'
  },
  columns: [
    name,
    text('Controller', ({ spec }) => spec?.controller),
    text('Parameters', ({ spec }) => {
      const parameters = spec?.parameters
      if (parameters === undefined) return NONE
      return `${parameters.kind}${parameters.apiGroup ? `.${parameters.apiGroup}` : ''}/${parameters.name}`
    }),
    age,
  ],
  *validate({ spec }) {
    if (!spec?.controller) yield required('spec.controller')
  },
  *validateUpdate({ spec }, { spec: old }) {
    if (spec?.controller !== old?.controller) yield invalidValue('spec.controller', spec?.controller ?? '', IMMUTABLE)
  },
  schema: 'io.k8s.api.networking.v1.IngressClass',
})
