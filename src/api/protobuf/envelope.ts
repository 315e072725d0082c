import { type KubernetesObject, ProtobufError, parseApiVersion, Reader, Writer } from '#meta'
import { notRegistered } from '../older-versions/index.ts'
import { codec, hasMessage } from './codec.ts'
import { META, RUNTIME } from './names.ts'

/** Kubernetes' protobuf: a mark, then `runtime.Unknown` around the object's message (https://kubernetes.io/docs/reference/using-api/api-concepts/#protobuf-encoding). */
export const PROTOBUF_MEDIA_TYPE = 'application/vnd.kubernetes.protobuf'

const MAGIC = Buffer.from('k8s\0')
const [TYPE_META_TAG, RAW_TAG] = [0x0a, 0x12]

/** A type as objects name it. */
export interface TypeName {
  readonly apiVersion: string
  readonly kind: string
}

/** Bytes of which it is known what they claim to be, but that are no such object. */
export class ProtobufObjectError extends ProtobufError {
  readonly type: TypeName

  constructor(message: string, type: TypeName, options?: ErrorOptions) {
    super(message, options)
    this.type = type
  }
}

/**
 * Reads the protobuf form into the same plain objects that JSON gives. `expected` is taken for what the envelope leaves out. Throws {@link ProtobufError}, which is a
 * {@link ProtobufObjectError} once the envelope was read.
 */
export function decodeProtobuf(bytes: Uint8Array, expected?: TypeName): TypeName & { readonly object: Record<string, unknown> } {
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  if (buffer.length === 0) throw new ProtobufError('empty data')
  if (!buffer.subarray(0, MAGIC.length).equals(MAGIC))
    throw new ProtobufError(`provided data does not appear to be a protobuf message, expected prefix [${MAGIC.join(' ')}]`)
  if (buffer.length === MAGIC.length) throw new ProtobufError('empty body')
  const { typeMeta, raw } = openEnvelope(buffer.subarray(MAGIC.length))
  const apiVersion = typeMeta.apiVersion || (expected?.apiVersion ?? '')
  const kind = typeMeta.kind || (expected?.kind ?? '')
  const message = protobufMessageOf(apiVersion, kind)
  if (message === undefined) throw new ProtobufObjectError(unknownType({ apiVersion, kind }, typeMeta), { apiVersion, kind })
  try {
    return { apiVersion, kind, object: { apiVersion, kind, ...codec().decode(message, raw) } }
  } catch (error) {
    if (!(error instanceof ProtobufError)) throw error
    throw new ProtobufObjectError(error.message, { apiVersion, kind }, { cause: error })
  }
}

function unknownType({ apiVersion, kind }: TypeName, typeMeta: Partial<TypeName>): string {
  const shown = `runtime.TypeMeta{APIVersion:${JSON.stringify(typeMeta.apiVersion ?? '')}, Kind:${JSON.stringify(typeMeta.kind ?? '')}}`
  if (kind === '') return `Object 'Kind' is missing in '${shown}'`
  if (apiVersion === '') return `Object 'apiVersion' is missing in '${shown}'`
  return notRegistered({ apiVersion, kind })
}

interface Unknown {
  readonly typeMeta: Partial<TypeName>
  readonly raw: Uint8Array
}

/** `runtime.Unknown`, whose content stays where it is. */
function openEnvelope(bytes: Buffer): Unknown {
  const reader = new Reader(bytes)
  let typeMeta: Partial<TypeName> = {}
  let raw: Uint8Array = bytes.subarray(0, 0)
  while (reader.at < reader.length) {
    const start = reader.at
    const tag = reader.tag(reader.length, 'Unknown')
    const field = UNKNOWN_FIELDS[tag >>> 3]
    if (field === undefined) reader.skip(start, reader.length)
    else if ((tag & 7) !== 2) throw new ProtobufError(`proto: wrong wireType = ${tag & 7} for field ${field}`)
    else {
      const content = reader.bytes(reader.delimited(reader.length))
      if (tag === TYPE_META_TAG) typeMeta = { ...typeMeta, ...codec().decode(`${RUNTIME}TypeMeta`, content) }
      else if (tag === RAW_TAG) raw = content
    }
  }
  return { typeMeta, raw }
}

