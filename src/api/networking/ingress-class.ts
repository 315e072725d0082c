import { defineResource } from '../define-resource.ts'
import type { IngressClass } from '../generated/types.ts'

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
  schema: 'io.k8s.api.networking.v1.IngressClass',
})
