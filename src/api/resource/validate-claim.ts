import { deepEqual } from '#base'
import { nodeSelectorTerms } from '../core/validate-scheduling.ts'
import type {
  AllocationResult,
  DeviceClaim,
  DeviceConstraint,
  DeviceRequest,
  DeviceSubRequest,
  ExactDeviceRequest,
  ResourceClaimSpec,
  ResourceClaimStatus,
} from '../generated/types.ts'
import { csiDriverName } from '../validation/common.ts'
import {
  complaints,
  type Findings,
  forbid,
  IMMUTABLE,
  invalidValue,
  oneOf,
  required,
  unsupported,
} from '../validation/findings.ts'
import { dnsLabel, subdomainName } from '../validation/names.ts'
import {
  CONFIGS_MAX,
  eachOf,
  eachOfSet,
  fullAttributeName,
  poolName,
  REQUESTS_MAX,
  requestName,
  shareID,
  validateBinding,
  validateConfiguration,
  validateSelectors,
  validateToleration,
} from './validate-device.ts'
import { validateDeviceStatuses } from './validate-device-status.ts'

const CONSTRAINTS_MAX = 32
const ALTERNATIVES_MAX = 8
const RESULTS_MAX = 32
const RESERVED_FOR_MAX = 256

const same = (text: string): string => text

export function validateClaimSpec(spec: ResourceClaimSpec | undefined, field: string, found: Findings): void {
  const claim = spec?.devices ?? {}
  const path = `${field}.devices`
  const isRequest = requestsOf(claim)
  eachOfSet(claim.requests, REQUESTS_MAX, `${path}.requests`, ({ name }) => name, validateRequest, found)
  eachOf(
    claim.constraints,
    CONSTRAINTS_MAX,
    `${path}.constraints`,
    (constraint, at) => validateConstraint(constraint, isRequest, at, found),
    found,
  )
  eachOf(
    claim.config,
    CONFIGS_MAX,
    `${path}.config`,
    ({ requests, opaque }, at) => {
      validateReferences(requests, isRequest, `${at}.requests`, found)
      validateConfiguration(opaque, at, found)
    },
    found,
  )
}

/** Whether a name is that of a request, or of one of a request's alternatives. */
function requestsOf({ requests }: DeviceClaim): (name: string) => boolean {
  const names = new Set<string>()
  for (const { name, firstAvailable } of requests ?? []) {
    names.add(name)
    for (const alternative of firstAvailable ?? []) names.add(`${name}/${alternative.name}`)
  }
  return (name) => names.has(name)
}

function validateRequest({ name, exactly, firstAvailable }: DeviceRequest, field: string, found: Findings): void {
  requestName(name, `${field}.name`, found)
  const rule = 'exactly one of `exactly` or `firstAvailable` is required'
  if (exactly === undefined && !firstAvailable?.length) found.push(required(field, rule))
  else if (exactly !== undefined && firstAvailable?.length)
    found.push(invalidValue(field, undefined, `${rule}, but multiple fields are set`))
  else if (exactly !== undefined) validateWish(exactly, `${field}.exactly`, found)
  else {
    const path = `${field}.firstAvailable`
    eachOfSet(
      firstAvailable,
      ALTERNATIVES_MAX,
      path,
      (each) => each.name,
      (alternative, at) => {
        requestName(alternative.name, `${at}.name`, found)
        validateWish(alternative, at, found)
      },
      found,
    )
  }
}

function validateWish(wish: ExactDeviceRequest | DeviceSubRequest, field: string, found: Findings): void {
  const { deviceClassName, selectors, allocationMode, count = 0, tolerations } = wish
  if (!deviceClassName) found.push(required(`${field}.deviceClassName`))
  else complaints(subdomainName(deviceClassName), deviceClassName, `${field}.deviceClassName`, found)
  validateSelectors(selectors, `${field}.selectors`, found)
  if (allocationMode === 'All') {
    if (count !== 0) found.push(invalidValue(`${field}.count`, count, "must not be specified when allocationMode is 'All'"))
  } else if (allocationMode === 'ExactCount') {
    if (count <= 0) found.push(invalidValue(`${field}.count`, count, 'must be greater than zero'))
  } else found.push(unsupported(`${field}.allocationMode`, allocationMode ?? '', ['All', 'ExactCount']))
  for (const [index, toleration] of (tolerations ?? []).entries())
    validateToleration(toleration, `${field}.tolerations[${index}]`, found)
}

