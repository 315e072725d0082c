import { asJson, invalidValue, PROTOBUF_MEDIA_TYPE } from '#api'
import { badRequest, failure, type StatusError } from '#meta'

export type Encoding = 'json' | 'yaml' | 'protobuf'

/** The form in which a client wants objects. */
export interface Form {
  readonly as: 'object' | 'table' | 'metadata' | 'metadata-list'
  readonly encoding: Encoding
  /** Of meta.k8s.io, for tables and metadata. */
  readonly version: 'v1' | 'v1beta1'
  /** Indented for reading; JSON only. */
  readonly pretty: boolean
}

interface Clause {
  readonly type: string
  readonly subtype: string
  readonly parameters: ReadonlyMap<string, string>
  readonly quality: number
}

/** What is being asked for, as far as it decides on acceptable forms. */
export interface Offer {
  readonly streaming: boolean
  /** Whether whole objects have a protobuf message; custom ones do not. */
  readonly protobuf: boolean
  /** Whether tables and metadata may stand in for the objects; not for errors and discovery. */
  readonly transforms: boolean
  /** What the route says that it can answer, of paths that have one: those of custom kinds have none, and errors come too late for it. */
  readonly route?: 'object' | 'list'
}

export const MEDIA_TYPES: Readonly<Record<Encoding, string>> = {
  json: 'application/json',
  yaml: 'application/yaml',
  protobuf: PROTOBUF_MEDIA_TYPE,
}
const ENCODINGS = Object.keys(MEDIA_TYPES) as readonly Encoding[]

/** Of a watch, whose frames have no YAML form. */
const STREAMED: readonly Encoding[] = ['json', 'protobuf']

/** The clients of a cluster send few different headers; by what is offered. */
const REMEMBERED_MAX = 500
const remembered = new Map<number, Map<string, Form>>()

/** The first acceptable form in the client's order of preference. Throws 406 when there is none. */
export function negotiate(accept: string | undefined, offer: Offer): Form {
  const key = (offer.streaming ? 1 : 0) + (offer.protobuf ? 2 : 0) + (offer.transforms ? 4 : 0) + (offer.route ? 8 : 0)
  let forms = remembered.get(key)
  if (forms === undefined) remembered.set(key, (forms = new Map()))
  let form = forms.get(accept ?? '')
  if (form === undefined) {
    form = choose(accept, offer)
    if (forms.size >= REMEMBERED_MAX) forms.clear()
    forms.set(accept ?? '', form)
  }
  return form
}

function choose(accept: string | undefined, offer: Offer): Form {
  if (!accept) return { as: 'object', encoding: 'json', version: 'v1', pretty: false }
  if (offer.route !== undefined && !isRouted(accept)) throw notRouted(offer.route)
  for (const clause of parseAccept(accept)) {
    for (const encoding of encodingsOf(clause)) {
      const form = formOf(clause, encoding, offer)
      if (form === undefined) continue
      if (offer.streaming && !STREAMED.includes(encoding)) throw notAcceptable(STREAM_TYPES)
      return form
    }
  }
  throw notAcceptable(TYPES)
}

const TYPES = Object.values(MEDIA_TYPES)
const STREAM_TYPES = STREAMED.map((encoding) => `${MEDIA_TYPES[encoding]};stream=watch`)

/** Upstream's router lets through who names a type that there is, or any; it knows no other wildcard. */
function isRouted(accept: string): boolean {
  return accept.split(',').some((text) => {
    const type = trimmed(text.split(';', 1)[0]!)
    return type === '*/*' || TYPES.includes(type)
  })
}

const notRouted = (route: 'object' | 'list'): StatusError =>
  failure(
    406,
    'NotAcceptable',
    `406: Not Acceptable\n\nAvailable representations: ${[...TYPES, ...(route === 'list' ? STREAM_TYPES : [])].join(', ')}`,
    {},
  )

/** The encodings that a clause names, itself or by a wildcard. */
export const encodingsOf = (clause: Clause): Encoding[] => ENCODINGS.filter((encoding) => matches(clause, MEDIA_TYPES[encoding]))

export function matches({ type, subtype }: Clause, mediaType: string): boolean {
  const [ownType, ownSubtype] = mediaType.split('/')
  return (type === '*' && subtype === '*') || (type === ownType && (subtype === '*' || subtype === ownSubtype))
}

