import { age, integer, name } from '../columns.ts'
import { defineResource } from '../define-resource.ts'
import type { CSINode } from '../generated/types.ts'
import { validateCSINode, validateCSINodeUpdate } from './validate-storage.ts'

export const csiNodes = defineResource<CSINode>({
  group: 'storage.k8s.io',
  version: 'v1',
  kind: 'CSINode',
  scope: 'Cluster',
  names: { plural: 'csinodes' },
  returnsDeleted: true,
  unconditionalUpdate: false,
  columns: [
    name,
    integer(
      'Drivers',
      ({ spec }) => spec?.drivers?.length ?? 0,
      'Drivers indicates the number of CSI drivers registered on the node',
    ),
    age,
  ],
  validate: validateCSINode,
  validateUpdate: validateCSINodeUpdate,
  schema: 'io.k8s.api.storage.v1.CSINode',
})
