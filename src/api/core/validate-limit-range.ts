import { ownValue } from '#base'
import { compareQuantities, parseQuantity } from '#meta'
import type { LimitRange, LimitRangeItem } from '../generated/types.ts'
import { complaints, duplicateValue, type Findings, forbid, invalidValue, required } from '../validation/findings.ts'
import { qualifiedName } from '../validation/names.ts'
import { mayBeOvercommitted, ofContainer, validateAnyResourceName } from './validate-resources.ts'

const TYPES = new Set(['Container', 'PersistentVolumeClaim', 'Pod'])
const OF_CONTAINERS = new Set(['Container', 'Pod'])

export function validateLimitRange({ spec }: LimitRange, found: Findings): void {
  const types = new Set<string>()
  for (const [index, item] of (spec?.limits ?? []).entries()) {
    const path = `spec.limits[${index}]`
    validateType(item.type ?? '', `${path}.type`, found)
    if (types.has(item.type)) found.push(duplicateValue(`${path}.type`, item.type))
    types.add(item.type)
    validateItem(item, path, found)
  }
}

function validateType(type: string, field: string, found: Findings): void {
  const before = found.length
  complaints(qualifiedName(type), type, field, found)
  if (found.length === before && !type.includes('/') && !TYPES.has(type))
    found.push(invalidValue(field, type, 'must be a standard limit type or fully qualified'))
}

function validateItem(item: LimitRangeItem, path: string, found: Findings): void {
  const isPod = item.type === 'Pod'
  const names = new Set<string>()
  for (const key of ['max', 'min', 'default', 'defaultRequest', 'maxLimitRequestRatio'] as const) {
    const amounts = Object.keys(item[key] ?? {})
    if (isPod && (key === 'default' || key === 'defaultRequest')) {
      if (amounts.length > 0) found.push(forbid(`${path}.${key}`, "may not be specified when `type` is 'Pod'"))
      continue
    }
    if (key === 'maxLimitRequestRatio') validateClaims(item, path, found)
    for (const name of amounts) {
      const validateName = OF_CONTAINERS.has(item.type) ? ofContainer : validateAnyResourceName
      validateName(name, `${path}.${key}[${name}]`, found)
      names.add(name)
    }
  }
  for (const name of names) validateOrder(item, name, path, found)
}

function validateClaims({ type, min, max }: LimitRangeItem, path: string, found: Findings): void {
  if (type !== 'PersistentVolumeClaim' || min?.['storage'] !== undefined || max?.['storage'] !== undefined) return
  found.push(required(`${path}.limits`, 'either minimum or maximum storage value is required, but neither was provided'))
}

/** Each bound of a resource against the others. */
function validateOrder(item: LimitRangeItem, name: string, path: string, found: Findings): void {
  const [min, max, limit, request] = [item.min, item.max, item.default, item.defaultRequest].map((amounts) =>
    ownValue(amounts, name),
  )
  function compare(
    [low, lowName]: readonly [string | undefined, string],
    [high, highName]: readonly [string | undefined, string],
    key: string,
    shown: string | undefined,
  ): void {
    if (low === undefined || high === undefined || compareQuantities(low, high) <= 0) return
    found.push(
      invalidValue(`${path}.${key}[${name}]`, shown, `${lowName} value ${low} is greater than ${highName} value ${high}`),
    )
  }
  compare([min, 'min'], [max, 'max'], 'min', min)
  compare([min, 'min'], [request, 'default request'], 'defaultRequest', request)
  compare([request, 'default request'], [max, 'max'], 'defaultRequest', request)
  compare([request, 'default request'], [limit, 'default limit'], 'defaultRequest', request)
  compare([min, 'min'], [limit, 'default'], 'default', min)
  compare([limit, 'default'], [max, 'max'], 'default', max)
  validateRatio(item, name, path, found)
  if (!mayBeOvercommitted(name) && limit !== undefined && request !== undefined && compareQuantities(limit, request) !== 0) {
    const rule = `default value ${limit} must equal to defaultRequest value ${request} in ${name}`
    found.push(invalidValue(`${path}.defaultRequest[${name}]`, request, rule))
  }
}

function validateRatio({ min, max, maxLimitRequestRatio }: LimitRangeItem, name: string, path: string, found: Findings): void {
  const [ratio, low, high] = [maxLimitRequestRatio, min, max].map((amounts) => ownValue(amounts, name))
  if (ratio === undefined) return
  const field = `${path}.maxLimitRequestRatio[${name}]`
  if (compareQuantities(ratio, '1') < 0) found.push(invalidValue(field, ratio, `ratio ${ratio} is less than 1`))
  if (low === undefined || high === undefined) return
  const [value, bottom, top] = [ratio, low, high].map((each) => Number(parseQuantity(each).nanos)) as [number, number, number]
  const bound = top / bottom
  if (value / 1e9 > bound) found.push(invalidValue(field, ratio, `ratio ${ratio} is greater than max/min = ${bound.toFixed(6)}`))
}
