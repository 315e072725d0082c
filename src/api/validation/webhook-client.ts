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
export function validateWebhookClient({ url, service }: WebhookClient, path: string, found: Findings): void {
  if ((url === undefined) === (service === undefined)) found.push(required(path, 'exactly one of url or service is required'))
  else if (url !== undefined) validateURL(url, `${path}.url`, found)
  else if (service !== undefined) validateService(service, `${path}.service`, found)
}

const PORT_MAX = 65_535
const FORM = '; desired format: https://host[/path]'
const PARTS = /^(?:([a-z][a-z0-9+.-]*):)?(?:\/\/([^/?#]*))?/i
/** What readers of URLs correct in silence, each in its own way: they could see different hosts. */
const AMBIGUOUS = /[\s\\\p{Cc}]/u

function validateURL(text: string, path: string, found: Findings): void {
  const [, scheme = '', authority = ''] = PARTS.exec(text) ?? []
  if (AMBIGUOUS.test(text) || (scheme !== '' && authority !== '' && !URL.canParse(text))) {
    found.push(required(path, `url must be a valid URL${FORM}`))
    return
  }
  if (scheme.toLowerCase() !== 'https') found.push(invalidValue(path, scheme, `'https' is the only allowed URL scheme${FORM}`))
  const at = authority.lastIndexOf('@')
  if (authority.slice(at + 1) === '') found.push(invalidValue(path, '', `host must be specified${FORM}`))
  if (at !== -1) found.push(invalidValue(path, authority.slice(0, at), 'user information is not permitted in the URL'))
  const [head = '', fragment = ''] = splitAt(text, '#')
  if (fragment !== '') found.push(invalidValue(path, fragment, 'fragments are not permitted in the URL'))
  const [, query = ''] = splitAt(head, '?')
  if (query !== '') found.push(invalidValue(path, query, 'query parameters are not permitted in the URL'))
}

function splitAt(text: string, mark: string): string[] {
  const at = text.indexOf(mark)
  return at === -1 ? [text] : [text.slice(0, at), text.slice(at + 1)]
}

function validateService(
  { name, namespace, path: urlPath, port: number }: NonNullable<WebhookClient['service']>,
  path: string,
  found: Findings,
): void {
  if (!name) found.push(required(`${path}.name`, 'service name is required'))
  if (!namespace) found.push(required(`${path}.namespace`, 'service namespace is required'))
  if (number !== undefined && (number < 1 || number > PORT_MAX))
    found.push(invalidValue(`${path}.port`, number, `port is not valid: must be between 1 and ${PORT_MAX}, inclusive`))
  if (urlPath !== undefined && urlPath !== '' && urlPath !== '/') validatePath(urlPath, `${path}.path`, found)
}

/** Every step is a name: none climbs, none is encoded, none begins a query. */
function validatePath(urlPath: string, path: string, found: Findings): void {
  if (urlPath === '//') {
    found.push(invalidValue(path, urlPath, 'segment[0] may not be empty'))
    return
  }
  if (!urlPath.startsWith('/')) found.push(invalidValue(path, urlPath, "must start with a '/'"))
  for (const [index, step] of urlPath.slice(1).replace(/\/$/, '').split('/').entries()) {
    if (step === '') found.push(invalidValue(path, urlPath, `segment[${index}] may not be empty`))
    else for (const problem of subdomainName(step)) found.push(invalidValue(path, urlPath, `segment[${index}]: ${problem}`))
  }
}
