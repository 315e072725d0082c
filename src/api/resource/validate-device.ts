import type { DeviceSelector, DeviceTaint, DeviceToleration, OpaqueDeviceConfiguration } from '../generated/types.ts'
import { csiDriverName } from '../validation/common.ts'
import {
  complaints,
  duplicateValue,
  type Findings,
  invalidValue,
  optionalOneOf,
  required,
  tooLong,
  tooMany,
} from '../validation/findings.ts'
import { cIdentifier, dnsLabel, labelValue, qualifiedName, subdomainName } from '../validation/names.ts'

/** Bounds of the resource.k8s.io API (https://kubernetes.io/docs/reference/kubernetes-api/workload-resources/resource-claim-v1/). */
export const REQUESTS_MAX = 32
export const CONFIGS_MAX = 32
const SELECTORS_MAX = 32
const EXPRESSION_BYTES_MAX = 10 * 1024
const DATA_BYTES_MAX = 10 * 1024
const POOL_LENGTH_MAX = 253
/** Of an attribute with its domain. */
export const KEY_LENGTH_MAX = 63 + '/'.length + 32
const ID_LENGTH_MAX = 32
const BINDING_CONDITIONS_MAX = 4

/** The findings of each item, or one about their number when there are too many to look at. */
export function eachOf<T>(
  list: readonly T[] | undefined,
  max: number,
  field: string,
  validate: (item: T, path: string, found: Findings) => void,
  found: Findings,
): void {
  const items = list ?? []
  if (items.length > max) found.push(tooMany(field, items.length, max))
  else for (const [index, item] of items.entries()) validate(item, `${field}[${index}]`, found)
}

/** As {@link eachOf}, of items that must differ in their key. */
export function eachOfSet<T>(
  list: readonly T[] | undefined,
  max: number,
  field: string,
  keyOf: (item: T) => string,
  validate: (item: T, path: string, found: Findings) => void,
  found: Findings,
): void {
  eachOf(list, max, field, validate, found)
  if ((list ?? []).length > max) return
  const seen = new Set<string>()
  for (const [index, item] of (list ?? []).entries()) {
    const key = keyOf(item)
    if (seen.has(key)) found.push(duplicateValue(`${field}[${index}]`, key))
    seen.add(key)
  }
}

export const requestName = (name: string | undefined, field: string, found: Findings): void =>
  complaints(dnsLabel(name ?? ''), name ?? '', field, found)

export function poolName(name: string | undefined, field: string, found: Findings): void {
  if (!name) {
    found.push(required(field))
    return
  }
  if (name.length > POOL_LENGTH_MAX) found.push(tooLong(field, POOL_LENGTH_MAX))
  for (const part of name.split('/')) complaints(subdomainName(part), part, field, found)
}

/** `domain/id` or `id`: the driver's own domain is understood. */
export function attributeName(name: string, field: string, found: Findings): void {
  const parts = name.split('/')
  // Upstream looks no further.
  if (parts.length > 2) return
  const [id, domain] = parts.toReversed() as [string, string | undefined]
  if (domain === '') found.push(invalidValue(field, '', 'the domain must not be empty'))
  else if (domain !== undefined) csiDriverName(domain, field, found)
  if (domain !== undefined && id === '') {
    found.push(invalidValue(field, '', 'the name must not be empty'))
    return
  }
  if (id.length > ID_LENGTH_MAX) found.push(tooLong(field, ID_LENGTH_MAX))
  complaints(cIdentifier(id), id, field, found)
}

export function fullAttributeName(name: string, field: string, found: Findings): void {
  attributeName(name, field, found)
  if (!name.includes('/'))
    found.push(invalidValue(field, name, 'a fully qualified name must be a domain and a name separated by a slash'))
}

export const validateSelectors = (selectors: readonly DeviceSelector[] | undefined, field: string, found: Findings): void =>
  eachOf(
    selectors,
    SELECTORS_MAX,
    field,
    ({ cel }, path) => {
      if (cel === undefined) found.push(required(`${path}.cel`))
      else if (Buffer.byteLength(cel.expression ?? '') > EXPRESSION_BYTES_MAX)
        found.push(tooLong(`${path}.cel.expression`, EXPRESSION_BYTES_MAX))
    },
    found,
  )

/** What a driver is told; only the driver knows what it means. What was accepted before (`isStored`) may be of any size. */
export function validateConfiguration(
  opaque: OpaqueDeviceConfiguration | undefined,
  field: string,
  found: Findings,
  isStored = false,
): void {
  if (opaque === undefined) {
    found.push(required(`${field}.opaque`))
    return
  }
  csiDriverName(opaque.driver, `${field}.opaque.driver`, found)
  validateData(opaque.parameters, `${field}.opaque.parameters`, found, isStored)
}

