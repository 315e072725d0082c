import { age, name, templateColumns, text } from '../columns.ts'
import { defaultPodTemplate } from '../core/default-pod.ts'
import { defaultClaimSpec } from '../core/default-volume.ts'
import { droppingDisabled } from '../core/disabled-pod-fields.ts'
import { templateWarnings } from '../core/pod-warnings.ts'
import { claimSpecWarnings } from '../core/storage-warnings.ts'
import { defineResource } from '../define-resource.ts'
import type { StatefulSet, StatefulSetSpec } from '../generated/types.ts'
import { dnsLabel } from '../validation/names.ts'
import { validateStatefulSet, validateStatefulSetUpdate } from './validate-stateful-set.ts'
import { validateStatefulSetStatus } from './validate-status.ts'

export const statefulSets = defineResource<StatefulSet>({
  group: 'apps',
  version: 'v1',
  kind: 'StatefulSet',
  scope: 'Namespaced',
  names: { plural: 'statefulsets', shortNames: ['sts'], categories: ['all'] },
  subresources: { status: true, scale: { spec: '.spec.replicas', status: '.status.replicas' } },
  generation: true,
  default(draft) {
    const spec = (draft.spec ??= {} as StatefulSetSpec)
    spec.podManagementPolicy ||= 'OrderedReady'
    const strategy = (spec.updateStrategy ??= {})
    strategy.type ||= 'RollingUpdate'
    if (strategy.type === 'RollingUpdate') {
      strategy.rollingUpdate ??= {}
      strategy.rollingUpdate.partition ??= 0
    }
    const retention = (spec.persistentVolumeClaimRetentionPolicy ??= {})
    retention.whenDeleted ||= 'Retain'
    retention.whenScaled ||= 'Retain'
    spec.replicas ??= 1
    spec.revisionHistoryLimit ??= 10
    for (const claim of spec.volumeClaimTemplates ?? []) {
      claim.apiVersion ||= 'v1'
      claim.kind ||= 'PersistentVolumeClaim'
      defaultClaimSpec((claim.spec ??= {}))
      claim.status ??= {}
      claim.status.phase ||= 'Pending'
    }
    defaultPodTemplate((spec.template ??= {}))
    draft.status ??= { replicas: 0, availableReplicas: 0 }
  },
  columns: [
    name,
    text(
      'Ready',
      ({ spec, status }) => `${status?.readyReplicas ?? 0}/${spec?.replicas ?? 0}`,
      'Number of the pod with ready state',
    ),
    age,
    ...templateColumns<StatefulSet>(({ spec }) => spec?.template),
  ],
  validateName: dnsLabel,
  validate: validateStatefulSet,
  validateUpdate: validateStatefulSetUpdate,
  ratchets: true,
  validateStatusUpdate: validateStatefulSetStatus,
  warnings(set, old, warnings) {
    templateWarnings(set.spec?.template, 'spec.template', set, old, warnings)
    // Upstream's path of a change has one part more.
    const part = old === undefined ? '' : '.Spec'
    for (const [index, { spec }] of (set.spec?.volumeClaimTemplates ?? []).entries())
      claimSpecWarnings(spec, `spec.volumeClaimTemplates[${index}]${part}`, warnings)
    if ((set.spec?.revisionHistoryLimit ?? 0) < 0)
      warnings.push('spec.revisionHistoryLimit: a negative value retains all historical revisions; a value >= 0 is recommended')
  },
  ...droppingDisabled<StatefulSet>(({ spec }) => spec?.template?.spec),
  schema: 'io.k8s.api.apps.v1.StatefulSet',
})
