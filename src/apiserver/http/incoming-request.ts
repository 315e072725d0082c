import type { IncomingMessage } from 'node:http'
import { EndingPatience, type Patience } from '#base'
import type { RequestBody, TransportRequest } from '#client'

/** The head of a request in what HTTP/1 and HTTP/2 have in common. */
export interface Head {
  readonly method: string
  readonly url: string
  /** By lower-case names; values of one name are joined. */
  readonly headers: Readonly<Record<string, string>>
  /** The values of a header, one by one, as they came. */
  valuesOf(name: string): string[]
}

/** The head of a request over HTTP/1. */
export class Http1Head implements Head {
  readonly method: string
  readonly url: string
  readonly headers: Readonly<Record<string, string>>
  readonly #rawHeaders: readonly string[]

  constructor({ method = 'GET', url = '/', headers, rawHeaders }: IncomingMessage) {
    this.method = method
    this.url = url
    this.headers = joinedHeaders(headers)
    this.#rawHeaders = rawHeaders
  }

  valuesOf(name: string): string[] {
    const raw = this.#rawHeaders
    return raw.filter((_, index) => index % 2 === 1 && raw[index - 1]!.toLowerCase() === name)
  }
}

/** Whoever stops reading (a body that is too large) still has an answer to send on the same stream. */
export const bodyOf = (request: IncomingMessage): AsyncIterable<Uint8Array> => request.iterator({ destroyOnReturn: false })

const BODY_METHODS = new Set(['POST', 'PUT', 'PATCH', 'DELETE'])
/** Of all requests that have none; nobody changes it. */
const NO_QUERY = new URLSearchParams()
const SLASH = 0x2f
/** What HTTP lets into a value, of which each character is a byte and means the same as text. */
const ASCII = /^[\t -~]*$/

/** Whoever takes us for a proxy names a host (RFC 9112, 3.2.2): it is answered here, from the path. */
const withoutHost = (target: string): string => target.replace(/^https?:\/\/[^/?#]*(?=[/?])/i, '')

/** A request as it came over the wire. What few ask for (the signal, the body) is made for who asks. */
export class IncomingRequest implements TransportRequest {
  readonly method: TransportRequest['method']
  readonly path: string
  readonly uri: string
  readonly query: URLSearchParams
  readonly headers: Readonly<Record<string, string>>
  readonly body: RequestBody | undefined
  readonly #head: Head
  readonly patience: Patience

  /** `body` is called once, for methods that have one. */
  constructor(head: Head, body: () => AsyncIterable<Uint8Array>, patience: Patience) {
    const { method, url: target, headers } = head
    const url = target.charCodeAt(0) === SLASH ? target : withoutHost(target)
    const mark = url.indexOf('?')
    this.method = method as TransportRequest['method']
    this.path = mark === -1 ? url : url.slice(0, mark)
    this.uri = url
    this.query = mark === -1 ? NO_QUERY : new URLSearchParams(url.slice(mark + 1))
    this.headers = headers
    this.body = BODY_METHODS.has(method) ? { kind: 'stream', stream: body() } : undefined
    this.#head = head
    this.patience = patience
  }

  get signal(): AbortSignal {
    return this.patience.signal
  }

  /** As text: names of users are sent as UTF-8, while the heads of HTTP are read byte by byte. */
  headerValues(name: string): string[] {
    return this.#head.valuesOf(name).map((value) => (ASCII.test(value) ? value : Buffer.from(value, 'latin1').toString()))
  }
}

function joinedHeaders(received: IncomingMessage['headers']): Record<string, string> {
  const headers: Record<string, string> = {}
  for (const name in received) {
    const value = received[name]
    if (value !== undefined) headers[name] = Array.isArray(value) ? value.join(', ') : value
  }
  return headers
}

/** Whether the client is still there to be answered. */
export class Presence {
  readonly patience = new EndingPatience()
  #isAnswered = false

  answered(): void {
    this.#isAnswered = true
  }

  left(): void {
    if (!this.#isAnswered) this.patience.end(new DOMException('the client went away', 'AbortError'))
  }
}
