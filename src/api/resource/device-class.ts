import { defineResource } from '../define-resource.ts'
import type { DeviceClass } from '../generated/types.ts'

export const deviceClasses = defineResource<DeviceClass>({
  group: 'resource.k8s.io',
  version: 'v1',
  kind: 'DeviceClass',
  scope: 'Cluster',
  names: { plural: 'deviceclasses' },
  schema: 'io.k8s.api.resource.v1.DeviceClass',
})
