import type { X509Certificate } from 'node:crypto'
import type { TLSSocket } from 'node:tls'
import type { Clock } from '#base'
import { certificatesIn } from './pem.ts'
import type { Peer, PeerCertificate, UserInfo } from './transport.ts'

/** Whom a listener believes, in PEM; each may hold several authorities. */
export interface ClientAuthorities {
  readonly clientCA: string
  readonly frontProxyCA?: string | undefined
}

/** Where Kubernetes keeps a user's UID in the subject of its certificate (KEP-4939). */
const UID_ATTRIBUTE = '1.3.6.1.4.1.57683.2'
const CHAIN_LENGTH_MAX = 10

interface Known {
  readonly peer: Peer
  /** When the certificate is no longer good, in milliseconds since the epoch. */
  readonly untilMs: number
}

/**
 * Says what the certificate of a connection proves. The handshake has found a path to one of all authorities, by every rule of TLS; here it is found out to
 * which of them, so that a certificate of the front proxy's authority, at whatever depth, is never one of a user, nor the other way round. A connection
 * outlives neither its certificate nor the authority.
 */
export class PeerReader {
  readonly #clock: Clock
  #clientRoots: readonly X509Certificate[] = []
  #proxyRoots: readonly X509Certificate[] = []
  #known = new WeakMap<TLSSocket, Known>()

  constructor(authorities: ClientAuthorities, clock: Clock) {
    this.#clock = clock
    this.trust(authorities)
  }

  /** From now on; connections that are there are judged anew. Throws when there is no certificate in it. */
  trust({ clientCA, frontProxyCA }: ClientAuthorities): void {
    const [clientRoots, proxyRoots] = [certificatesIn(clientCA), frontProxyCA === undefined ? [] : certificatesIn(frontProxyCA)]
    this.#clientRoots = clientRoots
    this.#proxyRoots = proxyRoots
    this.#known = new WeakMap()
  }

  peerOf(socket: TLSSocket): Peer {
    let known = this.#known.get(socket)
    if (known === undefined || known.untilMs <= this.#clock.now()) {
      known = this.#read(socket)
      this.#known.set(socket, known)
    }
    return known.peer
  }

  #read(socket: TLSSocket): Known {
    const address = socket.remoteAddress ?? ''
    const leaf = socket.getPeerX509Certificate?.()
    if (leaf === undefined) return { peer: { kind: 'tls', address }, untilMs: Number.POSITIVE_INFINITY }
    const refused = (why: string): Known => ({
      peer: { kind: 'tls', address, refused: why },
      untilMs: Number.POSITIVE_INFINITY,
    })
    if (!socket.authorized) return refused(String(socket.authorizationError))
    const nowMs = this.#clock.now()
    const [client, proxy] = [this.#clientRoots, this.#proxyRoots].map((roots) => pathTo(roots, leaf, nowMs))
    const untilMs = Math.min(...[...(client ?? []), ...(proxy ?? [])].map((each) => Date.parse(each.validTo)))
    if (client === undefined && proxy === undefined) return refused('no path to an authority that is valid now')
    const certificate = subjectOf(leaf)
    return {
      peer: {
        kind: 'tls',
        address,
        certificate: client && { ...certificate, expiresAtMs: Date.parse(leaf.validTo) },
        frontProxy: proxy && certificate.commonName,
      },
      untilMs,
    }
  }
}

/** The certificates from `leaf` to one of `roots`, all of them valid now; undefined when there is no such path. */
function pathTo(roots: readonly X509Certificate[], leaf: X509Certificate, nowMs: number): X509Certificate[] | undefined {
  const path: X509Certificate[] = []
  let at: X509Certificate | undefined = leaf
  while (at !== undefined && path.length < CHAIN_LENGTH_MAX) {
    const current: X509Certificate = at
    if (Date.parse(current.validFrom) > nowMs || Date.parse(current.validTo) <= nowMs) return undefined
    path.push(current)
    if (roots.some((root) => root.fingerprint256 === current.fingerprint256)) return path
    const root = roots.find((each) => isIssuer(each, current))
    if (root !== undefined) return Date.parse(root.validTo) > nowMs ? [...path, root] : undefined
    const sent: X509Certificate | undefined = current.issuerCertificate
    at = sent !== undefined && isIssuer(sent, current) ? sent : undefined
  }
  return undefined
}

const isIssuer = (issuer: X509Certificate, certificate: X509Certificate): boolean =>
  issuer.ca && certificate.checkIssued(issuer) && certificate.verify(issuer.publicKey)

const CREDENTIAL_ID = 'authentication.kubernetes.io/credential-id'

/**
 * X.509: the common name is the user, organisations are its groups. A certificate without a common name is nobody's. Throws when it says who it is twice.
 */
export function certificateUser(certificate: PeerCertificate): UserInfo | undefined {
  if (certificate.commonName === '') return undefined
  return {
    username: certificate.commonName,
    ...uidOf(certificate.uids),
    groups: [...certificate.organizations],
    extra: { [CREDENTIAL_ID]: [`X509SHA256=${certificate.fingerprint}`] },
  }
}

function uidOf(uids: readonly string[]): { readonly uid?: string } {
  const [uid] = uids
  if (uid === undefined) return {}
  if (uids.length > 1) throw new Error(`expected 1 UID, but found multiple: [${uids.join(' ')}]`)
  if (uid === '') throw new Error('UID cannot be an empty string')
  return { uid }
}

type Attribute = string | readonly string[] | undefined

/** Who a certificate says that somebody is, whoever signed it. */
export function subjectOf(certificate: X509Certificate): PeerCertificate {
  const { subject = {} } = certificate.toLegacyObject() as { subject?: Readonly<Record<string, Attribute>> }
  const valuesOf = (name: string): readonly string[] => [subject[name] ?? []].flat()
  return {
    // Of several names the last counts, as in Go.
    commonName: valuesOf('CN').at(-1) ?? '',
    organizations: valuesOf('O'),
    uids: valuesOf(UID_ATTRIBUTE),
    fingerprint: certificate.fingerprint256.replaceAll(':', '').toLowerCase(),
  }
}
