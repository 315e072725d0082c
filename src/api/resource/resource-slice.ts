import { age, name, text } from '../columns.ts'
import { defineResource } from '../define-resource.ts'
import type { ResourceSlice } from '../generated/types.ts'
import { dropDisabledDeviceFields } from './disabled-device-fields.ts'
import { validateResourceSlice } from './validate-slice.ts'

export const resourceSlices = defineResource<ResourceSlice>({
  group: 'resource.k8s.io',
  version: 'v1',
  kind: 'ResourceSlice',
  scope: 'Cluster',
  names: { plural: 'resourceslices' },
  returnsDeleted: true,
  generation: true,
  columns: [
    name,
    text('Node', ({ spec }) => spec?.nodeName, 'resource.v1.ResourceSliceSpec#nodeName'),
    text('Driver', ({ spec }) => spec?.driver, 'resource.v1.ResourceSliceSpec#driver'),
    text('Pool', ({ spec }) => spec?.pool?.name, 'resource.v1.ResourcePool#name'),
    age,
  ],
  selectableFields: {
    'spec.driver': ({ spec }) => spec?.driver ?? '',
    'spec.nodeName': ({ spec }) => spec?.nodeName ?? '',
  },
  prepareForCreate: (draft) => dropDisabledDeviceFields(draft),
  prepareForUpdate: dropDisabledDeviceFields,
  validate: validateResourceSlice,
  warnings({ spec }, _old, warnings) {
    const driver = spec?.driver ?? ''
    if (driver !== driver.toLowerCase())
      warnings.push(`spec.driver: driver names should be lowercase; "${driver}" contains uppercase characters`)
  },
  schema: 'io.k8s.api.resource.v1.ResourceSlice',
})
