import { defaultPodTemplate } from '../core/default-pod.ts'
import { defineResource } from '../define-resource.ts'
import type { DaemonSet, DaemonSetSpec } from '../generated/types.ts'

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
    defaultPodTemplate(spec.template)
    draft.status ??= { currentNumberScheduled: 0, numberMisscheduled: 0, desiredNumberScheduled: 0, numberReady: 0 }
  },
  schema: 'io.k8s.api.apps.v1.DaemonSet',
})
