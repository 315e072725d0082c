import type { Transport, TransportRequest, TransportResponse, WatchFrame } from './transport.ts'

/** How a server was left: `gone` does not answer any more; one that is `ending` still answers what it was asked. */
type Left = 'gone' | 'ending'

/** The API servers of one cluster, of which a process uses one until it fails. `https://host:port` each. */
export class ServerList {
  readonly #handlers = new Set<(left: Left) => void>()
  #urls: readonly string[]
  #current: string

  /** The first is used first. */
  constructor(urls: readonly [string, ...string[]]) {
    this.#urls = urls
    this.#current = urls[0]
  }

  get urls(): readonly string[] {
    return this.#urls
  }

  get current(): string {
    return this.#current
  }

  /** Who is used stays so while it is among them. */
  replace(urls: readonly [string, ...string[]]): void {
    this.#urls = urls
    if (!urls.includes(this.#current)) this.#use(urls[0], 'ending')
  }

  /** A server did not answer; all go on to the next, unless they have done so already. */
  failed(url: string, left: Left = 'gone'): void {
    if (url !== this.#current || this.#urls.length === 1) return
    this.#use(this.#urls[(this.#urls.indexOf(url) + 1) % this.#urls.length]!, left)
  }

  /** Called when another server is used. */
  onChange(handler: (left: Left) => void): Disposable {
    this.#handlers.add(handler)
    return { [Symbol.dispose]: () => void this.#handlers.delete(handler) }
  }

  #use(url: string, left: Left): void {
    this.#current = url
    for (const handler of this.#handlers) handler(left)
  }
}

/** What failed before anything was sent, so that another server may be asked whatever it is. */
const NOT_SENT = new Set([
  'ECONNREFUSED',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'ENOTFOUND',
  'EAI_AGAIN',
  'ETIMEDOUT',
  'UND_ERR_CONNECT_TIMEOUT',
])

/**
 * Asks whichever server of the list is in use. When it does not answer, or breaks off a watch, the next is used: at once for what was not sent and for what only reads; a write
 * that may have been done is the caller's to judge. Connections to a server that is given up are closed, so that no watch waits for it; where it only ends, once it has
 * answered.
 */
export function failoverTransport(servers: ServerList, open: (url: string) => Transport): Transport {
  let used: Used | undefined
  const current = (): Used => {
    used ??= new Used(servers.current, open(servers.current))
    return used
  }
  const listening = servers.onChange((left) => {
    const old = used
    used = undefined
    old?.leave(left)
  })
  return {
    async request(request) {
      for (let count = 1; ; count++) {
        const server = current()
        try {
          return await server.request(request, () => servers.failed(server.url))
        } catch (error) {
          if (request.signal?.aborted) throw error
          servers.failed(server.url, wasRefused(error) ? 'ending' : 'gone')
          if (count >= servers.urls.length || !(request.method === 'GET' || wasNotSent(error))) throw error
        }
      }
    },
    async upgrade(request) {
      const { url, transport } = current()
      try {
        return await transport.upgrade!(request)
      } catch (error) {
        if (wasNotSent(error)) servers.failed(url)
        throw error
      }
    },
    async [Symbol.asyncDispose]() {
      listening[Symbol.dispose]()
      await used?.close()
    },
  }
}

/** A server while it is used, and until it has answered. */
class Used {
  readonly url: string
  readonly transport: Transport
  readonly #left = new AbortController()
  /** Requests that wait for the head of their answer. */
  #pending = 0
  #closed: PromiseLike<void> | undefined

  constructor(url: string, transport: Transport) {
    this.url = url
    this.transport = transport
  }

  /** A watch ends when its server is left, and goes on with another from where it is; `brokenOff` is called when it does not end by itself. */
  async request(request: TransportRequest, brokenOff: () => void): Promise<TransportResponse> {
    this.#pending++
    try {
      const isWatch = request.query?.get('watch') === 'true'
      const signals = [request.signal, isWatch ? this.#left.signal : undefined].filter((signal) => signal !== undefined)
      const signal = signals.length === 2 ? AbortSignal.any(signals) : signals[0]
      return watched(await this.transport.request({ ...request, signal }), signal, brokenOff)
    } finally {
      this.#pending--
      if (this.#left.signal.aborted && this.#pending === 0) void this.close()
    }
  }

  leave(left: Left): void {
    this.#left.abort(new DOMException('another server is used', 'AbortError'))
    if (left === 'gone' || this.#pending === 0) void this.close()
  }

  async close(): Promise<void> {
    this.#closed ??= this.transport[Symbol.asyncDispose]()
    await this.#closed
  }
}

function watched(response: TransportResponse, signal: AbortSignal | undefined, brokenOff: () => void): TransportResponse {
  const { body } = response
  if (body.kind !== 'watch') return response
  const frames = async function* (): AsyncIterable<WatchFrame> {
    try {
      yield* body.frames
    } catch (error) {
      if (!signal?.aborted) brokenOff()
      throw error
    }
  }
  return { ...response, body: { kind: 'watch', frames: frames() } }
}

const wasRefused = (error: unknown): boolean => codesOf(error).includes('ECONNREFUSED')

const wasNotSent = (error: unknown): boolean => codesOf(error).some((code) => NOT_SENT.has(code))

function codesOf(error: unknown): string[] {
  const codes: string[] = []
  for (let each: unknown = error; each instanceof Error; each = each.cause)
    codes.push(String((each as NodeJS.ErrnoException).code))
  return codes
}
