/** Printed ranges of completion indexes: `1,3-5,7` (https://kubernetes.io/docs/concepts/workloads/controllers/job/#completion-mode). */
export function printIndexes(indexes: ReadonlySet<number>): string {
  const sorted = [...indexes].sort((a, b) => a - b)
  const ranges: string[] = []
  for (let at = 0; at < sorted.length; ) {
    let end = at
    while (sorted[end + 1] === sorted[end]! + 1) end++
    ranges.push(end === at ? `${sorted[at]}` : `${sorted[at]}${end === at + 1 ? ',' : '-'}${sorted[end]}`)
    at = end + 1
  }
  return ranges.join(',')
}

/** The indexes of a printed list that are below `completions`; an elastic Job may have had more. */
export function parseIndexes(text: string | undefined, completions: number): Set<number> {
  const indexes = new Set<number>()
  for (const range of (text ?? '').split(',').filter((each) => each !== '')) {
    const [first, last] = range.split('-').map(Number)
    for (let index = first!; index <= Math.min(last ?? first!, completions - 1); index++) indexes.add(index)
  }
  return indexes
}
