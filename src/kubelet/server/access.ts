import { createHash } from 'node:crypto'
import type { IncomingMessage } from 'node:http'
import type { TLSSocket } from 'node:tls'
import { type SubjectAccessReview, subjectAccessReviews, type TokenReview, tokenReviews } from '#api'
import type { Clock } from '#base'
import { type Client, certificateUser, type PeerReader, type UserInfo } from '#client'
import { VerdictCache } from './verdict-cache.ts'

/** Who asks and whether it may: `refusal` is what to answer instead. */
export type Access =
  | { readonly user: UserInfo; readonly refusal: undefined }
  | { readonly refusal: { readonly status: 401 | 403 | 500; readonly message: string } }

export interface AccessDependencies {
  readonly client: Client
  readonly clock: Clock
  readonly nodeName: string
  readonly peers: PeerReader
}

/** Upstream's `authentication.webhook.cacheTTL`, for good tokens and bad ones. */
const TOKEN_TTL_MS = 2 * 60_000
/** Upstream's `authorization.webhook.cacheAuthorizedTTL` and `cacheUnauthorizedTTL`. */
const AUTHORIZED_TTL_MS = 5 * 60_000
const UNAUTHORIZED_TTL_MS = 30_000
const CACHE_ENTRIES_MAX = 4_096

const AUTHENTICATED = 'system:authenticated'

const VERBS: Readonly<Record<string, string>> = { POST: 'create', GET: 'get', PUT: 'update', PATCH: 'patch', DELETE: 'delete' }

/** Subresources of the node by first path element; the broad `proxy` also opens those that were split off it later. */
const SUBRESOURCES: Readonly<Record<string, readonly string[]>> = {
  stats: ['stats'],
  metrics: ['metrics'],
  logs: ['log'],
  checkpoint: ['checkpoint'],
  pods: ['pods', 'proxy'],
  runningpods: ['pods', 'proxy'],
  healthz: ['healthz', 'proxy'],
  configz: ['configz', 'proxy'],
}

/** What a caller needs on `nodes` for a path of the kubelet, any one of them (https://kubernetes.io/docs/reference/access-authn-authz/kubelet-authn-authz/). */
export function subresourcesOf(path: string): readonly string[] {
  const [first = ''] = path.split('/').slice(1)
  return (Object.hasOwn(SUBRESOURCES, first) ? SUBRESOURCES[first] : undefined) ?? ['proxy']
}

/**
 * Authentication by client certificate or by TokenReview, authorisation by SubjectAccessReview, both asked of the API server and remembered.
 * Nobody is let in unnamed.
 */
export class AccessControl {
  readonly #client: Client
  readonly #nodeName: string
  readonly #peers: PeerReader
  readonly #tokens: VerdictCache<UserInfo | undefined>
  readonly #verdicts: VerdictCache<boolean>

  constructor({ client, clock, nodeName, peers }: AccessDependencies) {
    this.#client = client
    this.#nodeName = nodeName
    this.#peers = peers
    this.#tokens = new VerdictCache(clock, { entriesMax: CACHE_ENTRIES_MAX, ttlMs: () => TOKEN_TTL_MS })
    this.#verdicts = new VerdictCache(clock, {
      entriesMax: CACHE_ENTRIES_MAX,
      ttlMs: (allowed) => (allowed ? AUTHORIZED_TTL_MS : UNAUTHORIZED_TTL_MS),
    })
  }

  async check(request: IncomingMessage, path: string): Promise<Access> {
    const user = this.#certificateUser(request.socket as TLSSocket) ?? (await this.#tokenUser(request.headers.authorization))
    if (user === undefined) return { refusal: { status: 401, message: 'Unauthorized' } }
    const verb = VERBS[request.method ?? ''] ?? ''
    const subresources = subresourcesOf(path)
    const what = `(user=${user.username}, verb=${verb}, resource=nodes, subresource(s)=[${subresources.join(' ')}])`
    try {
      for (const subresource of subresources)
        if (await this.#isAllowed(user, verb, subresource)) return { user, refusal: undefined }
    } catch {
      return { refusal: { status: 500, message: `Authorization error ${what}` } }
    }
    return { refusal: { status: 403, message: `Forbidden ${what}` } }
  }

  /** Of a connection whose certificate is good now; as upstream, one that is not may come with a token beside it. */
  #certificateUser(socket: TLSSocket): UserInfo | undefined {
    const peer = this.#peers.peerOf(socket)
    if (peer.kind !== 'tls' || peer.certificate === undefined) return undefined
    try {
      const user = certificateUser(peer.certificate)
      return user && { ...user, groups: withAuthenticated(user.groups) }
    } catch {
      return undefined
    }
  }

  async #tokenUser(header: string | undefined): Promise<UserInfo | undefined> {
    const token = /^bearer +(\S+)$/i.exec(header ?? '')?.[1]
    if (token === undefined) return undefined
    try {
      // The cache outlives the request; what it holds must not be the secret.
      return await this.#tokens.get(createHash('sha256').update(token).digest('base64'), () => this.#reviewToken(token))
    } catch {
      return undefined
    }
  }

  async #reviewToken(token: string): Promise<UserInfo | undefined> {
    const review: TokenReview = { apiVersion: 'authentication.k8s.io/v1', kind: 'TokenReview', spec: { token } }
    const { status } = await this.#client.create(tokenReviews, review)
    const { username, uid, groups = [], extra } = status?.user ?? {}
    if (status?.authenticated !== true || !username) return undefined
    return { username, ...(uid && { uid }), groups: withAuthenticated(groups), ...(extra && { extra }) }
  }

  #isAllowed(user: UserInfo, verb: string, subresource: string): Promise<boolean> {
    const spec: SubjectAccessReview['spec'] = {
      user: user.username,
      groups: [...user.groups],
      ...(user.uid !== undefined && { uid: user.uid }),
      ...(user.extra && { extra: Object.fromEntries(Object.entries(user.extra).map(([key, values]) => [key, [...values]])) }),
      resourceAttributes: { verb, version: 'v1', resource: 'nodes', subresource, name: this.#nodeName },
    }
    return this.#verdicts.get(JSON.stringify(spec), async () => {
      const review: SubjectAccessReview = { apiVersion: 'authorization.k8s.io/v1', kind: 'SubjectAccessReview', spec }
      const { status } = await this.#client.create(subjectAccessReviews, review)
      return status?.allowed === true && status.denied !== true
    })
  }
}

const withAuthenticated = (groups: readonly string[]): string[] =>
  groups.includes(AUTHENTICATED) ? [...groups] : [...groups, AUTHENTICATED]
