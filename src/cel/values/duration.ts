import { fail } from './failure.ts'

/** As Go's time.Duration: nanoseconds in 64 bits. */
export class CelDuration {
  readonly nanos: bigint

  private constructor(nanos: bigint) {
    this.nanos = nanos
  }

  /** Fails outside of 64 bits, about 292 years. */
  static of(nanos: bigint): CelDuration {
    if (nanos > NANOS_MAX || nanos < -NANOS_MAX - 1n) return fail('integer overflow')
    return new CelDuration(nanos)
  }

  /** Seconds with up to nine digits and `s`: the form that conversion to string gives. */
  toString(): string {
    return `${formatSeconds(this.nanos)}s`
  }
}

const NANOS_MAX = (1n << 63n) - 1n
const SECOND = 1_000_000_000n
const UNITS: Readonly<Record<string, bigint>> = {
  ns: 1n,
  us: 1_000n,
  µs: 1_000n,
  μs: 1_000n,
  ms: 1_000_000n,
  s: SECOND,
  m: 60n * SECOND,
  h: 3600n * SECOND,
}
const TERM = /(\d*)(?:\.(\d*))?(ns|us|µs|μs|ms|s|m|h)/y

/** Go's `time.ParseDuration`: `1h30m`, `-1.5s`, `0`. Fails on anything else. */
export function parseDuration(text: string): CelDuration {
  const invalid = (): never => fail(`time: invalid duration ${JSON.stringify(text)}`)
  const negative = text.startsWith('-')
  const body = /^[+-]/.test(text) ? text.slice(1) : text
  if (body === '0') return CelDuration.of(0n)
  let nanos = 0n
  TERM.lastIndex = 0
  if (body === '') return invalid()
  while (TERM.lastIndex < body.length) {
    const match = TERM.exec(body)
    if (match === null) return invalid()
    const [, whole = '', fraction = '', unit] = match
    if (whole === '' && fraction === '') return invalid()
    const factor = UNITS[unit!]!
    nanos += BigInt(whole || '0') * factor + (BigInt(fraction || '0') * factor) / 10n ** BigInt(fraction.length)
    if (nanos > NANOS_MAX + 1n) return invalid()
  }
  return CelDuration.of(negative ? -nanos : nanos)
}

/** Decimal seconds without needless zeros. */
export function formatSeconds(nanos: bigint): string {
  const size = nanos < 0n ? -nanos : nanos
  const fraction = String(size % SECOND)
    .padStart(9, '0')
    .replace(/0+$/, '')
  return `${nanos < 0n ? '-' : ''}${size / SECOND}${fraction === '' ? '' : `.${fraction}`}`
}
