import { schemaOf } from '#api'
import type { Clock } from '#base'
import type { TransportRequest, TransportResponse } from '#client'
import { type CachedDocument, DocumentCache, replyDocument } from '../cached-document.ts'
import type { ResourceCatalog } from '../catalog.ts'
import { groupsOf } from '../discovery.ts'
import { parseAccept } from '../presentation/negotiate.ts'
import { type DocumentInput, openApiV2, openApiV3 } from './documents.ts'
import { encodeGnosticV2 } from './gnostic-v2.ts'
import { encodeGnosticV3 } from './gnostic-v3.ts'
import { type PlainPath, plainPaths } from './plain-paths.ts'

export interface OpenApiOptions {
  readonly catalog: ResourceCatalog
  readonly clock: Clock
  readonly version: string
}

type Content = Pick<DocumentInput, 'resources' | 'plainPaths'>

const JSON_TYPE = 'application/json'

/** Media types by what they are answered with; older clients ask with a character that no media type may have. */
const PROTOBUF_TYPES = {
  v2: 'application/com.github.proto-openapi.spec.v2.v1.0+protobuf',
  v3: 'application/com.github.proto-openapi.spec.v3.v1.0+protobuf',
} as const
const spellingsOf = (type: string): string[] => [type, type.replace('.v1.0+', '@v1.0+')]

/** Upstream compresses this one by itself. */
const VARY_V2 = 'Accept-Encoding, Accept'

const YEAR_MS = 365 * 24 * 3_600_000

/**
 * `/openapi/v2` and `/openapi/v3`. A document is built when it is first asked for, and again only when a definition that it describes has changed; its
 * hash is of its content, so that a URL with a hash may be kept for ever.
 */
export class OpenApiHandler {
  readonly #options: OpenApiOptions
  readonly #documents = new DocumentCache()

  constructor(options: OpenApiOptions) {
    this.#options = options
  }

  serve(path: string, request: TransportRequest): TransportResponse | undefined {
    if (path === '/openapi/v2') return this.#v2(request)
    if (path === '/openapi/v3') return this.#index(request)
    if (!path.startsWith('/openapi/v3/')) return undefined
    const name = path.slice('/openapi/v3/'.length)
    const content = this.#contents().get(name)
    return content === undefined ? UNKNOWN : this.#part(name, content, request)
  }

  #v2(request: TransportRequest): TransportResponse {
    const { all } = this.#options.catalog
    const type = acceptedType(request, 'v2')
    if (type === undefined) return notAcceptable(VARY_V2)
    const document = this.#documents.of(`v2 ${type}`)
    const bytes = document.bytes(all, () => {
      const json = openApiV2({ ...this.#common(), resources: all, plainPaths: this.#plainPaths() })
      return type === JSON_TYPE ? toBytes(json) : encodeGnosticV2(json)
    })
    return replyDocument(request, bytes, document.hash, { 'content-type': type, vary: VARY_V2 })
  }

  #index(request: TransportRequest): TransportResponse {
    const document = this.#documents.of('v3')
    const bytes = document.bytes(this.#options.catalog.all, () => {
      const paths = [...this.#contents()].map(([name, content]) => [
        name,
        { serverRelativeURL: urlOf(name, this.#json(name, content).hash) },
      ])
      return toBytes({ paths: Object.fromEntries(paths) })
    })
    return replyDocument(request, bytes, document.hash, { 'content-type': JSON_TYPE })
  }

  #part(name: string, content: Content, request: TransportRequest): TransportResponse {
    const type = acceptedType(request, 'v3')
    if (type === undefined) return notAcceptable('Accept')
    const { hash } = this.#json(name, content)
    const headers: Record<string, string> = { 'content-type': type, vary: 'Accept' }
    const asked = request.query?.get('hash') ?? ''
    if (asked !== '' && asked !== hash) {
      const moved = { ...headers, etag: `"${hash}"`, location: urlOf(name, hash) }
      return { status: 301, headers: moved, body: { kind: 'none' } }
    }
    if (asked !== '') {
      headers['cache-control'] = 'public, immutable'
      headers['expires'] = new Date(this.#options.clock.now() + YEAR_MS).toUTCString()
    }
    const document = this.#documents.of(type === JSON_TYPE ? name : `${name} ${type}`)
    const bytes = document.bytes(content.resources, () => {
      const json = openApiV3({ ...this.#common(), ...content })
      return type === JSON_TYPE ? toBytes(json) : encodeGnosticV3(json)
    })
    return replyDocument(request, bytes, hash, headers)
  }

  /** The JSON form of a part, whose hash stands for every form of it. */
  #json(name: string, content: Content): CachedDocument {
    const document = this.#documents.of(name)
    document.bytes(content.resources, () => toBytes(openApiV3({ ...this.#common(), ...content })))
    return document
  }

  #common(): Pick<DocumentInput, 'named' | 'version'> {
    return { named: schemaOf, version: this.#options.version }
  }

  /** Groups of custom kinds have no documents of their own, as upstream. */
  #plainPaths(): PlainPath[] {
    const { all } = this.#options.catalog
    const builtIn = new Set(all.filter(({ custom }) => custom === undefined).map(({ group }) => group))
    return plainPaths(groupsOf(this.#options.catalog).filter(({ group }) => builtIn.has(group)))
  }

  /** What each document of v3 tells of: `apis/apps/v1` of resources, `apis/apps` and others of a path that is none. */
  #contents(): ReadonlyMap<string, Content> {
    const groups = groupsOf(this.#options.catalog)
    const contents = new Map<string, Content>()
    for (const plain of this.#plainPaths()) contents.set(plain.document, { resources: [], plainPaths: [plain] })
    for (const { group, versions } of groups) {
      for (const version of versions) {
        const name = group === '' ? `api/${version}` : `apis/${group}/${version}`
        const resources = this.#options.catalog.all.filter((each) => each.group === group && each.version === version)
        contents.set(name, { resources, plainPaths: contents.get(name)?.plainPaths ?? [] })
      }
    }
    return contents
  }
}

/** Without a word, as upstream's handlers of these documents. */
const notAcceptable = (vary: string): TransportResponse => ({ status: 406, headers: { vary }, body: { kind: 'none' } })
const UNKNOWN: TransportResponse = { status: 404, headers: {}, body: { kind: 'none' } }

function acceptedType({ headers }: TransportRequest, dialect: 'v2' | 'v3'): string | undefined {
  const protobuf = PROTOBUF_TYPES[dialect]
  const subtypes = [JSON_TYPE, ...spellingsOf(protobuf)].map((type) => type.replace(/^.*\//, ''))
  for (const { type, subtype } of parseAccept(headers?.['accept'] || '*/*')) {
    if (type !== 'application' && type !== '*') continue
    const found = subtypes.find((each) => subtype === '*' || subtype === each)
    if (found !== undefined) return found === 'json' ? JSON_TYPE : protobuf
  }
  return undefined
}

const urlOf = (name: string, hash: string): string => `/openapi/v3/${name}?hash=${hash}`
const toBytes = (json: object): Uint8Array => Buffer.from(JSON.stringify(json))
