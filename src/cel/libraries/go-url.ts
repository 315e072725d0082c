import { goQuoteBytes } from '#base'
import { fail } from '../values/failure.ts'
import { AddressError, parseAddress, told } from './address.ts'
import { cut } from './cut.ts'

/**
 * The parts of a URL as Go's net/url has them, which is laxer and stricter than WHATWG's: no normalisation, spaces in paths are fine.
 * Like there they hold bytes, each as a character; {@link textOf} makes texts of them.
 */
export interface UrlParts {
  readonly scheme: string
  /** What follows the scheme where no slash does. */
  readonly opaque: string
  /** Undefined: none; as it is written back. */
  readonly user: string | undefined
  /** With the port, and with brackets around IPv6. */
  readonly host: string
  /** As it came. */
  readonly path: string
  readonly query: string
  readonly hasQuery: boolean
  readonly fragment: string
}

const bytesOf = (text: string): string => Buffer.from(text).toString('latin1')
export const textOf = (bytes: string): string => Buffer.from(bytes, 'latin1').toString()
const quoted = (bytes: string): string => goQuoteBytes(Buffer.from(bytes, 'latin1'))

// biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what is refused
const CONTROL = /[\x00-\x1f\x7f]/
const UNRESERVED = 'A-Za-z0-9\\-_.~'
const USERINFO = new RegExp(`^[${UNRESERVED}!$&'()*+,;=:@%]*$`)
/** What is not escaped in each part when it is written back. */
const PLAIN = {
  user: new RegExp(`[^${UNRESERVED}$&+,;=]`, 'g'),
  host: new RegExp(`[^${UNRESERVED}!"$&'()*+,;<=>:[\\]]`, 'g'),
  path: new RegExp(`[^${UNRESERVED}$&+,/:;=@]`, 'g'),
  fragment: new RegExp(`[^${UNRESERVED}!$&()*+,/:;=?@]`, 'g'),
} as const
/** What may stand in an encoded path or fragment besides. */
const ENCODED = /[!'()*[\]%]/g

/** Reads a URL as Go's url.ParseRequestURI (`isRequest`: absolute, and `#` is nothing special) or url.Parse does. Fails with its sentences. */
export function parseUrl(text: string, isRequest: boolean): UrlParts {
  const bytes = bytesOf(text)
  const [before, fragment = ''] = isRequest ? [bytes] : cut(bytes, '#')
  const parts = saying(before, () => partsOf(before, isRequest))
  saying(bytes, () => unescaped(fragment))
  return { ...parts, fragment }
}

/** A problem with a part of a text; {@link parseUrl} says of which text. */
class UrlError extends Error {
  override readonly name = 'UrlError'
}

const refuse = (why: string): never => {
  throw new UrlError(why)
}

/** What goes wrong is said of `bytes`. */
function saying<T>(bytes: string, read: () => T): T {
  try {
    return read()
  } catch (error) {
    if (error instanceof UrlError) return fail(`parse ${quoted(bytes)}: ${error.message}`)
    throw error
  }
}

const NONE = { scheme: '', opaque: '', user: undefined, host: '', path: '', query: '', hasQuery: false }

function partsOf(bytes: string, isRequest: boolean): Omit<UrlParts, 'fragment'> {
  if (CONTROL.test(bytes)) return refuse('net/url: invalid control character in URL')
  if (bytes === '' && isRequest) return refuse('empty url')
  if (bytes === '*') return { ...NONE, path: '*' }
  if (bytes.startsWith(':')) return refuse('missing protocol scheme')
  const scheme = /^([A-Za-z][A-Za-z0-9+.-]*):/.exec(bytes)?.[1] ?? ''
  const [rest, query] = cut(scheme === '' ? bytes : bytes.slice(scheme.length + 1), '?')
  const known = { ...NONE, scheme: scheme.toLowerCase(), query: query ?? '', hasQuery: query !== undefined }
  if (!rest.startsWith('/')) {
    if (scheme !== '') return { ...known, opaque: rest }
    if (isRequest) return refuse('invalid URI for request')
    if (cut(rest, '/')[0].includes(':')) return refuse('first path segment in URL cannot contain colon')
  }
  const hasAuthority = rest.startsWith('//') && (scheme !== '' || (!isRequest && !rest.startsWith('///')))
  const end = hasAuthority ? rest.indexOf('/', 2) : 0
  const path = end < 0 ? '' : rest.slice(end)
  const authority = hasAuthority ? authorityOf(known.scheme, rest.slice(2, end < 0 ? undefined : end)) : {}
  unescaped(path)
  return { ...known, ...authority, path }
}

function authorityOf(scheme: string, authority: string): Pick<UrlParts, 'host' | 'user'> {
  const at = authority.lastIndexOf('@')
  const host = hostOf(scheme, authority.slice(at + 1))
  if (at < 0) return { host, user: undefined }
  const userinfo = authority.slice(0, at)
  if (!USERINFO.test(userinfo)) return refuse('net/url: invalid userinfo')
  const [name, password] = cut(userinfo, ':')
  const user = [name, password].flatMap((part) => (part === undefined ? [] : [escaped(unescaped(part), 'user')])).join(':')
  return { host, user }
}

function hostOf(scheme: string, host: string): string {
  const bracket = host.lastIndexOf('[')
  if (bracket > 0) return refuse('invalid IP-literal')
  if (bracket === 0) return literalOf(host)
  // Lists of hosts have several colons, which nobody writes in addresses of the web.
  const colon = scheme === 'http' || scheme === 'https' ? host.indexOf(':') : host.lastIndexOf(':')
  if (colon >= 0) checkPort(host.slice(colon))
  return unescapeHost(host)
}

function checkPort(port: string): void {
  if (!/^(?::\d*)?$/.test(port)) refuse(`invalid port ${quoted(port)} after host`)
}

/** An IPv6 address in brackets, perhaps with a zone, and a port. */
function literalOf(host: string): string {
  const end = host.lastIndexOf(']')
  if (end < 0) return refuse("missing ']' in host")
  const port = host.slice(end + 1)
  checkPort(port)
  const inner = host.slice(1, end)
  const zone = inner.indexOf('%25')
  const address = zone < 0 ? unescapeHost(inner) : unescapeHost(inner.slice(0, zone)) + unescapeHost(inner.slice(zone), true)
  try {
    if (parseAddress(address).length === 32) return refuse('invalid IP-literal')
  } catch (error) {
    if (error instanceof AddressError) return refuse(`invalid host: ${told(error, quoted)}`)
    throw error
  }
  return `[${address}]${port}`
}

const ESCAPE = /%(?:[0-9a-fA-F]{2})?/g
const byteOf = (found: string): number => Number.parseInt(found.slice(1), 16)

/** Bytes for their escapes. */
export function unescaped(bytes: string): string {
  return bytes.replaceAll(ESCAPE, (found, at: number) =>
    found.length === 3 ? String.fromCharCode(byteOf(found)) : refuse(`invalid URL escape ${quoted(bytes.slice(at, at + 3))}`),
  )
}

/** In a host only bytes past ASCII are escaped, and in a zone what a host may hold, and spaces. */
function unescapeHost(bytes: string, isZone = false): string {
  for (const { 0: found, index } of bytes.matchAll(/%(?:[0-9a-fA-F]{2})?|./gs)) {
    if (!found.startsWith('%')) {
      if (found < '\x80' && escaped(found, 'host') !== found) refuse(`invalid character ${quoted(found)} in host name`)
      continue
    }
    const byte = String.fromCharCode(byteOf(found))
    const isFine = isZone ? byte === ' ' || escaped(byte, 'host') === byte : byte >= '\x80'
    if (found.length < 3 || (found !== '%25' && !isFine)) refuse(`invalid URL escape ${quoted(bytes.slice(index, index + 3))}`)
  }
  return unescaped(bytes)
}

const escaped = (bytes: string, part: keyof typeof PLAIN): string =>
  bytes.replaceAll(PLAIN[part], (byte) => `%${byte.charCodeAt(0).toString(16).toUpperCase().padStart(2, '0')}`)

/** A path or a fragment as it came, where it could stand in a URL so; with everything escaped otherwise. */
export function encoded(bytes: string, part: 'path' | 'fragment'): string {
  if (bytes === '*') return bytes
  const odd = bytes.replaceAll(ENCODED, '')
  return escaped(odd, part) === odd ? bytes : escaped(unescaped(bytes), part)
}

/** A URL as Go writes it. */
export function written({ scheme, opaque, user, host, path, query, hasQuery, fragment }: UrlParts): string {
  const start = scheme === '' ? '' : `${scheme}:`
  const end = `${hasQuery ? `?${query}` : ''}${fragment === '' ? '' : `#${encoded(fragment, 'fragment')}`}`
  if (opaque !== '') return `${start}${opaque}${end}`
  const hasAuthority = host !== '' || user !== undefined
  const authority = hasAuthority ? `//${user === undefined ? '' : `${user}@`}${escaped(host, 'host')}` : ''
  return `${start}${authority}${encoded(path, 'path')}${end}`
}
