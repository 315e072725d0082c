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
const PARAMETERS_BYTES_MAX = 10 * 1024
const POOL_LENGTH_MAX = 253
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
  if (parts.length > 2) {
    found.push(invalidValue(field, name, 'must not contain more than one slash'))
    return
  }
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

/** What a driver is told; only the driver knows what it means. */
export function validateConfiguration(opaque: OpaqueDeviceConfiguration | undefined, field: string, found: Findings): void {
  if (opaque === undefined) {
    found.push(required(`${field}.opaque`))
    return
  }
  csiDriverName(opaque.driver, `${field}.opaque.driver`, found)
  const { parameters } = opaque
  const path = `${field}.opaque.parameters`
  if (parameters === undefined || parameters === null) found.push(required(path))
  else if (Buffer.byteLength(JSON.stringify(parameters)) > PARAMETERS_BYTES_MAX) found.push(tooLong(path, PARAMETERS_BYTES_MAX))
  else if (typeof parameters !== 'object' || Array.isArray(parameters))
    found.push(invalidValue(path, '<value omitted>', 'must be a valid JSON object'))
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
  const same = (condition: string): string => condition
  eachOfSet(ready, BINDING_CONDITIONS_MAX, `${field}.bindingConditions`, same, name, found)
  eachOfSet(failed, BINDING_CONDITIONS_MAX, `${field}.bindingFailureConditions`, same, name, found)
  for (const [index, condition] of failed.entries()) {
    if (!ready.includes(condition)) continue
    const path = `${field}.bindingFailureConditions[${index}]`
    found.push(invalidValue(path, condition, 'bindingFailureConditions must not overlap with bindingConditions'))
  }
  if (ready.length === 0 && failed.length > 0) {
    const rule = 'bindingConditions are required to use bindingFailureConditions'
    found.push(invalidValue(`${field}.bindingConditions`, ready, rule))
  }
  if (failed.length === 0 && ready.length > 0) {
    const rule = 'bindingFailureConditions are required to use bindingConditions'
    found.push(invalidValue(`${field}.bindingFailureConditions`, failed, rule))
  }
}
