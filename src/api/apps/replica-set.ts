import { age, formatSelector, integer, name, templateColumns, wide } from '../columns.ts'
import { defaultPodTemplate } from '../core/default-pod.ts'
import { droppingDisabled } from '../core/disabled-pod-fields.ts'
import { podNameWarnings, templateWarnings } from '../core/pod-warnings.ts'
import { defineResource } from '../define-resource.ts'
import type { ReplicaSet, ReplicaSetSpec } from '../generated/types.ts'
import { validateReplicasStatus } from './validate-status.ts'
import { validateReplicaSet } from './validate-workload.ts'

export const replicaSets = defineResource<ReplicaSet>({
  group: 'apps',
  version: 'v1',
  kind: 'ReplicaSet',
  scope: 'Namespaced',
  names: { plural: 'replicasets', shortNames: ['rs'], categories: ['all'] },
  subresources: { status: true, scale: { spec: '.spec.replicas', status: '.status.replicas' } },
  generation: true,
  selectableFields: { 'status.replicas': ({ status }) => String(status?.replicas ?? 0) },
  default(draft) {
    const spec = (draft.spec ??= {} as ReplicaSetSpec)
    spec.replicas ??= 1
    defaultPodTemplate((spec.template ??= {}))
    draft.status ??= { replicas: 0 }
  },
  columns: [
    name,
    integer('Desired', ({ spec }) => spec?.replicas ?? 0, 'apps.v1.ReplicaSetSpec#replicas'),
    integer('Current', ({ status }) => status?.replicas ?? 0, 'apps.v1.ReplicaSetStatus#replicas'),
    integer('Ready', ({ status }) => status?.readyReplicas ?? 0, 'apps.v1.ReplicaSetStatus#readyReplicas'),
    age,
    ...templateColumns<ReplicaSet>(({ spec }) => spec?.template),
    wide('Selector', ({ spec }) => formatSelector(spec?.selector), 'apps.v1.ReplicaSetSpec#selector'),
  ],
  immutableFields: ['spec.selector'],
  validate: validateReplicaSet,
  validateStatusUpdate: (set, _old, found) => validateReplicasStatus(set, found),
  warnings(object, old, warnings) {
    podNameWarnings(object, old, warnings)
    templateWarnings(object.spec?.template, 'spec.template', object, old, warnings)
  },
  ...droppingDisabled<ReplicaSet>(({ spec }) => spec?.template?.spec),
  schema: 'io.k8s.api.apps.v1.ReplicaSet',
})
