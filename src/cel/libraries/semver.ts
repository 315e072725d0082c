import { goQuote } from '#base'
import { declare } from '../types/declarations.ts'
import { bool, int, opaque, string, type Type } from '../types/type.ts'
import { Failure, fail } from '../values/failure.ts'
import { type Int, toInt } from '../values/number.ts'
import { Opaque } from '../values/opaque.ts'
import type { Value } from '../values/value.ts'
import { cut } from './cut.ts'
import type { Library } from './library.ts'

const semverType: Type = opaque('kubernetes.Semver')

const PART_MAX = (1n << 64n) - 1n
const PART_DIGITS_MAX = 20

/** A version of https://semver.org. Build metadata counts for nothing. */
class Semver extends Opaque {
  override readonly typeName = 'kubernetes.Semver'
  readonly numbers: readonly bigint[]
  readonly prerelease: readonly string[]

  constructor(numbers: readonly bigint[], prerelease: readonly string[]) {
    super()
    this.numbers = numbers
    this.prerelease = prerelease
  }

  compare(other: Semver): number {
    for (const [at, number] of this.numbers.entries()) {
      const difference = number - other.numbers[at]!
      if (difference !== 0n) return difference < 0n ? -1 : 1
    }
    return comparePrereleases(this.prerelease, other.prerelease)
  }

  override equals(other: Value): boolean {
    return other instanceof Semver && this.compare(other) === 0
  }
}

/** A release is above its pre-releases; identifiers compare as numbers where both are, numbers are below words. */
function comparePrereleases(a: readonly string[], b: readonly string[]): number {
  if (a.length === 0 || b.length === 0) return a.length === b.length ? 0 : a.length === 0 ? 1 : -1
  for (let at = 0; at < Math.min(a.length, b.length); at++) {
    const [left, right] = [a[at]!, b[at]!]
    if (left === right) continue
    const [isLeftNumber, isRightNumber] = [/^\d+$/.test(left), /^\d+$/.test(right)]
    if (isLeftNumber && isRightNumber) return BigInt(left) < BigInt(right) ? -1 : 1
    if (isLeftNumber !== isRightNumber) return isLeftNumber ? -1 : 1
    return left < right ? -1 : 1
  }
  return Math.sign(a.length - b.length)
}

const NUMBERS = /^[0-9]*$/
const WORD = /^[0-9A-Za-z-]*$/

/** Reads versions as github.com/blang/semver does, part by part from the left, and fails with its sentences. */
function parse(text: string): Semver {
  if (text === '') return fail('Version string empty')
  const [major = '', minor, ...last] = text.split('.')
  if (minor === undefined || last.length === 0) return fail('No Major.Minor.Patch elements found')
  const numbers = [numberOf(major, 'Major'), numberOf(minor, 'Minor')]
  const [behind, build] = cut(last.join('.'), '+')
  const [patch, prerelease] = cut(behind, '-')
  numbers.push(numberOf(patch, 'Patch'))
  const identifiers = prerelease?.split('.') ?? []
  for (const identifier of identifiers) checkIdentifier(identifier)
  for (const word of build?.split('.') ?? []) {
    if (word === '') return fail('Build meta data is empty')
    if (!WORD.test(word)) return fail(`Invalid character(s) found in build meta data ${goQuote(word)}`)
  }
  return new Semver(numbers, identifiers)
}

function numberOf(text: string, name: string): bigint {
  if (!NUMBERS.test(text)) return fail(`Invalid character(s) found in ${name.toLowerCase()} number ${goQuote(text)}`)
  if (/^0./.test(text)) return fail(`${name} number must not contain leading zeroes ${goQuote(text)}`)
  return parseUint(text)
}

function checkIdentifier(text: string): void {
  if (text === '') fail('Prerelease is empty')
  if (!NUMBERS.test(text)) {
    if (!WORD.test(text)) fail(`Invalid character(s) found in prerelease ${goQuote(text)}`)
    return
  }
  if (/^0./.test(text)) fail(`Numeric PreRelease version must not contain leading zeroes ${goQuote(text)}`)
  parseUint(text)
}

/** Digits as a number of 64 bits, as Go's strconv.ParseUint takes them. */
function parseUint(digits: string): bigint {
  const invalid = (why: string): never => fail(`strconv.ParseUint: parsing ${goQuote(digits)}: ${why}`)
  if (digits === '') return invalid('invalid syntax')
  const number = digits.length > PART_DIGITS_MAX ? undefined : BigInt(digits)
  return number === undefined || number > PART_MAX ? invalid('value out of range') : number
}

/** Without a leading `v`, with missing minor and patch as zero, and without leading zeros; a part that begins with no digit gets one. */
function normalize(text: string): string {
  const [major = '', minor, ...patch] = text.replace(/^v/, '').split('.')
  const parts = [major, ...(minor === undefined ? [] : [minor]), ...(patch.length === 0 ? [] : [patch.join('.')])].map(trimmed)
  if (parts.length < 3 && /[+-]/.test(parts.at(-1)!)) return fail('short version cannot contain PreRelease/Build meta data')
  while (parts.length < 3) parts.push('0')
  return parts.join('.')
}

function trimmed(part: string): string {
  if (Buffer.byteLength(part) < 2) return part
  const rest = part.replace(/^0+/, '')
  return /^[0-9]/.test(rest) ? rest : `0${rest}`
}

const toSemver = (text: Value, normalized: Value): Semver =>
  parse(normalized === true ? normalize(text as string) : (text as string))

function isSemver(text: Value, normalized: Value): boolean {
  try {
    toSemver(text, normalized)
    return true
  } catch (error) {
    if (error instanceof Failure) return false
    throw error
  }
}

const part = (name: string, id: string, at: number) =>
  declare(name, {
    members: [[id, [semverType], int, (version): Int => toInt(BigInt.asIntN(64, (version as Semver).numbers[at]!))]],
  })
const compared = (a: Value, b: Value): number => (a as Semver).compare(b as Semver)

/** https://kubernetes.io/docs/reference/using-api/cel/#kubernetes-semver-library, version 1: with normalisation. */
export const semverLibrary: Library = {
  name: 'kubernetes.Semver',
  types: { 'kubernetes.Semver': semverType },
  functions: [
    declare('semver', {
      functions: [
        ['string_to_semver', [string], semverType, (text) => toSemver(text, false)],
        ['string_bool_to_semver', [string, bool], semverType, toSemver],
      ],
    }),
    declare('isSemver', {
      functions: [
        ['is_semver_string', [string], bool, (text) => isSemver(text, false)],
        ['is_semver_string_bool', [string, bool], bool, isSemver],
      ],
    }),
    declare('isGreaterThan', {
      members: [['semver_is_greater_than', [semverType, semverType], bool, (a, b) => compared(a, b) > 0]],
    }),
    declare('isLessThan', { members: [['semver_is_less_than', [semverType, semverType], bool, (a, b) => compared(a, b) < 0]] }),
    declare('compareTo', { members: [['semver_compare_to', [semverType, semverType], int, compared]] }),
    part('major', 'semver_major', 0),
    part('minor', 'semver_minor', 1),
    part('patch', 'semver_patch', 2),
  ],
}
