import type { ResponseBody, TransportResponse } from '#client'
import type { Status } from '#meta'
import { jsonBody } from './presentation/presenter.ts'

/** A JSON answer. */
export function reply(status: number, body: ResponseBody, headers: Readonly<Record<string, string>> = {}): TransportResponse {
  return { status, headers: { 'content-type': 'application/json', ...headers }, body }
}

export const replyJson = (status: number, object: unknown, headers: Readonly<Record<string, string>> = {}): TransportResponse =>
  reply(status, jsonBody(object), headers)

export function replyText(status: number, text: string, contentType = 'text/plain; charset=utf-8'): TransportResponse {
  return {
    status,
    headers: { 'content-type': contentType, 'x-content-type-options': 'nosniff' },
    body: { kind: 'bytes', bytes: Buffer.from(text) },
  }
}

export function replyStatus(status: Status): TransportResponse {
  const retryAfter = status.details?.retryAfterSeconds
  return replyJson(status.code, status, retryAfter === undefined ? {} : { 'retry-after': String(retryAfter) })
}
