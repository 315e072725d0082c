import { parseJson } from '#base'
import { isObject, type ProtobufCodec, ProtobufError, type Reader, type SpecialCoder } from '#meta'
import { decodeProtobuf } from './envelope.ts'
import { APIEXTENSIONS, INT_OR_STRING, META, QUANTITY, RUNTIME } from './names.ts'

/** Makes the coder of a message from the codec, which also codes it by its fields. */
type Special = (codec: ProtobufCodec) => SpecialCoder

const [FIRST_BYTES, THIRD_BYTES] = [0x0a, 0x1a]
const [FIRST_NUMBER, SECOND_NUMBER] = [0x08, 0x10]

interface Instant {
  readonly seconds?: number
  readonly nanos?: number
}

/** Times: UTC seconds and nanoseconds; the zero time is an empty message and absent in JSON. */
function time(nanosOf: (text: string) => number, fractionOf: (nanos: number) => string): Special {
  return (codec) => {
    const readFields = codec.readerOf(`${META}Timestamp`)
    // Most times of an object are the same second.
    let known: { readonly text: string; readonly seconds: number } = { text: '', seconds: 0 }
    let shown: { readonly seconds: number; readonly text: string } = { seconds: 0, text: '1970-01-01T00:00:00' }
    return {
      write(writer, value) {
        if (value === undefined || value === null || value === '') return
        const text = value as string
        if (text !== known.text) known = { text, seconds: secondsOf(text) }
        writer.integer(nanosOf(text))
        writer.byte(SECOND_NUMBER)
        writer.integer(known.seconds)
        writer.byte(FIRST_NUMBER)
      },
      read(reader, end, depth) {
        if (reader.at === end) return undefined
        const { seconds = 0, nanos = 0 } = readFields(reader, end, depth, undefined) as Instant
        if (seconds !== shown.seconds) shown = { seconds, text: secondsText(seconds) }
        return `${shown.text}${fractionOf(nanos)}Z`
      },
    }
  }
}

function secondsOf(text: string): number {
  const ms = Date.parse(text)
  if (Number.isNaN(ms)) throw new ProtobufError(`${JSON.stringify(text)} is not a time`)
  return Math.floor(ms / 1000)
}

function secondsText(seconds: number): string {
  const date = new Date(seconds * 1000)
  if (Number.isNaN(date.getTime())) throw new ProtobufError(`${seconds} seconds are not a time`)
  return date.toISOString().slice(0, -'.000Z'.length)
}

const microsecondsOf = (text: string): number => Number((/\.(\d{1,6})/.exec(text)?.[1] ?? '0').padEnd(6, '0')) * 1000

const microFraction = (nanos: number): string => {
  if (nanos < 0 || nanos > 999_999_999) throw new ProtobufError(`${nanos} nanoseconds are not a part of a second`)
  return `.${String(Math.floor(nanos / 1000)).padStart(6, '0')}`
}

/** JSON text in one bytes field. `absent` is what no text stands for. */
const embeddedJson =
  (name: string, absent: null | undefined): Special =>
  () => ({
    write(writer, value) {
      if (value === undefined || value === null) return
      writer.string(JSON.stringify(value))
      writer.byte(FIRST_BYTES)
    },
    read(reader, end) {
      let text = ''
      while (reader.at < end) {
        const start = reader.at
        const tag = reader.tag(end, name)
        if (tag === FIRST_BYTES) text = textOf(reader, reader.delimited(end))
        else if (tag >>> 3 === 1) throw new ProtobufError(`proto: wrong wireType = ${tag & 7} for field Raw`)
        else reader.skip(start, end)
      }
      if (text === '') return absent
      try {
        return parseJson(text)
      } catch (error) {
        throw new ProtobufError(`${name} holds no valid JSON`, { cause: error })
      }
    },
  })

/** An embedded object may be protobuf itself. */
function textOf(reader: Reader, end: number): string {
  const bytes = reader.bytes(end)
  return bytes.subarray(0, 4).toString('latin1') === 'k8s\0' ? JSON.stringify(decodeProtobuf(bytes).object) : bytes.toString()
}

