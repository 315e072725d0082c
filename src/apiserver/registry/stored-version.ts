import { notRegistered, type ResourceDefinition, upgradeOf } from '#api'
import { deepClone } from '#base'
import { apiVersionOf, conform, type KubernetesObject } from '#meta'

type Heads = Readonly<Record<'json' | 'protobuf', Uint8Array>>

/**
 * Whether stored bytes begin as objects of `resource` are written when they are stored as they are served, which is all that is looked at when a server reads its
 * whole store. Of custom kinds any version does.
 */
export function isWrittenAs(stored: Uint8Array, resource: ResourceDefinition): boolean {
  const { json, protobuf } = headsOf(resource)
  return stored[0] === json[0] ? beginsWith(stored, json) : beginsWithEnvelope(stored, protobuf)
}

const heads = new WeakMap<ResourceDefinition, Heads>()

function headsOf(resource: ResourceDefinition): Heads {
  let found = heads.get(resource)
  if (found === undefined) {
    const { kind, custom } = resource
    const apiVersion = apiVersionOf(resource.storage ?? resource)
    const version = custom === undefined ? `"apiVersion":${JSON.stringify(apiVersion)},` : ''
    const json = Buffer.from(`{"kind":${JSON.stringify(kind)},${version}`)
    found = { json, protobuf: Buffer.concat([delimited(0x0a, apiVersion), delimited(0x12, kind)]) }
    heads.set(resource, found)
  }
  return found
}

const delimited = (tag: number, text: string): Buffer => Buffer.from([tag, Buffer.byteLength(text), ...Buffer.from(text)])

const beginsWith = (bytes: Uint8Array, head: Uint8Array, at = 0): boolean => {
  for (let index = 0; index < head.length; index++) if (bytes[at + index] !== head[index]) return false
  return true
}

const MARK = Buffer.from('k8s\0')
/** Behind the mark, the tag of the type and its length. */
const TYPE_AT = 6

const beginsWithEnvelope = (bytes: Uint8Array, type: Uint8Array): boolean =>
  beginsWith(bytes, MARK) && bytes[TYPE_AT - 1] === type.length && beginsWith(bytes, type, TYPE_AT)

/** What was made of objects that were stored in another version: it is asked for more than once. */
const upgraded = new WeakMap<KubernetesObject, KubernetesObject>()

/**
 * An object that was stored in any version that can still be read, in the version that its resource has in memory; the same object if it has that. Throws an Error in
 * upstream's words for a version that is not known, or for what does not fit its type.
 */
export function currentForm(stored: KubernetesObject, resource: ResourceDefinition): KubernetesObject {
  const apiVersion = apiVersionOf(resource.storage ?? resource)
  if (stored.apiVersion === apiVersion) return stored
  const known = upgraded.get(stored)
  if (known !== undefined) return known
  const upgrade = upgradeOf(stored)
  if (upgrade === undefined) throw new Error(notRegistered(stored))
  const object = { ...upgrade(deepClone(stored)), apiVersion }
  const current = resource.storage === undefined ? read(object, resource) : object
  resource.default(current)
  upgraded.set(stored, current)
  return current
}

/** In the order and with the fields that an object of the resource has. */
const read = (object: KubernetesObject, resource: ResourceDefinition): KubernetesObject =>
  (resource.conform?.(object) ?? conform(object, resource.schema())).value as KubernetesObject

/** An object as it is to be stored. */
export function storedForm(resource: ResourceDefinition, object: KubernetesObject): KubernetesObject | Promise<KubernetesObject> {
  const { custom, group, storedAs } = resource
  if (custom !== undefined) return custom.toStored(object)
  if (storedAs === undefined) return object
  const stored = { ...storedAs.write(object), apiVersion: apiVersionOf({ group, version: storedAs.version }) }
  // It comes back through the store as what it was made of.
  upgraded.set(stored, object)
  return stored
}
