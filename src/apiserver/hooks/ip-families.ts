import {
  foundBy,
  type IPFamily,
  invalidValue,
  ipFamilyOf,
  otherFamily,
  type Service,
  type ServiceSpec,
  validateClusterIPs,
} from '#api'
import { deepEqual } from '#base'
import type { FieldError } from '#meta'
import { hasClusterIP, isHeadless } from './service-fields.ts'

/**
 * Fills `ipFamilies` and `ipFamilyPolicy` of a Service that is created, or updated from `old`, and says what of them a cluster with these families, the
 * first of them its primary one, can't do (https://kubernetes.io/docs/concepts/services-networking/dual-stack/#services).
 */
export function setIPFamilies(draft: Service, old: Service | undefined, configured: readonly IPFamily[]): FieldError[] {
  const { spec } = draft
  if (spec === undefined || !hasClusterIP(draft) || isPreferenceUnchanged(draft, old)) return []
  spec.ipFamilyPolicy ??= old?.spec?.ipFamilyPolicy ?? (isBare(draft) ? 'RequireDualStack' : 'SingleStack')
  const malformed = foundBy((found) => validateClusterIPs(spec, found))
  if (malformed.length > 0) return malformed
  const contradictions = [
    ...(old?.spec === undefined ? [] : release(spec, old.spec)),
    ...contradictPolicy(spec),
    ...inferFamilies(spec, configured),
  ]
  if (contradictions.length > 0) return contradictions
  const primary = configured[0] ?? 'IPv4'
  if (isBare(draft)) {
    // Its endpoints are the user's, and may be of families that the cluster gives no addresses of.
    complete(spec, primary)
    return []
  }
  const impossible = [...unconfigured(spec, configured)]
  if (impossible.length > 0) return impossible
  if (configured.length > 1) complete(spec, primary)
  else if (!spec.ipFamilies?.length) spec.ipFamilies = [primary]
  return []
}

/**
 * An update that leaves a Service which prefers two families as it was changes nothing, though the cluster may have gained or lost a family since:
 * addresses come and go only when somebody says so.
 */
function isPreferenceUnchanged({ spec }: Service, old: Service | undefined): boolean {
  const before = old?.spec
  if (spec === undefined || before === undefined || spec.type !== before.type || spec.type === 'ExternalName') return false
  if (spec.ipFamilyPolicy !== 'PreferDualStack') return false
  if (before.ipFamilyPolicy !== undefined && before.ipFamilyPolicy !== 'PreferDualStack') return false
  return isSame(spec.clusterIPs, before.clusterIPs) && isSame(spec.ipFamilies, before.ipFamilies)
}

/**
 * What a Service shows that was stored before it had these fields, or by an API server of before; the same object when nothing is missing. It stays in the
 * store as it is until somebody writes it. A mere name does not show the policy that older API servers gave it.
 */
export function asShown(service: Service, primary: IPFamily): Service {
  const { spec } = service
  if (spec === undefined) return service
  if (spec.type === 'ExternalName') {
    if (spec.internalTrafficPolicy === undefined) return service
    const { internalTrafficPolicy: _, ...shown } = spec
    return { ...service, spec: shown }
  }
  const { clusterIP, clusterIPs, ipFamilies } = spec
  const isAlone = clusterIP !== undefined && clusterIP !== '' && !clusterIPs?.length
  const shown = isAlone ? { ...spec, clusterIPs: [clusterIP] } : spec
  const families = ipFamilies?.length ? [] : familiesShown({ ...service, spec: shown }, primary)
  if (families.length === 0) return isAlone ? { ...service, spec: shown } : service
  const ipFamilyPolicy = families.length === 1 ? 'SingleStack' : 'RequireDualStack'
  return { ...service, spec: { ...shown, ipFamilies: families, ipFamilyPolicy } }
}

function familiesShown(service: Service, primary: IPFamily): IPFamily[] {
  if (isBare(service)) return [primary, otherFamily(primary)]
  return isHeadless(service) ? [primary] : (service.spec?.clusterIPs ?? []).map(ipFamilyOf)
}

/** Headless, and without a selector. */
const isBare = (service: Service): boolean => isHeadless(service) && Object.keys(service.spec?.selector ?? {}).length === 0

const isSame = (now: readonly string[] = [], before: readonly string[] = []): boolean => deepEqual(now, before)

/** The second family goes when the policy says so; without that, a shorter list alone is not taken for it. */
function* release(spec: ServiceSpec, before: ServiceSpec): Iterable<FieldError> {
  const { clusterIPs = [], ipFamilies = [], ipFamilyPolicy } = spec
  if (ipFamilyPolicy === 'SingleStack') {
    if (clusterIPs.length > 1 && isSame(clusterIPs, before.clusterIPs)) spec.clusterIPs = clusterIPs.slice(0, 1)
    if (ipFamilies.length > 1 && isSame(ipFamilies, before.ipFamilies)) spec.ipFamilies = ipFamilies.slice(0, 1)
    return
  }
  const isShorter = (now: readonly string[], was: readonly string[] = []): boolean => now.length > 0 && now.length < was.length
  const rule = (what: string): FieldError =>
    invalidValue('spec.ipFamilyPolicy', ipFamilyPolicy, `must be 'SingleStack' to release the secondary ${what}`)
  if (isShorter(clusterIPs, before.clusterIPs)) yield rule('cluster IP')
  if (isShorter(ipFamilies, before.ipFamilies)) yield rule('IP family')
}

function* contradictPolicy({ clusterIPs = [], ipFamilies = [], ipFamilyPolicy }: ServiceSpec): Iterable<FieldError> {
  if (ipFamilyPolicy !== 'SingleStack') return
  const rule = (what: string): FieldError =>
    invalidValue(
      'spec.ipFamilyPolicy',
      ipFamilyPolicy,
      `must be 'RequireDualStack' or 'PreferDualStack' when multiple ${what} are specified`,
    )
  if (clusterIPs.length === 2) yield rule('cluster IPs')
  if (ipFamilies.length === 2) yield rule('IP families')
}

/** Addresses that a user chose say their families. */
function* inferFamilies(spec: ServiceSpec, configured: readonly IPFamily[]): Iterable<FieldError> {
  const { clusterIPs = [] } = spec
  for (const [index, ip] of clusterIPs.entries()) {
    if (ip === 'None') return
    if (index < (spec.ipFamilies?.length ?? 0)) continue
    const family = ipFamilyOf(ip)
    if (configured.includes(family)) spec.ipFamilies = [...(spec.ipFamilies ?? []), family]
    else yield invalidValue(`spec.clusterIPs[${index}]`, clusterIPs, `${family} is not configured on this cluster`)
  }
}

function* unconfigured({ ipFamilies = [], ipFamilyPolicy }: ServiceSpec, configured: readonly IPFamily[]): Iterable<FieldError> {
  if (ipFamilyPolicy === 'RequireDualStack' && configured.length < 2)
    yield invalidValue('spec.ipFamilyPolicy', ipFamilyPolicy, 'this cluster is not configured for dual-stack services')
  for (const [index, family] of ipFamilies.entries())
    if (!configured.includes(family as IPFamily))
      yield invalidValue(`spec.ipFamilies[${index}]`, family, 'not configured on this cluster')
}

/** The default family, where none is said, and the other one, where the policy wants both. */
function complete(spec: ServiceSpec, primary: IPFamily): void {
  const [first = primary, second] = (spec.ipFamilies ?? []) as IPFamily[]
  const both = spec.ipFamilyPolicy !== 'SingleStack'
  spec.ipFamilies = second !== undefined ? [first, second] : both ? [first, otherFamily(first)] : [first]
}
