import { exactInteger, goQuote } from '#base'
import { goFloat } from '../go-float.ts'
import { inByteOrder } from '../go-order.ts'
import { decodeUtf8 } from '../utf8.ts'
import { YamlError } from './cursor.ts'
import { DEPTH_MAX, type YamlNode } from './nodes.ts'
import { type Resolved, resolveScalar } from './resolve.ts'

export interface JsonValue {
  readonly value: unknown
  /** Whether a map may have a key twice. */
  readonly mayRepeat: boolean
}

/** What a node is in JSON. Throws as upstream does: for what JSON has not, aliases without end, tags that don't suit. */
export function readValue(node: YamlNode): JsonValue {
  const reader = new Reader(false)
  const value = reader.read(node)
  if (reader.oddKey !== undefined) throw new Error(reader.oddKey)
  if (reader.isInfinite) checkNumbers(value)
  return { value, mayRepeat: reader.mayRepeat }
}

/** A line for each value whose key its map has already: `line 7: key "paused" already set in map`. */
export function duplicatesIn(node: YamlNode): readonly string[] {
  const reader = new Reader(true)
  reader.read(node)
  return reader.duplicates
}

function checkNumbers(value: unknown): void {
  if (typeof value === 'number' && !Number.isFinite(value)) {
    const shown = Number.isNaN(value) ? 'NaN' : value > 0 ? '+Inf' : '-Inf'
    throw new Error(`json: unsupported value: ${shown}`)
  }
  if (typeof value !== 'object' || value === null) return
  const entries = Object.entries(value)
  if (!Array.isArray(value)) entries.sort(([a], [b]) => inByteOrder(a, b))
  for (const [, each] of entries) checkNumbers(each)
}

/** Aliases may be most of what a small document says, and little of a large one. */
const ALIASES_MIN = 100
const READ_MIN = 1000
const [SMALL, LARGE] = [400_000, 4_000_000]
const [SMALL_SHARE, LARGE_SHARE] = [0.99, 0.1]

function aliasShareMax(read: number): number {
  if (read <= SMALL) return SMALL_SHARE
  return read >= LARGE ? LARGE_SHARE : SMALL_SHARE - (SMALL_SHARE - LARGE_SHARE) * ((read - SMALL) / (LARGE - SMALL))
}

class Reader {
  readonly duplicates: string[] = []
  /** What upstream says of a key that JSON can't have. */
  oddKey: string | undefined
  isInfinite = false
  mayRepeat = false
  readonly #isStrict: boolean
  readonly #open = new Set<YamlNode>()
  #read = 0
  #readByAlias = 0
  #depth = 0

  constructor(isStrict: boolean) {
    this.#isStrict = isStrict
  }

  read(node: YamlNode): unknown {
    this.#count()
    switch (node.kind) {
      case 'alias':
        return this.#within(node, (target) => this.read(target))
      case 'scalar':
        return this.#jsonOf(this.#scalar(node))
      case 'sequence':
        return this.#deeper(() => node.children.map((child) => this.read(child)))
      case 'mapping': {
        const object: Record<string, unknown> = {}
        this.#fill(node, object, new Set())
        return object
      }
    }
  }

  #count(): void {
    this.#read++
    if (this.#open.size > 0) this.#readByAlias++
    if (this.#readByAlias > ALIASES_MIN && this.#read > READ_MIN && this.#readByAlias / this.#read > aliasShareMax(this.#read))
      throw new YamlError('document contains excessive aliasing')
  }

  #within<T>(alias: YamlNode, look: (target: YamlNode) => T): T {
    if (this.#open.has(alias)) throw new YamlError(`anchor '${alias.value}' value contains itself`)
    this.#open.add(alias)
    const found = look(alias.target!)
    this.#open.delete(alias)
    return found
  }

  #deeper<T>(look: () => T): T {
    if (++this.#depth > DEPTH_MAX) throw new YamlError('exceeded max depth')
    const found = look()
    this.#depth--
    return found
  }

  #scalar({ tag, isImplicit, value }: YamlNode): Resolved {
    if (tag === '' && !isImplicit) return { type: 'str', value }
    const resolved = resolveScalar(tag, value)
    return resolved.type === 'binary' ? { type: 'binary', value: decodeBase64(resolved.value) } : resolved
  }

