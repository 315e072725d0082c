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
export function* eachOf<T>(
  list: readonly T[] | undefined,
  max: number,
  field: string,
  validate: (item: T, path: string) => Findings,
): Findings {
  const items = list ?? []
  if (items.length > max) yield tooMany(field, items.length, max)
  else for (const [index, item] of items.entries()) yield* validate(item, `${field}[${index}]`)
}

/** As {@link eachOf}, of items that must differ in their key. */
export function* eachOfSet<T>(
  list: readonly T[] | undefined,
  max: number,
  field: string,
  keyOf: (item: T) => string,
  validate: (item: T, path: string) => Findings,
): Findings {
  yield* eachOf(list, max, field, validate)
  if ((list ?? []).length > max) return
  const seen = new Set<string>()
  for (const [index, item] of (list ?? []).entries()) {
    const key = keyOf(item)
    if (seen.has(key)) yield duplicateValue(`${field}[${index}]`, key)
    seen.add(key)
  }
}

export const requestName = (name: string | undefined, field: string): Findings =>
  complaints(dnsLabel(name ?? ''), name ?? '', field)

export function* poolName(name: string | undefined, field: string): Findings {
  if (!name) {
    yield required(field)
    return
  }
  if (name.length > POOL_LENGTH_MAX) yield tooLong(field, POOL_LENGTH_MAX)
  for (const part of name.split('/')) yield* complaints(subdomainName(part), part, field)
}

/** `domain/id` or `id`: the driver's own domain is understood. */
export function* attributeName(name: string, field: string): Findings {
  const parts = name.split('/')
  if (parts.length > 2) {
    yield invalidValue(field, name, 'must not contain more than one slash')
    return
  }
  const [id, domain] = parts.toReversed() as [string, string | undefined]
  if (domain === '') yield invalidValue(field, '', 'the domain must not be empty')
  else if (domain !== undefined) yield* csiDriverName(domain, field)
  if (domain !== undefined && id === '') {
    yield invalidValue(field, '', 'the name must not be empty')
    return
  }
  if (id.length > ID_LENGTH_MAX) yield tooLong(field, ID_LENGTH_MAX)
  yield* complaints(cIdentifier(id), id, field)
}

export function* fullAttributeName(name: string, field: string): Findings {
  yield* attributeName(name, field)
  if (!name.includes('/'))
    yield invalidValue(field, name, 'a fully qualified name must be a domain and a name separated by a slash')
}

export const validateSelectors = (selectors: readonly DeviceSelector[] | undefined, field: string): Findings =>
  eachOf(selectors, SELECTORS_MAX, field, function* ({ cel }, path) {
    if (cel === undefined) yield required(`${path}.cel`)
    else if (Buffer.byteLength(cel.expression ?? '') > EXPRESSION_BYTES_MAX)
      yield tooLong(`${path}.cel.expression`, EXPRESSION_BYTES_MAX)
  })

/** What a driver is told; only the driver knows what it means. */
export function* validateConfiguration(opaque: OpaqueDeviceConfiguration | undefined, field: string): Findings {
  if (opaque === undefined) {
    yield required(`${field}.opaque`)
    return
  }
  yield* csiDriverName(opaque.driver, `${field}.opaque.driver`)
  const { parameters } = opaque
  const path = `${field}.opaque.parameters`
  if (parameters === undefined || parameters === null) yield required(path)
  else if (Buffer.byteLength(JSON.stringify(parameters)) > PARAMETERS_BYTES_MAX) yield tooLong(path, PARAMETERS_BYTES_MAX)
  else if (typeof parameters !== 'object' || Array.isArray(parameters))
    yield invalidValue(path, '<value omitted>', 'must be a valid JSON object')
}

const EFFECTS = ['NoExecute', 'NoSchedule', 'None']

export function* validateToleration({ key, operator, value, effect }: DeviceToleration, field: string): Findings {
  if (key) yield* complaints(qualifiedName(key), key, `${field}.key`)
  if (operator === 'Exists') {
    if (value) yield invalidValue(`${field}.value`, value, 'must be empty for operator `Exists`')
  } else if (operator === 'Equal') yield* complaints(labelValue(value ?? ''), value ?? '', `${field}.value`)
  else if (!operator) yield required(`${field}.operator`)
  else yield* optionalOneOf(operator, ['Equal', 'Exists'], `${field}.operator`)
  if (effect) yield* optionalOneOf(effect, EFFECTS, `${field}.effect`)
}

export function* validateTaint({ key, value, effect }: DeviceTaint, field: string): Findings {
  yield* complaints(qualifiedName(key ?? ''), key ?? '', `${field}.key`)
  if (value) yield* complaints(labelValue(value), value, `${field}.value`)
  if (!effect) yield required(`${field}.effect`)
  else yield* optionalOneOf(effect, EFFECTS, `${field}.effect`)
}

interface BindingConditions {
  readonly bindingConditions?: readonly string[]
  readonly bindingFailureConditions?: readonly string[]
}

export function* validateBinding(
  { bindingConditions: ready = [], bindingFailureConditions: failed = [] }: BindingConditions,
  field: string,
): Findings {
  const name = (condition: string, path: string): Findings => complaints(qualifiedName(condition), condition, path)
  const same = (condition: string): string => condition
  yield* eachOfSet(ready, BINDING_CONDITIONS_MAX, `${field}.bindingConditions`, same, name)
  yield* eachOfSet(failed, BINDING_CONDITIONS_MAX, `${field}.bindingFailureConditions`, same, name)
  for (const [index, condition] of failed.entries()) {
    if (!ready.includes(condition)) continue
    const path = `${field}.bindingFailureConditions[${index}]`
    yield invalidValue(path, condition, 'bindingFailureConditions must not overlap with bindingConditions')
  }
  if (ready.length === 0 && failed.length > 0) {
    const rule = 'bindingConditions are required to use bindingFailureConditions'
    yield invalidValue(`${field}.bindingConditions`, ready, rule)
  }
  if (failed.length === 0 && ready.length > 0) {
    const rule = 'bindingFailureConditions are required to use bindingConditions'
    yield invalidValue(`${field}.bindingFailureConditions`, failed, rule)
  }
}
