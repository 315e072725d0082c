/** What stands behind `scheme:`, or undefined where there is no scheme. */
const SCHEME = /^[a-z][a-z0-9+.-]*:/i
const HOST = /^(?:[\w.~!$&'()*+,;=:[\]<>"-]|[^\0-\x7f]|%[89a-f][0-9a-f])*$/i
const HOST_AND_PORT = /^(?:\[[^\]]*\]|[^:[\]]*)(?::\d*)?$/
const USER = /^(?:[\w.~!$&'()*+,;=:@-]|%[0-9a-f]{2})*$/i
const STRAY_PERCENT = /%(?![0-9a-f]{2})/i

/** Whether Go's HTTP library takes a text for what a request line may hold, without a fragment: a path, or a URL. */
export function isGoRequestUri(text: string): boolean {
  if (text === '' || hasControl(text)) return false
  if (text === '*') return true
  const scheme = SCHEME.exec(text)?.[0] ?? ''
  const rest = text.slice(scheme.length).split('?', 1)[0]!
  if (!rest.startsWith('/')) return scheme !== ''
  if (scheme === '' || !rest.startsWith('//')) return !STRAY_PERCENT.test(rest)
  const [authority = ''] = rest.slice(2).split('/', 1)
  const at = authority.lastIndexOf('@')
  const host = authority.slice(at + 1)
  if (at !== -1 && !USER.test(authority.slice(0, at))) return false
  return HOST.test(host) && HOST_AND_PORT.test(host) && !STRAY_PERCENT.test(rest.slice(2 + authority.length))
}

const hasControl = (text: string): boolean => [...text].some((character) => character < ' ' || character === '\x7f')
