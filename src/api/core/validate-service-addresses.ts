import type { ServiceSpec } from '../generated/types.ts'
import { ipFamilyOf } from '../networking/address-range.ts'
import { duplicateValue, type Findings, invalidValue, optionalOneOf, required, unsupported } from '../validation/findings.ts'
import { ipAddress } from '../validation/ip.ts'
import { NONE } from '../validation/names.ts'

export const isHeadless = (spec: ServiceSpec): boolean => spec.clusterIP === 'None' || spec.clusterIPs?.[0] === 'None'

const FAMILIES = ['IPv4', 'IPv6']

/** The families and addresses of a Service, each by itself and against the others. */
export function validateClusterIPs(spec: ServiceSpec, found: Findings, kept: readonly string[] = NONE): void {
  const { clusterIP = '', clusterIPs = [], ipFamilies = [] } = spec
  const path = 'spec.clusterIPs'
  const before = found.length
  if (clusterIP !== '' && clusterIPs.length === 0) found.push(required(path))
  else if (clusterIP !== '' && clusterIPs[0] !== clusterIP)
    found.push(invalidValue(path, clusterIPs, 'first value must match `clusterIP`'))
  else if (clusterIP === '' && clusterIPs.length > 0)
    found.push(invalidValue(path, clusterIPs, 'must be empty when `clusterIP` is not specified'))
  for (const [index, family] of ipFamilies.entries()) {
    if (!FAMILIES.includes(family)) found.push(unsupported(`spec.ipFamilies[${index}]`, family, FAMILIES))
    if (ipFamilies.indexOf(family) !== index) found.push(duplicateValue(`spec.ipFamilies[${index}]`, family))
  }
  optionalOneOf(spec.ipFamilyPolicy, ['PreferDualStack', 'RequireDualStack', 'SingleStack'], 'spec.ipFamilyPolicy', found)
  const isSound = found.length === before
  const beforeAddresses = found.length
  validateAddresses(clusterIPs, found, kept)
  const areAddresses = found.length === beforeAddresses
  if (clusterIPs.length > 2) found.push(invalidValue(path, clusterIPs, 'may only hold up to 2 values'))
  if (!areAddresses) return
  const families = clusterIPs.map(ipFamilyOf)
  if (new Set(families).size < clusterIPs.length)
    found.push(invalidValue(path, clusterIPs, 'may specify no more than one IP for each IP family'))
  else if (isSound && !isHeadless(spec)) {
    for (const [index, ip] of clusterIPs.entries()) {
      const wanted = ipFamilies[index]
      if (wanted === undefined || wanted === families[index]) continue
      found.push(invalidValue(`${path}[${index}]`, ip, `expected an ${wanted} value as indicated by \`ipFamilies[${index}]\``))
    }
  }
}

function validateAddresses(clusterIPs: readonly string[], found: Findings, kept: readonly string[]): void {
  for (const [index, ip] of clusterIPs.entries()) {
    if (index > 0 || ip !== 'None') ipAddress(ip, `spec.clusterIPs[${index}]`, found, kept)
    else if (clusterIPs.length > 1)
      found.push(invalidValue('spec.clusterIPs', clusterIPs, "'None' must be the first and only value"))
  }
}

/**
 * An address that clients resolved and rules were made for stays. A second one, and its family, may come, and go again once the policy says that one is enough.
 * Neither Service is an ExternalName.
 */
export function validateAddressChange(spec: ServiceSpec, old: ServiceSpec, found: Findings): void {
  const [headless, wasHeadless] = [isHeadless(spec), isHeadless(old)]
  if (headless && wasHeadless) return
  validateIPChange(spec, old, found)
  if (headless === wasHeadless) validateFamilyChange(spec, old, found)
}

const CHANGED = 'may not change once set'

function validateIPChange(
  { clusterIPs: now = [], ipFamilyPolicy }: ServiceSpec,
  { clusterIPs: was = [] }: ServiceSpec,
  found: Findings,
): void {
  if (now.length === was.length) {
    for (const [index, ip] of was.entries())
      if (ip !== now[index]) found.push(invalidValue(`spec.clusterIPs[${index}]`, now, CHANGED))
    return
  }
  const isReleased = now.length < was.length
  if (isReleased && now.length === 0) found.push(invalidValue('spec.clusterIPs[0]', now, 'primary clusterIP can not be unset'))
  else if (was.length > 0 && now[0] !== was[0]) found.push(invalidValue('spec.clusterIPs[0]', now, CHANGED))
  if (isReleased && now.length === 1) releasedOnlyBy(ipFamilyPolicy, 'clusterIP', found)
}

function validateFamilyChange(spec: ServiceSpec, { ipFamilies: was = [] }: ServiceSpec, found: Findings): void {
  const { clusterIPs = [], ipFamilies: now = [], ipFamilyPolicy } = spec
  const field = 'spec.ipFamilies[0]'
  if (now.length === was.length) {
    for (const [index, family] of was.entries()) if (family !== now[index]) found.push(invalidValue(field, now, CHANGED))
    return
  }
  const isReleased = now.length < was.length
  if (isReleased && clusterIPs.length === 0) found.push(invalidValue(field, now, 'primary ipFamily can not be unset'))
  // Upstream shows the addresses here.
  if (was.length > 0 && now.length > 0 && now[0] !== was[0]) found.push(invalidValue(field, clusterIPs, CHANGED))
  if (isReleased && now.length === 1) releasedOnlyBy(ipFamilyPolicy, 'ipFamily', found)
}

function releasedOnlyBy(policy: string | undefined, what: string, found: Findings): void {
  if (policy !== 'SingleStack')
    found.push(invalidValue('spec.ipFamilyPolicy', policy, `must be set to 'SingleStack' when releasing the secondary ${what}`))
}
