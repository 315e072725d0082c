import { deepEqual } from '#base'
import { nodeSelectorTerms } from '../core/validate-scheduling.ts'
import type { ValidationContext } from '../definition.ts'
import type { Counter, Device, DeviceAttribute, ResourceSlice, ResourceSliceSpec } from '../generated/types.ts'
import { csiDriverName } from '../validation/common.ts'
import { complaints, type Findings, IMMUTABLE, invalidValue, required, tooLong, tooMany } from '../validation/findings.ts'
import { dnsLabel, subdomainName } from '../validation/names.ts'
import { validateCapacities } from './validate-capacity.ts'
import {
  attributeName,
  eachOf,
  eachOfSet,
  KEY_LENGTH_MAX,
  keyPath,
  poolName,
  validateBinding,
  validateTaint,
} from './validate-device.ts'

const DEVICES_MAX = 128
const DEVICES_WITH_TAINTS_OR_COUNTERS_MAX = 64
const ATTRIBUTES_MAX = 32
const VALUE_LENGTH_MAX = 64
const TAINTS_MAX = 16
const COUNTER_SETS_MAX = 8
const COUNTERS_MAX = 32
const COUNTER_LENGTH_MAX = 63
const CONSUMED_SETS_MAX = 2

export function validateResourceSlice(
  { spec: sent }: ResourceSlice,
  found: Findings,
  { old }: ValidationContext<ResourceSlice>,
): void {
  const spec = sent ?? ({} as ResourceSliceSpec)
  csiDriverName(spec.driver, 'spec.driver', found)
  const pool = spec.pool ?? {}
  poolName(pool.name, 'spec.pool.name', found)
  if (!(pool.resourceSliceCount > 0))
    found.push(invalidValue('spec.pool.resourceSliceCount', pool.resourceSliceCount ?? 0, 'must be greater than zero'))
  if (pool.generation < 0)
    found.push(invalidValue('spec.pool.generation', pool.generation, 'must be greater than or equal to zero'))
  if (old !== undefined) keepOwner(spec, old.spec, found)
  validatePlace(spec, found)
  if (spec.sharedCounters !== undefined && spec.devices !== undefined)
    found.push(invalidValue('spec', '', 'only one of `sharedCounters` or `devices` is allowed'))
  const isComplex = spec.devices?.some(({ taints, consumesCounters }) => taints?.length || consumesCounters?.length)
  const most = isComplex ? DEVICES_WITH_TAINTS_OR_COUNTERS_MAX : DEVICES_MAX
  eachOfSet(
    spec.devices,
    most,
    'spec.devices',
    ({ name }) => name,
    (device, path) => validateDevice(device, spec, old?.spec, path, found),
    found,
  )
  eachOfSet(
    spec.sharedCounters,
    COUNTER_SETS_MAX,
    'spec.sharedCounters',
    ({ name }) => name,
    (set, path) => {
      validateCounters(set.name, set.counters, path, 'name', found)
    },
    found,
  )
}

function keepOwner(spec: ResourceSliceSpec, old: ResourceSliceSpec, found: Findings): void {
  const { pool } = spec
  if (pool?.name !== old.pool?.name) found.push(invalidValue('spec.pool.name', pool?.name ?? '', IMMUTABLE))
  if (spec.driver !== old.driver) found.push(invalidValue('spec.driver', spec.driver ?? '', IMMUTABLE))
  if (spec.nodeName !== old.nodeName) found.push(invalidValue('spec.nodeName', spec.nodeName, IMMUTABLE))
}

interface Place {
  readonly nodeName?: string
  readonly nodeSelector?: ResourceSliceSpec['nodeSelector']
  readonly allNodes?: boolean
  readonly perDeviceNodeSelection?: boolean
}

/** Which of the ways to say where devices are is used; each is checked. */
function validateWays(place: Place, field: string, used: string[], emptyNode: string, found: Findings): void {
  const { nodeName, nodeSelector } = place
  if (nodeName === '') found.push(invalidValue(`${field}.nodeName`, nodeName, emptyNode))
  else if (nodeName !== undefined) {
    used.push('`nodeName`')
    complaints(subdomainName(nodeName), nodeName, `${field}.nodeName`, found)
  }
  if (nodeSelector !== undefined) {
    used.push('`nodeSelector`')
    nodeSelectorTerms(nodeSelector.nodeSelectorTerms, `${field}.nodeSelector.nodeSelectorTerms`, found)
  }
  for (const key of ['allNodes', 'perDeviceNodeSelection'] as const) {
    if (place[key] === true) used.push(`\`${key}\``)
    else if (place[key] === false) found.push(invalidValue(`${field}.${key}`, false, 'must be either unset or set to true'))
  }
}

function validatePlace(spec: ResourceSliceSpec, found: Findings): void {
  const used: string[] = []
  validateWays(spec, 'spec', used, 'must be either unset or set to a non-empty string', found)
  const terms = spec.nodeSelector?.nodeSelectorTerms
  if (terms !== undefined && terms.length !== 1)
    found.push(invalidValue('spec.nodeSelector.nodeSelectorTerms', terms, 'must have exactly one node selector term'))
  const rule = 'exactly one of `nodeName`, `nodeSelector`, `allNodes`, `perDeviceNodeSelection` is required'
  if (used.length === 0) found.push(required('spec', rule))
  else if (used.length > 1) found.push(invalidValue('spec', `{${used.join(', ')}}`, `${rule}, but multiple fields are set`))
}

