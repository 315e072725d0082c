const LETTER = /^\p{L}/u
const DIGIT = /^\p{Nd}/u
const BITS = 64
const ZERO = 0x30n

/** The order in which upstream's YAML library writes keys: numbers in texts count by their value, and letters are behind all else. */
export function inKeyOrder(a: string, b: string): number {
  const [as, bs] = [[...a], [...b]]
  let at = 0
  while (at < as.length && at < bs.length && as[at] === bs[at]) at++
  const [left, right] = [as[at], bs[at]]
  if (left === undefined || right === undefined) return as.length - bs.length
  const [isLetter, isOtherLetter] = [LETTER.test(left), LETTER.test(right)]
  if (isLetter !== isOtherLetter) return isLetter ? 1 : -1
  if (isLetter) return left.codePointAt(0)! - right.codePointAt(0)!
  // Behind other digits a zero is one more of them, and no leading one.
  const first = (left === '0' || right === '0') && followsNumber(as, at) ? 1n : 0n
  const [number, other] = [numberAt(as, at, first), numberAt(bs, at, first)]
  if (number.value !== other.value) return number.value < other.value ? -1 : 1
  return number.end - other.end || left.codePointAt(0)! - right.codePointAt(0)!
}

function followsNumber(characters: readonly string[], at: number): boolean {
  for (let before = at - 1; before >= 0 && DIGIT.test(characters[before]!); before--) if (characters[before] !== '0') return true
  return false
}

function numberAt(characters: readonly string[], at: number, first: bigint): { readonly value: bigint; readonly end: number } {
  let [value, end] = [first, at]
  for (; end < characters.length && DIGIT.test(characters[end]!); end++)
    value = BigInt.asIntN(BITS, value * 10n + BigInt(characters[end]!.codePointAt(0)!) - ZERO)
  return { value, end }
}
