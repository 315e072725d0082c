import { encodeProtobuf, protobufEnvelope, type ResourceDefinition } from '#api'
import { deepFreeze } from '#base'
import type { WatchFrame } from '#client'
import { apiVersionOf, type KubernetesObject } from '#meta'
import type { Encoding } from './negotiate.ts'
import { delimiterOf, protobufOf, type Shown } from './shown.ts'

/** What a change is shown as. */
export type ChangeType = 'ADDED' | 'MODIFIED' | 'DELETED'

const OPEN = {
  ADDED: Buffer.from('{"type":"ADDED","object":'),
  MODIFIED: Buffer.from('{"type":"MODIFIED","object":'),
  DELETED: Buffer.from('{"type":"DELETED","object":'),
}
const CLOSE = Buffer.from('}\n')

const frames = new WeakMap<Shown, Map<string, { readonly stamp: number; readonly frame: WatchFrame }>>()

/**
 * One frame for all watchers that see a change in the same form, which `form` names. A form that changes with time says when it was made by `stamp`;
 * only the last one is kept.
 */
export function sharedFrame(shown: Shown, form: string, stamp: number, make: () => WatchFrame): WatchFrame {
  let byForm = frames.get(shown)
  if (byForm === undefined) {
    byForm = new Map()
    frames.set(shown, byForm)
  }
  const known = byForm.get(form)
  if (known?.stamp === stamp) return known.frame
  const frame = make()
  byForm.set(form, { stamp, frame })
  return frame
}

/** A change of a whole object, around the bytes that the version has already. */
export function objectFrame(type: ChangeType, resource: ResourceDefinition, shown: Shown, encoding: Encoding): WatchFrame {
  return lazyFrame(type, shown.object, () => {
    if (encoding !== 'protobuf') return [OPEN[type], ...shown.parts(false), CLOSE]
    const { message } = protobufOf(resource, shown)
    return protobufFrame(type, protobufEnvelope(apiVersionOf(resource), resource.kind, message))
  })
}

/** A frame around anything else: metadata, a table, a bookmark, a Status. */
export function plainFrame(type: WatchFrame['type'], object: unknown, encoding: Encoding): WatchFrame {
  return lazyFrame(type, deepFreeze(object), () =>
    encoding === 'protobuf'
      ? protobufFrame(type, encodeProtobuf(object as KubernetesObject))
      : [Buffer.from(`${JSON.stringify({ type, object })}\n`)],
  )
}

const CRLF = Buffer.from('\r\n')

/** Its bytes are made once, between what HTTP/1.1 wants around them, so that both forms are one piece of memory. */
function lazyFrame(type: WatchFrame['type'], object: unknown, encode: () => readonly Uint8Array[]): WatchFrame {
  let made: { readonly chunk: Buffer; readonly bytes: Buffer } | undefined
  const make = (): { readonly chunk: Buffer; readonly bytes: Buffer } => {
    const parts = encode()
    const size = parts.reduce((sum, { length }) => sum + length, 0)
    const head = Buffer.from(`${size.toString(16)}\r\n`)
    const chunk = Buffer.concat([head, ...parts, CRLF])
    return { chunk, bytes: chunk.subarray(head.length, head.length + size) }
  }
  return {
    type,
    object,
    bytes() {
      made ??= make()
      return made.bytes
    },
    chunk() {
      made ??= make()
      return made.chunk
    },
  }
}

const [FIRST_TAG, SECOND_TAG] = [0x0a, 0x12]

/** Four bytes of length, then a bare `WatchEvent`: its type, and the object with its envelope as a RawExtension. */
function protobufFrame(type: WatchFrame['type'], envelope: Buffer): Buffer[] {
  const name = Buffer.from(type)
  const raw = delimiterOf(FIRST_TAG, envelope.length)
  const parts = [delimiterOf(FIRST_TAG, name.length), name, delimiterOf(SECOND_TAG, raw.length + envelope.length), raw, envelope]
  const size = Buffer.alloc(4)
  size.writeUInt32BE(parts.reduce((sum, part) => sum + part.length, 0))
  return [size, ...parts]
}
