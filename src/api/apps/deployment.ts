import { defaultPodTemplate } from '../core/default-pod.ts'
import { defineResource } from '../define-resource.ts'
import type { Deployment, DeploymentSpec } from '../generated/types.ts'

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
    defaultPodTemplate(spec.template)
    draft.status ??= {}
  },
  schema: 'io.k8s.api.apps.v1.Deployment',
})
