import { addQuantities, canonicalQuantity, compareQuantities, parseQuantity } from '#meta'
import type { CapacityRequestPolicy, CapacityRequestPolicyRange, Device } from '../generated/types.ts'
import { type Findings, forbid, invalidValue, required } from '../validation/findings.ts'
import { attributeName, eachOfSet, KEY_LENGTH_MAX, keyPath } from './validate-device.ts'

const VALUES_MAX = 10

/** How much a device has of something, and in which portions several who share it get it (KEP-5075). */
export function validateCapacities({ capacity = {}, allowMultipleAllocations }: Device, field: string, found: Findings): void {
  for (const [name, { value, requestPolicy }] of Object.entries(capacity)) {
    const path = keyPath(field, name, KEY_LENGTH_MAX)
    attributeName(name, path, found)
    if (requestPolicy === undefined) continue
    if (allowMultipleAllocations) validatePolicy(requestPolicy, value, `${path}.requestPolicy`, found)
    else found.push(forbid(`${path}.requestPolicy`, 'allowMultipleAllocations must be true'))
  }
}

function validatePolicy(policy: CapacityRequestPolicy, capacity: string, field: string, found: Findings): void {
  const { default: standard, validValues = [], validRange } = policy
  const way = validValues.length > 0 ? 'validValues' : 'validRange'
  if (validValues.length > 0 && validRange !== undefined) {
    const rule = 'exactly one policy can be specified, cannot specify "validValues" and "validRange" at the same time'
    found.push(forbid(field, rule))
  } else if (validValues.length === 0 && validRange === undefined) return
  else if (standard === undefined) found.push(required(`${field}.default`, `required when ${way} is defined`))
  else if (validRange !== undefined) validateRange(validRange, standard, capacity, `${field}.validRange`, found)
  else validateValues(validValues, standard, capacity, `${field}.validValues`, found)
}

const isMore = (a: string, b: string): boolean => compareQuantities(a, b) > 0

function validateValues(values: readonly string[], standard: string, capacity: string, field: string, found: Findings): void {
  for (const [index, value] of values.entries()) {
    const next = values[index + 1]
    if (next !== undefined && isMore(value, next))
      found.push(invalidValue(`${field}[${index + 1}]`, canonicalQuantity(next), 'values must be sorted in ascending order'))
  }
  // What there are too many of is not looked at.
  const isKnown = values.length <= VALUES_MAX && values.some((value) => compareQuantities(value, standard) === 0)
  const keyOf = (value: string): string => String(wholeOf(value))
  const isLarger = (value: string, path: string): void => {
    const rule = `option is larger than capacity value: ${canonicalQuantity(capacity)}`
    if (isMore(value, capacity)) found.push(invalidValue(path, canonicalQuantity(value), rule))
  }
  eachOfSet(values, VALUES_MAX, field, keyOf, isLarger, found)
  if (!isKnown)
    found.push(invalidValue(field, canonicalQuantity(standard), 'default value is not valid according to the requestPolicy'))
}

const ONE = 1_000_000_000n

/** Rounded up. */
function wholeOf(quantity: string): bigint {
  const { nanos } = parseQuantity(quantity)
  return nanos / ONE + (nanos % ONE > 0n ? 1n : 0n)
}

function validateRange(
  { min, max, step }: CapacityRequestPolicyRange,
  standard: string,
  capacity: string,
  field: string,
  found: Findings,
): void {
  const wrong = (part: string, shown: string, rule: string, bound: string): void => {
    found.push(invalidValue(`${field}.${part}`, canonicalQuantity(shown), `${rule}: ${canonicalQuantity(bound)}`))
  }
  if (min === undefined) {
    found.push(required(`${field}.min`, 'required when validRange is defined'))
    return
  }
  if (isMore(min, capacity)) wrong('min', min, 'min is larger than capacity value', capacity)
  if (isMore(min, standard)) wrong('min', standard, 'default is less than min', min)
  if (max !== undefined) {
    if (isMore(min, max)) wrong('max', min, 'min is larger than max', max)
    if (isMore(max, capacity)) wrong('max', max, 'max is larger than capacity value', capacity)
    if (isMore(standard, max)) wrong('max', standard, 'default is more than max', max)
  }
  if (step === undefined) return
  const first = addQuantities(min, step)
  if (isMore(first, capacity)) wrong('step', step, `one step ${first} is larger than capacity value`, capacity)
  for (const value of [standard, ...(max === undefined ? [] : [max])]) {
    const size = wholeOf(step)
    if (size !== 0n && (wholeOf(value) - wholeOf(min)) % size === 0n) continue
    const rule = `value is not a multiple of a given step (${canonicalQuantity(step)}) from (${canonicalQuantity(min)})`
    found.push(invalidValue(`${field}.step`, canonicalQuantity(value), rule))
  }
}
