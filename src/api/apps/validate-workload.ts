import { deepEqual } from '#base'
import { validatePodTemplate } from '../core/validate-pod-spec.ts'
import type {
  DaemonSet,
  DaemonSetUpdateStrategy,
  Deployment,
  DeploymentStrategy,
  PodTemplateSpec,
  ReplicaSet,
  ReplicationController,
  StatefulSet,
} from '../generated/types.ts'
import { countOrPercent, isZero, labels, matchesTemplate, notOver100Percent, selectorOfTemplate } from '../validation/common.ts'
import {
  type Findings,
  forbid,
  invalidValue,
  nonNegative,
  oneOf,
  optionalOneOf,
  required,
  unsupported,
} from '../validation/findings.ts'

/** A template whose pods run for ever: what ends is replaced. */
function* replicatedTemplate(template: PodTemplateSpec | undefined, kind: string): Findings {
  yield* validatePodTemplate(template, 'spec.template')
  const { restartPolicy, activeDeadlineSeconds } = template?.spec ?? {}
  if (restartPolicy !== undefined && restartPolicy !== 'Always') {
    yield unsupported('spec.template.spec.restartPolicy', restartPolicy, ['Always'])
  }
  if (activeDeadlineSeconds !== undefined) {
    yield forbid('spec.template.spec.activeDeadlineSeconds', `activeDeadlineSeconds in ${kind} is not Supported`)
  }
}

export function* validateReplicaSet({ spec }: ReplicaSet): Findings {
  yield* nonNegative(spec?.replicas, 'spec.replicas')
  yield* nonNegative(spec?.minReadySeconds, 'spec.minReadySeconds')
  yield* selectorOfTemplate(spec?.selector, spec?.template, 'replicaset')
  yield* replicatedTemplate(spec?.template, 'ReplicaSet')
}

export function* validateReplicationController({ spec }: ReplicationController): Findings {
  yield* nonNegative(spec?.minReadySeconds, 'spec.minReadySeconds')
  if (Object.keys(spec?.selector ?? {}).length === 0) yield required('spec.selector')
  else yield* matchesTemplate({ matchLabels: spec!.selector! }, spec?.template)
  yield* nonNegative(spec?.replicas, 'spec.replicas')
  if (spec?.template === undefined) yield required('spec.template')
  else yield* replicatedTemplate(spec.template, 'ReplicationController')
}

export function* validateDeployment({ spec }: Deployment): Findings {
  yield* nonNegative(spec?.replicas, 'spec.replicas')
  yield* selectorOfTemplate(spec?.selector, spec?.template, 'deployment')
  yield* replicatedTemplate(spec?.template, 'ReplicaSet')
  yield* validateStrategy(spec?.strategy ?? {}, 'spec.strategy')
  yield* nonNegative(spec?.minReadySeconds, 'spec.minReadySeconds')
  yield* nonNegative(spec?.revisionHistoryLimit, 'spec.revisionHistoryLimit')
  const deadline = spec?.progressDeadlineSeconds
  yield* nonNegative(deadline, 'spec.progressDeadlineSeconds')
  if (deadline !== undefined && deadline <= (spec?.minReadySeconds ?? 0)) {
    yield invalidValue('spec.progressDeadlineSeconds', deadline, 'must be greater than minReadySeconds')
  }
}

function* validateStrategy({ type, rollingUpdate }: DeploymentStrategy, field: string): Findings {
  if (type === 'Recreate') {
    if (rollingUpdate !== undefined) {
      yield forbid(`${field}.rollingUpdate`, "may not be specified when strategy `type` is 'Recreate'")
    }
    return
  }
  yield* optionalOneOf(type, ['Recreate', 'RollingUpdate'], `${field}.type`)
  if (type !== 'RollingUpdate') return
  const { maxUnavailable, maxSurge } = rollingUpdate ?? {}
  const path = `${field}.rollingUpdate`
  yield* countOrPercent(maxUnavailable, `${path}.maxUnavailable`)
  yield* countOrPercent(maxSurge, `${path}.maxSurge`)
  // With neither a pod less nor a pod more, nothing could ever change.
  if (isZero(maxUnavailable) && isZero(maxSurge)) {
    yield invalidValue(`${path}.maxUnavailable`, maxUnavailable, 'may not be 0 when `maxSurge` is 0')
  }
  yield* notOver100Percent(maxUnavailable, `${path}.maxUnavailable`)
}

