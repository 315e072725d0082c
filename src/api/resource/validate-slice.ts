import { deepEqual } from '#base'
import { nodeSelectorTerms } from '../core/validate-scheduling.ts'
import type { Counter, Device, DeviceAttribute, ResourceSlice, ResourceSliceSpec } from '../generated/types.ts'
import { csiDriverName } from '../validation/common.ts'
import { complaints, type Findings, forbid, IMMUTABLE, invalidValue, required, tooLong, tooMany } from '../validation/findings.ts'
import { dnsLabel, subdomainName } from '../validation/names.ts'
import { attributeName, eachOf, eachOfSet, poolName, validateBinding, validateTaint } from './validate-device.ts'

const DEVICES_MAX = 128
const DEVICES_WITH_TAINTS_OR_COUNTERS_MAX = 64
const ATTRIBUTES_MAX = 32
const VALUE_LENGTH_MAX = 64
const TAINTS_MAX = 16
const COUNTER_SETS_MAX = 8
const COUNTERS_MAX = 32
const CONSUMED_SETS_MAX = 2

export function* validateResourceSlice({ spec: sent }: ResourceSlice): Findings {
  const spec = sent ?? ({} as ResourceSliceSpec)
  yield* csiDriverName(spec.driver, 'spec.driver')
  const pool = spec.pool ?? {}
  yield* poolName(pool.name, 'spec.pool.name')
  if (!(pool.resourceSliceCount > 0))
    yield invalidValue('spec.pool.resourceSliceCount', pool.resourceSliceCount ?? 0, 'must be greater than zero')
  if (pool.generation < 0) yield invalidValue('spec.pool.generation', pool.generation, 'must be greater than or equal to zero')
  yield* validatePlace(spec)
  if (spec.sharedCounters !== undefined && spec.devices !== undefined)
    yield invalidValue('spec', '', 'only one of `sharedCounters` or `devices` is allowed')
  const isComplex = spec.devices?.some(({ taints, consumesCounters }) => taints?.length || consumesCounters?.length)
  const most = isComplex ? DEVICES_WITH_TAINTS_OR_COUNTERS_MAX : DEVICES_MAX
  yield* eachOfSet(
    spec.devices,
    most,
    'spec.devices',
    ({ name }) => name,
    (device, path) => validateDevice(device, spec, path),
  )
  yield* eachOfSet(
    spec.sharedCounters,
    COUNTER_SETS_MAX,
    'spec.sharedCounters',
    ({ name }) => name,
    function* (set, path) {
      yield* validateCounters(set.name, set.counters, path, 'name')
    },
  )
}

export function* validateResourceSliceUpdate({ spec }: ResourceSlice, { spec: old }: ResourceSlice): Findings {
  if (spec?.pool?.name !== old?.pool?.name) yield invalidValue('spec.pool.name', spec?.pool?.name, IMMUTABLE)
  for (const key of ['driver', 'nodeName'] as const)
    if (!deepEqual(spec?.[key], old?.[key])) yield invalidValue(`spec.${key}`, spec?.[key], IMMUTABLE)
}

interface Place {
  readonly nodeName?: string
  readonly nodeSelector?: ResourceSliceSpec['nodeSelector']
  readonly allNodes?: boolean
  readonly perDeviceNodeSelection?: boolean
}

/** Which of the ways to say where devices are is used; each is checked. */
function* validateWays(place: Place, field: string, used: string[], emptyNode: string): Findings {
  const { nodeName, nodeSelector } = place
  if (nodeName === '') yield invalidValue(`${field}.nodeName`, nodeName, emptyNode)
  else if (nodeName !== undefined) {
    used.push('`nodeName`')
    yield* complaints(subdomainName(nodeName), nodeName, `${field}.nodeName`)
  }
  if (nodeSelector !== undefined) {
    used.push('`nodeSelector`')
    yield* nodeSelectorTerms(nodeSelector.nodeSelectorTerms, `${field}.nodeSelector.nodeSelectorTerms`)
  }
  for (const key of ['allNodes', 'perDeviceNodeSelection'] as const) {
    if (place[key] === true) used.push(`\`${key}\``)
    else if (place[key] === false) yield invalidValue(`${field}.${key}`, false, 'must be either unset or set to true')
  }
}

function* validatePlace(spec: ResourceSliceSpec): Findings {
  const used: string[] = []
  yield* validateWays(spec, 'spec', used, 'must be either unset or set to a non-empty string')
  const terms = spec.nodeSelector?.nodeSelectorTerms
  if (terms !== undefined && terms.length !== 1)
    yield invalidValue('spec.nodeSelector.nodeSelectorTerms', terms, 'must have exactly one node selector term')
  const rule = 'exactly one of `nodeName`, `nodeSelector`, `allNodes`, `perDeviceNodeSelection` is required'
  if (used.length === 0) yield required('spec', rule)
  else if (used.length > 1) yield invalidValue('spec', `{${used.join(', ')}}`, `${rule}, but multiple fields are set`)
}

