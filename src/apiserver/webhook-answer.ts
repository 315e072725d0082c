import type { IncomingHttpHeaders } from 'node:http'
import { parseJson } from '#base'
import { goQuote, isObject, jsonProblem, jsonTypeOf, parseYaml } from '#meta'
import { VERSION_AND_KIND } from './registry/decode-body.ts'

/** A webhook answered with an HTTP status that is no success. */
export class WebhookStatusError extends Error {
  override readonly name = 'WebhookStatusError'
  readonly code: number

  constructor(message: string, code: number) {
    super(message)
    this.code = code
  }
}

export interface WebhookHttpAnswer {
  readonly status: number
  readonly headers: IncomingHttpHeaders
  readonly body: string
}

/** The document that a webhook answered, JSON or YAML. Rejects with an Error in the words of upstream's client. */
export async function documentIn({ status, headers, body }: WebhookHttpAnswer): Promise<unknown> {
  const type = headers['content-type']
  if (status < 200 || status > 206) throw refusalOf(status, type, body)
  if (body === '')
    throw new Error(`0-length response with status code: ${status} and content type: ${type ?? 'application/json'}`)
  const document = await decoded(body)
  if (document === null || isObject(document)) return document
  throw unparsable(`json: cannot unmarshal ${jsonTypeOf(document)} into Go value of type ${VERSION_AND_KIND}`)
}

const unparsable = (why: string, cause?: unknown): Error =>
  new Error(`couldn't get version/kind; json parse error: ${why}`, { cause })

async function decoded(body: string): Promise<unknown> {
  try {
    return parseJson(body)
  } catch (error) {
    if (body.trimStart().startsWith('{')) throw unparsable(jsonProblem(Buffer.from(body)) ?? (error as Error).message, error)
  }
  try {
    return await parseYaml(body)
  } catch (error) {
    throw unparsable(`error converting YAML to JSON: ${(error as Error).message}`, error)
  }
}

const SHOWN_BODY_MAX = 2048

/** A Status in the body speaks for itself; redirects are followed nowhere, so they are failures. */
function refusalOf(status: number, type: string | undefined, body: string): WebhookStatusError {
  const own = statusIn(body)
  if (own !== undefined) return own
  const isText = type === undefined || type.trimStart().toLowerCase().startsWith('text/')
  const said = isText ? body.slice(0, SHOWN_BODY_MAX).trim() : 'unknown'
  return new WebhookStatusError(wordsOf(status, said), status)
}

function statusIn(body: string): WebhookStatusError | undefined {
  let document: unknown
  try {
    document = parseJson(body)
  } catch {
    return undefined
  }
  if (!isObject(document) || document['kind'] !== 'Status' || document['apiVersion'] !== 'v1') return undefined
  if (document['status'] === 'Success') return undefined
  const { message, code } = document
  return new WebhookStatusError(typeof message === 'string' ? message : '', typeof code === 'number' ? code : 0)
}

function wordsOf(status: number, said: string): string {
  if (status === 403 || status === 415) return said
  if (status === 406) return said === '' || said === 'unknown' ? UNACCEPTABLE : said
  return (
    WORDS[status] ??
    (status >= 500
      ? `an error on the server (${goQuote(said)}) has prevented the request from succeeding`
      : `the server responded with the status code ${status} but did not return more information`)
  )
}

const UNACCEPTABLE = 'the server was unable to respond with a content type that the client supports'

const WORDS: Readonly<Record<number, string>> = {
  400: 'the server rejected our request for an unknown reason',
  401: 'the server has asked for the client to provide credentials',
  404: 'the server could not find the requested resource',
  405: 'the server does not allow this method on the requested resource',
  409: 'the server reported a conflict',
  422: 'the server rejected our request due to an error in our request',
  429: 'the server has received too many requests and has asked us to try again later',
  503: 'the server is currently unable to handle the request',
  504: 'the server was unable to return a response in the time allotted, but may still be processing the request',
}