/** What a clause makes of an encoding; undefined when the two do not go together. */
function formOf({ parameters }: Clause, encoding: Encoding, { protobuf, transforms }: Offer): Form | undefined {
  const stream = parameters.get('stream') ?? ''
  if (stream !== '' && (stream !== 'watch' || !STREAMED.includes(encoding))) return undefined
  const serverVersion = parameters.get('sv') ?? ''
  if (serverVersion !== '' && !(transforms && serverVersion === 'v1')) return undefined
  const pretty = encoding === 'json' && parameters.get('pretty') === '1'
  if (!TARGET.some((name) => parameters.has(name)))
    return encoding !== 'protobuf' || protobuf ? { as: 'object', encoding, version: 'v1', pretty } : undefined
  const version = parameters.get('v')
  if (!transforms || parameters.get('g') !== 'meta.k8s.io' || (version !== 'v1' && version !== 'v1beta1')) return undefined
  switch (parameters.get('as')) {
    case 'PartialObjectMetadata':
      return { as: 'metadata', encoding, version, pretty }
    case 'PartialObjectMetadataList':
      return { as: 'metadata-list', encoding, version, pretty }
    case 'Table':
      // It has no protobuf message.
      return encoding === 'protobuf' ? undefined : { as: 'table', encoding, version, pretty }
    default:
      return undefined
  }
}

/** Kind, group and version of what is wanted in the object's place; any of them asks for it. */
const TARGET = ['as', 'g', 'v']

export const notAcceptable = (types: readonly string[]): StatusError =>
  failure(406, 'NotAcceptable', `only the following media types are accepted: ${types.join(', ')}`)

/**
 * Clauses in upstream's order, roughly by falling quality, and of those of equal quality the more specific first. Clauses that are no media range are
 * skipped, a quality that is no number is 0, and 0 is the least of wishes.
 */
export function parseAccept(accept: string): Clause[] {
  const clauses: Clause[] = []
  for (const text of accept.split(',')) {
    const clause = parseClause(trimmed(text))
    if (clause === undefined) continue
    // Which goes first is no order: a range that is specific goes before one that is not, whatever they are worth. So it matters who is compared with whom.
    let at = clauses.length
    while (at > 0 && goesBefore(clause, clauses[at - 1]!)) at--
    clauses.splice(at, 0, clause)
  }
  return clauses
}

function parseClause(text: string): Clause | undefined {
  const [range = '', ...rest] = text.split(';')
  const [type = '', ...below] = range.split('/')
  // What follows a second slash is too much, if anything follows.
  if (below.length > 2 || (below.length === 2 && below[1] !== '')) return undefined
  const subtype = range.slice(type.length + 1) === '' ? undefined : below[0]!
  if (subtype === undefined && trimmed(type) !== '*') return undefined
  const parameters = new Map<string, string>()
  let quality = 1
  for (const part of rest) {
    const [name = '', value = '', ...more] = part.split('=')
    if (part.length <= name.length + 1 || more.some((each) => each !== '') || more.length > 1) continue
    if (trimmed(name) === 'q') quality = qualityOf(value)
    else parameters.set(trimmed(name), trimmed(value))
  }
  return { type: trimmed(type), subtype: subtype === undefined ? '*' : trimmed(subtype), parameters, quality }
}

/** Only spaces are. */
const trimmed = (text: string): string => text.replace(/^ +| +$/g, '')

const DECIMAL = /^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i

/** Of single precision. */
const qualityOf = (text: string): number => (DECIMAL.test(text) ? Math.fround(Number(text)) : 0)

const goesBefore = (a: Clause, b: Clause): boolean =>
  a.quality > b.quality || (a.type !== '*' && b.type === '*') || (a.subtype !== '*' && b.subtype === '*')

const TRUE = new Set(['1', 't', 'T', 'TRUE', 'true', 'True'])
/** Programs that a person reads the answers of. */
const READERS = /^(curl|Wget|Mozilla\/5\.0)/

/** Whether JSON is to be indented: the query says so, or the program that asks. */
export function wantsPretty(query: URLSearchParams | undefined, userAgent: string | undefined): boolean {
  const pretty = query?.get('pretty') ?? ''
  return pretty === '' ? READERS.test(userAgent ?? '') : TRUE.has(pretty)
}

/** A list that was asked for as one object's metadata, or the reverse. */
export const wrongTransform = (asked: string, isList: boolean, type: string): StatusError =>
  failure(
    406,
    'NotAcceptable',
    `you requested ${asked}, but the requested object is ${isList ? 'a list' : 'not a list'} (${type})`,
  )

export type IncludeObject = 'None' | 'Metadata' | 'Object'

/** What the rows of a table carry. */
export function includeObjectOf(query: URLSearchParams): IncludeObject {
  const value = query.get('includeObject') ?? ''
  if (value === '') return 'Metadata'
  if (value === 'None' || value === 'Metadata' || value === 'Object') return value
  const { field, message } = invalidValue('includeObject', asJson(value), "must be 'Metadata', 'Object', 'None', or empty")
  throw badRequest(`Unable to convert to Table as requested: ${field}: ${message}`)
}
