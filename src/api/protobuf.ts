import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import {
  type FieldFact,
  formatMicroTime,
  formatTime,
  type Messages,
  ProtobufCodec,
  ProtobufError,
  parseApiVersion,
  type SpecialCoder,
} from '#meta'

export const PROTOBUF_MEDIA_TYPE = 'application/vnd.kubernetes.protobuf'

const META = 'io.k8s.apimachinery.pkg.apis.meta.v1.'
const RUNTIME = 'io.k8s.apimachinery.pkg.runtime.'
const APIEXTENSIONS = 'io.k8s.apiextensions-apiserver.pkg.apis.apiextensions.v1.'
const MAGIC = Buffer.from('k8s\0')

type Row = readonly [name: string, number: number, type: string, flags: string]

/** Reads Kubernetes' protobuf form into the same plain objects that JSON gives. Tables are loaded by the first message. */
export function decodeProtobuf(bytes: Uint8Array): {
  readonly apiVersion: string
  readonly kind: string
  readonly object: Record<string, unknown>
} {
  const codec = openCodec()
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  if (!buffer.subarray(0, MAGIC.length).equals(MAGIC))
    throw new ProtobufError('the body does not start with the mark of the Kubernetes protobuf envelope')
  const envelope = codec.decode(`${RUNTIME}Unknown`, buffer.subarray(MAGIC.length))
  const { apiVersion = '', kind = '' } = (envelope['typeMeta'] ?? {}) as { apiVersion?: string; kind?: string }
  const raw = Buffer.from(String(envelope['raw'] ?? ''), 'base64')
  return { apiVersion, kind, object: { apiVersion, kind, ...codec.decode(messageOf(apiVersion, kind), raw) } }
}

let codec: ProtobufCodec | undefined
let tables: Readonly<Record<string, readonly Row[]>> | undefined

function openCodec(): ProtobufCodec {
  tables ??= JSON.parse(readFileSync(join(import.meta.dirname, 'generated', 'protobuf.json'), 'utf8')) as Record<
    string,
    readonly Row[]
  >
  codec ??= new ProtobufCodec(messages)
  return codec
}

const known = new Map<string, readonly (FieldFact & { readonly omitsZero: boolean })[]>()

const messages: Messages = {
  fieldsOf(message) {
    let fields = known.get(message)
    if (fields === undefined) {
      const rows = tables?.[message]
      if (rows === undefined) throw new ProtobufError(`there is no message ${message}`)
      fields = rows.map(([name, number, type, flags]) => ({
        name,
        number,
        type,
        omitsZero: flags.includes('o'),
        ...(flags.includes('r') && { repeated: true }),
        ...(flags.includes('i') && { inline: true }),
        ...(flags.includes('m') && { map: type.split(' ') as [string, string] }),
      }))
      known.set(message, fields)
    }
    return fields
  },
  omits: (_message, field, value) =>
    value === undefined || ((field as { omitsZero?: boolean }).omitsZero === true && isZero(value)),
  get special() {
    return SPECIAL
  },
}

function isZero(value: unknown): boolean {
  if (value === '' || value === 0 || value === false) return true
  return typeof value === 'object' && value !== null && Object.keys(value).length === 0
}

/** Definition of a group-version-kind's message. Options of requests are meta types under whatever group they are sent. */
function messageOf(apiVersion: string, kind: string): string {
  if (/^(Delete|Create|Update|Patch|List|Get)Options$/.test(kind)) return META + kind
  const { group, version } = parseApiVersion(apiVersion)
  if (group === 'apiextensions.k8s.io') return APIEXTENSIONS + kind
  if (group === 'apiregistration.k8s.io') return `io.k8s.kube-aggregator.pkg.apis.apiregistration.${version}.${kind}`
  return `io.k8s.api.${group === '' ? 'core' : group.split('.')[0]}.${version}.${kind}`
}

/** A message read without its special form, for the specials themselves. */
const plain = new ProtobufCodec({ fieldsOf: (message) => messages.fieldsOf(message) })

const decodeOnly = (decode: (bytes: Uint8Array) => unknown): SpecialCoder => ({
  decode,
  encode() {
    throw new ProtobufError('this message is only read')
  },
})

const time = (format: (ms: number) => string, name: string): SpecialCoder =>
  decodeOnly((bytes) => {
    if (bytes.length === 0) return undefined
    const { seconds = 0, nanos = 0 } = plain.decode(META + name, bytes) as { seconds?: number; nanos?: number }
    return format(seconds * 1000 + nanos / 1e6)
  })

const embeddedJson = (field: string, name: string): SpecialCoder =>
  decodeOnly((bytes) => {
    const raw = plain.decode(name, bytes)[field]
    return raw === undefined || raw === '' ? undefined : (JSON.parse(Buffer.from(String(raw), 'base64').toString()) as unknown)
  })

const items = (name: string): SpecialCoder => decodeOnly((bytes) => plain.decode(name, bytes)['items'] ?? [])

/** A schema, or what stands in its place. Only the outer message is special; the schema inside is read like any other. */
function schemaOr(name: string, otherwise: (fields: Record<string, unknown>) => unknown): SpecialCoder {
  return decodeOnly((bytes) => {
    const { [APIEXTENSIONS + name]: _, ...special } = SPECIAL
    const fields = new ProtobufCodec({ ...messages, special }).decode(APIEXTENSIONS + name, bytes)
    return fields['schema'] ?? otherwise(fields)
  })
}

const INT_OR_STRING = 'io.k8s.apimachinery.pkg.util.intstr.IntOrString'
const QUANTITY = 'io.k8s.apimachinery.pkg.api.resource.Quantity'

const SPECIAL: Readonly<Record<string, SpecialCoder>> = {
  [`${META}Time`]: time(formatTime, 'Time'),
  [`${META}MicroTime`]: time(formatMicroTime, 'MicroTime'),
  [`${META}FieldsV1`]: embeddedJson('Raw', `${META}FieldsV1`),
  [`${RUNTIME}RawExtension`]: embeddedJson('raw', `${RUNTIME}RawExtension`),
  [`${APIEXTENSIONS}JSON`]: embeddedJson('raw', `${APIEXTENSIONS}JSON`),
  [`${META}Verbs`]: items(`${META}Verbs`),
  'io.k8s.api.authentication.v1.ExtraValue': items('io.k8s.api.authentication.v1.ExtraValue'),
  'io.k8s.api.authorization.v1.ExtraValue': items('io.k8s.api.authorization.v1.ExtraValue'),
  'io.k8s.api.certificates.v1.ExtraValue': items('io.k8s.api.certificates.v1.ExtraValue'),
  [QUANTITY]: decodeOnly((bytes) => plain.decode(QUANTITY, bytes)['string'] ?? '0'),
  [INT_OR_STRING]: decodeOnly((bytes) => {
    const {
      type = 0,
      intVal = 0,
      strVal = '',
    } = plain.decode(INT_OR_STRING, bytes) as { type?: number; intVal?: number; strVal?: string }
    return type === 1 ? strVal : intVal
  }),
  [`${APIEXTENSIONS}JSONSchemaPropsOrBool`]: schemaOr('JSONSchemaPropsOrBool', ({ allows }) => allows ?? false),
  [`${APIEXTENSIONS}JSONSchemaPropsOrArray`]: schemaOr('JSONSchemaPropsOrArray', ({ jSONSchemas }) => jSONSchemas),
  [`${APIEXTENSIONS}JSONSchemaPropsOrStringArray`]: schemaOr('JSONSchemaPropsOrStringArray', ({ property }) => property),
}
