import { validatePodTemplate } from '../core/validate-pod-spec.ts'
import type {
  DaemonSet,
  DaemonSetUpdateStrategy,
  Deployment,
  DeploymentStrategy,
  PodTemplateSpec,
  ReplicaSet,
  ReplicationController,
} from '../generated/types.ts'
import {
  countOrPercent,
  isEmpty,
  isZero,
  labelSelector,
  matchesTemplate,
  notOver100Percent,
  selectorAndTemplate,
} from '../validation/common.ts'
import { type Findings, forbid, invalidValue, nonNegative, required, unsupported } from '../validation/findings.ts'

/** A template whose pods run for ever: what ends is replaced. */
function* replicatedTemplate(template: PodTemplateSpec | undefined, kind: string): Findings {
  yield* validatePodTemplate(template, 'spec.template')
  yield* runsForEver(template, kind)
}

export function* runsForEver(template: PodTemplateSpec | undefined, kind: string): Findings {
  const { restartPolicy, activeDeadlineSeconds } = template?.spec ?? {}
  if (restartPolicy !== undefined && restartPolicy !== 'Always') {
    yield unsupported('spec.template.spec.restartPolicy', restartPolicy, ['Always'])
  }
  if (activeDeadlineSeconds !== undefined) {
    yield forbid('spec.template.spec.activeDeadlineSeconds', `activeDeadlineSeconds in ${kind} is not Supported`)
  }
}

/** Upstream's words for an empty selector here are those of Deployments. */
export function* validateReplicaSet({ spec }: ReplicaSet): Findings {
  yield* nonNegative(spec?.replicas, 'spec.replicas')
  yield* nonNegative(spec?.minReadySeconds, 'spec.minReadySeconds')
  yield* selectorAndTemplate(spec?.selector, spec?.template, 'deployment', 'invalid label selector', () =>
    replicatedTemplate(spec?.template, 'ReplicaSet'),
  )
}

export function* validateReplicationController({ spec }: ReplicationController): Findings {
  yield* nonNegative(spec?.minReadySeconds, 'spec.minReadySeconds')
  const hasSelector = Object.keys(spec?.selector ?? {}).length > 0
  if (!hasSelector) yield required('spec.selector')
  yield* nonNegative(spec?.replicas, 'spec.replicas')
  if (spec?.template === undefined) yield required('spec.template')
  else {
    if (hasSelector) yield* matchesTemplate({ matchLabels: spec.selector! }, spec.template)
    yield* replicatedTemplate(spec.template, 'ReplicationController')
  }
}

export function* validateDeployment({ spec }: Deployment): Findings {
  yield* nonNegative(spec?.replicas, 'spec.replicas')
  yield* selectorAndTemplate(spec?.selector, spec?.template, 'deployment', 'invalid label selector', () =>
    replicatedTemplate(spec?.template, 'ReplicaSet'),
  )
  yield* validateStrategy(spec?.strategy ?? {}, 'spec.strategy')
  yield* nonNegative(spec?.minReadySeconds, 'spec.minReadySeconds')
  yield* nonNegative(spec?.revisionHistoryLimit, 'spec.revisionHistoryLimit')
  const deadline = spec?.progressDeadlineSeconds
  yield* nonNegative(deadline, 'spec.progressDeadlineSeconds')
  if (deadline !== undefined && deadline <= (spec?.minReadySeconds ?? 0)) {
    yield invalidValue('spec.progressDeadlineSeconds', deadline, 'must be greater than minReadySeconds')
  }
}

function* validateStrategy(strategy: DeploymentStrategy, field: string): Findings {
  const { type, rollingUpdate } = strategy
  if (type === 'Recreate') {
    if (rollingUpdate !== undefined) {
      yield forbid(`${field}.rollingUpdate`, "may not be specified when strategy `type` is 'Recreate'")
    }
    return
  }
  if (type !== 'RollingUpdate') {
    yield unsupported(field, strategy, ['Recreate', 'RollingUpdate'])
    return
  }
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
  const { selector, template } = spec ?? {}
  const own = [...labelSelector(selector, 'spec.selector')]
  yield* own
  if (own.length === 0) yield* matchesTemplate(selector, template)
  if (selector !== undefined && isEmpty(selector)) {
    yield invalidValue('spec.selector', selector, 'empty selector is invalid for daemonset')
  }
  yield* replicatedTemplate(template, 'DaemonSet')
  yield* nonNegative(spec?.minReadySeconds, 'spec.minReadySeconds')
  yield* validateDaemonStrategy(spec?.updateStrategy ?? {}, 'spec.updateStrategy')
  yield* nonNegative(spec?.revisionHistoryLimit, 'spec.revisionHistoryLimit')
}

function* validateDaemonStrategy(strategy: DaemonSetUpdateStrategy, field: string): Findings {
  const { type, rollingUpdate } = strategy
  if (type === 'OnDelete') return
  if (type !== 'RollingUpdate') {
    yield unsupported(field, strategy, ['RollingUpdate', 'OnDelete'])
    return
  }
  const { maxUnavailable, maxSurge } = rollingUpdate ?? {}
  const path = `${field}.rollingUpdate`
  yield* countOrPercent(maxUnavailable, `${path}.maxUnavailable`)
  yield* countOrPercent(maxSurge, `${path}.maxSurge`)
  yield* notOver100Percent(maxUnavailable, `${path}.maxUnavailable`)
  yield* notOver100Percent(maxSurge, `${path}.maxSurge`)
  const [hasUnavailable, hasSurge] = [!isZero(maxUnavailable), !isZero(maxSurge)]
  if (hasUnavailable && hasSurge) {
    yield invalidValue(`${path}.maxSurge`, maxSurge, 'may not be set when maxUnavailable is non-zero')
  } else if (!hasUnavailable && !hasSurge) yield required(`${path}.maxUnavailable`, 'cannot be 0 when maxSurge is 0')
}
