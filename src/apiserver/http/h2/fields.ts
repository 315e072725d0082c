/** How values of fields of one name become one: as Node joins them. */
export type Joining = 'first' | 'comma' | 'cookie'

/** One field of a head, as it was sent. Fields that stand in a table are shared by all heads that refer to them, so what is to be known of one is found out once. */
export interface Field {
  readonly name: string
  readonly value: string
  /** As a table and the limit of a head count it (RFC 7541, 4.1). */
  readonly bytes: number
  readonly joining: Joining
  /** Of a request, by the rules of RFC 9113, 8.2. */
  readonly isValid: boolean
}

const FIELD_BYTES = 32

/** Those of which a second is ignored. */
const SINGLE = new Set(
  (
    'access-control-allow-credentials access-control-max-age access-control-request-method age authorization content-encoding ' +
    'content-language content-length content-location content-md5 content-range content-type date dnt etag expires from host if-match ' +
    'if-modified-since if-none-match if-range if-unmodified-since last-modified location max-forwards proxy-authorization range referer ' +
    'retry-after tk upgrade-insecure-requests user-agent x-content-type-options'
  ).split(' '),
)

/** Those that speak of a connection, which HTTP/2 does not let them. */
const OF_CONNECTION = new Set(['connection', 'keep-alive', 'proxy-connection', 'transfer-encoding', 'upgrade'])

const NAME = /^:?[!#$%&'*+\-.^_`|~0-9a-z]+$/
/** No control characters. */
const VALUE = /^[\t\x20-\x7e\x80-\xff]*$/

export function fieldOf(name: string, sent: string): Field {
  const value = withoutSpace(sent)
  // Space at an end means nothing, as over HTTP/1.1, and Go's servers take it, though RFC 9113 forbids it; but not where it could mean another resource.
  const isSpaced = value.length < sent.length && name.startsWith(':')
  const isAllowed = !OF_CONNECTION.has(name) && (name !== 'te' || value === 'trailers')
  const isValid = NAME.test(name) && VALUE.test(value) && isAllowed && !isSpaced
  const joining = SINGLE.has(name) ? 'first' : name === 'cookie' ? 'cookie' : 'comma'
  return { name, value, bytes: name.length + sent.length + FIELD_BYTES, joining, isValid }
}

/** Each character is looked at once at most, whoever sent it. */
function withoutSpace(text: string): string {
  let [from, to] = [0, text.length]
  while (from < to && isSpace(text.charCodeAt(from))) from++
  while (to > from && isSpace(text.charCodeAt(to - 1))) to--
  return to - from === text.length ? text : text.slice(from, to)
}

const isSpace = (code: number): boolean => code === 0x20 || code === 0x09

/** RFC 7541, appendix A, from index 1 on. */
export const STATIC_FIELDS: readonly Field[] = [
  [':authority', ''],
  [':method', 'GET'],
  [':method', 'POST'],
  [':path', '/'],
  [':path', '/index.html'],
  [':scheme', 'http'],
  [':scheme', 'https'],
  [':status', '200'],
  [':status', '204'],
  [':status', '206'],
  [':status', '304'],
  [':status', '400'],
  [':status', '404'],
  [':status', '500'],
  ['accept-charset', ''],
  ['accept-encoding', 'gzip, deflate'],
  ...(
    'accept-language accept-ranges accept access-control-allow-origin age allow authorization cache-control content-disposition ' +
    'content-encoding content-language content-length content-location content-range content-type cookie date etag expect expires from ' +
    'host if-match if-modified-since if-none-match if-range if-unmodified-since last-modified link location max-forwards ' +
    'proxy-authenticate proxy-authorization range referer refresh retry-after server set-cookie strict-transport-security ' +
    'transfer-encoding user-agent vary via www-authenticate'
  )
    .split(' ')
    .map((name) => [name, '']),
].map(([name = '', value = '']) => fieldOf(name, value))
