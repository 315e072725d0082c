import { isIP } from 'node:net'
import { deepEqual } from '#base'
import { compareQuantities, compileSelector, isQuantity, type LabelSelector, matches } from '#meta'
import type { PodTemplateSpec } from '../generated/types.ts'
import { complaints, type Findings, forbid, IMMUTABLE, invalidValue, required, tooLong } from './findings.ts'
import { dnsLabel, labelValue, NONE, portName, qualifiedName, subdomainName } from './names.ts'

export function* labels(map: Readonly<Record<string, string>> | undefined, field: string): Findings {
  for (const [key, value] of Object.entries(map ?? {})) {
    yield* complaints(qualifiedName(key), key, field)
    yield* complaints(labelValue(value), value, field)
  }
}

export function* labelSelector(selector: LabelSelector | undefined, field: string): Findings {
  if (selector === undefined) return
  yield* labels(selector.matchLabels, `${field}.matchLabels`)
  for (const [index, { key, operator, values = [] }] of (selector.matchExpressions ?? []).entries()) {
    const path = `${field}.matchExpressions[${index}]`
    if (operator === 'In' || operator === 'NotIn') {
      if (values.length === 0) yield required(`${path}.values`, "must be specified when `operator` is 'In' or 'NotIn'")
    } else if (operator === 'Exists' || operator === 'DoesNotExist') {
      if (values.length > 0) yield forbid(`${path}.values`, "may not be specified when `operator` is 'Exists' or 'DoesNotExist'")
    } else yield invalidValue(`${path}.operator`, operator, 'not a valid selector operator')
    yield* complaints(qualifiedName(key ?? ''), key, `${path}.key`)
    for (const [at, value] of values.entries()) yield* complaints(labelValue(value), value, `${path}.values[${at}]`)
  }
}

export const isEmpty = ({ matchLabels = {}, matchExpressions = [] }: LabelSelector): boolean =>
  Object.keys(matchLabels).length + matchExpressions.length === 0

/** What stays as it was made. */
export function* immutable(now: unknown, old: unknown, field: string): Findings {
  if (!deepEqual(now, old)) yield invalidValue(field, now, IMMUTABLE)
}

/** The parts named `keys` of something at `field`, each as {@link immutable}. */
export function* immutableParts<T extends object>(now: T, old: T, keys: readonly (keyof T & string)[], field: string): Findings {
  for (const key of keys) yield* immutable(now[key], old[key], field === '' ? key : `${field}.${key}`)
}

/**
 * A selector that misses its own template would create pods for ever. The template is looked at only with a selector that means
 * something, as upstream does: `whenUnfit` is said of one that does not.
 */
export function* selectorAndTemplate(
  selector: LabelSelector | undefined,
  template: PodTemplateSpec | undefined,
  kind: string,
  whenUnfit: string,
  validateTemplate: () => Findings,
): Findings {
  if (selector === undefined) yield required('spec.selector')
  const own = [...labelSelector(selector, 'spec.selector')]
  yield* own
  if (selector !== undefined && isEmpty(selector)) {
    yield invalidValue('spec.selector', selector, `empty selector is invalid for ${kind}`)
  }
  if (own.length > 0) yield invalidValue('spec.selector', selector, whenUnfit)
  else {
    if (selector === undefined || !isEmpty(selector)) yield* matchesTemplate(selector, template)
    yield* validateTemplate()
  }
}

/** No selector matches nothing. */
export function* matchesTemplate(selector: LabelSelector | undefined, template: PodTemplateSpec | undefined): Findings {
  const own = template?.metadata?.labels
  if (selector !== undefined && matches(compileSelector(structuredClone(selector)), own)) return
  yield invalidValue('spec.template.metadata.labels', own ?? null, '`selector` does not match template `labels`')
}

/** Nothing below zero, and nothing that is to be computed with to be known for a quantity. */
const PLAIN_QUANTITY = /^\d{1,9}(m|[kMGT]|[KMGT]i)?$/