/** An object of a driver's own. */
export function validateData(data: unknown, field: string, found: Findings, isStored = false): void {
  if (data === undefined || data === null) found.push(required(field))
  else if (!isStored && Buffer.byteLength(JSON.stringify(data)) > DATA_BYTES_MAX) found.push(tooLong(field, DATA_BYTES_MAX))
  else if (typeof data !== 'object' || Array.isArray(data))
    found.push(invalidValue(field, '<value omitted>', 'must be a valid JSON object'))
}

const UUID_LENGTH = 36
const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i

/** The share of a device that several use. */
export function shareID(id: string | undefined, field: string, found: Findings): void {
  if (id === undefined) return
  const problem = idProblem(id)
  if (problem !== undefined) found.push(invalidValue(field, id, problem))
}

/** Upstream's reader (google/uuid) takes more spellings than the one that is allowed. */
function idProblem(id: string): string | undefined {
  const bare = id
    .replace(/^urn:uuid:(?=.{36}$)/i, '')
    .replace(/^\{(.{36})\}$/, '$1')
    .replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5')
  if (bare.length !== UUID_LENGTH) return `error validating uid: invalid UUID length: ${Buffer.byteLength(id)}`
  if (!UUID.test(bare)) return 'error validating uid: invalid UUID format'
  if (id === bare.toLowerCase()) return undefined
  return 'uid must be in RFC 4122 normalized form, `xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx` with lowercase hexadecimal characters'
}

const KEY_LENGTH_MIN = 16

/** The place of a key in a map; of what is too long for it, both ends. */
export function keyPath(field: string, key: string, max: number): string {
  const most = Math.max(max, KEY_LENGTH_MIN)
  if (key.length <= most) return `${field}[${key}]`
  const left = most - '...'.length
  return `${field}[${key.slice(0, Math.floor((left + 1) / 2))}...${key.slice(key.length - Math.floor(left / 2))}]`
}

const EFFECTS = ['NoExecute', 'NoSchedule', 'None']

export function validateToleration({ key, operator, value, effect }: DeviceToleration, field: string, found: Findings): void {
  if (key) complaints(qualifiedName(key), key, `${field}.key`, found)
  if (operator === 'Exists') {
    if (value) found.push(invalidValue(`${field}.value`, value, 'must be empty for operator `Exists`'))
  } else if (operator === 'Equal') complaints(labelValue(value ?? ''), value ?? '', `${field}.value`, found)
  else if (!operator) found.push(required(`${field}.operator`))
  else optionalOneOf(operator, ['Equal', 'Exists'], `${field}.operator`, found)
  if (effect) optionalOneOf(effect, EFFECTS, `${field}.effect`, found)
}

export function validateTaint({ key, value, effect }: DeviceTaint, field: string, found: Findings): void {
  complaints(qualifiedName(key ?? ''), key ?? '', `${field}.key`, found)
  if (value) complaints(labelValue(value), value, `${field}.value`, found)
  if (!effect) found.push(required(`${field}.effect`))
  else optionalOneOf(effect, EFFECTS, `${field}.effect`, found)
}

interface BindingConditions {
  readonly bindingConditions?: readonly string[]
  readonly bindingFailureConditions?: readonly string[]
}

export function validateBinding(
  { bindingConditions: ready = [], bindingFailureConditions: failed = [] }: BindingConditions,
  field: string,
  found: Findings,
): void {
  const name = (condition: string, path: string, found: Findings): void =>
    complaints(qualifiedName(condition), condition, path, found)
  eachOf(ready, BINDING_CONDITIONS_MAX, `${field}.bindingConditions`, name, found)
  eachOf(failed, BINDING_CONDITIONS_MAX, `${field}.bindingFailureConditions`, name, found)
  for (const [index, condition] of ready.entries())
    if (ready.indexOf(condition) < index) found.push(duplicateValue(`${field}.bindingConditions[${index}]`, condition))
  for (const [index, condition] of failed.entries()) {
    const path = `${field}.bindingFailureConditions[${index}]`
    if (failed.indexOf(condition) < index) found.push(duplicateValue(path, condition))
    if (ready.includes(condition))
      found.push(invalidValue(path, condition, 'bindingFailureConditions must not overlap with bindingConditions'))
  }
  if (ready.length === 0 && failed.length > 0) {
    const rule = 'bindingConditions are required to use bindingFailureConditions'
    found.push(invalidValue(`${field}.bindingConditions`, null, rule))
  }
  if (failed.length === 0 && ready.length > 0) {
    const rule = 'bindingFailureConditions are required to use bindingConditions'
    found.push(invalidValue(`${field}.bindingFailureConditions`, null, rule))
  }
}
