import { encodeProtobuf, protobufMessageOf } from '#api'
import { deepFreeze } from '#base'
import type { BodyParts, ResponseBody, TransportResponse } from '#client'
import { type KubernetesObject, printYaml } from '#meta'
import { type Form, MEDIA_TYPES, notAcceptable } from './negotiate.ts'

type ObjectBody = Extract<ResponseBody, { kind: 'object' }>

/** An object made for one answer; its encoding is chosen last, by {@link encoded}. JSON until then. */
export function objectBody(object: unknown): ObjectBody {
  const frozen = deepFreeze(object)
  return lazyBody(
    () => frozen,
    () => joined([Buffer.from(JSON.stringify(object))]),
  )
}

/** An object whose encoded form is at hand, in parts. Without a media type it is JSON and may still be encoded otherwise. */
export const sharedBody = (object: () => unknown, parts: () => BodyParts, mediaType?: string): ObjectBody =>
  lazyBody(object, parts, mediaType)

/** Parts that are all there. */
export function joined(parts: readonly Uint8Array[]): BodyParts {
  let byteLength = 0
  for (const part of parts) byteLength += part.byteLength
  return { byteLength, [Symbol.iterator]: () => parts[Symbol.iterator]() }
}

/** The response with its object in the encoding that its client asked for. */
export async function encoded(response: TransportResponse, { encoding, pretty }: Form): Promise<TransportResponse> {
  const { body } = response
  if (body.kind !== 'object' || body.mediaType !== undefined || (encoding === 'json' && !pretty)) return response
  const headers = { ...response.headers, 'content-type': MEDIA_TYPES[encoding] }
  switch (encoding) {
    case 'json':
      return {
        ...response,
        headers,
        body: lazyBody(
          () => body.object,
          () => joined([Buffer.from(JSON.stringify(body.object, null, 2))]),
        ),
      }
    case 'yaml': {
      const text = await printYaml(body.object, { sortKeys: true })
      return { ...response, headers, body: { kind: 'bytes', bytes: Buffer.from(text) } }
    }
    case 'protobuf': {
      const object = body.object as KubernetesObject
      if (protobufMessageOf(object.apiVersion ?? '', object.kind ?? '') === undefined)
        throw notAcceptable([MEDIA_TYPES.json, MEDIA_TYPES.yaml])
      return {
        ...response,
        headers,
        body: lazyBody(
          () => object,
          () => joined([encodeProtobuf(object)]),
          MEDIA_TYPES.protobuf,
        ),
      }
    }
  }
}

function lazyBody(make: () => unknown, parts: () => BodyParts, mediaType?: string): ObjectBody {
  let object: { readonly made: unknown } | undefined
  let whole: Uint8Array | undefined
  return {
    kind: 'object',
    get object() {
      object ??= { made: make() }
      return object.made
    },
    bytes() {
      if (whole === undefined) {
        const [first = NOTHING, ...others] = parts()
        whole = others.length === 0 ? first : Buffer.concat([first, ...others])
      }
      return whole
    },
    parts: () => (whole === undefined ? parts() : joined([whole])),
    ...(mediaType && { mediaType }),
  }
}

const NOTHING = new Uint8Array()
