import { isIP, isIPv4, isIPv6 } from 'node:net'
import { dnsLabel, subdomainName } from '../../validation/names.ts'
import type { Structural } from './structural.ts'

const ISBN10 = /^(?:[0-9]{9}X|[0-9]{10})$/
const ISBN13 = /^[0-9]{13}$/
const UUID = /^[0-9a-f]{8}-?[0-9a-f]{4}-?([0-9a-f])[0-9a-f]{3}-?[0-9a-f]{4}-?[0-9a-f]{12}$/i
const HOSTNAME =
  /^[a-zA-Z0-9\u0080-\uFFFF]([a-zA-Z0-9\u0080-\uFFFF-]{0,61}[a-zA-Z0-9\u0080-\uFFFF])?(\.[a-zA-Z0-9\u0080-\uFFFF]([a-zA-Z0-9\u0080-\uFFFF-]{0,61}[a-zA-Z0-9\u0080-\uFFFF])?)*$/
const MAC = /^([0-9a-f]{2}([:-]))([0-9a-f]{2}\2){4}[0-9a-f]{2}$|^([0-9a-f]{4}\.){2}[0-9a-f]{4}$/i
const EMAIL = /^[^\s@<>"(),:;[\\\]]+@[^\s@]+$/
const DATE_TIME = /^\d{4}-\d\d-\d\d[Tt]\d\d:\d\d:\d\d(\.\d+)?([Zz]|[+-]\d\d:?\d\d)?$/
const GO_DURATION = /^[-+]?(\d+(\.\d*)?|\.\d+)(ns|us|µs|μs|ms|s|m|h)((\d+(\.\d*)?|\.\d+)(ns|us|µs|μs|ms|s|m|h))*$|^0$/
const WORD_DURATION = /^(\d+\s*(ns|nano|us|µs|micro|ms|milli|s|sec|m|min|h|hr|hour|d|day|w|week|wk)s?\s*)+$/
const BASE64 = /^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/
const RGB = /^rgb\(\s*(\d{1,3})\s*,\s*(\d{1,3})\s*,\s*(\d{1,3})\s*\)$/

const uuidOf =
  (version: string) =>
  (text: string): boolean => {
    const digit = UUID.exec(text)?.[1]
    return digit !== undefined && (version === '' || digit === version)
  }

const none = (problems: Iterable<string>): boolean => [...problems].length === 0

/**
 * String formats that values are checked against; any other format is a hint to clients.
 * https://kubernetes.io/docs/tasks/extend-kubernetes/custom-resources/custom-resource-definitions/#validation
 */
const FORMATS: Readonly<Record<string, (text: string) => boolean>> = {
  bsonobjectid: (text) => /^[0-9a-f]{24}$/i.test(text),
  uri: isRequestURI,
  email: (text) => EMAIL.test(text),
  hostname: (text) => text.length <= 255 && HOSTNAME.test(text),
  ipv4: isIPv4,
  ipv6: isIPv6,
  cidr: isCIDR,
  mac: (text) => MAC.test(text),
  uuid: uuidOf(''),
  uuid3: uuidOf('3'),
  uuid4: uuidOf('4'),
  uuid5: uuidOf('5'),
  isbn: (text) => isISBN10(text) || isISBN13(text),
  isbn10: isISBN10,
  isbn13: isISBN13,
  creditcard: isCreditCard,
  ssn: (text) => /^\d{3}[- ]?\d{2}[- ]?\d{4}$/.test(text),
  hexcolor: (text) => /^#?([0-9a-f]{3}|[0-9a-f]{6})$/i.test(text),
  rgbcolor: (text) => (RGB.exec(text)?.slice(1) ?? ['256']).every((part) => Number(part) < 256),
  byte: (text) => BASE64.test(text),
  password: () => true,
  date: (text) => /^\d{4}-\d\d-\d\d$/.test(text) && isDate(text),
  datetime: isDateTime,
  duration: (text) => GO_DURATION.test(text) || WORD_DURATION.test(text),
  k8sshortname: (text) => none(dnsLabel(text)),
  k8slongname: (text) => none(subdomainName(text)),
}

/** Formats are told apart without their dashes (`date-time`). */
export function formatCheck(format: string): ((text: string) => boolean) | undefined {
  const name = format.replaceAll('-', '')
  return Object.hasOwn(FORMATS, name) ? FORMATS[name] : undefined
}

const NUMBER_FORMATS: Readonly<Record<string, readonly string[]>> = { integer: ['int32', 'int64'], number: ['float', 'double'] }

/** The format that values of a schema are checked against; empty: none. */
export function formatOf(schema: Structural): string {
  const { format = '', type = '' } = schema
  if (format === '') return ''
  const isText = type === '' || type === 'string' || schema['x-kubernetes-int-or-string'] === true
  const isKnown = isText ? formatCheck(format) !== undefined : NUMBER_FORMATS[type]?.includes(format) === true
  return isKnown ? format : ''
}

function isRequestURI(text: string): boolean {
  if (text.startsWith('/')) return !/\s/.test(text)
  return /^[a-zA-Z][a-zA-Z0-9+.-]*:./.test(text) && URL.canParse(text)
}

function isCIDR(text: string): boolean {
  const [address = '', bits = '', ...rest] = text.split('/')
  const family = isIP(address)
  return family !== 0 && rest.length === 0 && /^\d{1,3}$/.test(bits) && Number(bits) <= (family === 4 ? 32 : 128)
}

function isDate(text: string): boolean {
  const ms = Date.parse(text)
  return !Number.isNaN(ms) && new Date(ms).toISOString().startsWith(text)
}

function isDateTime(text: string): boolean {
  return DATE_TIME.test(text) && isDate(text.slice(0, 10)) && !Number.isNaN(Date.parse(text.toUpperCase()))
}

const bare = (text: string): string => text.replace(/[\s-]/g, '')

function isISBN10(text: string): boolean {
  const digits = bare(text)
  if (!ISBN10.test(digits)) return false
  const sum = [...digits].reduce((total, digit, index) => total + (10 - index) * (digit === 'X' ? 10 : Number(digit)), 0)
  return sum % 11 === 0
}

function isISBN13(text: string): boolean {
  const digits = bare(text)
  if (!ISBN13.test(digits)) return false
  return [...digits].reduce((total, digit, index) => total + Number(digit) * (index % 2 === 0 ? 1 : 3), 0) % 10 === 0
}

/** Luhn's check. */
function isCreditCard(text: string): boolean {
  const digits = bare(text)
  if (!/^\d{13,19}$/.test(digits)) return false
  const sum = [...digits].reverse().reduce((total, digit, index) => {
    const value = Number(digit) * (index % 2 === 0 ? 1 : 2)
    return total + (value > 9 ? value - 9 : value)
  }, 0)
  return sum % 10 === 0
}
