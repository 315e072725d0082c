import { defineResource } from '../define-resource.ts'
import type { APIService } from '../generated/types.ts'

export const apiServices = defineResource<APIService>({
  group: 'apiregistration.k8s.io',
  version: 'v1',
  kind: 'APIService',
  scope: 'Cluster',
  names: { plural: 'apiservices', categories: ['api-extensions'] },
  subresources: { status: true },
  default({ spec }) {
    if (spec?.service) spec.service.port ??= 443
  },
  schema: 'io.k8s.kube-aggregator.pkg.apis.apiregistration.v1.APIService',
})