export function* validateDaemonSet({ spec }: DaemonSet): Findings {
  yield* selectorOfTemplate(spec?.selector, spec?.template, 'daemonset')
  yield* replicatedTemplate(spec?.template, 'DaemonSet')
  yield* nonNegative(spec?.minReadySeconds, 'spec.minReadySeconds')
  yield* validateDaemonStrategy(spec?.updateStrategy ?? {}, 'spec.updateStrategy')
  yield* nonNegative(spec?.revisionHistoryLimit, 'spec.revisionHistoryLimit')
}

function* validateDaemonStrategy({ type, rollingUpdate }: DaemonSetUpdateStrategy, field: string): Findings {
  yield* oneOf(type, ['OnDelete', 'RollingUpdate'], `${field}.type`)
  if (type !== 'RollingUpdate') return
  const { maxUnavailable, maxSurge } = rollingUpdate ?? {}
  const path = `${field}.rollingUpdate`
  yield* countOrPercent(maxUnavailable, `${path}.maxUnavailable`)
  yield* notOver100Percent(maxUnavailable, `${path}.maxUnavailable`)
  yield* countOrPercent(maxSurge, `${path}.maxSurge`)
  yield* notOver100Percent(maxSurge, `${path}.maxSurge`)
  if (isZero(maxUnavailable) && isZero(maxSurge)) {
    yield invalidValue(`${path}.maxUnavailable`, maxUnavailable, 'cannot be 0 when maxSurge is 0')
  } else if (!isZero(maxUnavailable) && !isZero(maxSurge) && maxSurge !== undefined) {
    yield invalidValue(`${path}.maxSurge`, maxSurge, 'may not be set when maxUnavailable is non-zero')
  }
}

export function* validateStatefulSet({ spec }: StatefulSet): Findings {
  yield* oneOf(spec?.podManagementPolicy, ['OrderedReady', 'Parallel'], 'spec.podManagementPolicy')
  yield* oneOf(spec?.updateStrategy?.type, ['OnDelete', 'RollingUpdate'], 'spec.updateStrategy.type')
  yield* nonNegative(spec?.updateStrategy?.rollingUpdate?.partition, 'spec.updateStrategy.rollingUpdate.partition')
  const retention = spec?.persistentVolumeClaimRetentionPolicy
  for (const when of ['whenDeleted', 'whenScaled'] as const) {
    yield* oneOf(retention?.[when], ['Delete', 'Retain'], `spec.persistentVolumeClaimRetentionPolicy.${when}`)
  }
  yield* nonNegative(spec?.replicas, 'spec.replicas')
  yield* nonNegative(spec?.minReadySeconds, 'spec.minReadySeconds')
  yield* nonNegative(spec?.ordinals?.start, 'spec.ordinals.start')
  yield* nonNegative(spec?.revisionHistoryLimit, 'spec.revisionHistoryLimit')
  yield* selectorOfTemplate(spec?.selector, spec?.template, 'statefulset')
  // Claims become volumes of each pod, so mounts may name them.
  const volumes = [...(spec?.template?.spec?.volumes ?? [])]
  for (const { metadata } of spec?.volumeClaimTemplates ?? []) {
    const name = metadata?.name ?? ''
    if (!volumes.some((volume) => volume.name === name)) volumes.push({ name, persistentVolumeClaim: { claimName: name } })
    yield* labels(metadata?.labels, 'spec.volumeClaimTemplates')
  }
  const template = spec?.template && { ...spec.template, spec: { ...spec.template.spec!, volumes } }
  yield* replicatedTemplate(template, 'StatefulSet')
}

const STATEFUL_MUTABLE = [
  'replicas',
  'ordinals',
  'template',
  'updateStrategy',
  'revisionHistoryLimit',
  'persistentVolumeClaimRetentionPolicy',
  'minReadySeconds',
] as const

export function* validateStatefulSetUpdate({ spec }: StatefulSet, { spec: old }: StatefulSet): Findings {
  const fixed = (from: typeof spec): object => {
    const rest: Record<string, unknown> = { ...from }
    for (const key of STATEFUL_MUTABLE) delete rest[key]
    return rest
  }
  if (deepEqual(fixed(spec), fixed(old))) return
  yield forbid(
    'spec',
    "updates to statefulset spec for fields other than 'replicas', 'ordinals', 'template', 'updateStrategy', 'revisionHistoryLimit', 'persistentVolumeClaimRetentionPolicy' and 'minReadySeconds' are forbidden",
  )
}
