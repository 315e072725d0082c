import assert from 'node:assert/strict'
import { Readable } from 'node:stream'
import { buffer } from 'node:stream/consumers'
import type { TransportRequest } from '#client'
import type { Target } from './target.ts'

export interface RawResponse {
  readonly status: number
  readonly headers: Readonly<Record<string, string>>
  readonly text: string
}

/** One request as it is, one response as it came: for what typed clients hide. */
export async function send(target: Target, request: TransportRequest): Promise<RawResponse> {
  const { status, headers, body } = await target.transport.request(request)
  return { status, headers, text: await textOf(body) }
}

/** The JSON document at a path. */
export async function read<T>(target: Target, path: string, accept = 'application/json'): Promise<T> {
  const response = await send(target, { method: 'GET', path, headers: { accept } })
  assert.equal(response.status, 200, `GET ${path}: ${response.text}`)
  return JSON.parse(response.text) as T
}

async function textOf(body: Awaited<ReturnType<Target['transport']['request']>>['body']): Promise<string> {
  switch (body.kind) {
    case 'none':
      return ''
    case 'bytes':
      return Buffer.from(body.bytes).toString()
    case 'stream':
      return (await buffer(Readable.from(body.stream))).toString()
    case 'object':
      return JSON.stringify(body.object)
    case 'watch':
      throw new Error('a watch is no single response')
  }
}
