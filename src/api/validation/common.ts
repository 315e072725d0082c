import { deepEqual } from '#base'
import { compareQuantities, compileSelector, isQuantity, type LabelSelector, matches } from '#meta'
import type { PodTemplateSpec } from '../generated/types.ts'
import { complaints, type Findings, forbid, IMMUTABLE, invalidValue, required, tooLong } from './findings.ts'
import { dnsLabel, labelValue, NONE, portName, qualifiedName, subdomainName } from './names.ts'

export function labels(map: Readonly<Record<string, string>> | undefined, field: string, found: Findings): void {
  for (const key in map) {
    complaints(qualifiedName(key), key, field, found)
    complaints(labelValue(map[key]!), map[key], field, found)
  }
}

const ANNOTATIONS_BYTES_MAX = 256 * 1024

export function annotations(map: Readonly<Record<string, string>> | undefined, field: string, found: Findings): void {
  let size = 0
  for (const key in map) {
    complaints(qualifiedName(key.toLowerCase()), key, field, found)
    size += Buffer.byteLength(key) + Buffer.byteLength(map[key]!)
  }
  if (size > ANNOTATIONS_BYTES_MAX) found.push(tooLong(field, ANNOTATIONS_BYTES_MAX))
}

/** With `anyValues`, those of a selector that was accepted before they were looked at. */
export function labelSelector(selector: LabelSelector | undefined, field: string, found: Findings, anyValues = false): void {
  if (selector === undefined) return
  labels(selector.matchLabels, `${field}.matchLabels`, found)
  for (const [index, { key, operator, values = [] }] of (selector.matchExpressions ?? []).entries()) {
    const path = `${field}.matchExpressions[${index}]`
    if (operator === 'In' || operator === 'NotIn') {
      if (values.length === 0) found.push(required(`${path}.values`, "must be specified when `operator` is 'In' or 'NotIn'"))
    } else if (operator === 'Exists' || operator === 'DoesNotExist') {
      if (values.length > 0)
        found.push(forbid(`${path}.values`, "may not be specified when `operator` is 'Exists' or 'DoesNotExist'"))
    } else found.push(invalidValue(`${path}.operator`, operator, 'not a valid selector operator'))
    complaints(qualifiedName(key ?? ''), key, `${path}.key`, found)
    if (anyValues) continue
    for (const [at, value] of values.entries()) complaints(labelValue(value), value, `${path}.values[${at}]`, found)
  }
}

/** How many fields are set, where one of several is to be. */
export function countSet(of: object): number {
  let count = 0
  for (const key in of) if (of[key as keyof typeof of] !== undefined) count++
  return count
}

export const isEmpty = ({ matchLabels = {}, matchExpressions = [] }: LabelSelector): boolean =>
  Object.keys(matchLabels).length + matchExpressions.length === 0

/** What stays as it was made. */
export function immutable(now: unknown, old: unknown, field: string, found: Findings): void {
  if (!deepEqual(now, old)) found.push(invalidValue(field, now, IMMUTABLE))
}

/** The parts named `keys` of something at `field`, each as {@link immutable}. */
export function immutableParts<T extends object>(
  now: T,
  old: T,
  keys: readonly (keyof T & string)[],
  field: string,
  found: Findings,
): void {
  for (const key of keys) immutable(now[key], old[key], field === '' ? key : `${field}.${key}`, found)
}

/**
 * A selector that misses its own template would create pods for ever. The template is looked at only with a selector that means
 * something, as upstream does: `whenUnfit` is said of one that does not.
 */
export function selectorAndTemplate(
  selector: LabelSelector | undefined,
  template: PodTemplateSpec | undefined,
  kind: string,
  whenUnfit: string,
  validateTemplate: (found: Findings) => void,
  found: Findings,
): void {
  if (selector === undefined) found.push(required('spec.selector'))
  const before = found.length
  labelSelector(selector, 'spec.selector', found)
  const isUnfit = found.length > before
  if (selector !== undefined && isEmpty(selector)) {
    found.push(invalidValue('spec.selector', selector, `empty selector is invalid for ${kind}`))
  }
  if (isUnfit) found.push(invalidValue('spec.selector', selector, whenUnfit))
  else {
    if (selector === undefined || !isEmpty(selector)) matchesTemplate(selector, template, found)
    validateTemplate(found)
  }
}

/** No selector matches nothing. */
export function matchesTemplate(
  selector: LabelSelector | undefined,
  template: PodTemplateSpec | undefined,
  found: Findings,
): void {
  const own = template?.metadata?.labels
  if (selector !== undefined && matches(compileSelector(structuredClone(selector)), own)) return
  found.push(invalidValue('spec.template.metadata.labels', own ?? null, '`selector` does not match template `labels`'))
}

