import type { Head } from '../incoming-request.ts'
import type { Field } from './fields.ts'

const COLON = 0x3a
const SLASH = 0x2f
const LENGTH = /^\d{1,15}$/

/** The head of a request over HTTP/2. */
export class RequestHead implements Head {
  readonly method: string
  readonly url: string
  readonly headers: Readonly<Record<string, string>>
  /** What its body is said to be long. */
  readonly contentLength: number | undefined
  readonly #fields: readonly Field[]

  private constructor(method: string, url: string, headers: Record<string, string>, fields: readonly Field[]) {
    this.method = method
    this.url = url
    this.headers = headers
    const length = headers['content-length']
    this.contentLength = length === undefined ? undefined : Number(length)
    this.#fields = fields
  }

  /** Undefined for what is no request (RFC 9113, 8.3.1). */
  static of(fields: readonly Field[]): RequestHead | undefined {
    const headers: Record<string, string> = {}
    let [method, path, scheme, authority]: (string | undefined)[] = []
    let isPastPseudo = false
    for (const field of fields) {
      const { name, value } = field
      if (!field.isValid) return undefined
      if (name.charCodeAt(0) !== COLON) {
        isPastPseudo = true
        if (!join(headers, field)) return undefined
      } else if (isPastPseudo) return undefined
      else if (name === ':method' && method === undefined) method = value
      else if (name === ':path' && path === undefined) path = value
      else if (name === ':scheme' && scheme === undefined) scheme = value
      else if (name === ':authority' && authority === undefined) authority = value
      else return undefined
    }
    if (method === 'CONNECT')
      return path === undefined && scheme === undefined && authority !== undefined
        ? new RequestHead(method, '', headers, fields)
        : undefined
    if (method === undefined || path === undefined || scheme === undefined || !isPath(path, method)) return undefined
    return new RequestHead(method, path, headers, fields)
  }

  /** Whether the fields at the end of a body are any. */
  static areTrailers(fields: readonly Field[]): boolean {
    return fields.every(({ name, isValid }) => isValid && name.charCodeAt(0) !== COLON)
  }

  valuesOf(name: string): string[] {
    return this.#fields.filter((field) => field.name === name).map(({ value }) => value)
  }
}

const isPath = (path: string, method: string): boolean => path.charCodeAt(0) === SLASH || (path === '*' && method === 'OPTIONS')

/** False: they contradict each other, so that two readers could see different ends of the body. */
function join(headers: Record<string, string>, { name, value, joining }: Field): boolean {
  const before = headers[name]
  // A name may be that of something that every object has.
  if (typeof before !== 'string') {
    headers[name] = value
    return name !== 'content-length' || LENGTH.test(value)
  }
  if (name === 'content-length' || name === 'host') return false
  if (joining !== 'first') headers[name] = `${before}${joining === 'cookie' ? '; ' : ', '}${value}`
  return true
}
