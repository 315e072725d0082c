import { defineResource } from '../define-resource.ts'
import type { Secret } from '../generated/types.ts'

export const secrets = defineResource<Secret>({
  group: '',
  version: 'v1',
  kind: 'Secret',
  scope: 'Namespaced',
  names: { plural: 'secrets' },
  schema: 'io.k8s.api.core.v1.Secret',
})
