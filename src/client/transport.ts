import type { Answer, Patience } from '#base'

/**
 * The contract between a client and an API server, whatever lies between them. `http` speaks it over TLS; `in-process`
 * hands it straight to the server's pipeline: same authentication, authorisation and admission, no sockets, no second encoding.
 */
export interface Transport extends AsyncDisposable {
  /** Resolves with the head of the response; never rejects for an HTTP status. Rejects when no response could be had. */
  request(request: TransportRequest): Promise<TransportResponse>
  /** Opens a bidirectional byte stream by an HTTP/1.1 upgrade (exec, attach, port-forward). In-process transports throw. */
  upgrade?(request: TransportRequest): Promise<import('node:stream').Duplex>
}

export interface TransportRequest {
  readonly method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE'
  /** Absolute path without the query, percent-encoded. */
  readonly path: string
  readonly query?: URLSearchParams | undefined
  /** Path and query as they came over the wire, where they did. */
  readonly uri?: string | undefined
  /** Lower-case names. What came more than once is joined by commas. */
  readonly headers?: Readonly<Record<string, string>> | undefined
  /** Each value of a header on its own, where a comma may be part of one; absent: see {@link headerValues}. */
  headerValues?(name: string): readonly string[]
  readonly body?: RequestBody | undefined
  readonly signal?: AbortSignal | undefined
  /** What `signal` tells, for who can do without one; absent: see `signal`. */
  readonly patience?: Patience | undefined
  /** Throws when the caller may no longer write. Whoever serves it in this process asks right before it does: a process may have been stopped on the way. */
  readonly fence?: (() => void) | undefined
}

/** The values of a header, one by one. Where only their joined form is known, it is taken apart at its commas. */
export function headerValues(request: TransportRequest, name: string): readonly string[] {
  if (request.headerValues !== undefined) return request.headerValues(name)
  const joined = request.headers?.[name]
  return joined === undefined ? [] : joined.split(',').map((value) => value.trim())
}

/** In-process callers hand over the object itself; the receiver treats it as frozen and never keeps a reference to a mutable one. */
export type RequestBody =
  | { readonly kind: 'bytes'; readonly bytes: Uint8Array }
  | { readonly kind: 'object'; readonly object: unknown }
  | { readonly kind: 'stream'; readonly stream: AsyncIterable<Uint8Array> }

export interface TransportResponse {
  readonly status: number
  readonly headers: Readonly<Record<string, string>>
  /** Each `set-cookie` on its own, since a comma is part of one; of answers that come from somebody else. */
  readonly cookies?: readonly string[]
  /** Who writes the body in bytes tells how many they are. */
  readonly sizes?: { observe(bytes: number): void }
  readonly body: ResponseBody
}

export type ResponseBody =
  | { readonly kind: 'none' }
  /** A whole body, encoded. */
  | { readonly kind: 'bytes'; readonly bytes: Uint8Array }
  /** An object: frozen and shared in process; `bytes` encodes it (once, memoised) for the wire. */
  | {
      readonly kind: 'object'
      readonly object: unknown
      readonly bytes: () => Uint8Array
      /** The same bytes in order, where they need not be copied together. */
      readonly parts?: () => BodyParts
      /** Of the bytes; JSON when absent. */
      readonly mediaType?: string
    }
  /** A watch: ends when the server ends it. Consumers must finish or `return()` the iteration. */
  | { readonly kind: 'watch'; readonly frames: WatchFrames }
  /** Raw bytes as they come (logs, proxied bodies). */
  | { readonly kind: 'stream'; readonly stream: AsyncIterable<Uint8Array> }

/** Pieces of a body, made as they are taken: what is sent in pieces is never in memory as a whole. */
export interface BodyParts extends Iterable<Uint8Array> {
  /** Of all of them together. */
  readonly byteLength: number
  /** Another way through the same bytes, without pieces: each call copies what comes next to the beginning of a buffer and says how much that was, 0 at the end. */
  readonly reader?: () => (target: Buffer) => number
}

/** The frames of a watch, for one consumer, who iterates or has them pushed. */
export interface WatchFrames extends AsyncIterable<WatchFrame> {
  /** Hands the frames over as they come: many thousands of watchers are told of a change without a promise for each. */
  readonly pushTo?: (taker: WatchTaker) => PushedWatch
}

export interface WatchTaker {
  /** What came since the last time. False: nothing more until it is resumed; what comes then waits. */
  take(frames: readonly WatchFrame[]): boolean
  /** Nothing comes any more; with an error where the watch broke. */
  end(error?: unknown): void
}

export interface PushedWatch {
  resume(): void
  /** The taker went away, and is told nothing more. */
  stop(): void
}

export interface WatchFrame {
  readonly type: 'ADDED' | 'MODIFIED' | 'DELETED' | 'BOOKMARK' | 'ERROR'
  readonly object: unknown
  /** The whole frame in the negotiated encoding; shared between watchers. */
  readonly bytes: () => Uint8Array
  /** The same as a chunk of HTTP/1.1, shared as well. */
  readonly chunk?: () => Uint8Array
}

/** Who is at the other end of the connection, as far as the connection itself proves it. */
export type Peer =
  | {
      readonly kind: 'tls'
      /** The client's certificate, if it showed one that chains to the client CA. */
      readonly certificate?: PeerCertificate | undefined
      /** The common name of its certificate, if that chains to the front-proxy CA. */
      readonly frontProxy?: string | undefined
      /** Why the certificate that it showed is good for nothing. */
      readonly refused?: string | undefined
      readonly address: string
    }
  /** A component in the same process; the cluster that wired it vouches for the user. */
  | { readonly kind: 'in-process'; readonly user: UserInfo }

/** The subject of a client certificate. */
export interface PeerCertificate {
  readonly commonName: string
  readonly organizations: readonly string[]
  /** Values of the attribute by which Kubernetes writes a user's UID into a subject, 1.3.6.1.4.1.57683.2. */
  readonly uids: readonly string[]
  /** SHA-256 of the certificate, in hexadecimal. */
  readonly fingerprint: string
  /** The last moment at which it is good, in milliseconds since the epoch; known of what came by a socket. */
  readonly expiresAtMs?: number
}

export interface UserInfo {
  readonly username: string
  readonly uid?: string
  readonly groups: readonly string[]
  readonly extra?: Readonly<Record<string, readonly string[]>>
}

/** An API server as seen by whoever carries requests to it (the HTTPS listener, the in-process transport). */
export interface RequestHandler {
  /** At once where nobody has to be waited for. Never throws for what a request asks. */
  handle(request: TransportRequest, peer: Peer): Answer<TransportResponse>
}
