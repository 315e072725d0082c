import {
  decodeProtobuf,
  invalidValue,
  PROTOBUF_MEDIA_TYPE,
  ProtobufObjectError,
  type ResourceDefinition,
  type TypeName,
} from '#api'
import { deepClone } from '#base'
import type { RequestBody } from '#client'
import {
  apiVersionOf,
  badRequest,
  conform,
  decodeText,
  failure,
  goQuote,
  invalid,
  isObject,
  jsonTypeOf,
  type KubernetesObject,
  type Oddities,
  ProtobufError,
  parseApiVersion,
  type Schema,
  StatusError,
  type Structure,
  StructureError,
} from '#meta'
import { parseMediaType } from './media-type.ts'

/** Bytes of a request body (upstream's limit on what etcd would take, and on patches). */
export const BODY_BYTES_MAX = 3 * 1024 * 1024

export type FieldValidation = 'Strict' | 'Warn' | 'Ignore'

export interface DecodeOptions {
  readonly contentType: string | undefined
  readonly fieldValidation: FieldValidation
  readonly warnings: string[]
  /** What the body is to be, also where it does not say so itself. */
  readonly type: TypeName
  /** Whether a decoder's refusal is told with nothing around it, as it is of options. */
  readonly isBare?: boolean
  /** What a text that can't be read is said to be, where it is not to be read as an object. */
  readonly unreadable?: string
  /** The refusal of a document that does not fit its type; by default 400 in the words of a decoder. */
  refuse?(error: { readonly message: string; readonly converted: string }): Error
  /** Throws where a body is not of the object that the path names, which is told before what it is. */
  readonly identify?: ((object: KubernetesObject) => void) | undefined
  /** Told what was read. */
  readonly read?: ((object: KubernetesObject) => void) | undefined
  /** Whether the body is a patch, which has media types of its own. */
  readonly isPatch?: boolean
  /** Whether a decoded body is given away, so that the object need not be a copy of it. */
  readonly isTaken?: boolean
}

/** The whole body as bytes or as the object itself. Throws 413 past the limit. */
export async function readBody(body: RequestBody | undefined): Promise<Exclude<RequestBody, { kind: 'stream' }> | undefined> {
  if (body?.kind !== 'stream') return body
  const chunks: Uint8Array[] = []
  let length = 0
  for await (const chunk of body.stream) {
    length += chunk.length
    if (length > BODY_BYTES_MAX) throw tooLarge()
    chunks.push(chunk)
  }
  if (length === 0) return undefined
  return { kind: 'bytes', bytes: chunks.length === 1 ? chunks[0]! : Buffer.concat(chunks, length) }
}

export const tooLarge = (): Error => failure(413, 'RequestEntityTooLarge', `Request entity too large: limit is ${BODY_BYTES_MAX}`)

export interface DecodedBody {
  readonly value: unknown
  /** Findings about keys that stand twice; for a patch, all that is found about it. */
  readonly duplicates: readonly string[]
  /** What the text says beside its value, where it is read as it is decoded. */
  readonly oddities?: Oddities | undefined
  /** How the body begins, for messages about one whose kind can't be read. */
  summary?(): string
}

/** A body as plain, unfrozen data. JSON and YAML are told apart by their content type; 415 for any other. */
export async function decodeBody(body: RequestBody | undefined, options: DecodeOptions): Promise<DecodedBody> {
  const whole = await readBody(body)
  if (whole === undefined && mediaTypeOf(options.contentType) === PROTOBUF_MEDIA_TYPE)
    return { value: readProtobuf(NO_BYTES, options), duplicates: [] }
  if (whole === undefined) throw badRequest('the request has no body; an object was expected')
  if (whole.kind === 'object') return { value: deepClone(whole.object), duplicates: [] }
  if (whole.bytes.length > BODY_BYTES_MAX) throw tooLarge()
  if (mediaTypeOf(options.contentType) === PROTOBUF_MEDIA_TYPE)
    return { value: readProtobuf(whole.bytes, options), duplicates: [] }
  const { bytes } = whole
  const summary = (): string => summaryOf(bytes)
  try {
    const { value, oddities, duplicates } = await decodeText(bytes, formOf(options), options.unreadable)
    return { value, oddities, duplicates: options.fieldValidation === 'Ignore' ? [] : duplicates(), summary }
  } catch (error) {
    // A patch is no object, and who has a refusal of its own says it all.
    const isBare =
      options.isBare === true || options.isPatch === true || options.refuse !== undefined || options.unreadable !== undefined
    if (isBare || !(error instanceof StatusError) || error.code !== 400) throw error
    throw unrecognized(error.message, options.type.kind, summary())
  }
}

