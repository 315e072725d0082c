import { age, NONE, name, text } from '../columns.ts'
import { defineResource } from '../define-resource.ts'
import type { ControllerRevision } from '../generated/types.ts'
import { immutable } from '../validation/common.ts'
import { nonNegative, required } from '../validation/findings.ts'

export const controllerRevisions = defineResource<ControllerRevision>({
  group: 'apps',
  version: 'v1',
  kind: 'ControllerRevision',
  scope: 'Namespaced',
  names: { plural: 'controllerrevisions' },
  columns: [
    name,
    text(
      'Controller',
      ({ metadata }) => {
        const owner = metadata?.ownerReferences?.find(({ controller }) => controller)
        if (owner === undefined) return NONE
        const group = owner.apiVersion.includes('/') ? `.${owner.apiVersion.split('/')[0]}` : ''
        return `${owner.kind.toLowerCase()}${group}/${owner.name}`
      },
      'Controller of the object',
    ),
    text('Revision', ({ revision }) => revision, 'apps.v1.ControllerRevision#revision'),
    age,
  ],
  validate({ data, revision }, found) {
    nonNegative(revision, 'revision', found)
    if (data === undefined || data === null) found.push(required('data', 'data is mandatory'))
    else if (typeof data !== 'object' || Array.isArray(data)) found.push(required('data', 'data must be a valid JSON object'))
  },
  validateUpdate({ data, revision }, old, found) {
    nonNegative(revision, 'revision', found)
    immutable(data, old.data, 'data', found)
  },
  ratchets: true,
  schema: 'io.k8s.api.apps.v1.ControllerRevision',
})
