import { age, formatLabels, formatSelector, integer, name, templateColumns, text, wide } from '../columns.ts'
import { defaultPodTemplate } from '../core/default-pod.ts'
import { dropDisabled } from '../core/disabled-pod-fields.ts'
import { templateWarnings } from '../core/pod-warnings.ts'
import { defineResource } from '../define-resource.ts'
import type { DaemonSet, DaemonSetSpec } from '../generated/types.ts'
import { countTemplate, setTemplateGeneration, templateGeneration } from './template-generation.ts'
import { validateDaemonSetStatus } from './validate-status.ts'
import { validateDaemonSet } from './validate-workload.ts'

export const daemonSets = defineResource<DaemonSet>({
  group: 'apps',
  version: 'v1',
  kind: 'DaemonSet',
  scope: 'Namespaced',
  names: { plural: 'daemonsets', shortNames: ['ds'], categories: ['all'] },
  subresources: { status: true },
  generation: true,
  default(draft) {
    const spec = (draft.spec ??= {} as DaemonSetSpec)
    const strategy = (spec.updateStrategy ??= {})
    strategy.type ||= 'RollingUpdate'
    if (strategy.type === 'RollingUpdate') {
      strategy.rollingUpdate ??= {}
      strategy.rollingUpdate.maxUnavailable ??= 1
      strategy.rollingUpdate.maxSurge ??= 0
    }
    spec.revisionHistoryLimit ??= 10
    defaultPodTemplate((spec.template ??= {}))
    setTemplateGeneration(draft, templateGeneration(draft))
    draft.status ??= { currentNumberScheduled: 0, numberMisscheduled: 0, desiredNumberScheduled: 0, numberReady: 0 }
  },
  prepareForCreate(draft) {
    setTemplateGeneration(draft, Math.max(templateGeneration(draft), 1))
    dropDisabled(draft.spec?.template?.spec)
  },
  prepareForUpdate(draft, old) {
    dropDisabled(draft.spec?.template?.spec, old.spec?.template?.spec)
    countTemplate(draft, old)
  },
  columns: [
    name,
    integer('Desired', ({ status }) => status?.desiredNumberScheduled ?? 0, 'apps.v1.DaemonSetStatus#desiredNumberScheduled'),
    integer('Current', ({ status }) => status?.currentNumberScheduled ?? 0, 'apps.v1.DaemonSetStatus#currentNumberScheduled'),
    integer('Ready', ({ status }) => status?.numberReady ?? 0, 'apps.v1.DaemonSetStatus#numberReady'),
    integer('Up-to-date', ({ status }) => status?.updatedNumberScheduled ?? 0, 'apps.v1.DaemonSetStatus#updatedNumberScheduled'),
    integer('Available', ({ status }) => status?.numberAvailable ?? 0, 'apps.v1.DaemonSetStatus#numberAvailable'),
    text('Node Selector', ({ spec }) => formatLabels(spec?.template?.spec?.nodeSelector), 'core.v1.PodSpec#nodeSelector'),
    age,
    ...templateColumns<DaemonSet>(({ spec }) => spec?.template),
    wide('Selector', ({ spec }) => formatSelector(spec?.selector), 'apps.v1.DaemonSetSpec#selector'),
  ],
  immutableFields: ['spec.selector'],
  validate: validateDaemonSet,
  validateStatusUpdate: validateDaemonSetStatus,
  warnings: (object, old, warnings) => templateWarnings(object.spec?.template, 'spec.template', object, old, warnings),
  schema: 'io.k8s.api.apps.v1.DaemonSet',
})
