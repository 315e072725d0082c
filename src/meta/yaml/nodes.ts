import { YamlError } from './cursor.ts'
import { Scanner, type Token, type TokenType } from './scanner.ts'
import type { Source } from './source.ts'

/** What a document is made of. */
export interface YamlNode {
  readonly kind: 'alias' | 'mapping' | 'scalar' | 'sequence'
  /** Where it begins, from 0. */
  readonly line: number
  /** In its long form; that of a scalar alone. */
  readonly tag: string
  /** A scalar's text, an alias's name. */
  readonly value: string
  /** Whether the text says what kind of scalar it is. */
  readonly isImplicit: boolean
  /** Items of a list; keys and values of a map by turns. */
  readonly children: YamlNode[]
  /** What an alias stands for. */
  readonly target?: YamlNode
}

/** Past what any object may have, and short of what the stack holds; upstream's own bound is 10000. Aliases count by what they stand for. */
export const DEPTH_MAX = 1000

/** The first document of a text, undefined where there is none. What stands behind it is not looked at. Throws `YamlError`. */
export function parseDocument(source: Source): YamlNode | undefined {
  const scanner = new Scanner(source)
  const isExplicit = OUTSIDE.has(scanner.peek().type)
  if (scanner.peek().type === 'stream end') return undefined
  const tags = takeDirectives(scanner)
  const parser = new Parser(scanner, tags)
  if (!isExplicit) return parser.document(false)
  const token = scanner.peek()
  if (token.type !== 'document start') throw parserError(token, 'did not find expected <document start>')
  scanner.skip()
  return parser.document(true)
}

const OUTSIDE: ReadonlySet<TokenType> = new Set(['document start', 'stream end', 'tag directive', 'version directive'])
const ENDS_DOCUMENT: ReadonlySet<TokenType> = new Set([...OUTSIDE, 'document end'])

/** Upstream counts lines from 0 here, so that it names the one before, and none for the first. */
const parserError = ({ line }: Token, problem: string): YamlError => new YamlError(problem, line)

/** Prefixes of tags by their handles. */
function takeDirectives(scanner: Scanner): ReadonlyMap<string, string> {
  const tags = new Map<string, string>()
  let version: string | undefined
  for (let token = scanner.peek(); ; token = scanner.peek()) {
    if (token.type === 'version directive') {
      if (version !== undefined) throw parserError(token, 'found duplicate %YAML directive')
      version = token.value
      if (version !== '1.1') throw parserError(token, 'found incompatible YAML document')
    } else if (token.type === 'tag directive') {
      if (tags.has(token.value)) throw parserError(token, 'found duplicate %TAG directive')
      tags.set(token.value, token.suffix!)
    } else break
    scanner.skip()
  }
  return new Map([['!', '!'], ['!!', 'tag:yaml.org,2002:'], ...tags])
}

interface Properties {
  readonly anchor: string | undefined
  readonly tag: string
  readonly line: number
}

class Parser {
  readonly #scanner: Scanner
  readonly #tags: ReadonlyMap<string, string>
  readonly #anchors = new Map<string, YamlNode>()
  #depth = 0

  constructor(scanner: Scanner, tags: ReadonlyMap<string, string>) {
    this.#scanner = scanner
    this.#tags = tags
  }

  document(mayBeEmpty: boolean): YamlNode {
    const { type, line } = this.#scanner.peek()
    const root = mayBeEmpty && ENDS_DOCUMENT.has(type) ? emptyAt(line) : this.#node(true, false)
    // Upstream looks at what is behind, and may find that it is no token.
    this.#scanner.peek()
    return root
  }