/** Nothing below zero, and nothing that is to be computed with to be known for a quantity. */
const PLAIN_QUANTITY = /^\d{1,9}(m|[kMGT]|[KMGT]i)?$/

export function quantity(value: string, field: string, found: Findings): void {
  if (!PLAIN_QUANTITY.test(value)) validateQuantity(value, field, found)
}

function validateQuantity(value: string, field: string, found: Findings): void {
  if (!isQuantity(value)) found.push(invalidValue(field, value, 'must be a valid resource quantity'))
  else if (compareQuantities(value, '0') < 0) found.push(invalidValue(field, value, 'must be greater than or equal to 0'))
}

const PERCENT = /^[0-9]+%$/

/** A count, or a share of a whole. */
export function countOrPercent(value: number | string | undefined, field: string, found: Findings): void {
  if (typeof value === 'number') {
    if (value < 0) found.push(invalidValue(field, value, 'must be greater than or equal to 0'))
  } else if (value !== undefined && !PERCENT.test(value)) {
    found.push(
      invalidValue(
        field,
        value,
        "a valid percent string must be a numeric string followed by an ending '%' (e.g. '1%',  or '93%', regex used for validation is '[0-9]+%')",
      ),
    )
  }
}

export function notOver100Percent(value: number | string | undefined, field: string, found: Findings): void {
  if (typeof value === 'string' && PERCENT.test(value) && Number.parseInt(value, 10) > 100) {
    found.push(invalidValue(field, value, 'must not be greater than 100%'))
  }
}

/** Zero, in either form; what is neither a number nor a share counts for nothing, as upstream reads it. */
export const isZero = (value: number | string | undefined): boolean =>
  typeof value === 'string' ? !/^(?:[+-]?0*[1-9]\d*|0*[1-9]\d*%)$/.test(value) : value === 0

export function portOrName(value: number | string | undefined, field: string, found: Findings): void {
  if (typeof value === 'string') complaints(portName(value), value, field, found)
  else if (value === undefined || value < 1 || value > 65_535) {
    found.push(invalidValue(field, value ?? 0, 'must be between 1 and 65535, inclusive'))
  }
}

/** A domain of two labels or more; a dot at its end is fine. Only the first thing wrong is told. */
export function fullyQualifiedDomain(name: string, field: string, found: Findings): void {
  if (name === '') {
    found.push(required(field))
    return
  }
  const bare = name.replace(/\.$/, '')
  const [...problems] = subdomainName(bare)
  const labels = bare.split('.')
  if (problems.length > 0) found.push(invalidValue(field, bare, problems.join(',')))
  else if (labels.length < 2)
    found.push(invalidValue(field, bare, 'should be a domain with at least two segments separated by dots'))
  else {
    const label = labels.find((each) => dnsLabel(each) !== NONE)
    if (label !== undefined) found.push(invalidValue(field, label, [...dnsLabel(label)].join(',')))
  }
}

const URL_PATH = /^[A-Za-z0-9/\-._~%!$&'()*+,;=:]+$/

/** `acme.io/foo`: what belongs to whoever owns the domain. */
export function domainPrefixedPath(value: string, field: string, found: Findings): void {
  if (value === '') {
    found.push(required(field))
    return
  }
  const at = value.indexOf('/')
  const [host, path] = [value.slice(0, at), value.slice(at + 1)]
  if (at <= 0 || path === '') {
    found.push(invalidValue(field, value, 'must be a domain-prefixed path (such as "acme.io/foo")'))
    return
  }
  complaints(subdomainName(host), host, field, found)
  if (!URL_PATH.test(path)) {
    const rule = "Invalid path (regex used for validation is '[A-Za-z0-9/\\-._~%!$&'()*+,;=:]+')"
    found.push(invalidValue(field, path, rule))
  }
}

export function dnsLabelField(value: string | undefined, field: string, found: Findings): void {
  if (value) complaints(dnsLabel(value), value, field, found)
  else found.push(required(field))
}

const DRIVER_LENGTH_MAX = 63

/** A CSI or DRA driver: a domain that may be spelled in capitals. */
export function csiDriverName(name: string | undefined, field: string, found: Findings): void {
  if (!name) {
    found.push(required(field))
    return
  }
  if (name.length > DRIVER_LENGTH_MAX) found.push(tooLong(field, DRIVER_LENGTH_MAX))
  complaints(subdomainName(name.toLowerCase()), name, field, found)
}
