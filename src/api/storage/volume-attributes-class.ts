import { age, name, text } from '../columns.ts'
import { defineResource } from '../define-resource.ts'
import type { VolumeAttributesClass } from '../generated/types.ts'

export const volumeAttributesClasses = defineResource<VolumeAttributesClass>({
  group: 'storage.k8s.io',
  version: 'v1',
  kind: 'VolumeAttributesClass',
  scope: 'Cluster',
  names: { plural: 'volumeattributesclasses', shortNames: ['vac'] },
  columns: [name, text('DriverName', ({ driverName }) => driverName), age],
  schema: 'io.k8s.api.storage.v1.VolumeAttributesClass',
})