  #skip(): Token {
    this.#scanner.skip()
    return this.#scanner.peek()
  }

  #node(isBlock: boolean, mayBeIndentless: boolean): YamlNode {
    const first = this.#scanner.peek()
    if (first.type === 'alias') return this.#alias(first)
    const properties = this.#properties(first)
    const { tag, line } = properties
    const token = this.#scanner.peek()
    if (mayBeIndentless && token.type === 'block entry')
      return this.#collection('sequence', properties, (items) => this.#indentless(items))
    if (token.type === 'scalar') {
      this.#scanner.skip()
      const isImplicit = tag === '!' || (tag === '' && token.isPlain)
      return this.#named(properties, { kind: 'scalar', line, tag, value: token.value, isImplicit, children: [] })
    }
    if (token.type === 'flow sequence') return this.#collection('sequence', properties, (items) => this.#flowSequence(items))
    if (token.type === 'flow mapping') return this.#collection('mapping', properties, (items) => this.#flowMapping(items))
    if (isBlock && token.type === 'block sequence')
      return this.#collection('sequence', properties, (items) => this.#blockSequence(items))
    if (isBlock && token.type === 'block mapping')
      return this.#collection('mapping', properties, (items) => this.#blockMapping(items))
    if (properties.anchor === undefined && tag === '') throw parserError(token, 'did not find expected node content')
    return this.#named(properties, { ...emptyAt(line), tag, isImplicit: tag === '' })
  }

  #alias({ line, value }: Token): YamlNode {
    const target = this.#anchors.get(value)
    if (target === undefined) throw new YamlError(`unknown anchor '${value}' referenced`)
    this.#scanner.skip()
    return { kind: 'alias', line, tag: '', value, isImplicit: false, children: [], target }
  }

  #properties(first: Token): Properties {
    let anchor: string | undefined
    let tag: Token | undefined
    let token = first
    for (; token.type === 'anchor' || token.type === 'tag'; token = this.#skip()) {
      if (token.type === 'anchor') {
        if (anchor !== undefined) break
        anchor = token.value
      } else {
        if (tag !== undefined) break
        tag = token
      }
    }
    return { anchor, tag: tag === undefined ? '' : this.#longTag(tag), line: first.line }
  }

  #longTag(tag: Token): string {
    if (tag.value === '') return tag.suffix!
    const prefix = this.#tags.get(tag.value)
    const long = prefix === undefined ? '' : prefix + tag.suffix
    if (long === '') throw parserError(tag, 'found undefined tag handle')
    return long
  }

  #named({ anchor }: Properties, node: YamlNode): YamlNode {
    if (anchor !== undefined) this.#anchors.set(anchor, node)
    return node
  }

  #collection(kind: 'mapping' | 'sequence', properties: Properties, fill: (children: YamlNode[]) => void): YamlNode {
    const { line } = properties
    const node: YamlNode = { kind, line, tag: '', value: '', isImplicit: false, children: [] }
    this.#named(properties, node)
    if (++this.#depth > DEPTH_MAX) throw new YamlError('exceeded max depth', line + 1)
    fill(node.children)
    this.#depth--
    return node
  }

  /** What follows, or nothing, which is taken to stand at a line. */
  #nodeUnless(ends: ReadonlySet<TokenType>, line: number, isBlock: boolean, mayBeIndentless = false): YamlNode {
    return ends.has(this.#scanner.peek().type) ? emptyAt(line) : this.#node(isBlock, mayBeIndentless)
  }

  #blockSequence(items: YamlNode[]): void {
    let token = this.#skip()
    for (; token.type === 'block entry'; token = this.#scanner.peek()) {
      this.#scanner.skip()
      items.push(this.#nodeUnless(ENTRY_ENDS, token.line, true))
    }
    if (token.type !== 'block end') throw parserError(token, "did not find expected '-' indicator")
    this.#scanner.skip()
  }

  #indentless(items: YamlNode[]): void {
    for (let token = this.#scanner.peek(); token.type === 'block entry'; token = this.#scanner.peek()) {
      this.#scanner.skip()
      items.push(this.#nodeUnless(INDENTLESS_ENDS, token.line, true))
    }
  }

  #blockMapping(items: YamlNode[]): void {
    let token = this.#skip()
    for (; token.type === 'key'; token = this.#scanner.peek()) {
      this.#scanner.skip()
      items.push(this.#nodeUnless(PAIR_ENDS, token.line, true, true))
      items.push(this.#valueUnless(PAIR_ENDS, true))
    }
    if (token.type !== 'block end') throw parserError(token, 'did not find expected key')
    this.#scanner.skip()
  }

  #valueUnless(ends: ReadonlySet<TokenType>, isBlock: boolean): YamlNode {
    const { type, line } = this.#scanner.peek()
    if (type !== 'value') return emptyAt(line)
    this.#scanner.skip()
    return this.#nodeUnless(ends, isBlock ? line : this.#scanner.peek().line, isBlock, isBlock)
  }

  /** Goes past the comma before every entry but the first, and answers what follows. */
  #entry(isFirst: boolean, end: TokenType, problem: string): Token {
    const token = this.#scanner.peek()
    if (token.type === end || isFirst) return token
    if (token.type !== 'flow entry') throw parserError(token, problem)
    return this.#skip()
  }

  #flowSequence(items: YamlNode[]): void {
    this.#scanner.skip()
    for (let isFirst = true; ; isFirst = false) {
      const token = this.#entry(isFirst, 'flow sequence end', "did not find expected ',' or ']'")
      if (token.type === 'flow sequence end') break
      items.push(token.type === 'key' ? this.#pair(token) : this.#node(false, false))
    }
    this.#scanner.skip()
  }

  /** A map of one key in a list, `[a: b]`. */
  #pair({ line }: Token): YamlNode {
    const properties = { anchor: undefined, tag: '', line }
    return this.#collection('mapping', properties, (items) => {
      const token = this.#skip()
      if (PAIR_IN_SEQUENCE_ENDS.has(token.type)) {
        // What ends a key that is empty is lost upstream.
        this.#scanner.skip()
        items.push(emptyAt(token.line))
      } else items.push(this.#node(false, false))
      items.push(this.#valueUnless(SEQUENCE_VALUE_ENDS, false))
    })
  }

  #flowMapping(items: YamlNode[]): void {
    this.#scanner.skip()
    for (let isFirst = true; ; isFirst = false) {
      const token = this.#entry(isFirst, 'flow mapping end', "did not find expected ',' or '}'")
      if (token.type === 'flow mapping end') break
      if (token.type === 'key') {
        const { line } = this.#skip()
        items.push(this.#nodeUnless(PAIR_IN_MAPPING_ENDS, line, false))
        items.push(this.#valueUnless(MAPPING_VALUE_ENDS, false))
      } else {
        items.push(this.#node(false, false))
        items.push(emptyAt(this.#scanner.peek().line))
      }
    }
    this.#scanner.skip()
  }
}

const emptyAt = (line: number): YamlNode => ({ kind: 'scalar', line, tag: '', value: '', isImplicit: true, children: [] })

const ENTRY_ENDS: ReadonlySet<TokenType> = new Set(['block entry', 'block end'])
const PAIR_ENDS: ReadonlySet<TokenType> = new Set(['key', 'value', 'block end'])
const INDENTLESS_ENDS: ReadonlySet<TokenType> = new Set(['block entry', 'key', 'value', 'block end'])
const SEQUENCE_VALUE_ENDS: ReadonlySet<TokenType> = new Set(['flow entry', 'flow sequence end'])
const PAIR_IN_SEQUENCE_ENDS: ReadonlySet<TokenType> = new Set(['value', ...SEQUENCE_VALUE_ENDS])
const MAPPING_VALUE_ENDS: ReadonlySet<TokenType> = new Set(['flow entry', 'flow mapping end'])
const PAIR_IN_MAPPING_ENDS: ReadonlySet<TokenType> = new Set(['value', ...MAPPING_VALUE_ENDS])