/** A list that may be absent stands in a message of its own. */
const items =
  (message: string): Special =>
  (codec) => {
    const write = codec.writerOf(message)
    const read = codec.readerOf(message)
    return {
      write: (writer, value) => write(writer, { items: value }),
      read: (reader, end, depth) => (read(reader, end, depth, undefined) as { items?: string[] }).items ?? [],
    }
  }

const quantity: Special = (codec) => {
  const read = codec.readerOf(QUANTITY)
  return {
    write(writer, value) {
      writer.string(typeof value === 'string' ? value : String(value ?? '0'))
      writer.byte(FIRST_BYTES)
    },
    read: (reader, end, depth) => (read(reader, end, depth, undefined) as { string?: string }).string ?? '0',
  }
}

const intOrString: Special = (codec) => {
  const read = codec.readerOf(INT_OR_STRING)
  return {
    write(writer, value) {
      const isText = typeof value === 'string'
      writer.string(isText ? value : '')
      writer.byte(THIRD_BYTES)
      writer.integer(isText ? 0 : ((value ?? 0) as number))
      writer.byte(SECOND_NUMBER)
      writer.byte(isText ? 1 : 0)
      writer.byte(FIRST_NUMBER)
    },
    read(reader, end, depth) {
      const fields = read(reader, end, depth, undefined) as { type?: number; intVal?: number; strVal?: string }
      return fields.type === 1 ? (fields.strVal ?? '') : (fields.intVal ?? 0)
    },
  }
}

/** A schema, or what stands in its place in JSON: a boolean, or an array. */
function schemaOr(
  name: string,
  toFields: (value: unknown) => object,
  otherwise: (fields: Readonly<Record<string, unknown>>) => unknown,
): Special {
  return (codec) => {
    const write = codec.writerOf(APIEXTENSIONS + name)
    const read = codec.readerOf(APIEXTENSIONS + name)
    return {
      write: (writer, value) => write(writer, toFields(value)),
      read(reader, end, depth) {
        const fields = read(reader, end, depth, undefined) as Readonly<Record<string, unknown>>
        return fields['schema'] ?? otherwise(fields)
      },
    }
  }
}

const schemaOrList = (name: string, list: string): Special =>
  schemaOr(
    name,
    (value) => (Array.isArray(value) ? { [list]: value } : { schema: value }),
    (fields) => fields[list] ?? [],
  )

/** Messages whose JSON form is not an object of their fields. */
export const SPECIAL: Readonly<Record<string, Special>> = {
  [`${META}Time`]: time(
    () => 0,
    () => '',
  ),
  [`${META}MicroTime`]: time(microsecondsOf, microFraction),
  [`${META}FieldsV1`]: embeddedJson('FieldsV1', undefined),
  [`${RUNTIME}RawExtension`]: embeddedJson('RawExtension', undefined),
  [`${APIEXTENSIONS}JSON`]: embeddedJson('JSON', null),
  [`${META}Verbs`]: items(`${META}Verbs`),
  'io.k8s.api.authentication.v1.ExtraValue': items('io.k8s.api.authentication.v1.ExtraValue'),
  'io.k8s.api.authorization.v1.ExtraValue': items('io.k8s.api.authorization.v1.ExtraValue'),
  'io.k8s.api.certificates.v1.ExtraValue': items('io.k8s.api.certificates.v1.ExtraValue'),
  'io.k8s.api.certificates.v1beta1.ExtraValue': items('io.k8s.api.certificates.v1beta1.ExtraValue'),
  [QUANTITY]: quantity,
  [INT_OR_STRING]: intOrString,
  [`${APIEXTENSIONS}JSONSchemaPropsOrBool`]: schemaOr(
    'JSONSchemaPropsOrBool',
    (value) => (isObject(value) ? { allows: true, schema: value } : { allows: value === true }),
    ({ allows }) => allows ?? false,
  ),
  [`${APIEXTENSIONS}JSONSchemaPropsOrArray`]: schemaOrList('JSONSchemaPropsOrArray', 'jSONSchemas'),
  [`${APIEXTENSIONS}JSONSchemaPropsOrStringArray`]: schemaOrList('JSONSchemaPropsOrStringArray', 'property'),
}
