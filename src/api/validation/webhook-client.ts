import { type Findings, invalidValue, required } from './findings.ts'
import { subdomainName } from './names.ts'

/** Where a webhook is, as configurations of admission and of conversion say it. */
export interface WebhookClient {
  readonly url?: string | undefined
  readonly service?:
    | { readonly name?: string; readonly namespace?: string; readonly path?: string; readonly port?: number }
    | undefined
}

/** Exactly one place, reached by TLS, with nothing in it that could say more than where (https://kubernetes.io/docs/reference/access-authn-authz/extensible-admission-controllers/#url). */
export function* validateWebhookClient({ url, service }: WebhookClient, path: string): Findings {
  if ((url === undefined) === (service === undefined)) yield required(path, 'exactly one of url or service is required')
  else if (url !== undefined) yield* validateURL(url, `${path}.url`)
  else if (service !== undefined) yield* validateService(service, `${path}.service`)
}

const PORT_MAX = 65_535
const FORM = '; desired format: https://host[/path]'
const PARTS = /^(?:([a-z][a-z0-9+.-]*):)?(?:\/\/([^/?#]*))?/i
/** What readers of URLs correct in silence, each in its own way: they could see different hosts. */
const AMBIGUOUS = /[\s\\\p{Cc}]/u

function* validateURL(text: string, path: string): Findings {
  const [, scheme = '', authority = ''] = PARTS.exec(text) ?? []
  if (AMBIGUOUS.test(text) || (scheme !== '' && authority !== '' && !URL.canParse(text))) {
    yield required(path, `url must be a valid URL${FORM}`)
    return
  }
  if (scheme.toLowerCase() !== 'https') yield invalidValue(path, scheme, `'https' is the only allowed URL scheme${FORM}`)
  const at = authority.lastIndexOf('@')
  if (authority.slice(at + 1) === '') yield invalidValue(path, '', `host must be specified${FORM}`)
  if (at !== -1) yield invalidValue(path, authority.slice(0, at), 'user information is not permitted in the URL')
  const [head = '', fragment = ''] = splitAt(text, '#')
  if (fragment !== '') yield invalidValue(path, fragment, 'fragments are not permitted in the URL')
  const [, query = ''] = splitAt(head, '?')
  if (query !== '') yield invalidValue(path, query, 'query parameters are not permitted in the URL')
}

function splitAt(text: string, mark: string): string[] {
  const at = text.indexOf(mark)
  return at === -1 ? [text] : [text.slice(0, at), text.slice(at + 1)]
}

function* validateService(
  { name, namespace, path: urlPath, port: number }: NonNullable<WebhookClient['service']>,
  path: string,
): Findings {
  if (!name) yield required(`${path}.name`, 'service name is required')
  if (!namespace) yield required(`${path}.namespace`, 'service namespace is required')
  if (number !== undefined && (number < 1 || number > PORT_MAX))
    yield invalidValue(`${path}.port`, number, `port is not valid: must be between 1 and ${PORT_MAX}, inclusive`)
  if (urlPath !== undefined && urlPath !== '' && urlPath !== '/') yield* validatePath(urlPath, `${path}.path`)
}

/** Every step is a name: none climbs, none is encoded, none begins a query. */
function* validatePath(urlPath: string, path: string): Findings {
  if (urlPath === '//') {
    yield invalidValue(path, urlPath, 'segment[0] may not be empty')
    return
  }
  if (!urlPath.startsWith('/')) yield invalidValue(path, urlPath, "must start with a '/'")
  for (const [index, step] of urlPath.slice(1).replace(/\/$/, '').split('/').entries()) {
    if (step === '') yield invalidValue(path, urlPath, `segment[${index}] may not be empty`)
    else for (const problem of subdomainName(step)) yield invalidValue(path, urlPath, `segment[${index}]: ${problem}`)
  }
}
