import { name, text } from '../columns.ts'
import { defineResource } from '../define-resource.ts'
import type { ComponentStatus } from '../generated/types.ts'

export const componentStatuses = defineResource<ComponentStatus>({
  group: '',
  version: 'v1',
  kind: 'ComponentStatus',
  scope: 'Cluster',
  names: { plural: 'componentstatuses', shortNames: ['cs'] },
  verbs: ['get', 'list'],
  stored: false,
  deprecation: 'v1 ComponentStatus is deprecated in v1.19+',
  columns: [
    name,
    text(
      'Status',
      (status) => {
        const health = healthOf(status)
        if (health === undefined) return 'Unknown'
        return health.status === 'True' ? 'Healthy' : 'Unhealthy'
      },
      'Status of the component conditions',
    ),
    text('Message', (status) => healthOf(status)?.message, 'Message of the component conditions'),
    text('Error', (status) => healthOf(status)?.error, 'Error of the component conditions'),
  ],
  schema: 'io.k8s.api.core.v1.ComponentStatus',
})

const healthOf = ({ conditions }: ComponentStatus) => conditions?.find(({ type }) => type === 'Healthy')