export const quantity = (value: string, field: string): Findings =>
  PLAIN_QUANTITY.test(value) ? NONE : validateQuantity(value, field)

function* validateQuantity(value: string, field: string): Findings {
  if (!isQuantity(value)) yield invalidValue(field, value, 'must be a valid resource quantity')
  else if (compareQuantities(value, '0') < 0) yield invalidValue(field, value, 'must be greater than or equal to 0')
}

const PERCENT = /^[0-9]+%$/

/** A count, or a share of a whole. */
export function* countOrPercent(value: number | string | undefined, field: string): Findings {
  if (typeof value === 'number') {
    if (value < 0) yield invalidValue(field, value, 'must be greater than or equal to 0')
  } else if (value !== undefined && !PERCENT.test(value)) {
    yield invalidValue(
      field,
      value,
      "a valid percent string must be a numeric string followed by an ending '%' (e.g. '1%',  or '93%', regex used for validation is '[0-9]+%')",
    )
  }
}

export function* notOver100Percent(value: number | string | undefined, field: string): Findings {
  if (typeof value === 'string' && PERCENT.test(value) && Number.parseInt(value, 10) > 100) {
    yield invalidValue(field, value, 'must not be greater than 100%')
  }
}

/** Zero, in either form. */
export const isZero = (value: number | string | undefined): boolean =>
  value === 0 || (typeof value === 'string' && /^0+%$/.test(value))

export const portOrName = (value: number | string | undefined, field: string): Findings =>
  typeof value === 'number' && value >= 1 && value <= 65_535 ? NONE : validatePortOrName(value, field)

function* validatePortOrName(value: number | string | undefined, field: string): Findings {
  if (typeof value === 'string') yield* complaints(portName(value), value, field)
  else if (value === undefined || value < 1 || value > 65_535) {
    yield invalidValue(field, value ?? 0, 'must be between 1 and 65535, inclusive')
  }
}

export function* ipAddress(value: string, field: string): Findings {
  if (isIP(value) === 0) yield invalidValue(field, value, 'must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)')
}

export function* cidr(value: string, field: string): Findings {
  const [address = '', bits = '', ...rest] = value.split('/')
  const family = isIP(address)
  const wide = family === 4 ? 32 : 128
  if (family === 0 || rest.length > 0 || !/^\d{1,3}$/.test(bits) || Number(bits) > wide) {
    yield invalidValue(field, value, 'must be a valid CIDR value, (e.g. 10.9.8.0/24 or 2001:db8::/64)')
  }
}

const URL_PATH = /^[A-Za-z0-9/\-._~%!$&'()*+,;=:]+$/

/** `acme.io/foo`: what belongs to whoever owns the domain. */
export function* domainPrefixedPath(value: string, field: string): Findings {
  if (value === '') {
    yield required(field)
    return
  }
  const at = value.indexOf('/')
  const [host, path] = [value.slice(0, at), value.slice(at + 1)]
  if (at <= 0 || path === '') {
    yield invalidValue(field, value, 'must be a domain-prefixed path (such as "acme.io/foo")')
    return
  }
  yield* complaints(subdomainName(host), host, field)
  if (!URL_PATH.test(path)) {
    const rule = "Invalid path (regex used for validation is '[A-Za-z0-9/\\-._~%!$&'()*+,;=:]+')"
    yield invalidValue(field, path, rule)
  }
}

export const dnsLabelField = (value: string | undefined, field: string): Findings =>
  value ? complaints(dnsLabel(value), value, field) : [required(field)]

const DRIVER_LENGTH_MAX = 63

/** A CSI or DRA driver: a domain that may be spelled in capitals. */
export function* csiDriverName(name: string | undefined, field: string): Findings {
  if (!name) {
    yield required(field)
    return
  }
  if (name.length > DRIVER_LENGTH_MAX) yield tooLong(field, DRIVER_LENGTH_MAX)
  yield* complaints(subdomainName(name.toLowerCase()), name, field)
}
