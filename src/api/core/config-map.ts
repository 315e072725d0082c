import { defineResource } from '../define-resource.ts'
import type { ConfigMap } from '../generated/types.ts'

export const configMaps = defineResource<ConfigMap>({
  group: '',
  version: 'v1',
  kind: 'ConfigMap',
  scope: 'Namespaced',
  names: { plural: 'configmaps', shortNames: ['cm'] },
  schema: 'io.k8s.api.core.v1.ConfigMap',
})
