import { deepEqual } from '#base'
import { age, integer, NONE, name, text } from '../columns.ts'
import { defineResource } from '../define-resource.ts'
import type { ControllerRevision } from '../generated/types.ts'
import { IMMUTABLE, invalidValue, nonNegative, required } from '../validation/findings.ts'

export const controllerRevisions = defineResource<ControllerRevision>({
  group: 'apps',
  version: 'v1',
  kind: 'ControllerRevision',
  scope: 'Namespaced',
  names: { plural: 'controllerrevisions' },
  columns: [
    name,
    text('Controller', ({ metadata }) => {
      const owner = metadata?.ownerReferences?.find(({ controller }) => controller)
      if (owner === undefined) return NONE
      const group = owner.apiVersion.includes('/') ? `.${owner.apiVersion.split('/')[0]}` : ''
      return `${owner.kind.toLowerCase()}${group}/${owner.name}`
    }),
    integer('Revision', ({ revision }) => revision),
    age,
  ],
  *validate({ data, revision }) {
    if (data === undefined) yield required('data', 'data is mandatory')
    yield* nonNegative(revision, 'revision')
  },
  *validateUpdate({ data }, old) {
    if (!deepEqual(data, old.data)) yield invalidValue('data', data, IMMUTABLE)
  },
  schema: 'io.k8s.api.apps.v1.ControllerRevision',
})
