/** How many indexes a text like `1,3-5` names, or what is wrong with it. */
export function countIndexes(text: string, completions: number): number | string {
  let total = 0
  let previous = -1
  for (const fragment of text === '' ? [] : text.split(',')) {
    const ends = fragment.split('-')
    if (ends.length > 2)
      return `the fragment ${JSON.stringify(fragment)} violates the requirement that an index interval can have at most two parts separated by '-'`
    for (const [at, end] of ends.entries()) {
      if (!/^[+-]?\d+$/.test(end)) return `cannot convert string to integer for index: ${JSON.stringify(end)}`
      const index = Number(end)
      if (index >= completions) return `too large index: ${JSON.stringify(end)}`
      if (index <= previous) return `non-increasing order, previous: ${previous}, current: ${index}`
      total += at === 0 ? 1 : index - previous
      previous = index
    }
  }
  return total
}

/** The first index that two texts both name; what makes no sense in either is passed over. */
export function overlapOf(one: string, other: string): number | undefined {
  const [left, right] = [intervalsOf(one), intervalsOf(other)]
  for (let at = 0, against = 0; at < left.length && against < right.length; ) {
    const [[from, to], [start, end]] = [left[at]!, right[against]!]
    if (from <= end && start <= to) return Math.max(from, start)
    if (from <= start) at++
    else against++
  }
  return undefined
}

const intervalsOf = (text: string): [from: number, to: number][] =>
  (text === '' ? [] : text.split(','))
    .map((fragment): [number, number] => {
      const [from = Number.NaN, to = from] = fragment.split('-').map(Number)
      return [from, to]
    })
    .filter(([from, to]) => from <= to)