const UNKNOWN_FIELDS = [undefined, 'TypeMeta', 'Raw', 'ContentEncoding', 'ContentType']

/** An object with its envelope. Its kind must have a message. */
export function encodeProtobuf(object: object): Buffer {
  const { apiVersion = '', kind = '' } = object as KubernetesObject
  const message = protobufMessageOf(apiVersion, kind)
  if (message === undefined) throw new ProtobufError(`there is no message for ${apiVersion}, kind ${kind}`)
  return protobufEnvelope(apiVersion, kind, codec().encode(message, object))
}

/** An object's message without the envelope, as it stands inside a list. */
export const encodeProtobufMessage = (message: string, object: object): Buffer => codec().encode(message, object)

/** Puts the envelope around a message. */
export const protobufEnvelope = (apiVersion: string, kind: string, message: Uint8Array): Buffer =>
  Buffer.concat(protobufEnvelopeParts(apiVersion, kind, [message]))

/** Puts the envelope around a message in parts, without copying them. */
export function protobufEnvelopeParts(apiVersion: string, kind: string, parts: readonly Uint8Array[]): Uint8Array[] {
  const { open, close } = protobufEnvelopeAround(
    apiVersion,
    kind,
    parts.reduce((sum, part) => sum + part.length, 0),
  )
  return [open, ...parts, close]
}

/** What stands before and behind a message of so many bytes. */
export const protobufEnvelopeAround = (
  apiVersion: string,
  kind: string,
  length: number,
): { readonly open: Buffer; readonly close: Buffer } => ({ open: envelopeHead(apiVersion, kind, length), close: EMPTY_ENCODING })

/** The empty contentEncoding and contentType, which are always there. */
const EMPTY_ENCODING = Buffer.from([0x1a, 0, 0x22, 0])

function envelopeHead(apiVersion: string, kind: string, length: number): Buffer {
  const writer = new Writer(64)
  writer.length(length)
  writer.byte(RAW_TAG)
  const before = writer.size
  writer.string(kind)
  writer.byte(0x12)
  writer.string(apiVersion)
  writer.byte(0x0a)
  writer.length(writer.size - before)
  writer.byte(TYPE_META_TAG)
  writer.bytes(MAGIC)
  return writer.finish()
}

const OPTIONS = /^(Delete|Create|Update|Patch|List|Get)Options$/
const GROUP = /^([a-z]+)(?:\.k8s\.io)?$/
/** Groups whose package is not the first word of a name of two. */
const PACKAGES: Readonly<Record<string, string>> = {
  '': 'io.k8s.api.core',
  'rbac.authorization.k8s.io': 'io.k8s.api.rbac',
  'flowcontrol.apiserver.k8s.io': 'io.k8s.api.flowcontrol',
  'apiextensions.k8s.io': 'io.k8s.apiextensions-apiserver.pkg.apis.apiextensions',
  'apiregistration.k8s.io': 'io.k8s.kube-aggregator.pkg.apis.apiregistration',
}

/** Definition name of a kind's message; undefined for kinds that have none (custom ones, tables). */
export function protobufMessageOf(apiVersion: string, kind: string): string | undefined {
  // Options of requests are meta types under whatever group they are sent; so are the two kinds that clients know of any object.
  if (OPTIONS.test(kind)) return META + kind
  const { group, version } = parseApiVersion(apiVersion)
  if (group === 'meta.k8s.io') return existing(META + kind)
  const path = PACKAGES[group] ?? (GROUP.test(group) ? `io.k8s.api.${GROUP.exec(group)![1]}` : undefined)
  if (path === undefined) return undefined
  const message = existing(`${path}.${version}.${kind}`)
  return message ?? (group === '' && (version === 'v1' || version === '') ? existing(META + kind) : undefined)
}

const existing = (message: string): string | undefined => (hasMessage(message) ? message : undefined)
