const UNITS_NS: Readonly<Record<string, number>> = {
  ns: 1,
  us: 1e3,
  // Either of the two letters that look like one.
  '\u00b5s': 1e3,
  '\u03bcs': 1e3,
  ms: 1e6,
  s: 1e9,
  m: 60e9,
  h: 3600e9,
}
const PART = /(?=\.?\d)(\d*)(?:\.(\d*))?(ns|us|\u00b5s|\u03bcs|ms|s|m|h)/gy
/** What 64 bits of nanoseconds hold, some 292 years. */
const NS_MAX = 2 ** 63

/** A duration as Go writes it (`1h30m`, `-15s`, `1.5ms`, `0`), in milliseconds; undefined for what is none. */
export function parseGoDuration(text: string): number | undefined {
  const sign = text.startsWith('-') ? -1 : 1
  const bare = text.replace(/^[-+]/, '')
  if (bare === '0') return 0
  let [length, ns] = [0, 0]
  for (const [part, whole = '', fraction = '', unit] of bare.matchAll(PART)) {
    const unitNs = UNITS_NS[unit!]!
    length += part.length
    ns += Number(whole) * unitNs + Math.trunc(Number(fraction) * (unitNs / 10 ** fraction.length))
  }
  if (length === 0 || length !== bare.length || ns > NS_MAX) return undefined
  return ns === 0 ? 0 : (sign * ns) / 1e6
}

/** As Go prints it: `2m0s`, `1h0m0s`, `500ms`, `1.5µs`, `0s`. */
export function printGoDuration(ms: number): string {
  const ns = Math.round(Math.abs(ms) * 1e6)
  const sign = ms < 0 ? '-' : ''
  if (ns === 0) return '0s'
  if (ns < 1e3) return `${sign}${ns}ns`
  if (ns < 1e6) return `${sign}${ns / 1e3}\u00b5s`
  if (ns < 1e9) return `${sign}${ns / 1e6}ms`
  const [hours, minutes, seconds] = [Math.floor(ns / 3600e9), Math.floor(ns / 60e9) % 60, Math.floor(ns / 1e9) % 60]
  const fraction = `.${String(ns % 1e9).padStart(9, '0')}`.replace(/\.?0+$/, '')
  return `${sign}${hours > 0 ? `${hours}h` : ''}${ns >= 60e9 ? `${minutes}m` : ''}${seconds}${fraction}s`
}
