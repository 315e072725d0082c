import { declare } from '../types/declarations.ts'
import { bool, list, map, opaque, string, type Type } from '../types/type.ts'
import { Failure, fail } from '../values/failure.ts'
import { ArrayList } from '../values/list.ts'
import { EntryMap } from '../values/map.ts'
import { Opaque } from '../values/opaque.ts'
import type { Value } from '../values/value.ts'
import { encoded, parseUrl, textOf, type UrlParts, unescaped, written } from './go-url.ts'
import type { Library } from './library.ts'

const urlType: Type = opaque('kubernetes.URL')

class Url extends Opaque {
  override readonly typeName = 'kubernetes.URL'
  readonly #parts: UrlParts

  constructor(parts: UrlParts) {
    super()
    this.#parts = parts
  }

  get scheme(): string {
    return this.#parts.scheme
  }

  get host(): string {
    return textOf(this.#parts.host)
  }

  get hostname(): string {
    const { host } = this
    const name = host.slice(0, host.length - (PORT.exec(host)?.[0].length ?? 0))
    return name.startsWith('[') && name.endsWith(']') ? name.slice(1, -1) : name
  }

  get port(): string {
    return PORT.exec(this.host)?.[1] ?? ''
  }

  get path(): string {
    return encoded(this.#parts.path, 'path')
  }

  /** Each key with all of its values. Pairs that do not decode are left out, and all of them where they are too many. */
  get query(): EntryMap {
    const pairs = this.#parts.query.split('&')
    const values = new Map<string, Value[]>()
    for (const pair of pairs.length > PARAMETERS_MAX ? [] : pairs) {
      const [key, value] = pair === '' || pair.includes(';') ? [] : decoded(pair)
      if (key === undefined || value === undefined) continue
      const all = values.get(key)
      if (all === undefined) values.set(key, [value])
      else all.push(value)
    }
    return EntryMap.of([...values].map(([key, all]) => [key, new ArrayList(all)] as const))
  }

  override equals(other: Value): boolean {
    return other instanceof Url && written(other.#parts) === written(this.#parts)
  }
}

const PORT = /:(\d*)$/
/** Of so many Go reads a query. */
const PARAMETERS_MAX = 10_000

function decoded(pair: string): readonly string[] {
  const equals = pair.indexOf('=')
  const parts = equals < 0 ? [pair, ''] : [pair.slice(0, equals), pair.slice(equals + 1)]
  if (parts.some((part) => /%(?![0-9a-fA-F]{2})/.test(part))) return []
  return parts.map((part) => textOf(unescaped(part.replaceAll('+', ' '))))
}

/** An absolute URI or an absolute path. Upstream reads it twice, and lets the second reading find more. */
function parse(text: string): Url {
  try {
    parseUrl(text, true)
    return new Url(parseUrl(text, false))
  } catch (error) {
    if (error instanceof Failure) return fail(`URL parse error during conversion from string: ${error.message}`)
    throw error
  }
}

/** What is wrong with a URL, in Go's words. */
export function urlProblem(text: string): string | undefined {
  try {
    parseUrl(text, true)
    return undefined
  } catch (error) {
    if (error instanceof Failure) return error.message
    throw error
  }
}

const getter = (name: string, id: string, read: (url: Url) => string) =>
  declare(name, { members: [[id, [urlType], string, (url) => read(url as Url)]] })

/** https://kubernetes.io/docs/reference/using-api/cel/#kubernetes-url-library */
export const urlsLibrary: Library = {
  name: 'kubernetes.urls',
  types: { 'kubernetes.URL': urlType },
  functions: [
    declare('url', { functions: [['string_to_url', [string], urlType, (text) => parse(text as string)]] }),
    declare('isURL', { functions: [['is_url_string', [string], bool, (text) => urlProblem(text as string) === undefined]] }),
    getter('getScheme', 'url_get_scheme', (url) => url.scheme),
    getter('getHost', 'url_get_host', (url) => url.host),
    getter('getHostname', 'url_get_hostname', (url) => url.hostname),
    getter('getPort', 'url_get_port', (url) => url.port),
    getter('getEscapedPath', 'url_get_escaped_path', (url) => url.path),
    declare('getQuery', {
      members: [['url_get_query', [urlType], map(string, list(string)), (url) => (url as Url).query]],
    }),
  ],
}
