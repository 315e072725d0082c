import { age, NONE, name, text } from '../columns.ts'
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
    text(
      'Class',
      ({ spec }) => spec?.ingressClassName ?? NONE,
      'The name of the IngressClass resource that should be used for additional configuration',
    ),
    text('Hosts', hostsOf, 'Hosts that incoming requests are matched against before the ingress rule'),
    text(
      'Address',
      ({ status }) => balancerAddresses(status?.loadBalancer),
      'Address is a list containing ingress points for the load-balancer',
    ),
    text('Ports', ({ spec }) => (spec?.tls?.length ? '80, 443' : '80'), 'Ports of TLS configurations that open'),
    age,
  ],
  validate: validateIngress,
  validateStatusUpdate: validateIngressStatus,
  warnings: ingressWarnings,
  statusWarnings: balancerWarnings,
  schema: 'io.k8s.api.networking.v1.Ingress',
})

const HOSTS_MAX = 3

/** The first few hosts; rules of any host that come after those are counted, too. */
function hostsOf({ spec }: Ingress): string {
  const rules = spec?.rules ?? []
  const named = rules.flatMap(({ host }, index) => (host ? [{ host, index }] : []))
  const shown = named
    .slice(0, HOSTS_MAX)
    .map(({ host }) => host)
    .join(',')
  const last = named[HOSTS_MAX - 1]
  const isMore = last !== undefined && last.index < rules.length - 1
  return isMore ? `${shown} + ${rules.length - HOSTS_MAX} more...` : shown || '*'
}
