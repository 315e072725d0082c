import { age, name, text } from '../columns.ts'
import { defineResource } from '../define-resource.ts'
import type { ConfigMap } from '../generated/types.ts'
import { validateConfigMap, validateConfigMapUpdate } from './validate-data.ts'

export const configMaps = defineResource<ConfigMap>({
  group: '',
  version: 'v1',
  kind: 'ConfigMap',
  scope: 'Namespaced',
  names: { plural: 'configmaps', shortNames: ['cm'] },
  columns: [
    name,
    text(
      'Data',
      ({ data, binaryData }) => Object.keys(data ?? {}).length + Object.keys(binaryData ?? {}).length,
      'core.v1.ConfigMap#data',
    ),
    age,
  ],
  validate: validateConfigMap,
  ratchets: true,
  validateUpdate: validateConfigMapUpdate,
  schema: 'io.k8s.api.core.v1.ConfigMap',
})
