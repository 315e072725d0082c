import { formatQuantity, parseQuantity } from '#meta'

/** Quantities by the names that quotas give them: `pods`, `requests.cpu`, `count/jobs.batch`. */
export type Amounts = Readonly<Record<string, string>>

const nanosOf = (text: string | undefined): bigint => (text === undefined ? 0n : parseQuantity(text).nanos)

export function addAmounts(a: Amounts, b: Amounts): Amounts {
  return combine(a, b, (left, right) => left + right)
}

export function subtractAmounts(a: Amounts, b: Amounts): Amounts {
  return combine(a, b, (left, right) => left - right)
}

function combine(a: Amounts, b: Amounts, of: (left: bigint, right: bigint) => bigint): Amounts {
  const result: Record<string, string> = { ...a }
  for (const [name, text] of Object.entries(b)) {
    const { format } = parseQuantity(a[name] === undefined || nanosOf(a[name]) === 0n ? text : a[name])
    result[name] = formatQuantity({ nanos: of(nanosOf(a[name]), nanosOf(text)), format })
  }
  return result
}

export const maskAmounts = (amounts: Amounts, names: Iterable<string>): Amounts => {
  const wanted = new Set(names)
  return Object.fromEntries(Object.entries(amounts).filter(([name]) => wanted.has(name)))
}

export const withoutZeros = (amounts: Amounts): Amounts =>
  Object.fromEntries(Object.entries(amounts).filter(([, text]) => nanosOf(text) !== 0n))

/** Names of which there is more in `amounts` than `limits` allow; what they don't name is not limited. */
export const exceeding = (amounts: Amounts, limits: Amounts): string[] =>
  Object.keys(amounts).filter((name) => limits[name] !== undefined && nanosOf(amounts[name]) > nanosOf(limits[name]))

export const isNegativeAmount = (text: string): boolean => nanosOf(text) < 0n

export const sameAmounts = (a: Amounts, b: Amounts): boolean =>
  Object.keys(a).length === Object.keys(b).length &&
  Object.entries(a).every(([name, text]) => b[name] !== undefined && nanosOf(b[name]) === nanosOf(text))

/** `pods=2,requests.cpu=1` */
export const printAmounts = (amounts: Amounts): string =>
  Object.keys(amounts)
    .sort()
    .map((name) => `${name}=${formatQuantity(parseQuantity(amounts[name]!))}`)
    .join(',')
