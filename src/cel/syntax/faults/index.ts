import type { Token } from '../lexer.ts'
import type { ParseOptions } from '../options.ts'
import type { Issue, Source } from '../source.ts'
import { Input } from './input.ts'
import { Reader } from './reader.ts'
import { GivenUp } from './recovery.ts'
import { Walker } from './walker.ts'

/** What is no token, and where. */
export interface Stray {
  readonly start: number
  readonly end: number
  readonly issue: Issue
}

/**
 * All that upstream finds wrong with a text that is no expression, in its words. Slower by far than reading one that is right: what was expected is told by the whole
 * way to it, and the rest of the text is looked at as well.
 */
export function faultsOf(source: Source, tokens: readonly Token[], strays: readonly Stray[], options: ParseOptions): Issue[] {
  const input = new Input(tokens)
  const found: Issue[] = []
  const report = (token: Token, message: string): void =>
    void found.push(source.issue(token.start, `Syntax error: ${inOlderWords(message)}`))
  const walker = new Walker({ input, report, textOf: textOf(source.text, strays), depthMax: options.recursionMax })
  try {
    const tree = walker.walk()
    new Reader(options, (offset, message) => found.push(source.issue(offset, message))).read(tree)
  } catch (error) {
    if (!(error instanceof GivenUp)) throw error
    if (error.message !== undefined) found.push({ message: error.message, line: -1, column: -1 })
  }
  const seen = strays.filter(({ start }) => start < input.furthest.start)
  return [...seen.map(({ issue }) => issue), ...found]
}

/** With the space between tokens, without what is none. */
const textOf =
  (text: string, strays: readonly Stray[]) =>
  (from: Token, to: Token): string => {
    const until = to.kind === 'end' ? text.length : to.start + to.text.length
    let shown = ''
    let at = from.start
    for (const { start, end } of strays) {
      if (start < at || start >= until) continue
      shown += text.slice(at, start)
      at = end
    }
    return shown + text.slice(at, until)
  }

/** Upstream has kept the words that it had for a literal in place of a name. */
const inOlderWords = (message: string): string =>
  message.replace(/no viable alternative at input '.(true|false|null)'/g, "mismatched input '$1' expecting IDENTIFIER")
