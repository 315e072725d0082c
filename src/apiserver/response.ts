import type { ResponseBody, TransportResponse } from '#client'
import { goQuote, type Status } from '#meta'
import { unlikeMarkup } from './markup.ts'
import { joined, objectBody, sharedBody } from './presentation/body.ts'

/** An answer in the encoding of its body, which is JSON when it says nothing. */
export function reply(status: number, body: ResponseBody, headers: Readonly<Record<string, string>> = {}): TransportResponse {
  const contentType = (body.kind === 'object' ? body.mediaType : undefined) ?? 'application/json'
  return { status, headers: { 'content-type': contentType, ...headers }, body }
}

/** An API object, in the encoding that the client asked for. */
export const replyObject = (status: number, object: unknown, headers: Readonly<Record<string, string>> = {}): TransportResponse =>
  reply(status, objectBody(object), headers)

/** What is no API object and always JSON, for people to read. */
export function replyJson(object: unknown, headers: Readonly<Record<string, string>> = {}, indent = 2): TransportResponse {
  const text = (): string => JSON.stringify(object, null, indent)
  const body = sharedBody(
    () => object,
    () => joined([Buffer.from(text())]),
    'application/json',
  )
  return reply(200, body, headers)
}

/** Text, as what it is said to be. */
export const replyPlain = (text: string, contentType = 'text/plain; charset=utf-8'): TransportResponse => ({
  status: 200,
  headers: { 'content-type': contentType },
  body: { kind: 'bytes', bytes: Buffer.from(text) },
})

/** Text that a browser must not take for anything else. */
export function replyText(status: number, text: string, contentType = 'text/plain; charset=utf-8'): TransportResponse {
  return {
    status,
    headers: { 'content-type': contentType, 'x-content-type-options': 'nosniff' },
    body: { kind: 'bytes', bytes: Buffer.from(text) },
  }
}

/** Priority and fairness answers before anything of the API is at work, in plain text. */
export function tooManyRequests(): TransportResponse {
  const response = replyText(429, 'Too many requests, please try again later.\n')
  return { ...response, headers: { ...response.headers, 'retry-after': '1' } }
}

/** Something failed before anything of the API was at work: plain text as well. */
export const internalServerError = (uri: string, problem: string): TransportResponse =>
  replyText(500, unlikeMarkup(`Internal Server Error: ${goQuote(uri)}: ${problem}\n`))

export function replyStatus(status: Status): TransportResponse {
  const retryAfter = status.details?.retryAfterSeconds
  return replyObject(status.code, status, retryAfter === undefined ? {} : { 'retry-after': String(retryAfter) })
}
