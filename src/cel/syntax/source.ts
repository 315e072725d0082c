/** One finding about an expression: where, and in upstream's words. Line counts from 1, column from 0 in code points. */
export interface Issue {
  readonly message: string
  readonly line: number
  readonly column: number
}

const ISSUES_MAX = 100

/** An expression that does not parse or type-check. `message` lists every issue with its line and a caret under the place. */
export class CompileError extends Error {
  override readonly name = 'CompileError'
  readonly issues: readonly Issue[]

  constructor(source: Source, issues: readonly Issue[]) {
    super(source.describe(issues))
    this.issues = issues
  }
}

/** The text of an expression, and the way from offsets (UTF-16 units) to lines and columns. */
export class Source {
  readonly text: string
  readonly name: string

  constructor(text: string, name = '<input>') {
    this.text = text
    this.name = name
  }

  /** What was not there has a line and no place in it, and so has the end of an empty text. */
  issue(offset: number, message: string): Issue {
    if (offset < 0 || this.text === '') return { message, line: 1, column: -1 }
    const before = this.text.slice(0, offset)
    const lineStart = before.lastIndexOf('\n') + 1
    return { message, line: before.split('\n').length, column: [...before.slice(lineStart)].length }
  }

  /** `ERROR: <input>:1:3: …` with the line and a caret, for each issue in order of its place. */
  describe(issues: readonly Issue[]): string {
    // The first that were found are shown.
    const ordered = issues.slice(0, ISSUES_MAX).sort((a, b) => a.line - b.line || a.column - b.column)
    const shown = ordered.map((issue) => this.describeOne(issue))
    if (issues.length > ISSUES_MAX) shown.push(`${issues.length - ISSUES_MAX} more errors were truncated`)
    return shown.join('\n')
  }

  private describeOne({ message, line, column }: Issue): string {
    const head = `ERROR: ${this.name}:${line}:${column + 1}: ${message}`
    const snippet = this.text === '' ? undefined : this.text.split('\n')[line - 1]
    if (snippet === undefined) return head
    const points = [...snippet.replaceAll('\t', ' ')]
    // Wide characters get wide marks, so that the caret stands under its place in a terminal.
    const dots = Array.from({ length: Math.max(0, column) }, (_, at) => (isWide(points[at]) ? '．' : '.')).join('')
    return `${head}\n | ${points.join('')}\n | ${dots}${isWide(points[column]) ? '＾' : '^'}`
  }
}

const isWide = (point: string | undefined): boolean => point !== undefined && point.codePointAt(0)! > 0x7f
