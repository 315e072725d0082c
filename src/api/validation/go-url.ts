import { isIPv6 } from 'node:net'

/** The parts of a URL as Go's net/url tells them apart. */
export interface GoUrl {
  readonly scheme: string
  readonly host: string
  /** Undefined where no `@` is. */
  readonly user: string | undefined
  readonly query: string
  readonly fragment: string
}

/** The parts of a URL, or a sentence that says as Go does what is wrong with it: `parse "https://a/%zz": invalid URL escape "%zz"`. */
export function parseGoUrl(text: string): GoUrl | string {
  const [whole, fragment] = cut(text, '#')
  const problem = (why: string, shown = whole): string => `parse ${JSON.stringify(shown)}: ${why}`
  const parts = partsOf(whole)
  if (typeof parts === 'string') return problem(parts)
  const wrong = wrongEscape(fragment)
  return wrong === undefined ? { ...parts, fragment } : problem(wrong, text)
}

const CONTROL = /\p{Cc}/u
const SCHEME = /^(?:([a-z][a-z0-9+.-]*):|:)/i
const USER = /^[-a-z0-9._:~!$&'()*+,;=%@]*$/i
/** What may stand in the name of a host besides what is not ASCII. */
const HOST = /[-a-z0-9._~!$&'()*+,;=:[\]<>"%\u0080-\uffff]/i

function partsOf(text: string): Omit<GoUrl, 'fragment'> | string {
  if ([...text].some((character) => CONTROL.test(character) && character < '\u0080'))
    return 'net/url: invalid control character in URL'
  const found = SCHEME.exec(text)
  if (found !== null && found[1] === undefined) return 'missing protocol scheme'
  const scheme = (found?.[1] ?? '').toLowerCase()
  const [hierarchy, query] = cut(text.slice(found?.[0].length ?? 0), '?')
  if (!hierarchy.startsWith('/')) {
    if (scheme === '' && cut(hierarchy, '/')[0].includes(':')) return 'first path segment in URL cannot contain colon'
    if (scheme !== '') return { scheme, host: '', user: undefined, query }
  }
  const hasAuthority = hierarchy.startsWith('//') && (scheme !== '' || !hierarchy.startsWith('///'))
  const slash = hasAuthority ? hierarchy.indexOf('/', 2) : 0
  const authority = hasAuthority ? hierarchy.slice(2, slash === -1 ? undefined : slash) : ''
  const at = authority.lastIndexOf('@')
  const host = authority.slice(at + 1)
  const user = at === -1 ? undefined : authority.slice(0, at)
  const wrong = wrongHost(host, scheme) ?? wrongUser(user) ?? wrongEscape(slash === -1 ? '' : hierarchy.slice(slash))
  return wrong ?? { scheme, host, user, query }
}

function wrongHost(host: string, scheme: string): string | undefined {
  const open = host.lastIndexOf('[')
  if (open > 0) return 'invalid IP-literal'
  if (open === 0) {
    const close = host.lastIndexOf(']')
    if (close === -1) return "missing ']' in host"
    const literal = host.slice(1, close)
    return wrongPort(host.slice(close + 1)) ?? wrongCharacter(literal) ?? (isIPv6(literal) ? undefined : wrongAddress(literal))
  }
  const colon = scheme === 'http' || scheme === 'https' ? host.indexOf(':') : host.lastIndexOf(':')
  return (colon === -1 ? undefined : wrongPort(host.slice(colon))) ?? wrongCharacter(host)
}

const wrongAddress = (literal: string): string => `invalid host: ParseAddr(${JSON.stringify(literal)}): unable to parse IP`

const wrongPort = (text: string): string | undefined =>
  /^(?::\d*)?$/.test(text) ? undefined : `invalid port ${JSON.stringify(text)} after host`

/** The first thing in a host that may not be there; only what is no ASCII, and the percent sign, may be escaped. */
function wrongCharacter(host: string): string | undefined {
  const found = /%(?!25|[89a-f][0-9a-f]).{0,2}|./giu
  for (const [piece] of host.matchAll(found)) {
    if (piece.startsWith('%') && piece !== '%') return `invalid URL escape ${JSON.stringify(piece)}`
    if (!HOST.test(piece)) return `invalid character ${JSON.stringify(piece)} in host name`
  }
  return undefined
}

function wrongUser(user: string | undefined): string | undefined {
  if (user === undefined) return undefined
  return USER.test(user) ? wrongEscape(user) : 'net/url: invalid userinfo'
}

function wrongEscape(text: string): string | undefined {
  const broken = /%(?![0-9a-f]{2}).{0,2}/isu.exec(text)
  return broken === null ? undefined : `invalid URL escape ${JSON.stringify(broken[0])}`
}

function cut(text: string, mark: string): [before: string, after: string] {
  const at = text.indexOf(mark)
  return at === -1 ? [text, ''] : [text.slice(0, at), text.slice(at + 1)]
}