/** In small letters; a type that is malformed is none that there is. */
const mediaTypeOf = (contentType: string | undefined): string | undefined =>
  contentType ? (parseMediaType(contentType) ?? 'malformed') : undefined

/** Patches are told apart by what stands before the parameters, whatever those are. */
const patchTypeOf = (contentType: string | undefined): string | undefined =>
  contentType?.split(';', 1).at(0)?.trim().toLowerCase()

const NO_BYTES = new Uint8Array(0)

function readProtobuf(bytes: Uint8Array, { type, isBare = false }: DecodeOptions): unknown {
  try {
    return decodeProtobuf(bytes, type).object
  } catch (error) {
    if (!(error instanceof ProtobufError)) throw error
    if (isBare) throw badRequest(error.message, error)
    if (error instanceof ProtobufObjectError) {
      const found = { kind: error.type.kind, version: parseApiVersion(error.type.apiVersion).version }
      throw badRequest(`${cannotHandle(found, type.kind)}: ${error.message}`, error)
    }
    throw unrecognized(error.message, type.kind, summaryOf(bytes))
  }
}

/** The start of a body: as text where it may be an object of JSON. */
function summaryOf(bytes: Uint8Array): string {
  if (bytes.length === 0) return '<empty>'
  const text = bytes[0] === OPEN_BRACE ? 'utf8' : 'hex'
  const start = Buffer.from(bytes.subarray(0, SUMMARY_BYTES_MAX)).toString(text)
  return bytes.length > SUMMARY_BYTES_MAX ? `${start} ...` : start
}

const OPEN_BRACE = 0x7b
const SUMMARY_BYTES_MAX = 30

function formOf({ contentType, isPatch = false }: DecodeOptions): 'json' | 'yaml' {
  const type = isPatch ? patchTypeOf(contentType) : mediaTypeOf(contentType)
  if (type === undefined || type === '' || type === 'application/json' || (isPatch && type.endsWith('+json'))) return 'json'
  if (type === 'application/yaml' || (isPatch && type.endsWith('+yaml'))) return 'yaml'
  throw failure(
    415,
    'UnsupportedMediaType',
    `the body of the request was in an unknown format - accepted media types include: application/json, application/yaml, ${PROTOBUF_MEDIA_TYPE}`,
  )
}

/** Reads a decoded body as an object of `resource`, with its field validation. */
export function readObject(body: DecodedBody, resource: ResourceDefinition, options: DecodeOptions): KubernetesObject {
  checkKind(body, resource, options)
  const { isTaken } = options
  const read =
    resource.conform ?? ((document: unknown, oddities?: Oddities) => conform(document, resource.schema(), { isTaken, oddities }))
  const object = readWith(read, body, resource, options)
  object.apiVersion = apiVersionOf(resource)
  object.kind = resource.kind
  options.read?.(object)
  return object
}

/** Reads a decoded body as the type of `schema`; `names` is for messages. */
export function readAs(
  body: DecodedBody,
  schema: Schema,
  names: Pick<ResourceDefinition, 'kind' | 'version'>,
  options: DecodeOptions,
): KubernetesObject {
  const object = readWith((document, oddities) => conform(document, schema, { oddities }), body, names, options)
  options.read?.(object)
  return object
}

function readWith(
  read: (document: unknown, oddities?: Oddities) => Structure,
  { value, duplicates, oddities }: DecodedBody,
  names: Pick<ResourceDefinition, 'kind' | 'version'>,
  options: DecodeOptions,
): KubernetesObject {
  const refuse = options.refuse ?? (({ message }) => badRequest(`${cannotHandle(names)}: ${message}`))
  let structure: Structure
  try {
    structure = read(value ?? {}, oddities)
  } catch (error) {
    if (!(error instanceof StructureError)) throw error
    throw refuse(error)
  }
  const isToldInOrder = oddities !== undefined && structure.findings !== undefined
  report(structure, isToldInOrder ? [] : duplicates, refuse, options)
  return structure.value as KubernetesObject
}

const cannotHandle = ({ kind, version }: Pick<ResourceDefinition, 'kind' | 'version'>, as = kind): string =>
  `${kind} in version ${JSON.stringify(version)} cannot be handled as a ${as}`