function validateDevice(
  device: Device,
  { perDeviceNodeSelection }: ResourceSliceSpec,
  old: ResourceSliceSpec | undefined,
  field: string,
  found: Findings,
): void {
  complaints(dnsLabel(device.name ?? ''), device.name ?? '', `${field}.name`, found)
  const { attributes = {}, capacity = {} } = device
  const count = Object.keys(attributes).length + Object.keys(capacity).length
  if (count > ATTRIBUTES_MAX)
    found.push(invalidValue(field, count, `the total number of attributes and capacities must not exceed ${ATTRIBUTES_MAX}`))
  for (const [name, attribute] of Object.entries(attributes)) {
    const path = keyPath(`${field}.attributes`, name, KEY_LENGTH_MAX)
    attributeName(name, path, found)
    validateAttribute(attribute, path, found)
  }
  validateCapacities(device, `${field}.capacity`, found)
  const before = old?.devices?.find(({ name }) => name === device.name)
  if (before === undefined || !deepEqual(before.taints ?? [], device.taints ?? []))
    eachOf(device.taints, TAINTS_MAX, `${field}.taints`, validateTaint, found)
  const consumed = `${field}.consumesCounters`
  eachOfSet(
    device.consumesCounters,
    CONSUMED_SETS_MAX,
    consumed,
    ({ counterSet }) => counterSet,
    (each, path) => {
      validateCounters(each.counterSet, each.counters, path, 'counterSet', found)
    },
    found,
  )
  validateDevicePlace(device, perDeviceNodeSelection ?? false, field, found)
  validateBinding(device, field, found)
}

function validateDevicePlace(device: Device, isPerDevice: boolean, field: string, found: Findings): void {
  const { nodeName, nodeSelector, allNodes } = device
  if (!isPerDevice) {
    if (nodeName === undefined && nodeSelector === undefined && allNodes === undefined) return
    const rule =
      '`nodeName`, `nodeSelector` and `allNodes` can only be set if `perDeviceNodeSelection` is set to true in the ResourceSlice spec'
    found.push(invalidValue(field, undefined, rule))
    return
  }
  const used: string[] = []
  validateWays(
    {
      ...(nodeName !== undefined && { nodeName }),
      ...(nodeSelector && { nodeSelector }),
      ...(allNodes !== undefined && { allNodes }),
    },
    field,
    used,
    'must not be empty',
    found,
  )
  const rule =
    'exactly one of `nodeName`, `nodeSelector`, or `allNodes` is required when `perDeviceNodeSelection` is set to true in the ResourceSlice spec'
  if (used.length === 0) found.push(required(field, rule))
  else if (used.length > 1) found.push(invalidValue(field, `{${used.join(', ')}}`, rule))
}

const NUMERIC = '(0|[1-9]\\d*)'
const PRERELEASE = '(0|[1-9]\\d*|\\d*[a-zA-Z-][0-9a-zA-Z-]*)'
const BUILD = '[0-9a-zA-Z-]+'
/** https://semver.org */
const SEMVER = new RegExp(
  `^${NUMERIC}\\.${NUMERIC}\\.${NUMERIC}(-${PRERELEASE}(\\.${PRERELEASE})*)?(\\+${BUILD}(\\.${BUILD})*)?$`,
)

function validateAttribute(attribute: DeviceAttribute, field: string, found: Findings): void {
  const { string, version } = attribute
  const length = (text: string, path: string): void => {
    if (Buffer.byteLength(text) > VALUE_LENGTH_MAX) found.push(tooLong(path, VALUE_LENGTH_MAX))
  }
  if (string !== undefined) length(string, `${field}.string`)
  if (version !== undefined) {
    // A version within its length can't keep the pattern busy.
    if (version.length > VALUE_LENGTH_MAX || !SEMVER.test(version))
      found.push(invalidValue(`${field}.version`, version, 'must be a string compatible with semver.org spec 2.0.0'))
    length(version, `${field}.version`)
  }
  const values = Object.values(attribute).filter((value) => value !== undefined).length
  if (values === 0) found.push(invalidValue(field, '', 'exactly one value must be specified'))
  else if (values > 1) found.push(invalidValue(field, attribute, 'exactly one value must be specified'))
}

function validateCounters(
  name: string | undefined,
  counters: Readonly<Record<string, Counter>> | undefined,
  field: string,
  key: 'name' | 'counterSet',
  found: Findings,
): void {
  if (!name) found.push(required(`${field}.${key}`))
  else complaints(dnsLabel(name), name, `${field}.${key}`, found)
  const names = Object.keys(counters ?? {})
  if (names.length === 0) found.push(required(`${field}.counters`))
  else if (names.length > COUNTERS_MAX) found.push(tooMany(`${field}.counters`, names.length, COUNTERS_MAX))
  else for (const each of names) complaints(dnsLabel(each), each, keyPath(`${field}.counters`, each, COUNTER_LENGTH_MAX), found)
}
