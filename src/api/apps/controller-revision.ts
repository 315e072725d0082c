import { defineResource } from '../define-resource.ts'
import type { ControllerRevision } from '../generated/types.ts'

export const controllerRevisions = defineResource<ControllerRevision>({
  group: 'apps',
  version: 'v1',
  kind: 'ControllerRevision',
  scope: 'Namespaced',
  names: { plural: 'controllerrevisions' },
  schema: 'io.k8s.api.apps.v1.ControllerRevision',
})