/** A document that is read as it is decoded tells all in its order; a patch and YAML are read for duplicates before. */
function report(
  { unknown, findings = unknown.map((path) => `unknown field "${path}"`) }: Structure,
  duplicates: readonly string[],
  refuse: NonNullable<DecodeOptions['refuse']>,
  { fieldValidation, warnings }: DecodeOptions,
): void {
  if (findings.length + duplicates.length === 0 || fieldValidation === 'Ignore') return
  if (fieldValidation === 'Warn') {
    warnings.push(...duplicates, ...findings)
    return
  }
  const message = `strict decoding error: ${[...strictDuplicates(duplicates), ...findings].join(', ')}`
  throw refuse({ message, converted: message })
}

/** Upstream's YAML decoder tells all duplicates of a document in one sentence of several lines. */
export const strictDuplicates = (duplicates: readonly string[]): readonly string[] =>
  duplicates[0]?.startsWith('line ')
    ? [`yaml: unmarshal errors:\n${duplicates.map((line) => `  ${line}`).join('\n')}`]
    : duplicates

const unrecognized = (problem: string, kind: string, summary: string): Error =>
  badRequest(`the object provided is unrecognized (must be of type ${kind}): ${problem} (${summary})`)

/** As upstream's first look at an object reads it. */
export const VERSION_AND_KIND = String.raw`struct { APIVersion string "json:\"apiVersion,omitempty\""; Kind string "json:\"kind,omitempty\"" }`

function checkKind(
  { value, summary = () => '<empty>' }: DecodedBody,
  resource: ResourceDefinition,
  { identify }: DecodeOptions,
): void {
  const refuse = (found: unknown, where: string, type: string): Error => {
    const problem = `couldn't get version/kind; json parse error: json: cannot unmarshal ${jsonTypeOf(found)} into Go ${where} of type ${type}`
    return unrecognized(problem, resource.kind, summary())
  }
  if (value !== null && !isObject(value)) throw refuse(value, 'value', VERSION_AND_KIND)
  const { apiVersion, kind } = value ?? {}
  for (const [name, text] of Object.entries({ apiVersion, kind }))
    if (typeof text !== 'string' && text !== undefined && text !== null) throw refuse(text, `struct field .${name}`, 'string')
  const expected = apiVersionOf(resource)
  if (resource.custom !== undefined) checkCustomKind(value ?? {}, resource, identify)
  if (kind && kind !== resource.kind) {
    if (resource.custom === undefined && UNVERSIONED.has(String(kind))) throw isUnversioned(String(kind), resource)
    throw badRequest(
      `${kind} in version ${goQuote(String(apiVersion ?? ''))} cannot be handled as a ${resource.kind}: converting (${expected}.${kind}) to (${expected}.${resource.kind}): unknown conversion`,
    )
  }
  if (apiVersion && apiVersion !== expected) {
    throw badRequest(`the API version in the data (${apiVersion}) does not match the expected API version (${expected})`)
  }
}

/** Kinds that are the same in every group and version. */
export const UNVERSIONED: ReadonlySet<string> = new Set(['Status', 'APIVersions', 'APIGroupList', 'APIGroup', 'APIResourceList'])

const isUnversioned = (kind: string, resource: ResourceDefinition): Error => {
  const place = resource.group === '' ? 'core' : resource.group.split('.', 1)[0]
  const why = `converting (v1.${kind}) to (${place}.${resource.kind}): unknown conversion`
  return badRequest(`${kind} in version "v1" cannot be handled as a ${resource.kind}: ${why}`)
}

const SUMMARY_CHARACTERS = 30

/** What an object of a custom kind says of itself is not made up: nothing else says how it is to be read. */
function checkCustomKind(
  value: Record<string, unknown>,
  resource: ResourceDefinition,
  identify: DecodeOptions['identify'],
): void {
  const { apiVersion, kind, metadata } = value
  const expected = apiVersionOf(resource)
  if (kind === undefined || kind === null || kind === '') {
    const text = JSON.stringify(value)
    const shown = text.length > SUMMARY_CHARACTERS ? `${text.slice(0, SUMMARY_CHARACTERS)} ...` : text
    const why = `Object 'Kind' is missing in '${text}'`
    throw badRequest(`the object provided is unrecognized (must be of type ${resource.kind}): ${why} (${shown})`)
  }
  if (apiVersion === undefined || apiVersion === null || apiVersion === '')
    throw badRequest(`the API version in the data () does not match the expected API version (${expected})`)
  if (apiVersion !== expected)
    throw badRequest(`the API version in the data (${String(apiVersion)}) does not match the expected API version (${expected})`)
  if (typeof kind !== 'string' || kind === resource.kind) return
  identify?.(value)
  const name = isObject(metadata) && typeof metadata['name'] === 'string' ? metadata['name'] : ''
  throw invalid({ group: resource.group, kind }, name, [invalidValue('kind', kind, `must be ${resource.kind}`)])
}
