const CONTEXT_LINES = 3
/** Lines that stand often in a long text say nothing about where it is: they begin no match. */
const LONG_TEXT_LINES = 200
/** Two texts of more lines together are not compared: it takes the square of their lines where nothing fits. */
const COMPARED_LINES_MAX = 10_000

interface Match {
  readonly from: number
  readonly to: number
  readonly size: number
}

/** What is between two matches: lines `from[0]..from[1]` of one text stand for `to[0]..to[1]` of the other. */
interface Change {
  readonly from: readonly [number, number]
  readonly to: readonly [number, number]
}

/**
 * A unified diff of two texts without file names, as Python's difflib and its translation to Go find it: the longest run of equal lines first, then what
 * is before and behind it. Empty where the texts are the same, or too long.
 *
 *     unifiedDiff('a\nb', 'a\nc')  // '@@ -1,2 +1,2 @@\n a\n-b\n+c\n'
 */
export function unifiedDiff(from: string, to: string): string {
  const [a, b] = [from.split('\n'), to.split('\n')]
  if (from === to || a.length + b.length > COMPARED_LINES_MAX) return ''
  return hunks(changesBetween(a, b))
    .map((changes) => printed(changes, a, b))
    .join('')
}

function changesBetween(a: readonly string[], b: readonly string[]): Change[] {
  const changes: Change[] = []
  let [i, j] = [0, 0]
  for (const { from, to, size } of [...matches(a, b), { from: a.length, to: b.length, size: 0 }]) {
    if (i < from || j < to) changes.push({ from: [i, from], to: [j, to] })
    i = from + size
    j = to + size
  }
  return changes
}

/** Changes whose contexts meet are told together. */
function hunks(changes: readonly Change[]): Change[][] {
  const groups: Change[][] = []
  for (const change of changes) {
    const last = groups.at(-1)
    if (last !== undefined && change.from[0] - last.at(-1)!.from[1] <= 2 * CONTEXT_LINES) last.push(change)
    else groups.push([change])
  }
  return groups
}

function printed(changes: readonly Change[], a: readonly string[], b: readonly string[]): string {
  const [first, last] = [changes[0]!, changes.at(-1)!]
  const before = Math.min(CONTEXT_LINES, first.from[0], first.to[0])
  const after = Math.min(CONTEXT_LINES, a.length - last.from[1], b.length - last.to[1])
  const lines = [
    `@@ -${range(first.from[0] - before, last.from[1] + after)} +${range(first.to[0] - before, last.to[1] + after)} @@`,
  ]
  const add = (mark: string, of: readonly string[], start: number, end: number): void => {
    for (let at = start; at < end; at++) lines.push(`${mark}${of[at]}`)
  }
  let at = first.from[0] - before
  for (const { from, to } of changes) {
    add(' ', a, at, from[0])
    add('-', a, ...from)
    add('+', b, ...to)
    at = from[1]
  }
  add(' ', a, at, at + after)
  return `${lines.join('\n')}\n`
}

function range(start: number, end: number): string {
  const length = end - start
  if (length === 1) return String(start + 1)
  return `${length === 0 ? start : start + 1},${length}`
}

/** Runs of equal lines in order, the longest first where runs compete. */
function matches(a: readonly string[], b: readonly string[]): Match[] {
  const places = placesOf(b)
  const found: Match[] = []
  const open: [number, number, number, number][] = [[0, a.length, 0, b.length]]
  for (let next = open.pop(); next !== undefined; next = open.pop()) {
    const match = longest(a, b, places, next)
    if (match.size === 0) continue
    found.push(match)
    const [aStart, aEnd, bStart, bEnd] = next
    if (aStart < match.from && bStart < match.to) open.push([aStart, match.from, bStart, match.to])
    const [i, j] = [match.from + match.size, match.to + match.size]
    if (i < aEnd && j < bEnd) open.push([i, aEnd, j, bEnd])
  }
  return found.sort((one, other) => one.from - other.from)
}

function placesOf(lines: readonly string[]): Map<string, number[]> {
  const places = new Map<string, number[]>()
  for (const [index, line] of lines.entries()) {
    const known = places.get(line)
    if (known === undefined) places.set(line, [index])
    else known.push(index)
  }
  const often = Math.floor(lines.length / 100) + 1
  if (lines.length >= LONG_TEXT_LINES) for (const [line, at] of places) if (at.length > often) places.delete(line)
  return places
}

/** The first of the longest runs, made longer by lines on its sides that no match begins with. */
function longest(
  a: readonly string[],
  b: readonly string[],
  places: ReadonlyMap<string, readonly number[]>,
  [aStart, aEnd, bStart, bEnd]: readonly [number, number, number, number],
): Match {
  let [from, to, size] = [aStart, bStart, 0]
  /** How long the run is that ends at a place of `b` with the line before. */
  let lengths = new Map<number, number>()
  for (let i = aStart; i < aEnd; i++) {
    const next = new Map<number, number>()
    for (const j of places.get(a[i]!) ?? []) {
      if (j < bStart) continue
      if (j >= bEnd) break
      const length = (lengths.get(j - 1) ?? 0) + 1
      next.set(j, length)
      if (length > size) [from, to, size] = [i - length + 1, j - length + 1, length]
    }
    lengths = next
  }
  while (from > aStart && to > bStart && a[from - 1] === b[to - 1]) [from, to, size] = [from - 1, to - 1, size + 1]
  while (from + size < aEnd && to + size < bEnd && a[from + size] === b[to + size]) size++
  return { from, to, size }
}
