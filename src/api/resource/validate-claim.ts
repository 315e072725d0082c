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
  validateBinding,
  validateConfiguration,
  validateSelectors,
  validateToleration,
} from './validate-device.ts'

const CONSTRAINTS_MAX = 32
const ALTERNATIVES_MAX = 8
const RESULTS_MAX = 32
const RESERVED_FOR_MAX = 256

const same = (text: string): string => text

export function* validateClaimSpec(spec: ResourceClaimSpec | undefined, field: string): Findings {
  const claim = spec?.devices ?? {}
  const path = `${field}.devices`
  const isRequest = requestsOf(claim)
  yield* eachOfSet(claim.requests, REQUESTS_MAX, `${path}.requests`, ({ name }) => name, validateRequest)
  yield* eachOf(claim.constraints, CONSTRAINTS_MAX, `${path}.constraints`, (constraint, at) =>
    validateConstraint(constraint, isRequest, at),
  )
  yield* eachOf(claim.config, CONFIGS_MAX, `${path}.config`, function* ({ requests, opaque }, at) {
    yield* validateReferences(requests, isRequest, `${at}.requests`)
    yield* validateConfiguration(opaque, at)
  })
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

function* validateRequest({ name, exactly, firstAvailable }: DeviceRequest, field: string): Findings {
  yield* requestName(name, `${field}.name`)
  const rule = 'exactly one of `exactly` or `firstAvailable` is required'
  if (exactly === undefined && !firstAvailable?.length) yield required(field, rule)
  else if (exactly !== undefined && firstAvailable?.length)
    yield invalidValue(field, undefined, `${rule}, but multiple fields are set`)
  else if (exactly !== undefined) yield* validateWish(exactly, `${field}.exactly`)
  else {
    const path = `${field}.firstAvailable`
    yield* eachOfSet(
      firstAvailable,
      ALTERNATIVES_MAX,
      path,
      (each) => each.name,
      function* (alternative, at) {
        yield* requestName(alternative.name, `${at}.name`)
        yield* validateWish(alternative, at)
      },
    )
  }
}

function* validateWish(wish: ExactDeviceRequest | DeviceSubRequest, field: string): Findings {
  const { deviceClassName, selectors, allocationMode, count = 0, tolerations } = wish
  if (!deviceClassName) yield required(`${field}.deviceClassName`)
  else yield* complaints(subdomainName(deviceClassName), deviceClassName, `${field}.deviceClassName`)
  yield* validateSelectors(selectors, `${field}.selectors`)
  if (allocationMode === 'All') {
    if (count !== 0) yield invalidValue(`${field}.count`, count, "must not be specified when allocationMode is 'All'")
  } else if (allocationMode === 'ExactCount') {
    if (count <= 0) yield invalidValue(`${field}.count`, count, 'must be greater than zero')
  } else yield unsupported(`${field}.allocationMode`, allocationMode ?? '', ['All', 'ExactCount'])
  for (const [index, toleration] of (tolerations ?? []).entries())
    yield* validateToleration(toleration, `${field}.tolerations[${index}]`)
}

function* validateConstraint(constraint: DeviceConstraint, isRequest: (name: string) => boolean, field: string): Findings {
  yield* validateReferences(constraint.requests, isRequest, `${field}.requests`)
  const { matchAttribute, distinctAttribute } = constraint
  if (matchAttribute !== undefined) yield* fullAttributeName(matchAttribute, `${field}.matchAttribute`)
  else if (distinctAttribute !== undefined) yield* fullAttributeName(distinctAttribute, `${field}.distinctAttribute`)
  else yield required(field, NO_ATTRIBUTE)
}

/** Upstream says it of none as well. */
const NO_ATTRIBUTE = 'exactly one of "matchAttribute" or "distinctAttribute" is required, but multiple fields are set'
const UNKNOWN_REQUEST = "must be the name of a request in the claim or the name of a request and a subrequest separated by '/'"

const validateReferences = (
  names: readonly string[] | undefined,
  isRequest: (name: string) => boolean,
  field: string,
): Findings => eachOfSet(names, REQUESTS_MAX, field, same, (name, path) => validateReference(name, isRequest, path))

function* validateReference(name: string, isRequest: (name: string) => boolean, field: string): Findings {
  const segments = name.split('/')
  if (segments.length <= 2) for (const segment of segments) yield* requestName(segment, field)
  if (!isRequest(name)) yield invalidValue(field, name, UNKNOWN_REQUEST)
}

export function* validateClaimStatus(
  spec: ResourceClaimSpec | undefined,
  status: ResourceClaimStatus = {},
  old: ResourceClaimStatus = {},
  isDeleted = false,
): Findings {
  const { reservedFor = [], allocation } = status
  yield* eachOfSet(
    reservedFor,
    RESERVED_FOR_MAX,
    'status.reservedFor',
    ({ uid }) => uid,
    function* ({ resource, name, uid }, path) {
      if (!resource) yield required(`${path}.resource`)
      if (!name) yield required(`${path}.name`)
      if (!uid) yield required(`${path}.uid`)
    },
  )
  if (reservedFor.length > 0 && allocation === undefined) {
    yield forbid('status.reservedFor', 'may not be specified when `allocated` is not set')
  } else if (isDeleted && reservedFor.some(({ uid }) => !old.reservedFor?.some((each) => each.uid === uid))) {
    const rule = 'new entries may not be added while `deallocationRequested` or `deletionTimestamp` are set'
    yield forbid('status.reservedFor', rule)
  }
  if (allocation === undefined) return
  if (old.allocation === undefined) yield* validateAllocation(allocation, requestsOf(spec?.devices ?? {}))
  else if (!deepEqual(allocation, old.allocation)) yield invalidValue('status.allocation', allocation, IMMUTABLE)
}

function* validateAllocation({ devices, nodeSelector }: AllocationResult, isRequest: (name: string) => boolean): Findings {
  const path = 'status.allocation.devices'
  yield* eachOf(devices?.results, RESULTS_MAX, `${path}.results`, function* (result, at) {
    yield* validateReference(result.request, isRequest, `${at}.request`)
    yield* csiDriverName(result.driver, `${at}.driver`)
    yield* poolName(result.pool, `${at}.pool`)
    yield* complaints(dnsLabel(result.device ?? ''), result.device ?? '', `${at}.device`)
    yield* validateBinding(result, at)
    for (const [index, toleration] of (result.tolerations ?? []).entries())
      yield* validateToleration(toleration, `${at}.tolerations[${index}]`)
  })
  yield* eachOf(devices?.config, 2 * CONFIGS_MAX, `${path}.config`, function* ({ source, requests, opaque }, at) {
    yield* oneOf(source, ['FromClaim', 'FromClass'], `${at}.source`)
    yield* validateReferences(requests, isRequest, `${at}.requests`)
    yield* validateConfiguration(opaque, at)
  })
  if (nodeSelector !== undefined)
    yield* nodeSelectorTerms(nodeSelector.nodeSelectorTerms, 'status.allocation.nodeSelector.nodeSelectorTerms')
}
