import { age, name, text } from '../columns.ts'
import { defineResource } from '../define-resource.ts'
import type { Namespace } from '../generated/types.ts'
import { complaints, type Findings, invalidValue } from '../validation/findings.ts'
import { kubernetesFinalizer } from '../validation/metadata.ts'
import { dnsLabel, qualifiedName } from '../validation/names.ts'

export const namespaces = defineResource<Namespace>({
  group: '',
  version: 'v1',
  kind: 'Namespace',
  scope: 'Cluster',
  names: { plural: 'namespaces', shortNames: ['ns'] },
  verbs: ['create', 'delete', 'get', 'list', 'patch', 'update', 'watch'],
  subresources: { status: true, others: { finalize: { kind: 'Namespace', verbs: ['update'] } } },
  selectableFields: { name: ({ metadata }) => metadata?.name ?? '', 'status.phase': ({ status }) => status?.phase ?? '' },
  default(draft) {
    const metadata = (draft.metadata ??= {})
    // Selectors by namespace name rest on this label, so nobody may change it.
    if (metadata.name) metadata.labels = { ...metadata.labels, 'kubernetes.io/metadata.name': metadata.name }
    draft.spec ??= {}
    draft.status ??= {}
    draft.status.phase ||= 'Active'
  },
  prepareForCreate(draft) {
    const spec = (draft.spec ??= {})
    if (!spec.finalizers?.includes('kubernetes')) spec.finalizers = [...(spec.finalizers ?? []), 'kubernetes']
    draft.status = { phase: 'Active' }
  },
  prepareForUpdate(draft, old) {
    // Only the finalize subresource lets go of what guards the content.
    if (old.spec !== undefined) draft.spec = { ...old.spec }
  },
  prepareForDelete(draft) {
    draft.status = { ...draft.status, phase: 'Terminating' }
  },
  blocksDeletion: ({ spec }) => (spec?.finalizers?.length ?? 0) > 0,
  columns: [name, text('Status', ({ status }) => status?.phase, 'The status of the namespace'), age],
  validateName: dnsLabel,
  validate: ({ spec }, found) => validateFinalizers(spec?.finalizers, () => 'spec.finalizers', found),
  validateStatusUpdate(namespace, _old, found) {
    const [phase, when] = namespace.metadata?.deletionTimestamp ? ['Terminating', 'not empty'] : ['Active', 'empty']
    const now = namespace.status?.phase ?? ''
    const rule = `may only be '${phase}' if \`deletionTimestamp\` is ${when}`
    if (now !== phase) found.push(invalidValue('status.Phase', now, rule))
  },
  validateSubresourceUpdate(subresource, { spec }, _old, found) {
    if (subresource === 'finalize') validateFinalizers(spec?.finalizers, (index) => `spec.finalizers[${index}]`, found)
  },
  schema: 'io.k8s.api.core.v1.Namespace',
})

function validateFinalizers(finalizers: readonly string[] = [], pathOf: (index: number) => string, found: Findings): void {
  for (const [index, finalizer] of finalizers.entries()) {
    complaints(qualifiedName(finalizer), finalizer, pathOf(index), found)
    kubernetesFinalizer(finalizer, pathOf(index), found)
  }
}
