import { defineResource } from '../define-resource.ts'
import type { Ingress } from '../generated/types.ts'

export const ingresses = defineResource<Ingress>({
  group: 'networking.k8s.io',
  version: 'v1',
  kind: 'Ingress',
  scope: 'Namespaced',
  names: { plural: 'ingresses', shortNames: ['ing'] },
  subresources: { status: true },
  generation: true,
  default(draft) {
    draft.spec ??= {}
    draft.status ??= {}
    draft.status.loadBalancer ??= {}
  },
  schema: 'io.k8s.api.networking.v1.Ingress',
})
