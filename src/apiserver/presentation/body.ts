import { encodeProtobuf, protobufMessageOf } from '#api'
import { type Answer, deepFreeze, parseJson } from '#base'
import type { BodyParts, ResponseBody, TransportResponse } from '#client'
import { type KubernetesObject, printYaml } from '#meta'
import { type Form, MEDIA_TYPES, notAcceptable } from './negotiate.ts'

type ObjectBody = Extract<ResponseBody, { kind: 'object' }>

/** An object made for one answer; its encoding is chosen last, by {@link encoded}. JSON on a line of its own until then. */
export function objectBody(object: unknown, mediaType?: string): ObjectBody {
  const frozen = deepFreeze(object)
  return new LazyBody(
    () => frozen,
    () => joined([Buffer.from(`${JSON.stringify(object)}\n`)]),
    mediaType,
  )
}

/** An object whose encoded form is at hand, in parts. Without a media type it is JSON and may still be encoded otherwise. */
export const sharedBody = (object: () => unknown, parts: () => BodyParts, mediaType?: string): ObjectBody =>
  new LazyBody(object, parts, mediaType)

/** Parts that are all there. */
export function joined(parts: readonly Uint8Array[]): BodyParts {
  let byteLength = 0
  for (const part of parts) byteLength += part.byteLength
  return { byteLength, [Symbol.iterator]: () => parts[Symbol.iterator]() }
}

/** The response with its object in the encoding that its client asked for. */
export function encoded(response: TransportResponse, { encoding, pretty }: Form): Answer<TransportResponse> {
  const { body } = response
  if (body.kind !== 'object' || body.mediaType !== undefined || (encoding === 'json' && !pretty)) return response
  const headers = { ...response.headers, 'content-type': MEDIA_TYPES[encoding] }
  switch (encoding) {
    case 'json':
      return {
        ...response,
        headers,
        body: new LazyBody(
          () => body.object,
          () => joined([Buffer.from(JSON.stringify(sentOf(body), null, 2))]),
        ),
      }
    case 'yaml':
      return printYaml(sentOf(body)).then((text) => ({
        ...response,
        headers,
        body: { kind: 'bytes', bytes: Buffer.from(text) },
      }))
    case 'protobuf': {
      const object = body.object as KubernetesObject
      if (protobufMessageOf(object.apiVersion ?? '', object.kind ?? '') === undefined)
        throw notAcceptable([MEDIA_TYPES.json, MEDIA_TYPES.yaml])
      return {
        ...response,
        headers,
        body: new LazyBody(
          () => object,
          () => joined([encodeProtobuf(object)]),
          MEDIA_TYPES.protobuf,
        ),
      }
    }
  }
}

/** What JSON says, which of a list is less than what its items are for who gets them as objects. */
const sentOf = (body: ObjectBody): unknown => parseJson(Buffer.from(body.bytes()).toString())

/** Both forms are made for who asks, and once. */
class LazyBody {
  readonly kind = 'object'
  readonly mediaType?: string
  readonly #make: () => unknown
  readonly #parts: () => BodyParts
  #object: { readonly made: unknown } | undefined
  #whole: Uint8Array | undefined

  constructor(make: () => unknown, parts: () => BodyParts, mediaType?: string) {
    this.#make = make
    this.#parts = parts
    if (mediaType !== undefined) this.mediaType = mediaType
  }

  get object(): unknown {
    this.#object ??= { made: this.#make() }
    return this.#object.made
  }

  bytes(): Uint8Array {
    if (this.#whole === undefined) {
      const [first = NOTHING, ...others] = this.#parts()
      this.#whole = others.length === 0 ? first : Buffer.concat([first, ...others])
    }
    return this.#whole
  }

  parts(): BodyParts {
    return this.#whole === undefined ? this.#parts() : joined([this.#whole])
  }
}

const NOTHING = new Uint8Array()