function validateConstraint(
  constraint: DeviceConstraint,
  isRequest: (name: string) => boolean,
  field: string,
  found: Findings,
): void {
  validateReferences(constraint.requests, isRequest, `${field}.requests`, found)
  const { matchAttribute, distinctAttribute } = constraint
  if (matchAttribute !== undefined) fullAttributeName(matchAttribute, `${field}.matchAttribute`, found)
  else if (distinctAttribute !== undefined) fullAttributeName(distinctAttribute, `${field}.distinctAttribute`, found)
  else found.push(required(field, NO_ATTRIBUTE))
}

/** Upstream says it of none as well. */
const NO_ATTRIBUTE = 'exactly one of "matchAttribute" or "distinctAttribute" is required, but multiple fields are set'
const UNKNOWN_REQUEST = "must be the name of a request in the claim or the name of a request and a subrequest separated by '/'"

const validateReferences = (
  names: readonly string[] | undefined,
  isRequest: (name: string) => boolean,
  field: string,
  found: Findings,
): void => eachOfSet(names, REQUESTS_MAX, field, same, (name, path) => validateReference(name, isRequest, path, found), found)

function validateReference(name: string, isRequest: (name: string) => boolean, field: string, found: Findings): void {
  const segments = name.split('/')
  if (segments.length <= 2) for (const segment of segments) requestName(segment, field, found)
  if (!isRequest(name)) found.push(invalidValue(field, name, UNKNOWN_REQUEST))
}

export function validateClaimStatus(
  spec: ResourceClaimSpec | undefined,
  status: ResourceClaimStatus = {},
  old: ResourceClaimStatus = {},
  isDeleted: boolean,
  found: Findings,
): void {
  const { reservedFor = [], allocation } = status
  eachOfSet(
    reservedFor,
    RESERVED_FOR_MAX,
    'status.reservedFor',
    ({ uid }) => uid,
    ({ resource, name, uid }, path) => {
      if (!resource) found.push(required(`${path}.resource`))
      if (!name) found.push(required(`${path}.name`))
      if (!uid) found.push(required(`${path}.uid`))
    },
    found,
  )
  validateDeviceStatuses(status, found)
  if (reservedFor.length > 0 && allocation === undefined) {
    found.push(forbid('status.reservedFor', 'may not be specified when `allocated` is not set'))
  } else if (isDeleted && reservedFor.some((user) => !old.reservedFor?.some((each) => deepEqual(each, user)))) {
    const rule = 'new entries may not be added while `deallocationRequested` or `deletionTimestamp` are set'
    found.push(forbid('status.reservedFor', rule))
  }
  if (allocation === undefined) return
  if (old.allocation === undefined) validateAllocation(allocation, requestsOf(spec?.devices ?? {}), found)
  else if (!deepEqual(allocation, old.allocation)) found.push(invalidValue('status.allocation', allocation, IMMUTABLE))
}

function validateAllocation(
  { devices, nodeSelector }: AllocationResult,
  isRequest: (name: string) => boolean,
  found: Findings,
): void {
  const path = 'status.allocation.devices'
  eachOf(
    devices?.results,
    RESULTS_MAX,
    `${path}.results`,
    (result, at) => {
      validateReference(result.request, isRequest, `${at}.request`, found)
      csiDriverName(result.driver, `${at}.driver`, found)
      poolName(result.pool, `${at}.pool`, found)
      complaints(dnsLabel(result.device ?? ''), result.device ?? '', `${at}.device`, found)
      validateBinding(result, at, found)
      shareID(result.shareID, `${at}.shareID`, found)
    },
    found,
  )
  eachOf(
    devices?.config,
    2 * CONFIGS_MAX,
    `${path}.config`,
    ({ source, requests, opaque }, at) => {
      oneOf(source, ['FromClaim', 'FromClass'], `${at}.source`, found)
      validateReferences(requests, isRequest, `${at}.requests`, found)
      validateConfiguration(opaque, at, found)
    },
    found,
  )
  if (nodeSelector !== undefined)
    nodeSelectorTerms(nodeSelector.nodeSelectorTerms, 'status.allocation.nodeSelector.nodeSelectorTerms', found)
}
