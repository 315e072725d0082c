import type { Transport, TransportRequest, TransportResponse, WatchFrame } from './transport.ts'

/** The API servers of one cluster, of which a process uses one until it fails. `https://host:port` each. */
export class ServerList {
  readonly #handlers = new Set<() => void>()
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
    if (!urls.includes(this.#current)) this.#use(urls[0])
  }

  /** A server did not answer; all go on to the next, unless they have done so already. */
  failed(url: string): void {
    if (url !== this.#current || this.#urls.length === 1) return
    this.#use(this.#urls[(this.#urls.indexOf(url) + 1) % this.#urls.length]!)
  }

  /** Called when another server is used. */
  onChange(handler: () => void): Disposable {
    this.#handlers.add(handler)
    return { [Symbol.dispose]: () => void this.#handlers.delete(handler) }
  }

  #use(url: string): void {
    this.#current = url
    for (const handler of this.#handlers) handler()
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
 * that may have been done is the caller's to judge. Connections to a server that is given up are closed, so that no watch waits for it.
 */
export function failoverTransport(servers: ServerList, open: (url: string) => Transport): Transport {
  let used: { readonly url: string; readonly transport: Transport } | undefined
  const current = (): { readonly url: string; readonly transport: Transport } => {
    used ??= { url: servers.current, transport: open(servers.current) }
    return used
  }
  const listening = servers.onChange(() => {
    const old = used
    used = undefined
    void old?.transport[Symbol.asyncDispose]()
  })
  return {
    async request(request) {
      for (let count = 1; ; count++) {
        const { url, transport } = current()
        try {
          return watched(await transport.request(request), request, () => servers.failed(url))
        } catch (error) {
          if (request.signal?.aborted) throw error
          servers.failed(url)
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
      await used?.transport[Symbol.asyncDispose]()
    },
  }
}

function watched(response: TransportResponse, request: TransportRequest, failed: () => void): TransportResponse {
  const { body } = response
  if (body.kind !== 'watch') return response
  const frames = async function* (): AsyncIterable<WatchFrame> {
    try {
      yield* body.frames
    } catch (error) {
      if (!request.signal?.aborted) failed()
      throw error
    }
  }
  return { ...response, body: { kind: 'watch', frames: frames() } }
}

function wasNotSent(error: unknown): boolean {
  for (let each: unknown = error; each instanceof Error; each = each.cause)
    if (NOT_SENT.has(String((each as NodeJS.ErrnoException).code))) return true
  return false
}
