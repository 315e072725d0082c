import { deepEqual } from '#base'
import { isExtendedResource } from '../core/validate-resources.ts'
import { defineResource } from '../define-resource.ts'
import type { DeviceClass } from '../generated/types.ts'
import { invalidValue } from '../validation/findings.ts'
import { CONFIGS_MAX, eachOf, validateConfiguration, validateSelectors } from './validate-device.ts'

export const deviceClasses = defineResource<DeviceClass>({
  group: 'resource.k8s.io',
  version: 'v1',
  kind: 'DeviceClass',
  scope: 'Cluster',
  names: { plural: 'deviceclasses' },
  returnsDeleted: true,
  generation: true,
  validate({ spec }, found, { old }) {
    validateSelectors(spec?.selectors, 'spec.selectors', found)
    const isStored = old !== undefined && deepEqual(spec?.config, old.spec?.config)
    eachOf(
      spec?.config,
      CONFIGS_MAX,
      'spec.config',
      ({ opaque }, path) => validateConfiguration(opaque, path, found, isStored),
      found,
    )
    const name = spec?.extendedResourceName
    if (name !== undefined && !isExtendedResource(name))
      found.push(invalidValue('spec.extendedResourceName', name, 'must be a valid extended resource name'))
  },
  schema: 'io.k8s.api.resource.v1.DeviceClass',
})
