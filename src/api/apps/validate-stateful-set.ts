import { deepEqual } from '#base'
import { validateClaimSpec } from '../core/validate-claim.ts'
import { validatePodAnnotations } from '../core/validate-pod-annotations.ts'
import { validatePodTemplate } from '../core/validate-pod-spec.ts'
import type {
  PodSpec,
  PodTemplateSpec,
  RollingUpdateStatefulSetStrategy,
  StatefulSet,
  StatefulSetSpec,
  StatefulSetUpdateStrategy,
} from '../generated/types.ts'
import { annotations, countOrPercent, isZero, labels, notOver100Percent, selectorAndTemplate } from '../validation/common.ts'
import {
  complaints,
  type Findings,
  forbid,
  foundBy,
  invalidValue,
  nonNegative,
  required,
  unsupported,
} from '../validation/findings.ts'
import { dnsLabel } from '../validation/names.ts'
import { runsForEver } from './validate-workload.ts'

/** Rules that came late are for new sets: what was accepted once can still be changed, and deleted. */
interface Leniency {
  readonly anyTemplate?: boolean
  readonly anyClaims?: boolean
  readonly anyServiceName?: boolean
  readonly oldTemplate?: PodTemplateSpec | undefined
}

export function validateStatefulSet({ spec }: StatefulSet, found: Findings): void {
  validateSpec(spec, {}, found)
}

const MUTABLE = [
  'replicas',
  'ordinals',
  'template',
  'updateStrategy',
  'revisionHistoryLimit',
  'persistentVolumeClaimRetentionPolicy',
  'minReadySeconds',
] as const

export function validateStatefulSetUpdate({ spec }: StatefulSet, { spec: old }: StatefulSet, found: Findings): void {
  const leniency: Leniency = { anyClaims: true, anyServiceName: true, oldTemplate: old?.template }
  const wasFit = foundBy((before) => validateSpec(old, leniency, before)).length === 0
  validateSpec(spec, { ...leniency, anyTemplate: !wasFit }, found)
  const fixed = (from: typeof spec): object => {
    const rest: Record<string, unknown> = { ...from }
    for (const key of MUTABLE) delete rest[key]
    return rest
  }
  if (deepEqual(fixed(spec), fixed(old))) return
  found.push(
    forbid(
      'spec',
      "updates to statefulset spec for fields other than 'replicas', 'ordinals', 'template', 'updateStrategy', 'revisionHistoryLimit', 'persistentVolumeClaimRetentionPolicy' and 'minReadySeconds' are forbidden",
    ),
  )
}

function validateSpec(spec: StatefulSetSpec | undefined, leniency: Leniency, found: Findings): void {
  const { podManagementPolicy = '', serviceName, template } = spec ?? {}
  if (podManagementPolicy === '') found.push(required('spec.podManagementPolicy'))
  else if (podManagementPolicy !== 'OrderedReady' && podManagementPolicy !== 'Parallel') {
    found.push(invalidValue('spec.podManagementPolicy', podManagementPolicy, "must be 'OrderedReady' or 'Parallel'"))
  }
  validateStrategy(spec?.updateStrategy ?? {}, 'spec.updateStrategy', found)
  const retention = spec?.persistentVolumeClaimRetentionPolicy
  for (const when of retention === undefined ? [] : (['whenDeleted', 'whenScaled'] as const)) {
    const policy = retention?.[when] ?? ''
    if (policy === 'Retain' || policy === 'Delete') continue
    found.push(unsupported(`spec.persistentVolumeClaimRetentionPolicy.${when}`, policy, ['Retain', 'Delete']))
  }
  if (!leniency.anyClaims) {
    for (const [index, claim] of (spec?.volumeClaimTemplates ?? []).entries())
      validateClaimSpec(claim.spec ?? {}, `spec.volumeClaimTemplates[${index}].spec`, found)
  }
  nonNegative(spec?.replicas, 'spec.replicas', found)
  nonNegative(spec?.minReadySeconds, 'spec.minReadySeconds', found)
  nonNegative(spec?.ordinals?.start, 'spec.ordinals.start', found)
  if (!leniency.anyServiceName && serviceName) complaints(dnsLabel(serviceName), serviceName, 'spec.serviceName', found)
  selectorAndTemplate(spec?.selector, template, 'statefulset', '', (own) => validateTemplate(spec, leniency, own), found)
  runsForEver(template, 'StatefulSet', found)
}

function validateStrategy(strategy: StatefulSetUpdateStrategy, field: string, found: Findings): void {
  const { type, rollingUpdate } = strategy
  switch (type) {
    case undefined:
    case '':
      found.push(required(field))
      return
    case 'OnDelete':
      if (rollingUpdate !== undefined)
        found.push(
          invalidValue(`${field}.rollingUpdate`, rollingForm(rollingUpdate), "only allowed for updateStrategy 'RollingUpdate'"),
        )
      return
    case 'RollingUpdate': {
      const { partition, maxUnavailable } = rollingUpdate ?? {}
      const path = `${field}.rollingUpdate`
      nonNegative(partition, `${path}.partition`, found)
      countOrPercent(maxUnavailable, `${path}.maxUnavailable`, found)
      if (isZero(maxUnavailable)) found.push(invalidValue(`${path}.maxUnavailable`, maxUnavailable, 'cannot be 0'))
      notOver100Percent(maxUnavailable, `${path}.maxUnavailable`, found)
      return
    }
    default:
      found.push(
        invalidValue(
          field,
          { Type: type, RollingUpdate: rollingUpdate ? rollingForm(rollingUpdate) : null },
          "must be 'RollingUpdate' or 'OnDelete'",
        ),
      )
  }
}

function validateTemplate(spec: StatefulSetSpec | undefined, { anyTemplate, oldTemplate }: Leniency, found: Findings): void {
  const template = spec?.template
  if (anyTemplate !== true) validatePodTemplate(asPodsHaveIt(spec), 'spec.template', found, oldTemplate)
  labels(template?.metadata?.labels, 'spec.template.labels', found)
  const own = template?.metadata?.annotations
  if (own === undefined) return
  // Said once more, as upstream does.
  annotations(own, 'spec.template.annotations', found)
  validatePodAnnotations(
    own,
    template?.spec ?? ({} as PodSpec),
    'spec.template.annotations',
    found,
    oldTemplate?.metadata?.annotations,
  )
}

/** Upstream shows a type of its own. */
const rollingForm = ({ partition = 0, maxUnavailable }: RollingUpdateStatefulSetStrategy): object => ({
  Partition: partition,
  MaxUnavailable: maxUnavailable ?? null,
})

/** The controller names each pod and its place itself, and claims become volumes, which mounts may name. */
function asPodsHaveIt(spec: StatefulSetSpec | undefined): PodTemplateSpec | undefined {
  const template = spec?.template
  if (template?.spec === undefined) return template
  const { subdomain: _s, hostname: _h, ...pod } = template.spec
  const claims = (spec?.volumeClaimTemplates ?? []).map(({ metadata }) => metadata?.name ?? '')
  const volumes = [
    ...[...new Set(claims)].map((name) => ({ name, persistentVolumeClaim: { claimName: name } })),
    ...(pod.volumes ?? []).filter(({ name }) => !claims.includes(name)),
  ]
  return { ...template, spec: volumes.length === 0 ? pod : { ...pod, volumes } }
}
