import { age, fewOf, name, orNone, text } from '../columns.ts'
import { balancerAddresses } from '../core/service-columns.ts'
import { balancerWarnings } from '../core/service-warnings.ts'
import { defineResource } from '../define-resource.ts'
import type { Ingress } from '../generated/types.ts'
import { ingressWarnings, validateIngress, validateIngressStatus } from './validate-ingress.ts'

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
  columns: [
    name,
    text('Class', ({ metadata, spec }) =>
      orNone(spec?.ingressClassName ?? metadata?.annotations?.['kubernetes.io/ingress.class']),
    ),
    text(
      'Hosts',
      ({ spec }) =>
        fewOf(
          (spec?.rules ?? []).flatMap(({ host }) => host || []),
          3,
        ) || '*',
    ),
    text('Address', ({ status }) => balancerAddresses(status?.loadBalancer)),
    text('Ports', ({ spec }) => (spec?.tls?.length ? '80, 443' : '80')),
    age,
  ],
  validate: validateIngress,
  validateStatusUpdate: (ingress, _old, found) => validateIngressStatus(ingress, found),
  warnings: ingressWarnings,
  statusWarnings: balancerWarnings,
  schema: 'io.k8s.api.networking.v1.Ingress',
})
