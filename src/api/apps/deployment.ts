import { age, bareSelector, name, templateColumns, text, wide } from '../columns.ts'
import { defaultPodTemplate } from '../core/default-pod.ts'
import { droppingDisabled } from '../core/disabled-pod-fields.ts'
import { podNameWarnings, templateWarnings } from '../core/pod-warnings.ts'
import { defineResource } from '../define-resource.ts'
import type { Deployment, DeploymentSpec } from '../generated/types.ts'
import { validateDeploymentStatus } from './validate-status.ts'
import { validateDeployment } from './validate-workload.ts'

export const deployments = defineResource<Deployment>({
  group: 'apps',
  version: 'v1',
  kind: 'Deployment',
  scope: 'Namespaced',
  names: { plural: 'deployments', shortNames: ['deploy'], categories: ['all'] },
  subresources: { status: true, scale: { spec: '.spec.replicas', status: '.status.replicas' } },
  generation: true,
  default(draft) {
    const spec = (draft.spec ??= {} as DeploymentSpec)
    spec.replicas ??= 1
    const strategy = (spec.strategy ??= {})
    strategy.type ||= 'RollingUpdate'
    if (strategy.type === 'RollingUpdate') {
      strategy.rollingUpdate ??= {}
      strategy.rollingUpdate.maxUnavailable ??= '25%'
      strategy.rollingUpdate.maxSurge ??= '25%'
    }
    spec.revisionHistoryLimit ??= 10
    spec.progressDeadlineSeconds ??= 600
    defaultPodTemplate((spec.template ??= {}))
    draft.status ??= {}
  },
  columns: [
    name,
    text(
      'Ready',
      ({ spec, status }) => `${status?.readyReplicas ?? 0}/${spec?.replicas ?? 0}`,
      'Number of the pod with ready state',
    ),
    text('Up-to-date', ({ status }) => status?.updatedReplicas ?? 0, 'apps.v1.DeploymentStatus#updatedReplicas'),
    text('Available', ({ status }) => status?.availableReplicas ?? 0, 'apps.v1.DeploymentStatus#availableReplicas'),
    age,
    ...templateColumns<Deployment>(({ spec }) => spec?.template),
    wide('Selector', ({ spec }) => bareSelector(spec?.selector), 'apps.v1.DeploymentSpec#selector'),
  ],
  immutableFields: ['spec.selector'],
  validate: validateDeployment,
  validateStatusUpdate: validateDeploymentStatus,
  warnings(object, old, warnings) {
    podNameWarnings(object, old, warnings)
    templateWarnings(object.spec?.template, 'spec.template', object, old, warnings)
  },
  ...droppingDisabled<Deployment>(({ spec }) => spec?.template?.spec),
  schema: 'io.k8s.api.apps.v1.Deployment',
})
