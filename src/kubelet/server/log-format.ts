/** One line of a CRI log: `RFC3339Nano stdout|stderr F|P text`. */
export interface LogLine {
  readonly time: string
  readonly stream: 'stdout' | 'stderr'
  /** With its newline if the line is complete. */
  readonly text: string
}

/** Undefined for a line that is none. */
export function parseLogLine(line: string): LogLine | undefined {
  const first = line.indexOf(' ')
  const second = line.indexOf(' ', first + 1)
  const third = line.indexOf(' ', second + 1)
  if (first === -1 || second === -1 || third === -1) return undefined
  const stream = line.slice(first + 1, second)
  if (stream !== 'stdout' && stream !== 'stderr') return undefined
  // The tag may carry more than one letter, with F or P first.
  const partial = line.slice(second + 1, third).split(':')[0] === 'P'
  return { time: line.slice(0, first), stream, text: line.slice(third + 1) + (partial ? '' : '\n') }
}
