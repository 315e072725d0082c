import { validateReplicasStatus } from '../apps/validate-status.ts'
import { validateReplicationController } from '../apps/validate-workload.ts'
import { age, formatLabels, integer, name, templateColumns, wide } from '../columns.ts'
import { defineResource } from '../define-resource.ts'
import type { ReplicationController, ReplicationControllerSpec } from '../generated/types.ts'
import { defaultPodTemplate } from './default-pod.ts'
import { droppingDisabled } from './disabled-pod-fields.ts'
import { podNameWarnings, templateWarnings } from './pod-warnings.ts'

export const replicationControllers = defineResource<ReplicationController>({
  group: '',
  version: 'v1',
  kind: 'ReplicationController',
  scope: 'Namespaced',
  names: { plural: 'replicationcontrollers', shortNames: ['rc'], categories: ['all'] },
  subresources: { status: true, scale: { spec: '.spec.replicas', status: '.status.replicas' } },
  generation: true,
  selectableFields: { 'status.replicas': ({ status }) => String(status?.replicas ?? 0) },
  defaultPropagation: 'Orphan',
  default(draft) {
    const spec = (draft.spec ??= {} as ReplicationControllerSpec)
    const labels = spec.template?.metadata?.labels
    if (labels !== undefined) {
      if (!hasKeys(spec.selector)) spec.selector = { ...labels }
      if (draft.metadata !== undefined && !hasKeys(draft.metadata.labels)) draft.metadata.labels = { ...labels }
    }
    spec.replicas ??= 1
    defaultPodTemplate(spec.template)
    draft.status ??= { replicas: 0 }
  },
  columns: [
    name,
    integer('Desired', ({ spec }) => spec?.replicas ?? 0, 'core.v1.ReplicationControllerSpec#replicas'),
    integer('Current', ({ status }) => status?.replicas ?? 0, 'core.v1.ReplicationControllerStatus#replicas'),
    integer('Ready', ({ status }) => status?.readyReplicas ?? 0, 'core.v1.ReplicationControllerStatus#readyReplicas'),
    age,
    ...templateColumns<ReplicationController>(({ spec }) => spec?.template),
    wide('Selector', ({ spec }) => formatLabels(spec?.selector), 'core.v1.ReplicationControllerSpec#selector'),
  ],
  validate: validateReplicationController,
  validateStatusUpdate: (controller, _old, found) => validateReplicasStatus(controller, found),
  warnings(object, old, warnings) {
    podNameWarnings(object, old, warnings)
    templateWarnings(object.spec?.template, 'spec.template', object, old, warnings)
  },
  ...droppingDisabled<ReplicationController>(({ spec }) => spec?.template?.spec),
  schema: 'io.k8s.api.core.v1.ReplicationController',
})

const hasKeys = (map: Readonly<Record<string, string>> | undefined): boolean => Object.keys(map ?? {}).length > 0
