import { compareQuantities, parseQuantity } from '#meta'
import type { LimitRange, LimitRangeItem } from '../generated/types.ts'
import { complaints, duplicateValue, type Findings, forbid, invalidValue, required } from '../validation/findings.ts'
import { qualifiedName } from '../validation/names.ts'
import { isExtendedResource, validateResourceName } from './validate-resources.ts'

const TYPES = new Set(['Container', 'PersistentVolumeClaim', 'Pod'])
const OF_CONTAINERS = new Set(['Container', 'Pod'])

export function* validateLimitRange({ spec }: LimitRange): Findings {
  const types = new Set<string>()
  for (const [index, item] of (spec?.limits ?? []).entries()) {
    const path = `spec.limits[${index}]`
    yield* validateType(item.type ?? '', `${path}.type`)
    if (types.has(item.type)) yield duplicateValue(`${path}.type`, item.type)
    types.add(item.type)
    yield* validateItem(item, path)
  }
}

function* validateType(type: string, field: string): Findings {
  const own = [...complaints(qualifiedName(type), type, field)]
  yield* own
  if (own.length === 0 && !type.includes('/') && !TYPES.has(type))
    yield invalidValue(field, type, 'must be a standard limit type or fully qualified')
}

function* validateItem(item: LimitRangeItem, path: string): Findings {
  const isPod = item.type === 'Pod'
  const names = new Set<string>()
  for (const key of ['max', 'min', 'default', 'defaultRequest', 'maxLimitRequestRatio'] as const) {
    const amounts = Object.keys(item[key] ?? {})
    if (isPod && (key === 'default' || key === 'defaultRequest')) {
      if (amounts.length > 0) yield forbid(`${path}.${key}`, "may not be specified when `type` is 'Pod'")
      continue
    }
    if (key === 'maxLimitRequestRatio') yield* validateClaims(item, path)
    for (const name of amounts) {
      yield* validateResourceName(name, OF_CONTAINERS.has(item.type), `${path}.${key}[${name}]`)
      names.add(name)
    }
  }
  for (const name of names) yield* validateOrder(item, name, path)
}

function* validateClaims({ type, min, max }: LimitRangeItem, path: string): Findings {
  if (type !== 'PersistentVolumeClaim' || min?.['storage'] !== undefined || max?.['storage'] !== undefined) return
  yield required(`${path}.limits`, 'either minimum or maximum storage value is required, but neither was provided')
}

/** Each bound of a resource against the others. */
function* validateOrder(item: LimitRangeItem, name: string, path: string): Findings {
  const [min, max, limit, request] = [item.min?.[name], item.max?.[name], item.default?.[name], item.defaultRequest?.[name]]
  function* compare(
    [low, lowName]: readonly [string | undefined, string],
    [high, highName]: readonly [string | undefined, string],
    key: string,
    shown: string | undefined,
  ): Findings {
    if (low === undefined || high === undefined || compareQuantities(low, high) <= 0) return
    yield invalidValue(`${path}.${key}[${name}]`, shown, `${lowName} value ${low} is greater than ${highName} value ${high}`)
  }
  yield* compare([min, 'min'], [max, 'max'], 'min', min)
  yield* compare([min, 'min'], [request, 'default request'], 'defaultRequest', request)
  yield* compare([request, 'default request'], [max, 'max'], 'defaultRequest', request)
  yield* compare([request, 'default request'], [limit, 'default limit'], 'defaultRequest', request)
  yield* compare([min, 'min'], [limit, 'default'], 'default', min)
  yield* compare([limit, 'default'], [max, 'max'], 'default', max)
  yield* validateRatio(item, name, path)
  const exclusive = isExtendedResource(name) || name.startsWith('hugepages-')
  if (exclusive && limit !== undefined && request !== undefined && compareQuantities(limit, request) !== 0) {
    const rule = `default value ${limit} must equal to defaultRequest value ${request} in ${name}`
    yield invalidValue(`${path}.default[${name}]`, limit, rule)
  }
}

function* validateRatio({ min, max, maxLimitRequestRatio }: LimitRangeItem, name: string, path: string): Findings {
  const [ratio, low, high] = [maxLimitRequestRatio?.[name], min?.[name], max?.[name]]
  if (ratio === undefined) return
  const field = `${path}.maxLimitRequestRatio[${name}]`
  if (compareQuantities(ratio, '1') < 0) yield invalidValue(field, ratio, `ratio ${ratio} is less than 1`)
  if (low === undefined || high === undefined) return
  const [value, bottom, top] = [ratio, low, high].map((each) => Number(parseQuantity(each).nanos)) as [number, number, number]
  const bound = top / bottom
  if (value / 1e9 > bound) yield invalidValue(field, ratio, `ratio ${ratio} is greater than max/min = ${bound.toFixed(6)}`)
}
