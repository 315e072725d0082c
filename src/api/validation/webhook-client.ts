import { type Findings, invalidValue, required } from './findings.ts'
import { parseGoUrl } from './go-url.ts'
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

function validateURL(text: string, path: string, found: Findings): void {
  const url = parseGoUrl(text)
  if (typeof url === 'string') {
    found.push(required(path, `url must be a valid URL: ${url}${FORM}`))
    return
  }
  const { scheme, host, user, fragment, query } = url
  if (scheme !== 'https') found.push(invalidValue(path, scheme, `'https' is the only allowed URL scheme${FORM}`))
  if (host === '') found.push(invalidValue(path, '', `host must be specified${FORM}`))
  if (user !== undefined) found.push(invalidValue(path, user, 'user information is not permitted in the URL'))
  if (fragment !== '') found.push(invalidValue(path, fragment, 'fragments are not permitted in the URL'))
  if (query !== '') found.push(invalidValue(path, query, 'query parameters are not permitted in the URL'))
}

function validateService(
  { name, namespace, path: urlPath, port: number }: NonNullable<WebhookClient['service']>,
  path: string,
  found: Findings,
): void {
  // Upstream takes one for the other (https://github.com/kubernetes/kubernetes/issues/141353).
  if (!namespace) found.push(required(`${path}.name`))
  if (!name) found.push(required(`${path}.namespace`))
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
