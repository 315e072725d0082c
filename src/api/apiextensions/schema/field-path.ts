import { additionalOf, propertyOf, type Structural } from './structural.ts'

export interface FieldPlace {
  /** As errors name it: `spec.map[key].field`. */
  readonly path: string
  readonly names: readonly string[]
  /** Undefined where the schema allows anything. */
  readonly node: Structural | undefined
}

export const NOWHERE = 'does not refer to a valid field'
const END = 'unexpected end of JSON path'
const ESCAPES: Readonly<Record<string, string>> = {
  a: '\u0007',
  b: '\b',
  f: '\f',
  n: '\n',
  r: '\r',
  t: '\t',
  v: '\v',
  "'": "'",
  '\\': '\\',
}

/**
 * The place that a path of fields names in a schema, or what is wrong with the path: `.spec.map['a.b'].field`, without quotes and brackets unless `quoted`
 * (https://kubernetes.io/docs/tasks/extend-kubernetes/custom-resources/custom-resource-definitions/#field-path).
 */
export function placeOf(jsonPath: string, schema: Structural, { quoted = true } = {}): FieldPlace | string {
  const tokens = [...tokensOf(jsonPath)]
  const names: string[] = []
  let path = ''
  let node: Structural | undefined = schema
  for (let at = 0; at < tokens.length; ) {
    const isQuoted: boolean = tokens[at] === '['
    if (!isQuoted && tokens[at] !== '.') return `expected [ or . but got: ${tokens[at]}`
    if (isQuoted && !quoted) return 'array notation is not allowed'
    const token = tokens[at + 1]
    if (token === undefined) return END
    const name: string | undefined = isQuoted ? textOf(token) : token
    if (name === undefined) return `expected single quoted string but got ${token}`
    if (/\\./.test(name) && isQuoted) {
      const odd = [...name.matchAll(/\\./g)].find(([pair]) => !(pair[1]! in ESCAPES))
      if (odd !== undefined) return `invalid string literal: invalid escape char ${odd[0]}`
    }
    const plain: string = isQuoted ? name.replace(/\\(.)/g, (_, letter: string) => ESCAPES[letter]!) : name
    if (node === undefined || !hasFields(node)) return NOWHERE
    const isDeclared: boolean = Object.keys(node.properties ?? {}).length > 0
    const next: Structural | undefined = isDeclared ? propertyOf(node, plain) : additionalOf(node)
    if (isDeclared && next === undefined) return NOWHERE
    path += isDeclared ? `${path === '' ? '' : '.'}${plain}` : `[${plain}]`
    names.push(plain)
    node = next
    if (isQuoted) {
      if (tokens[at + 2] === undefined) return END
      if (tokens[at + 2] !== ']') return `expected ] but got ${tokens[at + 2]}`
    }
    at += isQuoted ? 3 : 2
  }
  return { path, names, node }
}

const hasFields = ({ properties = {}, additionalProperties }: Structural): boolean =>
  Object.keys(properties).length > 0 || additionalProperties !== undefined

const textOf = (token: string): string | undefined => /^'(.*)'$/su.exec(token)?.[1]

/** Delimiters, quoted texts, and what stands between. */
function* tokensOf(jsonPath: string): Iterable<string> {
  const pattern = /'(?:\\'|[^'])*'|'.*|[.[\]]|[^.[\]]+/gsu
  for (const [token] of jsonPath.matchAll(pattern)) yield token
}
