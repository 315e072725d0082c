import { age, name, text } from '../columns.ts'
import { defineResource } from '../define-resource.ts'
import type { ResourceQuota } from '../generated/types.ts'
import { validateQuota, validateQuotaStatus, validateQuotaUpdate } from './validate-quota.ts'

export const resourceQuotas = defineResource<ResourceQuota>({
  group: '',
  version: 'v1',
  kind: 'ResourceQuota',
  scope: 'Namespaced',
  names: { plural: 'resourcequotas', shortNames: ['quota'] },
  returnsDeleted: true,
  subresources: { status: true },
  default(draft) {
    draft.spec ??= {}
    draft.status ??= {}
  },
  columns: [
    name,
    text(
      'Request',
      (quota) => usage(quota, (resource) => !resource.startsWith('limits.')),
      'Request represents a minimum amount of cpu/memory that a container may consume.',
    ),
    text(
      'Limit',
      (quota) => usage(quota, (resource) => resource.startsWith('limits.')),
      'Limits control the maximum amount of cpu/memory that a container may use independent of contention on the node.',
    ),
    age,
  ],
  validate: ({ spec }, found) => validateQuota(spec ?? {}, found),
  validateUpdate: validateQuotaUpdate,
  validateStatusUpdate: (quota, _old, found) => validateQuotaStatus(quota, found),
  schema: 'io.k8s.api.core.v1.ResourceQuota',
})

/** `cpu: 1/2, pods: 3/10` */
function usage({ status }: ResourceQuota, wanted: (resource: string) => boolean): string {
  const hard = Object.entries(status?.hard ?? {}).sort(([a], [b]) => (a < b ? -1 : 1))
  return hard
    .filter(([resource]) => wanted(resource))
    .map(([resource, limit]) => `${resource}: ${status?.used?.[resource] ?? '0'}/${limit}`)
    .join(', ')
}
