import { declare } from '../types/declarations.ts'
import { bool, list, map, opaque, string, type Type } from '../types/type.ts'
import { Failure, fail } from '../values/failure.ts'
import { ArrayList } from '../values/list.ts'
import { EntryMap } from '../values/map.ts'
import { Opaque } from '../values/opaque.ts'
import type { Value } from '../values/value.ts'
import type { Library } from './library.ts'

const urlType: Type = opaque('kubernetes.URL')

/** The parts of a URL as Go's net/url has them, which is laxer and stricter than WHATWG's: no normalisation, spaces in paths are fine. */
class Url extends Opaque {
  override readonly typeName = 'kubernetes.URL'
  readonly text: string
  readonly scheme: string
  /** With the port, and with brackets around IPv6. */
  readonly host: string
  readonly path: string
  readonly query: string

  constructor(text: string, parts: { scheme: string; host: string; path: string; query: string }) {
    super()
    this.text = text
    this.scheme = parts.scheme
    this.host = parts.host
    this.path = parts.path
    this.query = parts.query
  }

  get hostname(): string {
    return /^\[(.*)\](?::\d*)?$/.exec(this.host)?.[1] ?? this.host.replace(/:\d*$/, '')
  }

  get port(): string {
    return /:(\d*)$/.exec(this.host.replace(/^\[.*\]/, ''))?.[1] ?? ''
  }

  override equals(other: Value): boolean {
    return other instanceof Url && other.text === this.text
  }
}

const BAD_ESCAPE = /%(?![0-9a-fA-F]{2})(.{0,2})/
// biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what is refused
const CONTROL = /[\x00-\x1f\x7f]/
const USERINFO = /^[A-Za-z0-9\-._:~!$&'()*+,;=%@]*$/
const HOST = /^[A-Za-z0-9\-._~!$&'()*+,;=:[\]<>"%\u0080-\u{10ffff}]*$/u

const CONVERSION = 'URL parse error during conversion from string: '

/** An absolute URI or an absolute path, as Go's url.ParseRequestURI admits. Fails with its sentences. */
function parse(text: string): Url {
  const invalid = (why: string): never => fail(`${CONVERSION}parse ${JSON.stringify(text)}: ${why}`)
  if (CONTROL.test(text)) return invalid('net/url: invalid control character in URL')
  if (text === '') return invalid('empty url')
  const [, scheme = '', rest = ''] = /^(?:([A-Za-z][A-Za-z0-9+.-]*):)?(.*)$/su.exec(text)!
  if (scheme === '' && !text.startsWith('/')) {
    return text.startsWith(':') ? invalid('missing protocol scheme') : invalid('invalid URI for request')
  }
  const [beforeFragment] = rest.split('#', 1) as [string]
  const mark = beforeFragment.indexOf('?')
  const query = mark < 0 ? '' : beforeFragment.slice(mark + 1)
  const hierarchy = mark < 0 ? beforeFragment : beforeFragment.slice(0, mark)
  const lower = scheme.toLowerCase()
  if (!hierarchy.startsWith('/')) return new Url(text, { scheme: lower, host: '', path: '', query })
  let path = hierarchy
  let host = ''
  if (hierarchy.startsWith('//') && (scheme !== '' || !hierarchy.startsWith('///'))) {
    const end = hierarchy.indexOf('/', 2)
    path = end < 0 ? '' : hierarchy.slice(end)
    host = parseAuthority(hierarchy.slice(2, end < 0 ? undefined : end), invalid)
  }
  const bad = BAD_ESCAPE.exec(path)
  if (bad !== null) return invalid(`invalid URL escape ${JSON.stringify(`%${bad[1]}`)}`)
  return new Url(text, { scheme: lower, host, path, query })
}

function parseAuthority(authority: string, invalid: (why: string) => never): string {
  const at = authority.lastIndexOf('@')
  if (at >= 0 && !USERINFO.test(authority.slice(0, at))) return invalid('net/url: invalid userinfo')
  const host = authority.slice(at + 1)
  if (host.startsWith('[')) {
    const end = host.lastIndexOf(']')
    if (end < 0) return invalid("missing ']' in host")
    if (!/^(?::\d*)?$/.test(host.slice(end + 1))) return invalid(`invalid port ${JSON.stringify(host.slice(end + 1))} after host`)
    return host
  }
  const colon = host.lastIndexOf(':')
  if (colon >= 0 && !/^\d*$/.test(host.slice(colon + 1)))
    return invalid(`invalid port ${JSON.stringify(host.slice(colon))} after host`)
  const odd = [...host].find((point) => !HOST.test(point))
  return odd === undefined ? host : invalid(`invalid character ${JSON.stringify(odd)} in host name`)
}

/** The path percent-encoded, where it is not already. */
const escapedPath = (path: string): string =>
  path.replaceAll(/[^A-Za-z0-9\-_.~$&+,/:;=@%!'()*[\]]/gu, (point) => encodeURIComponent(point.toWellFormed()))

function unescapeQuery(text: string): string | undefined {
  try {
    return decodeURIComponent(text.replaceAll('+', ' '))
  } catch {
    return undefined
  }
}

/** Each key with all of its values. Pairs that do not decode are left out, as Go's URL.Query does. */
function parseQuery(query: string): EntryMap {
  const values = new Map<string, Value[]>()
  for (const pair of query.split('&')) {
    if (pair === '' || pair.includes(';')) continue
    const equals = pair.indexOf('=')
    const key = unescapeQuery(equals < 0 ? pair : pair.slice(0, equals))
    const value = unescapeQuery(equals < 0 ? '' : pair.slice(equals + 1))
    if (key === undefined || value === undefined) continue
    values.set(key, [...(values.get(key) ?? []), value])
  }
  return EntryMap.of([...values].map(([key, all]) => [key, new ArrayList(all)] as const))
}

/** What is wrong with a URL, in Go's words. */
export function urlProblem(text: string): string | undefined {
  try {
    parse(text)
    return undefined
  } catch (error) {
    if (error instanceof Failure) return error.message.slice(CONVERSION.length)
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
    getter('getEscapedPath', 'url_get_escaped_path', (url) => escapedPath(url.path)),
    declare('getQuery', {
      members: [['url_get_query', [urlType], map(string, list(string)), (url) => parseQuery((url as Url).query)]],
    }),
  ],
}