function* validateDevice(device: Device, { perDeviceNodeSelection }: ResourceSliceSpec, field: string): Findings {
  yield* complaints(dnsLabel(device.name ?? ''), device.name ?? '', `${field}.name`)
  const { attributes = {}, capacity = {} } = device
  const count = Object.keys(attributes).length + Object.keys(capacity).length
  if (count > ATTRIBUTES_MAX)
    yield invalidValue(field, count, `the total number of attributes and capacities must not exceed ${ATTRIBUTES_MAX}`)
  for (const [name, attribute] of Object.entries(attributes)) {
    yield* attributeName(name, `${field}.attributes`)
    yield* validateAttribute(attribute, `${field}.attributes[${name}]`)
  }
  for (const [name, { requestPolicy }] of Object.entries(capacity)) {
    yield* attributeName(name, `${field}.capacity`)
    if (requestPolicy !== undefined && !device.allowMultipleAllocations)
      yield forbid(`${field}.capacity[${name}].requestPolicy`, 'allowMultipleAllocations must be true')
  }
  yield* eachOf(device.taints, TAINTS_MAX, `${field}.taints`, validateTaint)
  const consumed = `${field}.consumesCounters`
  yield* eachOfSet(
    device.consumesCounters,
    CONSUMED_SETS_MAX,
    consumed,
    ({ counterSet }) => counterSet,
    function* (each, path) {
      yield* validateCounters(each.counterSet, each.counters, path, 'counterSet')
    },
  )
  yield* validateDevicePlace(device, perDeviceNodeSelection ?? false, field)
  yield* validateBinding(device, field)
}

function* validateDevicePlace(device: Device, isPerDevice: boolean, field: string): Findings {
  const { nodeName, nodeSelector, allNodes } = device
  if (!isPerDevice) {
    if (nodeName === undefined && nodeSelector === undefined && allNodes === undefined) return
    const rule =
      '`nodeName`, `nodeSelector` and `allNodes` can only be set if `perDeviceNodeSelection` is set to true in the ResourceSlice spec'
    yield invalidValue(field, undefined, rule)
    return
  }
  const used: string[] = []
  yield* validateWays(
    {
      ...(nodeName !== undefined && { nodeName }),
      ...(nodeSelector && { nodeSelector }),
      ...(allNodes !== undefined && { allNodes }),
    },
    field,
    used,
    'must not be empty',
  )
  const rule =
    'exactly one of `nodeName`, `nodeSelector`, or `allNodes` is required when `perDeviceNodeSelection` is set to true in the ResourceSlice spec'
  if (used.length === 0) yield required(field, rule)
  else if (used.length > 1) yield invalidValue(field, `{${used.join(', ')}}`, rule)
}

const NUMERIC = '(0|[1-9]\\d*)'
const PRERELEASE = '(0|[1-9]\\d*|\\d*[a-zA-Z-][0-9a-zA-Z-]*)'
const BUILD = '[0-9a-zA-Z-]+'
/** https://semver.org */
const SEMVER = new RegExp(
  `^${NUMERIC}\\.${NUMERIC}\\.${NUMERIC}(-${PRERELEASE}(\\.${PRERELEASE})*)?(\\+${BUILD}(\\.${BUILD})*)?$`,
)

function* validateAttribute(attribute: DeviceAttribute, field: string): Findings {
  const { string, version } = attribute
  const length = (text: string, path: string): Findings =>
    Buffer.byteLength(text) > VALUE_LENGTH_MAX ? [tooLong(path, VALUE_LENGTH_MAX)] : []
  if (string !== undefined) yield* length(string, `${field}.string`)
  if (version !== undefined) {
    // A version within its length can't keep the pattern busy.
    if (version.length > VALUE_LENGTH_MAX || !SEMVER.test(version))
      yield invalidValue(`${field}.version`, version, 'must be a string compatible with semver.org spec 2.0.0')
    yield* length(version, `${field}.version`)
  }
  const values = Object.values(attribute).filter((value) => value !== undefined).length
  if (values === 0) yield invalidValue(field, '', 'exactly one value must be specified')
  else if (values > 1) yield invalidValue(field, attribute, 'exactly one value must be specified')
}

function* validateCounters(
  name: string | undefined,
  counters: Readonly<Record<string, Counter>> | undefined,
  field: string,
  key: 'name' | 'counterSet',
): Findings {
  if (!name) yield required(`${field}.${key}`)
  else yield* complaints(dnsLabel(name), name, `${field}.${key}`)
  const names = Object.keys(counters ?? {})
  if (names.length === 0) yield required(`${field}.counters`)
  else if (names.length > COUNTERS_MAX) yield tooMany(`${field}.counters`, names.length, COUNTERS_MAX)
  else for (const each of names) yield* complaints(dnsLabel(each), each, `${field}.counters`)
}
