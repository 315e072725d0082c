import { validatePodTemplate } from '../core/validate-pod-spec.ts'
import type { ValidationContext } from '../definition.ts'
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
function replicatedTemplate(
  template: PodTemplateSpec | undefined,
  kind: string,
  found: Findings,
  old: PodTemplateSpec | undefined,
): void {
  validatePodTemplate(template, 'spec.template', found, old)
  runsForEver(template, kind, found)
}

export function runsForEver(template: PodTemplateSpec | undefined, kind: string, found: Findings): void {
  const { restartPolicy, activeDeadlineSeconds } = template?.spec ?? {}
  if (restartPolicy !== undefined && restartPolicy !== 'Always') {
    found.push(unsupported('spec.template.spec.restartPolicy', restartPolicy, ['Always']))
  }
  if (activeDeadlineSeconds !== undefined) {
    found.push(forbid('spec.template.spec.activeDeadlineSeconds', `activeDeadlineSeconds in ${kind} is not Supported`))
  }
}

/** Upstream's words for an empty selector here are those of Deployments. */
export function validateReplicaSet({ spec }: ReplicaSet, found: Findings, { old }: ValidationContext<ReplicaSet>): void {
  nonNegative(spec?.replicas, 'spec.replicas', found)
  nonNegative(spec?.minReadySeconds, 'spec.minReadySeconds', found)
  selectorAndTemplate(
    spec?.selector,
    spec?.template,
    'deployment',
    'invalid label selector',
    (own) => replicatedTemplate(spec?.template, 'ReplicaSet', own, old?.spec?.template),
    found,
  )
}

export function validateReplicationController(
  { spec }: ReplicationController,
  found: Findings,
  { old }: ValidationContext<ReplicationController>,
): void {
  nonNegative(spec?.minReadySeconds, 'spec.minReadySeconds', found)
  const hasSelector = Object.keys(spec?.selector ?? {}).length > 0
  if (!hasSelector) found.push(required('spec.selector'))
  nonNegative(spec?.replicas, 'spec.replicas', found)
  if (spec?.template === undefined) found.push(required('spec.template'))
  else {
    if (hasSelector) matchesTemplate({ matchLabels: spec.selector! }, spec.template, found)
    replicatedTemplate(spec.template, 'ReplicationController', found, old?.spec?.template)
  }
}

export function validateDeployment({ spec }: Deployment, found: Findings, { old }: ValidationContext<Deployment>): void {
  nonNegative(spec?.replicas, 'spec.replicas', found)
  selectorAndTemplate(
    spec?.selector,
    spec?.template,
    'deployment',
    'invalid label selector',
    (own) => replicatedTemplate(spec?.template, 'ReplicaSet', own, old?.spec?.template),
    found,
  )
  validateStrategy(spec?.strategy ?? {}, 'spec.strategy', found)
  nonNegative(spec?.minReadySeconds, 'spec.minReadySeconds', found)
  nonNegative(spec?.revisionHistoryLimit, 'spec.revisionHistoryLimit', found)
  const deadline = spec?.progressDeadlineSeconds
  nonNegative(deadline, 'spec.progressDeadlineSeconds', found)
  if (deadline !== undefined && deadline <= (spec?.minReadySeconds ?? 0)) {
    found.push(invalidValue('spec.progressDeadlineSeconds', deadline, 'must be greater than minReadySeconds'))
  }
}

function validateStrategy(strategy: DeploymentStrategy, field: string, found: Findings): void {
  const { type, rollingUpdate } = strategy
  if (type === 'Recreate') {
    if (rollingUpdate !== undefined) {
      found.push(forbid(`${field}.rollingUpdate`, "may not be specified when strategy `type` is 'Recreate'"))
    }
    return
  }
  if (type !== 'RollingUpdate') {
    found.push(unsupported(field, strategyForm(strategy), ['Recreate', 'RollingUpdate']))
    return
  }
  const { maxUnavailable, maxSurge } = rollingUpdate ?? {}
  const path = `${field}.rollingUpdate`
  countOrPercent(maxUnavailable, `${path}.maxUnavailable`, found)
  countOrPercent(maxSurge, `${path}.maxSurge`, found)
  // With neither a pod less nor a pod more, nothing could ever change.
  if (isZero(maxUnavailable) && isZero(maxSurge)) {
    found.push(invalidValue(`${path}.maxUnavailable`, maxUnavailable, 'may not be 0 when `maxSurge` is 0'))
  }
  notOver100Percent(maxUnavailable, `${path}.maxUnavailable`, found)
}

export function validateDaemonSet({ spec }: DaemonSet, found: Findings, { old }: ValidationContext<DaemonSet>): void {
  const { selector, template } = spec ?? {}
  const before = found.length
  labelSelector(selector, 'spec.selector', found)
  if (found.length === before) matchesTemplate(selector, template, found)
  if (selector !== undefined && isEmpty(selector)) {
    found.push(invalidValue('spec.selector', selector, 'empty selector is invalid for daemonset'))
  }
  replicatedTemplate(template, 'DaemonSet', found, old?.spec?.template)
  nonNegative(spec?.minReadySeconds, 'spec.minReadySeconds', found)
  validateDaemonStrategy(spec?.updateStrategy ?? {}, 'spec.updateStrategy', found)
  nonNegative(spec?.revisionHistoryLimit, 'spec.revisionHistoryLimit', found)
}

function validateDaemonStrategy(strategy: DaemonSetUpdateStrategy, field: string, found: Findings): void {
  const { type, rollingUpdate } = strategy
  if (type === 'OnDelete') return
  if (type !== 'RollingUpdate') {
    found.push(unsupported(field, strategyForm(strategy), ['RollingUpdate', 'OnDelete']))
    return
  }
  const { maxUnavailable, maxSurge } = rollingUpdate ?? {}
  const path = `${field}.rollingUpdate`
  countOrPercent(maxUnavailable, `${path}.maxUnavailable`, found)
  countOrPercent(maxSurge, `${path}.maxSurge`, found)
  notOver100Percent(maxUnavailable, `${path}.maxUnavailable`, found)
  notOver100Percent(maxSurge, `${path}.maxSurge`, found)
  const [hasUnavailable, hasSurge] = [!isZero(maxUnavailable), !isZero(maxSurge)]
  if (hasUnavailable && hasSurge) {
    found.push(invalidValue(`${path}.maxSurge`, maxSurge, 'may not be set when maxUnavailable is non-zero'))
  } else if (!hasUnavailable && !hasSurge) found.push(required(`${path}.maxUnavailable`, 'cannot be 0 when maxSurge is 0'))
}

/** Upstream shows types of its own, in which an amount that is not said is zero. */
const strategyForm = ({ type, rollingUpdate }: DeploymentStrategy | DaemonSetUpdateStrategy): object => ({
  Type: type ?? '',
  RollingUpdate:
    rollingUpdate === undefined
      ? null
      : { MaxUnavailable: rollingUpdate.maxUnavailable ?? 0, MaxSurge: rollingUpdate.maxSurge ?? 0 },
})