  #jsonOf(resolved: Resolved): unknown {
    if (resolved.type === 'uint') return Number(resolved.value)
    if (resolved.type !== 'float') return resolved.value
    const { value } = resolved
    if (!Number.isFinite(value)) this.isInfinite = true
    // JSON does not tell a float from an integer.
    return Number.isSafeInteger(value) ? value : (exactInteger(String(value)) ?? value)
  }

  #fill(node: YamlNode, object: Record<string, unknown>, seen: Set<string>): void {
    this.#deeper(() => {
      for (let at = 0; at < node.children.length; at += 2) {
        const [keyNode, valueNode] = [node.children[at]!, node.children[at + 1]!]
        if (isMerge(keyNode)) this.#merge(valueNode, object, seen)
        else this.#set(keyNode, valueNode, object, seen)
      }
    })
  }

  #set(keyNode: YamlNode, valueNode: YamlNode, object: Record<string, unknown>, seen: Set<string>): void {
    const key = this.#key(keyNode)
    const value = this.read(valueNode)
    const oddType = ODD_TYPES[key.type]
    if (oddType !== undefined)
      this.oddKey ??= `unsupported map key of type: ${oddType}, key: ${syntaxOf(key)}, value: ${this.#syntax(valueNode)}`
    if (this.#isStrict && !isNew(key, seen)) {
      this.duplicates.push(`line ${valueNode.line + 1}: key ${syntaxOf(key)} already set in map`)
      return
    }
    const text = key.type === 'float' ? shortFloat(key.value) : String(key.value)
    if (Object.hasOwn(object, text)) this.mayRepeat = true
    if (text === '__proto__') Object.defineProperty(object, text, { value, configurable: true, enumerable: true, writable: true })
    else object[text] = value
  }

  #key(node: YamlNode): Resolved {
    if (node.kind === 'alias') {
      this.#count()
      return this.#within(node, (target) => this.#key(target))
    }
    if (node.kind === 'scalar') {
      this.#count()
      return this.#scalar(node)
    }
    this.read(node)
    throw new YamlError(`invalid map key: ${this.#syntax(node)}`)
  }

  /** What was read before, by `%#v`. */
  #syntax(node: YamlNode, isInside = false): string {
    if (node.kind === 'alias') return this.#syntax(node.target!, isInside)
    if (node.kind === 'scalar') {
      const syntax = syntaxOf(this.#scalar(node))
      return isInside && syntax === NIL ? 'interface {}(nil)' : syntax
    }
    if (node.kind === 'sequence') return `[]interface {}{${node.children.map((child) => this.#syntax(child, true)).join(', ')}}`
    const pairs = new Map<string, string>()
    this.#addPairs(node, pairs)
    const sorted = [...pairs].sort(([a], [b]) => inByteOrder(a, b)).map((pair) => pair.join(':'))
    return `map[interface {}]interface {}{${sorted.join(', ')}}`
  }

  #addPairs(node: YamlNode, pairs: Map<string, string>): void {
    for (let at = 0; at < node.children.length; at += 2) {
      const [key, value] = [node.children[at]!, node.children[at + 1]!]
      if (!isMerge(key)) pairs.set(this.#syntax(key, true), this.#syntax(value, true))
      else for (const merged of mergedBy(value)) this.#addPairs(merged.target ?? merged, pairs)
    }
  }

  /** Later keys of a map override what is merged into it before, and what is merged later overrides them. */
  #merge(node: YamlNode, object: Record<string, unknown>, seen: Set<string>): void {
    const one = (each: YamlNode): void => {
      if (each.kind === 'mapping') {
        this.#count()
        this.#fill(each, object, seen)
      } else if (each.kind === 'alias' && each.target!.kind === 'mapping') {
        this.#count()
        this.#within(each, one)
      } else throw new YamlError('map merge requires map or sequence of maps as the value')
    }
    for (const each of mergedBy(node)) one(each)
  }
}

/** Of several maps the first overrides the others. */
const mergedBy = (node: YamlNode): readonly YamlNode[] => (node.kind === 'sequence' ? node.children.toReversed() : [node])

const isMerge = ({ kind, value, isImplicit, tag }: YamlNode): boolean =>
  kind === 'scalar' && value === '<<' && (isImplicit || tag === 'tag:yaml.org,2002:merge')

const NIL = '<nil>'

/** Types that no key has in JSON, by `%s`. */
const ODD_TYPES: Partial<Record<Resolved['type'], string>> = { null: '%!s(<nil>)', uint: 'uint64' }

/** Whether a map has no such key so far, among which it is counted. What is no number is like nothing, not even itself. */
function isNew(key: Resolved, seen: Set<string>): boolean {
  if (Number.isNaN(key.value)) return true
  const isText = typeof key.value === 'string'
  const identity = `${isText ? 'str' : key.type} ${key.value}`
  if (seen.has(identity)) return false
  seen.add(identity)
  return true
}

/** A scalar by `%#v`. */
function syntaxOf({ type, value }: Resolved): string {
  switch (type) {
    case 'null':
      return NIL
    case 'uint':
      return `0x${value.toString(16)}`
    case 'float':
      return floatSyntax(value)
    case 'int':
    case 'bool':
      return String(value)
    default:
      return goQuote(value)
  }
}

/** Where the float of 32 bits ends that is nearest. */
const PRECISION_MAX = 9

/** A float in the least digits that tell it from others of 32 bits, as keys have it. */
function shortFloat(value: number): string {
  const single = Math.fround(value)
  if (Number.isNaN(single)) return '.nan'
  if (!Number.isFinite(single)) return single > 0 ? '.inf' : '-.inf'
  let precision = 1
  while (precision < PRECISION_MAX && Math.fround(Number(single.toPrecision(precision))) !== single) precision++
  return goFloat(Object.is(single, -0) ? -0 : Number(single.toPrecision(precision)))
}

const floatSyntax = (value: number): string =>
  Number.isFinite(value) ? goFloat(value) : Number.isNaN(value) ? 'NaN' : value > 0 ? '+Inf' : '-Inf'

const BASE64 = /^(?:[A-Za-z\d+/]{4})*(?:[A-Za-z\d+/]{2}==|[A-Za-z\d+/]{3}=)?$/

function decodeBase64(text: string): string {
  const digits = text.replaceAll(/[\r\n]/g, '')
  if (!BASE64.test(digits)) throw new YamlError('!!binary value contains invalid base64 data')
  return decodeUtf8(Buffer.from(digits, 'base64'))
}
