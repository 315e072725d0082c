import type { ResourceDefinition } from '#api'
import type { RequestContext } from '../context.ts'
import { type Form, negotiate, wantsPretty } from './negotiate.ts'
import { messageOf } from './shown.ts'

/** The form in which a request for a resource is answered. Throws 406. */
export function formOf(context: RequestContext): Form {
  return withPretty(negotiated(context, false), context.query, context.headers['user-agent'])
}

/** Throws 406 where the form is none of a watch. */
export function checkStreamed(context: RequestContext): void {
  negotiated(context, true)
}

function negotiated({ headers, info, resource }: RequestContext, streaming: boolean): Form {
  const accept = headers['accept']
  const route = resource.custom !== undefined ? undefined : info.verb === 'list' || info.verb === 'watch' ? 'list' : 'object'
  return negotiate(accept, { streaming, protobuf: hasProtobuf(resource, accept), transforms: true, ...(route && { route }) })
}

/** Whether objects are answered as they are stored in JSON, so that nobody needs them parsed. */
export function isSentAsStored(context: RequestContext): boolean {
  if (!context.isRemote || context.resource.storage !== undefined) return false
  const { as, encoding, pretty } = formOf(context)
  return as === 'object' && encoding === 'json' && !pretty
}

/** The form of an error, or of a document about the API. Errors are told in JSON, for people to read, to whoever accepts nothing that there is. */
export function plainFormOf(
  headers: Readonly<Record<string, string>> | undefined,
  query: URLSearchParams | undefined,
  purpose: 'error' | 'document',
): Form {
  const offer = {
    streaming: false,
    protobuf: true,
    transforms: false,
    ...(purpose === 'document' && { route: 'object' as const }),
  }
  let form: Form
  try {
    form = negotiate(headers?.['accept'], offer)
  } catch (error) {
    if (purpose === 'document') throw error
    form = { ...negotiate(undefined, offer), pretty: true }
  }
  return withPretty(form, query, headers?.['user-agent'])
}

const withPretty = (form: Form, query: URLSearchParams | undefined, userAgent: string | undefined): Form =>
  form.encoding === 'json' && !form.pretty && wantsPretty(query, userAgent) ? { ...form, pretty: true } : form

const known = new WeakMap<ResourceDefinition, boolean>()

/** The tables of messages are read only for clients that speak of more than JSON. */
function hasProtobuf(resource: ResourceDefinition, accept: string | undefined): boolean {
  if (accept === undefined || accept === 'application/json') return true
  let has = known.get(resource)
  if (has === undefined) {
    has = messageOf(resource) !== undefined
    known.set(resource, has)
  }
  return has
}
