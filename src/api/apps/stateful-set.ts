import { age, name, templateColumns, text } from '../columns.ts'
import { defaultPodTemplate } from '../core/default-pod.ts'
import { defaultClaimSpec } from '../core/default-volume.ts'
import { podSpecWarnings } from '../core/pod-warnings.ts'
import { defineResource } from '../define-resource.ts'
import type { StatefulSet, StatefulSetSpec } from '../generated/types.ts'
import { dnsLabel } from '../validation/names.ts'
import { validateStatefulSet, validateStatefulSetUpdate } from './validate-workload.ts'

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
    text('Ready', ({ spec, status }) => `${status?.readyReplicas ?? 0}/${spec?.replicas ?? 0}`),
    age,
    ...templateColumns<StatefulSet>(({ spec }) => spec?.template),
  ],
  validateName: dnsLabel,
  validate: validateStatefulSet,
  validateUpdate: validateStatefulSetUpdate,
  warnings: ({ spec }) => podSpecWarnings(spec?.template?.spec, 'spec.template.spec'),
  schema: 'io.k8s.api.apps.v1.StatefulSet',
})
