const EXPONENT_FROM = 6
const EXPONENT_BELOW = -4

/** A float as Go prints it by `%v`: `100000`, `1e+06`, `0.0001`, `1.5e-07`. */
export function goFloat(value: number): string {
  if (value === 0 || !Number.isFinite(value)) return Object.is(value, -0) ? '-0' : String(value)
  const [mantissa = '', exponent = '0'] = value.toExponential().split('e')
  const power = Number(exponent)
  if (power >= EXPONENT_BELOW && power < EXPONENT_FROM) return String(value)
  return `${mantissa}e${power < 0 ? '-' : '+'}${Math.abs(power).toString().padStart(2, '0')}`
}
