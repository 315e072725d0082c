import { encodeProtobufMessage, protobufMessageOf, type ResourceDefinition } from '#api'
import { deepFreeze } from '#base'
import { apiVersionOf, type KubernetesObject, Writer } from '#meta'
import { EncodedObject } from '../registry/encoded-object.ts'
import type { ObjectVersion } from '../registry/object-version.ts'
import { keptMessage } from './kept-messages.ts'

/** Bytes that a list is made of. What a list says of all its items can be left out of each: its kind and apiVersion, where they are JSON. */
export interface Item {
  length(untyped: boolean): number
  /** The same bytes, with nothing copied. */
  parts(untyped: boolean): readonly Uint8Array[]
  /** Copies them to where there is room; how many there were. */
  copyTo(target: Buffer, at: number, untyped: boolean): number
}

/** A version as one resource shows it: parsed and encoded, all of it shared and made once. As an item it is JSON. */
export interface Shown extends Item {
  readonly object: KubernetesObject
  /** JSON. */
  bytes(): Uint8Array
}

const converted = new WeakMap<ObjectVersion, Map<ResourceDefinition, Shown>>()

/** Another version of the same stored kind converts once per version. */
export function showAs(resource: ResourceDefinition, version: ObjectVersion): Shown {
  if (resource.storage === undefined) return version
  let forms = converted.get(version)
  if (forms === undefined) {
    forms = new Map()
    converted.set(version, forms)
  }
  let shown = forms.get(resource)
  if (shown === undefined) {
    const stored = resource.storage.fromStored(version.object)
    const object = deepFreeze({ ...stored, apiVersion: apiVersionOf(resource), kind: resource.kind })
    let encoded: EncodedObject | undefined
    const once = (): EncodedObject => (encoded ??= new EncodedObject(object))
    shown = {
      object,
      bytes: () => once().bytes,
      length: (untyped) => once().length(untyped),
      parts: (untyped) => once().parts(untyped),
      copyTo: (target, at, untyped) => once().copyTo(target, at, untyped),
    }
    forms.set(resource, shown)
  }
  return shown
}

/** Versions that are shown as they are stay the list that they came in, by which others know it. */
export const showAllAs = (resource: ResourceDefinition, versions: readonly ObjectVersion[]): readonly Shown[] =>
  resource.storage === undefined ? versions : versions.map((version) => showAs(resource, version))

/** The protobuf message of a resource's objects. */
export const messageOf = (resource: ResourceDefinition): string | undefined =>
  protobufMessageOf(apiVersionOf(resource), resource.kind)

/** In protobuf. */
interface Encoded {
  readonly message: Buffer
  /** The message with its tag and length. */
  readonly item: Buffer
}

const encoded = new WeakMap<Shown, Encoded>()

/** A version in protobuf, made at the first demand. */
export function protobufOf(resource: ResourceDefinition, shown: Shown): Encoded {
  let found = encoded.get(shown)
  if (found === undefined) {
    const message = encodeProtobufMessage(messageOf(resource)!, shown.object)
    const head = delimiterOf(ITEMS_TAG, message.length)
    const item = keptMessage(head, message)
    found = { message: item.subarray(head.length), item }
    encoded.set(shown, found)
  }
  return found
}

/** Of `items`, in every list. */
const ITEMS_TAG = 0x12

/** A tag and a length. */
export function delimiterOf(tag: number, length: number): Buffer {
  const writer = new Writer(16)
  writer.length(length)
  writer.byte(tag)
  return writer.finish()
}
