import { PROTOBUF_MEDIA_TYPE } from '#api'
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
  const key = (offer.streaming ? 1 : 0) + (offer.protobuf ? 2 : 0) + (offer.transforms ? 4 : 0)
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
  const usable = ENCODINGS.filter((encoding) => encoding !== 'protobuf' || offer.protobuf || offer.transforms)
  if (!accept) return { as: 'object', encoding: 'json', version: 'v1', pretty: false }
  for (const clause of parseAccept(accept)) {
    for (const encoding of encodingsOf(clause)) {
      const form = usable.includes(encoding) ? formOf(clause, encoding, offer) : undefined
      if (form === undefined) continue
      if (offer.streaming && !STREAMED.includes(encoding)) throw notAcceptable(acceptableTypes(offer))
      return form
    }
  }
  throw notAcceptable(acceptableTypes(offer))
}

function acceptableTypes({ streaming, protobuf }: Offer): string[] {
  const whole = ENCODINGS.filter((encoding) => encoding !== 'protobuf' || protobuf)
  return streaming
    ? whole.filter((encoding) => STREAMED.includes(encoding)).map((encoding) => `${MEDIA_TYPES[encoding]};stream=watch`)
    : whole.map((encoding) => MEDIA_TYPES[encoding])
}

/** The encodings that a clause names, itself or by a wildcard. */
export const encodingsOf = (clause: Clause): Encoding[] => ENCODINGS.filter((encoding) => matches(clause, MEDIA_TYPES[encoding]))

export function matches({ type, subtype }: Clause, mediaType: string): boolean {
  const [ownType, ownSubtype] = mediaType.split('/')
  return (type === '*' && subtype === '*') || (type === ownType && (subtype === '*' || subtype === ownSubtype))
}

/** What a clause makes of an encoding; undefined when the two do not go together. */
function formOf({ parameters }: Clause, encoding: Encoding, { protobuf, transforms }: Offer): Form | undefined {
  const stream = parameters.get('stream') ?? ''
  if (stream !== '' && stream !== 'watch') return undefined
  const pretty = encoding === 'json' && parameters.get('pretty') === '1'
  const as = parameters.get('as') ?? ''
  if (as === '') return encoding !== 'protobuf' || protobuf ? { as: 'object', encoding, version: 'v1', pretty } : undefined
  const version = parameters.get('v')
  if (!transforms || parameters.get('g') !== 'meta.k8s.io' || (version !== 'v1' && version !== 'v1beta1')) return undefined
  if (as === 'PartialObjectMetadata') return { as: 'metadata', encoding, version, pretty }
  if (as === 'PartialObjectMetadataList') return { as: 'metadata-list', encoding, version, pretty }
  // Tables have no protobuf message.
  return as === 'Table' && encoding !== 'protobuf' ? { as: 'table', encoding, version, pretty } : undefined
}

export const notAcceptable = (types: readonly string[]): StatusError =>
  failure(406, 'NotAcceptable', `only the following media types are accepted: ${types.join(', ')}`)

/**
 * Clauses by falling quality, and of those of equal quality the more specific first. Clauses that are no media range are skipped, a quality that is
 * no number is 0, and 0 is the least of wishes, as upstream reads them.
 */
export function parseAccept(accept: string): Clause[] {
  const clauses: Clause[] = []
  for (const text of accept.split(',')) {
    const [range = '', ...rest] = text.trim().split(';')
    const [type = '', subtype, ...more] = range.split('/').map((part) => part.trim())
    if (more.length > 0 || (subtype === undefined && type !== '*')) continue
    const parameters = new Map<string, string>()
    for (const part of rest) {
      const at = part.indexOf('=')
      if (at !== -1) parameters.set(part.slice(0, at).trim(), part.slice(at + 1).trim())
    }
    const quality = parameters.has('q') ? Number(parameters.get('q')) || 0 : 1
    clauses.push({ type, subtype: subtype ?? '*', parameters, quality })
  }
  const wildness = ({ type, subtype }: Clause): number => (type === '*' ? 2 : subtype === '*' ? 1 : 0)
  return clauses.sort((a, b) => b.quality - a.quality || wildness(a) - wildness(b))
}

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
  throw badRequest(`unrecognized includeObject value: ${JSON.stringify(value)}`)
}
