import { defineResource } from '../define-resource.ts'
import type { Pod } from '../generated/types.ts'
import { defaultPod } from './default-pod.ts'
import { dropDisabled, dropDisabledStatus } from './disabled-pod-fields.ts'
import { mergeLabelKeys } from './merge-label-keys.ts'
import { podColumns, podRowConditions } from './pod-columns.ts'
import { isPodTerminal, qosClass } from './pod-facts.ts'
import { podStatusWarnings, podWarnings } from './pod-warnings.ts'
import { takeAppArmorAnnotations } from './profile-annotations.ts'
import { validatePod, validatePodUpdate } from './validate-pod.ts'
import { validatePodPart } from './validate-pod-parts.ts'
import { validatePodStatusUpdate } from './validate-pod-status.ts'

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
    'status.podIP': ({ status }) => status?.podIPs?.[0]?.ip ?? '',
    'status.nominatedNodeName': ({ status }) => status?.nominatedNodeName ?? '',
  },
  default: defaultPod,
  prepareForCreate(draft, warnings) {
    dropDisabled(draft.spec)
    mergeLabelKeys(draft)
    takeAppArmorAnnotations(draft, warnings)
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
    keepObservedGenerations(draft, old)
    // Old kubelets would break the collection of garbage.
    if (draft.metadata !== undefined && draft.metadata.ownerReferences !== old.metadata?.ownerReferences) keepOwners(draft, old)
    dropDisabledStatus(draft.status, old.status)
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

function keepOwners({ metadata }: Pod, { metadata: old }: Pod): void {
  if (old?.ownerReferences === undefined) delete metadata!.ownerReferences
  else metadata!.ownerReferences = old.ownerReferences
}

/** Whoever does not know of generations clears none: of several conditions of one type each keeps its own. */
function keepObservedGenerations({ status }: Pod, { status: old }: Pod): void {
  if (status === undefined || old === undefined) return
  if (!status.observedGeneration && old.observedGeneration) status.observedGeneration = old.observedGeneration
  const kept = Map.groupBy(old.conditions ?? [], ({ type }) => type)
  for (const condition of status.conditions ?? []) {
    const generation = kept.get(condition.type)?.shift()?.observedGeneration
    if (!condition.observedGeneration && generation) condition.observedGeneration = generation
  }
}
