import { defineResource } from '../define-resource.ts'
import type { Pod } from '../generated/types.ts'
import { defaultPod } from './default-pod.ts'
import { dropDisabled } from './disabled-pod-fields.ts'
import { podColumns, podRowConditions } from './pod-columns.ts'
import { isPodTerminal, qosClass } from './pod-facts.ts'
import { podStatusWarnings, podWarnings } from './pod-warnings.ts'
import { validatePod, validatePodStatusUpdate, validatePodUpdate } from './validate-pod.ts'
import { validatePodPart } from './validate-pod-parts.ts'

export const pods = defineResource<Pod>({
  group: '',
  version: 'v1',
  kind: 'Pod',
  scope: 'Namespaced',
  names: { plural: 'pods', shortNames: ['po'], categories: ['all'] },
  returnsDeleted: true,
  subresources: {
    status: true,
    others: {
      attach: { kind: 'PodAttachOptions', verbs: ['create', 'get'], connect: ['get', 'post'] },
      binding: { kind: 'Binding', verbs: ['create'] },
      ephemeralcontainers: { kind: 'Pod', verbs: ['get', 'patch', 'update'] },
      eviction: { kind: 'Eviction', group: 'policy', verbs: ['create'] },
      exec: { kind: 'PodExecOptions', verbs: ['create', 'get'], connect: ['get', 'post'] },
      log: { kind: 'Pod', verbs: ['get'] },
      portforward: { kind: 'PodPortForwardOptions', verbs: ['create', 'get'], connect: ['get', 'post'] },
      proxy: {
        kind: 'PodProxyOptions',
        verbs: ['create', 'get', 'patch', 'update'],
        connect: ['delete', 'get', 'head', 'options', 'patch', 'post', 'put'],
        pathSuffix: true,
      },
      resize: { kind: 'Pod', verbs: ['get', 'patch', 'update'] },
    },
  },
  generation: true,
  selectableFields: {
    'spec.nodeName': ({ spec }) => spec?.nodeName ?? '',
    'spec.restartPolicy': ({ spec }) => spec?.restartPolicy ?? '',
    'spec.schedulerName': ({ spec }) => spec?.schedulerName ?? '',
    'spec.serviceAccountName': ({ spec }) => spec?.serviceAccountName ?? '',
    'spec.hostNetwork': ({ spec }) => String(spec?.hostNetwork ?? false),
    'status.phase': ({ status }) => status?.phase ?? '',
    'status.podIP': ({ status }) => status?.podIP ?? '',
    'status.nominatedNodeName': ({ status }) => status?.nominatedNodeName ?? '',
  },
  default: defaultPod,
  prepareForCreate(draft) {
    dropDisabled(draft.spec)
    draft.status = { phase: 'Pending', qosClass: qosClass(draft) }
    if (!draft.spec?.schedulingGates?.length) return
    draft.status.conditions = [
      {
        type: 'PodScheduled',
        status: 'False',
        reason: 'SchedulingGated',
        message: 'Scheduling is blocked due to non-empty scheduling gates',
      },
    ]
  },
  prepareForUpdate: ({ spec }, { spec: old }) => dropDisabled(spec, old),
  prepareForStatusUpdate(draft, old) {
    // Older kubelets do not know the class, and send none.
    if (draft.status !== undefined && old.status?.qosClass) draft.status.qosClass ||= old.status.qosClass
  },
  gracePeriodSeconds(pod) {
    // Nothing runs of a pod that no kubelet took or that has finished: there is nobody to wait for.
    if (!pod.spec?.nodeName || isPodTerminal(pod)) return 0
    const seconds = pod.spec.terminationGracePeriodSeconds ?? 30
    return seconds < 0 ? 1 : seconds
  },
  columns: podColumns,
  rowConditions: podRowConditions,
  validate: validatePod,
  validateUpdate: validatePodUpdate,
  validateStatusUpdate: validatePodStatusUpdate,
  warnings: podWarnings,
  statusWarnings: podStatusWarnings,
  validateSubresourceUpdate: validatePodPart,
  schema: 'io.k8s.api.core.v1.Pod',
})
