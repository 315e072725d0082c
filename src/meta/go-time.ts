/** An instant to the microsecond, which is all that the API writes. */
export interface GoTime {
  /** Whole seconds of Unix time. */
  readonly seconds: number
  readonly micros: number
}

/** Layouts of the API's times, element by element, as Go cuts them. */
const SECONDS = ['2006', '-', '01', '-', '02', 'T', '15', ':', '04', ':', '05', 'Z07:00'] as const
const MICROS = ['2006', '-', '01', '-', '02', 'T', '15', ':', '04', ':', '05', '.000000', 'Z07:00'] as const

/**
 * Reads a time of RFC 3339 as Go's `time.Parse` does: an hour may have one digit, seconds a fraction behind a dot or a comma. With `micro`, the fraction has
 * six digits and must be there. Throws an Error that says where the text parts from the layout.
 */
export function parseGoTime(text: string, micro = false): GoTime {
  const layout = micro ? MICROS : SECONDS
  const parts: Parts = { rest: text, micro, numbers: {}, fraction: '', offset: 0 }
  const said = `parsing time ${quote(text)}`
  for (const element of layout) {
    const { rest } = parts
    const problem = readElement(element, parts)
    if (problem === BAD) throw new Error(`${said} as ${quote(layout.join(''))}: cannot parse ${quote(rest)} as ${quote(element)}`)
    if (problem !== undefined) throw new Error(`${said}: ${problem} out of range`)
  }
  if (parts.rest !== '') throw new Error(`${said}: extra text: ${quote(parts.rest)}`)
  const { '2006': year = 0, '01': month = 1, '02': day = 0, '15': hour = 0, '04': minute = 0, '05': second = 0 } = parts.numbers
  if (day < 1 || day > daysIn(year, month)) throw new Error(`${said}: day out of range`)
  const date = new Date(0)
  date.setUTCFullYear(year, month - 1, day)
  date.setUTCHours(hour, minute, second)
  return { seconds: date.getTime() / 1000 - parts.offset, micros: Number(parts.fraction.padEnd(6, '0').slice(0, 6)) }
}

interface Parts {
  rest: string
  readonly micro: boolean
  readonly numbers: Record<string, number>
  fraction: string
  /** Seconds east of UTC. */
  offset: number
}

/** What is wrong: nothing that fits, or a number that is named. */
const BAD = Symbol('bad')
type Problem = typeof BAD | string | undefined

/** The first number that is too much, by name. */
const LIMITS: Readonly<Record<string, readonly [name: string, from: number, below: number]>> = {
  '01': ['month', 1, 13],
  '15': ['hour', 0, 24],
  '04': ['minute', 0, 60],
  '05': ['second', 0, 60],
}

function readElement(element: string, parts: Parts): Problem {
  if (element === 'Z07:00') return readZone(parts)
  if (element === '.000000') return readMicros(parts)
  const pattern = element === '2006' ? /^\d{4}/ : element === '15' ? /^\d{1,2}/ : /^\d/.test(element) ? /^\d{2}/ : undefined
  if (pattern === undefined) {
    if (!parts.rest.startsWith(element)) return BAD
    parts.rest = parts.rest.slice(element.length)
    return undefined
  }
  const [digits] = pattern.exec(parts.rest) ?? []
  if (digits === undefined) return BAD
  parts.rest = parts.rest.slice(digits.length)
  parts.numbers[element] = Number(digits)
  const limit = LIMITS[element]
  if (limit !== undefined && (Number(digits) < limit[1] || Number(digits) >= limit[2])) return limit[0]
  if (element === '05' && !parts.micro) readFraction(parts)
  return undefined
}

/** A fraction that the layout does not have. */
function readFraction(parts: Parts): void {
  const [whole, digits] = /^[.,](\d+)/.exec(parts.rest) ?? []
  if (whole === undefined) return
  parts.rest = parts.rest.slice(whole.length)
  parts.fraction = digits!
}

function readMicros(parts: Parts): Problem {
  const [whole, sign, digits] = /^[.,](?:([-+])(\d{5})|(?=\d{6}))/.exec(parts.rest) ?? []
  if (whole === undefined) return BAD
  const fraction = digits === undefined ? parts.rest.slice(1, 7) : digits.padStart(6, '0')
  parts.rest = parts.rest.slice(7)
  if (sign === '-' && Number(fraction) > 0) return 'fractional second'
  parts.fraction = fraction
  return undefined
}

function readZone(parts: Parts): Problem {
  if (parts.rest.startsWith('Z')) {
    parts.rest = parts.rest.slice(1)
    return undefined
  }
  const [whole, sign, hours, minutes] = /^(.)(\d\d):(\d\d)/s.exec(parts.rest) ?? []
  if (whole === undefined || !isAscii(sign!)) return BAD
  parts.rest = parts.rest.slice(whole.length)
  if (Number(minutes) > 60) return 'time zone offset minute'
  if (Number(hours) > 24) return 'time zone offset hour'
  if (sign !== '+' && sign !== '-') return BAD
  parts.offset = (Number(hours) * 60 + Number(minutes)) * 60 * (sign === '-' ? -1 : 1)
  return undefined
}

function daysIn(year: number, month: number): number {
  if (month === 2) return year % 4 === 0 && (year % 100 !== 0 || year % 400 === 0) ? 29 : 28
  return [4, 6, 9, 11].includes(month) ? 30 : 31
}

const isAscii = (text: string): boolean => text < '\u0080'

/** Go's time package quotes in a way of its own: bytes that are not plain ASCII are shown as such. */
function quote(text: string): string {
  const bytes = Buffer.from(text).toString('latin1')
  const quoted = bytes.replace(/[^ !#-[\]-\u007f]/g, (byte) =>
    byte === '"' || byte === '\\' ? `\\${byte}` : `\\x${byte.charCodeAt(0).toString(16).padStart(2, '0')}`,
  )
  return `"${quoted}"`
}
