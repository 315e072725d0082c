import { deepEqual } from '#base'
import { validateClaimSpec } from '../core/validate-claim.ts'
import { validatePodTemplate } from '../core/validate-pod-spec.ts'
import type { PodTemplateSpec, StatefulSet, StatefulSetSpec, StatefulSetUpdateStrategy } from '../generated/types.ts'
import { countOrPercent, isZero, labels, notOver100Percent, selectorAndTemplate } from '../validation/common.ts'
import { complaints, type Findings, forbid, invalidValue, nonNegative, required, unsupported } from '../validation/findings.ts'
import { dnsLabel, qualifiedName } from '../validation/names.ts'
import { runsForEver } from './validate-workload.ts'

/** Rules that came late are for new sets: what was accepted once can still be changed, and deleted. */
interface Leniency {
  readonly anyTemplate?: boolean
  readonly anyClaims?: boolean
  readonly anyServiceName?: boolean
}

export function* validateStatefulSet({ spec }: StatefulSet): Findings {
  yield* validateSpec(spec, {})
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

export function* validateStatefulSetUpdate({ spec }: StatefulSet, { spec: old }: StatefulSet): Findings {
  const leniency: Leniency = { anyClaims: true, anyServiceName: true }
  const wasFit = [...validateSpec(old, leniency)].length === 0
  yield* validateSpec(spec, { ...leniency, anyTemplate: !wasFit })
  const fixed = (from: typeof spec): object => {
    const rest: Record<string, unknown> = { ...from }
    for (const key of MUTABLE) delete rest[key]
    return rest
  }
  if (deepEqual(fixed(spec), fixed(old))) return
  yield forbid(
    'spec',
    "updates to statefulset spec for fields other than 'replicas', 'ordinals', 'template', 'updateStrategy', 'revisionHistoryLimit', 'persistentVolumeClaimRetentionPolicy' and 'minReadySeconds' are forbidden",
  )
}

function* validateSpec(spec: StatefulSetSpec | undefined, leniency: Leniency): Findings {
  const { podManagementPolicy = '', serviceName, template } = spec ?? {}
  if (podManagementPolicy === '') yield required('spec.podManagementPolicy')
  else if (podManagementPolicy !== 'OrderedReady' && podManagementPolicy !== 'Parallel') {
    yield invalidValue('spec.podManagementPolicy', podManagementPolicy, "must be 'OrderedReady' or 'Parallel'")
  }
  yield* validateStrategy(spec?.updateStrategy ?? {}, 'spec.updateStrategy')
  const retention = spec?.persistentVolumeClaimRetentionPolicy
  for (const when of retention === undefined ? [] : (['whenDeleted', 'whenScaled'] as const)) {
    const policy = retention?.[when] ?? ''
    if (policy === 'Retain' || policy === 'Delete') continue
    yield unsupported(`spec.persistentVolumeClaimRetentionPolicy.${when}`, policy, ['Retain', 'Delete'])
  }
  if (!leniency.anyClaims) {
    for (const [index, claim] of (spec?.volumeClaimTemplates ?? []).entries())
      yield* validateClaimSpec(claim.spec ?? {}, `spec.volumeClaimTemplates[${index}].spec`)
  }
  yield* nonNegative(spec?.replicas, 'spec.replicas')
  yield* nonNegative(spec?.minReadySeconds, 'spec.minReadySeconds')
  yield* nonNegative(spec?.ordinals?.start, 'spec.ordinals.start')
  if (!leniency.anyServiceName && serviceName) yield* complaints(dnsLabel(serviceName), serviceName, 'spec.serviceName')
  yield* selectorAndTemplate(spec?.selector, template, 'statefulset', '', () => validateTemplate(spec, leniency))
  yield* runsForEver(template, 'StatefulSet')
}

function* validateStrategy(strategy: StatefulSetUpdateStrategy, field: string): Findings {
  const { type, rollingUpdate } = strategy
  switch (type) {
    case undefined:
    case '':
      yield required(field)
      return
    case 'OnDelete':
      if (rollingUpdate !== undefined)
        yield invalidValue(`${field}.rollingUpdate`, rollingUpdate, "only allowed for updateStrategy 'RollingUpdate'")
      return
    case 'RollingUpdate': {
      const { partition, maxUnavailable } = rollingUpdate ?? {}
      const path = `${field}.rollingUpdate`
      yield* nonNegative(partition, `${path}.partition`)
      yield* countOrPercent(maxUnavailable, `${path}.maxUnavailable`)
      if (isZero(maxUnavailable)) yield invalidValue(`${path}.maxUnavailable`, maxUnavailable, 'cannot be 0')
      yield* notOver100Percent(maxUnavailable, `${path}.maxUnavailable`)
      return
    }
    default:
      yield invalidValue(field, strategy, "must be 'RollingUpdate' or 'OnDelete'")
  }
}

function* validateTemplate(spec: StatefulSetSpec | undefined, { anyTemplate }: Leniency): Findings {
  const template = spec?.template
  if (anyTemplate !== true) yield* validatePodTemplate(asPodsHaveIt(spec), 'spec.template')
  yield* labels(template?.metadata?.labels, 'spec.template.labels')
  for (const key of Object.keys(template?.metadata?.annotations ?? {}))
    yield* complaints(qualifiedName(key.toLowerCase()), key, 'spec.template.annotations')
}

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
