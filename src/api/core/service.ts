import { defineResource } from '../define-resource.ts'
import type { Service } from '../generated/types.ts'
import { dnsLabel } from '../validation/names.ts'
import { defaultService } from './default-service.ts'
import { serviceColumns } from './service-columns.ts'
import { balancerWarnings, serviceWarnings } from './service-warnings.ts'
import { validateService, validateServiceUpdate } from './validate-service.ts'
import { validateServiceStatus } from './validate-service-status.ts'

export const services = defineResource<Service>({
  group: '',
  version: 'v1',
  kind: 'Service',
  scope: 'Namespaced',
  names: { plural: 'services', shortNames: ['svc'], categories: ['all'] },
  createsOnUpdate: true,
  returnsDeleted: true,
  subresources: {
    status: true,
    others: {
      proxy: {
        kind: 'ServiceProxyOptions',
        verbs: ['create', 'get', 'patch', 'update'],
        connect: ['delete', 'get', 'head', 'options', 'patch', 'post', 'put'],
        pathSuffix: true,
      },
    },
  },
  selectableFields: {
    'spec.clusterIP': ({ spec }) => spec?.clusterIP ?? '',
    'spec.type': ({ spec }) => spec?.type ?? '',
  },
  default: defaultService,
  columns: serviceColumns,
  validateName: dnsLabel,
  validate: validateService,
  validateUpdate: validateServiceUpdate,
  ratchets: true,
  validateStatusUpdate: validateServiceStatus,
  warnings: (service, _old, warnings) => serviceWarnings(service, warnings),
  statusWarnings: balancerWarnings,
  schema: 'io.k8s.api.core.v1.Service',
})
