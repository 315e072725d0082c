const UNITS_MS: Readonly<Record<string, number>> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000 }

/** A duration as Go writes it (`1h30m`, `15s`, `500ms`, `0s`), in milliseconds; undefined for what is none. */
export function parseGoDuration(text: string): number | undefined {
  if (text === '0') return 0
  const parts = [...text.matchAll(/(\d+(?:\.\d+)?)(ms|s|m|h)/g)]
  if (parts.length === 0 || parts.map(([part]) => part).join('') !== text) return undefined
  return parts.reduce((sum, [, count, unit]) => sum + Number(count) * UNITS_MS[unit!]!, 0)
}

/** As Go prints it: `2m0s`, `1h0m0s`, `500ms`, `0s`. */
export function printGoDuration(ms: number): string {
  if (ms === 0) return '0s'
  if (ms < 1000) return `${rounded(ms)}ms`
  const [hours, minutes, seconds] = [Math.floor(ms / 3_600_000), Math.floor(ms / 60_000) % 60, rounded(ms % 60_000) / 1000]
  return `${hours > 0 ? `${hours}h` : ''}${ms >= 60_000 ? `${minutes}m` : ''}${seconds}s`
}

/** To the nanosecond. */
const rounded = (ms: number): number => Math.round(ms * 1e6) / 1e6
