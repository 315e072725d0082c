import { encodeProtobuf, protobufMessageOf } from '#api'
import { deepFreeze } from '#base'
import type { ResponseBody, TransportResponse } from '#client'
import { type KubernetesObject, printYaml } from '#meta'
import { type Form, MEDIA_TYPES, notAcceptable } from './negotiate.ts'

type ObjectBody = Extract<ResponseBody, { kind: 'object' }>

/** An object made for one answer; its encoding is chosen last, by {@link encoded}. JSON until then. */
export function objectBody(object: unknown): ObjectBody {
  return lazyBody(deepFreeze(object), () => [Buffer.from(JSON.stringify(object))])
}

/** An object whose encoded form is at hand, in parts. Without a media type it is JSON and may still be encoded otherwise. */
export const sharedBody = (object: unknown, parts: () => readonly Uint8Array[], mediaType?: string): ObjectBody =>
  lazyBody(object, parts, mediaType)

/** The response with its object in the encoding that its client asked for. */
export async function encoded(response: TransportResponse, { encoding, pretty }: Form): Promise<TransportResponse> {
  const { body } = response
  if (body.kind !== 'object' || body.mediaType !== undefined || (encoding === 'json' && !pretty)) return response
  const headers = { ...response.headers, 'content-type': MEDIA_TYPES[encoding] }
  switch (encoding) {
    case 'json':
      return { ...response, headers, body: lazyBody(body.object, () => [Buffer.from(JSON.stringify(body.object, null, 2))]) }
    case 'yaml': {
      const text = await printYaml(body.object, { sortKeys: true })
      return { ...response, headers, body: { kind: 'bytes', bytes: Buffer.from(text) } }
    }
    case 'protobuf': {
      const object = body.object as KubernetesObject
      if (protobufMessageOf(object.apiVersion ?? '', object.kind ?? '') === undefined)
        throw notAcceptable([MEDIA_TYPES.json, MEDIA_TYPES.yaml])
      return { ...response, headers, body: lazyBody(object, () => [encodeProtobuf(object)], MEDIA_TYPES.protobuf) }
    }
  }
}

function lazyBody(object: unknown, make: () => readonly Uint8Array[], mediaType?: string): ObjectBody {
  let whole: Uint8Array | undefined
  const bytes = (): Uint8Array => {
    if (whole === undefined) {
      const parts = make()
      whole = parts.length === 1 ? parts[0]! : Buffer.concat(parts)
    }
    return whole
  }
  return { kind: 'object', object, bytes, parts: () => (whole === undefined ? make() : [whole]), ...(mediaType && { mediaType }) }
}
