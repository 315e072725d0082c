import { deepEqual } from '#base'
import { age, name, text } from '../columns.ts'
import { defineResource } from '../define-resource.ts'
import type { VolumeAttributesClass } from '../generated/types.ts'
import { type Findings, forbid, required } from '../validation/findings.ts'
import { validateParameters, validateProvisioner } from './validate-storage.ts'

export const volumeAttributesClasses = defineResource<VolumeAttributesClass>({
  group: 'storage.k8s.io',
  version: 'v1',
  kind: 'VolumeAttributesClass',
  scope: 'Cluster',
  names: { plural: 'volumeattributesclasses', shortNames: ['vac'] },
  returnsDeleted: true,
  columns: [name, text('DriverName', ({ driverName }) => driverName, 'storage.v1.VolumeAttributesClass#driverName'), age],
  validate: validateClass,
  validateUpdate(attributes, old, found) {
    for (const key of ['driverName', 'parameters'] as const) {
      if (!deepEqual(attributes[key], old[key])) found.push(forbid(key, `updates to ${key} are forbidden.`))
    }
    validateClass(attributes, found)
  },
  ratchets: true,
  schema: 'io.k8s.api.storage.v1.VolumeAttributesClass',
})

function validateClass({ driverName, parameters }: VolumeAttributesClass, found: Findings): void {
  validateProvisioner(driverName, 'driverName', found)
  validateParameters(parameters, 'parameters', found)
  if (Object.keys(parameters ?? {}).length === 0) found.push(required('parameters', 'must contain at least one key/value pair'))
}
